"""All pairs together: pieces do not matter, and same_switchers keeps whole units."""

from __future__ import annotations

import numpy as np
import pytest

from evalkit.numerics import switching
from evalkit.numerics.switching import Rules, Switching, estimate_pairs
from evalkit.numerics.switching_paths import dose_paths
from evalkit.numerics.switching_sample import switching_sample
from tests.switching_worlds import draw

TIME = np.arange(7)


def fitted(seed: int = 1, *, clustered: bool = False, holes: float = 0.1, rules: Rules | None = None) -> Switching:
    world = draw(seed, holes=holes)
    paths = dose_paths(world.dose, TIME)
    made = switching_sample(world.y, None, paths, TIME, world.cluster if clustered else None, 0)
    return estimate_pairs(made, TIME, rules or Rules())


@pytest.mark.parametrize("clustered", [False, True])
def test_the_covariance_does_not_depend_on_the_size_of_the_pieces(
    clustered: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = fitted(clustered=clustered).covariance()
    monkeypatch.setattr(switching, "CHUNK", 5)
    np.testing.assert_allclose(fitted(clustered=clustered).covariance(), whole, rtol=0.0, atol=1e-12)


@pytest.mark.parametrize("clustered", [False, True])
def test_influence_is_in_the_order_of_units_or_clusters(clustered: bool) -> None:
    found = fitted(clustered=clustered)
    psi = found.influence(np.eye(len(found.fits)))
    np.testing.assert_allclose(psi.T @ psi, found.covariance(), rtol=0.0, atol=1e-12)
    assert len(psi) == found.sample.n_clusters


def test_pairs_without_a_comparison_are_named() -> None:
    dose = np.array([[0.0, 1, 1, 1], [0, 0, 1, 1], [0, 0, 0, 2]])
    made = switching_sample(np.ones((3, 4)), None, dose_paths(dose, np.arange(4)), np.arange(4), None, 0)
    found = estimate_pairs(made, np.arange(4), Rules(placebos=0))
    assert [(fit.pair.cohort, fit.pair.period) for fit in found.fits] == [(1, 1), (1, 2), (2, 2)]
    assert [(pair.cohort, pair.period) for pair in found.left_out] == [(1, 3), (2, 3), (3, 3)]


def test_same_switchers_are_those_seen_and_compared_at_every_exposure() -> None:
    found = fitted(rules=Rules(effects=3, placebos=0, same_switchers=True))
    by_cohort: dict[int, set[int]] = {}
    for fit in found.fits:
        by_cohort.setdefault(fit.pair.cohort, set()).add(fit.units)
    assert all(len(sizes) == 1 for sizes in by_cohort.values())
    assert 0 < found.allowed.sum() < (found.sample.sign != 0.0).sum()


def test_placebos_do_not_decide_who_switches_at_every_exposure() -> None:
    with_placebos, without = (
        fitted(rules=Rules(effects=3, placebos=placebos, same_switchers=True)).allowed for placebos in (1, 0)
    )
    assert with_placebos.any()
    np.testing.assert_array_equal(with_placebos, without)
