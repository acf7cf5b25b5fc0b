"""Estimates as weighted sums of cluster paths: the weights found, and when there are none."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import evalkit as ek
from evalkit.inference import contrasts as module
from evalkit.inference.contrasts import contrasts_of
from evalkit.inference.refits import two_way
from evalkit.inference.reported import NotComputable
from evalkit.testing.simulate import staggered_panel
from tests.oracle.panels import draw_persons

SAME = 1e-7
"""Relative: weights are found by differencing two solutions of one least-squares problem."""


def panel(units: int = 12) -> ek.Panel:
    return staggered_panel(n_units=units, n_periods=6, cohorts={4: 3 / units}, seed=4)


def test_the_weights_of_a_difference_in_differences_are_those_of_its_four_means() -> None:
    made = panel()
    found = contrasts_of(made, two_way(0))
    before, after = -1.0 / 3.0, 1.0 / 3.0
    shape = np.array([before] * 3 + [after] * 3)
    expected = np.where(made.never_treated[:, None], -shape / 9.0, shape / 3.0)
    np.testing.assert_allclose(found.weights, expected, rtol=SAME, atol=SAME)
    assert found.value == pytest.approx(float((expected * made.outcome).sum()), rel=SAME)
    assert found.treated.sum() == 3
    assert found.never.sum() == 9


def test_a_never_treated_cluster_with_a_gap_has_no_path_to_measure_by() -> None:
    made = panel()
    outcome = made.outcome.copy()
    outcome[np.flatnonzero(made.never_treated)[0], 1] = np.nan
    found = contrasts_of(dataclasses.replace(made, outcome=outcome), two_way(0))
    with pytest.raises(NotComputable, match="not observed in every period"):
        found.residuals()


def test_persons_have_no_paths() -> None:
    with pytest.raises(NotComputable, match="another person"):
        contrasts_of(draw_persons(0).panel(), two_way(0))


def test_an_estimate_that_is_none_here_or_a_little_further_has_no_weights() -> None:
    made = panel()
    with pytest.raises(NotComputable, match=r"cannot be estimated$"):
        contrasts_of(made, lambda _: (float("nan"), float("nan")))

    def here_alone(moved: ek.Panel) -> tuple[float, float]:
        return (1.0, 1.0) if moved is made else (float("nan"), float("nan"))

    with pytest.raises(NotComputable, match="a little different"):
        contrasts_of(made, here_alone)


def test_an_estimate_that_is_no_sum_of_paths_is_refused() -> None:
    made = panel()
    with pytest.raises(NotComputable, match="not a weighted sum"):
        contrasts_of(made, lambda moved: (float(np.exp(two_way(0)(moved)[0])), 1.0))
    many = staggered_panel(n_units=1_001, n_periods=4, cohorts={3: 0.3}, seed=2)
    with pytest.raises(NotComputable, match="too many clusters and periods"):
        contrasts_of(many, lambda moved: (float(np.exp(two_way(0)(moved)[0])), 1.0))


def test_weights_are_not_looked_for_by_more_refits_than_are_worth_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_REFITS", 0)
    with pytest.raises(NotComputable, match="too many clusters and periods"):
        contrasts_of(panel(), two_way(0))
