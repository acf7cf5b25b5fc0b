"""Conley-Taber and Ferman-Pinto against slow versions written from the papers, and where they refuse."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

import evalkit as ek
from evalkit.inference.contrasts import Contrasts, contrasts_of
from evalkit.inference.few_treated import DRAWS, _Variance, conley_taber, ferman_pinto
from evalkit.inference.refits import two_way
from evalkit.inference.reported import NotComputable
from evalkit.testing.simulate import staggered_panel
from evalkit.vocabulary import FloatArray
from tests.oracle.panels import draw_clusters

SAME = 1e-7
"""Relative: weights are found by differencing two solutions of one least-squares problem."""
DRAWN = 0.06
"""Relative: about three Monte Carlo errors of a 2.5 % quantile at 9,999 draws."""


def panel(treated: int = 1, units: int = 60, **settings: Any) -> ek.Panel:
    return staggered_panel(
        n_units=units, n_periods=8, cohorts={5: treated / units}, **{"effect": 1.0, "seed": 8, **settings}
    )


def contrasts(made: ek.Panel) -> Contrasts:
    return contrasts_of(made, two_way(0))


def pretended(made: ek.Panel) -> FloatArray:
    """(N0,) sum_t (d_t - d) e_lt / sum_t (d_t - d)^2 with residuals of comparison units after both effects."""
    d = made.treated[~made.never_treated][0].astype(float)
    others = made.outcome[made.never_treated]
    residual = others - others.mean(axis=0) - others.mean(axis=1, keepdims=True) + others.mean()
    found: FloatArray = residual @ (d - d.mean()) / ((d - d.mean()) ** 2).sum()
    return found


def test_one_treated_place_is_set_against_every_other_place() -> None:
    made = panel(units=81)
    found, value = conley_taber(contrasts(made), alpha=0.1, rng=np.random.default_rng(0)), two_way(0)(made)[0]
    others = np.sort(pretended(made))  # 80: at 10 % the third from either end is where it stops
    assert (value - found.low, value - found.high) == pytest.approx((others[-4], others[3]), rel=SAME)
    assert found.details["n_draws"] == 80.0
    assert found.smallest_p == 2.0 / 81.0
    assert found.p_value == pytest.approx(
        min(1.0, 2.0 * (1 + min((others >= value).sum(), (others <= value).sum())) / 81.0)
    )
    sized = dataclasses.replace(contrasts(made), sizes=np.arange(1.0, 82.0))
    assert ferman_pinto(sized, alpha=0.1, rng=np.random.default_rng(0)).smallest_p == 1.0 / 10_000.0


def test_two_treated_places_take_all_pairs_of_residuals() -> None:
    made = panel(2)
    found = conley_taber(contrasts(made), alpha=0.05, rng=np.random.default_rng(0))
    single = pretended(made)
    pairs = np.sort(((single[:, None] + single[None, :]) / 2.0).ravel())
    value, last = two_way(0)(made)[0], int(0.05 * (1 + len(pairs)) / 2) - 1
    assert (value - found.low, value - found.high) == pytest.approx((pairs[-1 - last], pairs[last]), rel=SAME)


def test_more_treated_places_draw_residuals() -> None:
    made = panel(4)
    first = conley_taber(contrasts(made), alpha=0.05, rng=np.random.default_rng(1))
    assert first == conley_taber(contrasts(made), alpha=0.05, rng=np.random.default_rng(1))
    assert first.details["n_draws"] == DRAWS
    rng, single = np.random.default_rng(2), pretended(made)
    sums = single[rng.integers(0, len(single), (200_000, 4))].mean(axis=1)
    low, high = np.quantile(sums, [0.025, 0.975])
    value = two_way(0)(made)[0]
    assert (value - first.high, value - first.low) == pytest.approx((low, high), rel=DRAWN)


def test_intervals_exclude_zero_exactly_where_p_is_at_most_alpha() -> None:
    for seed in range(12):
        made = contrasts(panel(3, effect=0.7, seed=seed))
        for method in (conley_taber, ferman_pinto):
            if method is ferman_pinto:
                made = dataclasses.replace(made, sizes=np.arange(1.0, 61.0))
            found = method(made, alpha=0.05, rng=np.random.default_rng(0))
            assert (found.p_value <= 0.05) == (not found.low <= 0.0 <= found.high)


def uneven(made: ek.Panel, seed: int = 0) -> ek.Panel:
    """Places of 1 to 200 people whose means have errors of variance 0.1 + 20 / people; the treated one is large."""
    rng = np.random.default_rng(seed)
    people = np.exp(rng.uniform(0.0, np.log(200.0), made.n_units))
    people[~made.never_treated] = 200.0
    errors = rng.normal(0.0, 1.0, made.outcome.shape) * np.sqrt(0.1 + 20.0 / people)[:, None]
    exposure = people[:, None] + np.zeros(made.outcome.shape)
    return dataclasses.replace(made, outcome=errors, exposure=exposure)


def test_a_large_treated_place_is_not_measured_by_the_noise_of_small_ones() -> None:
    made = contrasts(uneven(panel(1, units=200)))
    plain = conley_taber(made, alpha=0.05, rng=np.random.default_rng(0))
    scaled = ferman_pinto(made, alpha=0.05, rng=np.random.default_rng(0))
    assert (scaled.high - scaled.low) < 0.5 * (plain.high - plain.low)
    truth = np.sqrt((0.1 + 20.0 / 200.0) * (1 / 4 + 1 / 4))
    assert 0.6 < (scaled.high - scaled.low) / (2 * 1.96 * truth) < 2.0 < (plain.high - plain.low) / (2 * 1.96 * truth)


def test_it_draws_from_scaled_residuals_as_a_loop_over_draws_does() -> None:
    made = contrasts(uneven(panel(2, units=40), seed=4))
    found = ferman_pinto(made, alpha=0.1, rng=np.random.default_rng(0))
    residuals, never = made.residuals(), made.sizes[made.never]
    rng, sums = np.random.default_rng(4), np.zeros(20_000)
    for weight, size in zip(made.weights, made.sizes, strict=True):
        taken = residuals @ weight
        design = np.column_stack([np.ones_like(never), 1.0 / never])
        a, b = np.linalg.lstsq(design, taken**2, rcond=None)[0]
        assert min(a, b) > 0.0, "the constraint does not bind in this panel"
        scaled = taken * np.sqrt((a + b / size) / (a + b / never))
        sums += scaled[rng.integers(0, len(scaled), len(sums))]
    width = float(np.quantile(np.abs(sums), 0.9))
    assert (found.high - found.low) / 2.0 == pytest.approx(width, rel=DRAWN)


def test_few_comparison_clusters_and_equal_sizes_are_refused() -> None:
    with pytest.raises(NotComputable, match="need 20 or more"):
        conley_taber(contrasts(panel(1, units=20)), alpha=0.05, rng=np.random.default_rng(0))
    with pytest.raises(NotComputable, match=r"26 draws are too few for two tails of 2\.5 %"):
        conley_taber(contrasts(panel(1, units=27)), alpha=0.05, rng=np.random.default_rng(0))
    with pytest.raises(NotComputable, match="of one size"):
        ferman_pinto(contrasts(panel(1)), alpha=0.05, rng=np.random.default_rng(0))


@pytest.mark.parametrize("seed", [44, 104, 110])
def test_sums_that_are_equal_count_as_equal_whatever_the_unit_of_the_outcome(seed: int) -> None:
    """Whole numbers give equal sums, which rounding would put on either side."""
    made = draw_clusters(seed, comparison=(19, 25), one_start=True, sizes=False, most=2).panel()
    found = conley_taber(contrasts(made), alpha=0.2, rng=np.random.default_rng(0)).p_value
    for unit in (0.3, 0.7, 1.1):
        moved = dataclasses.replace(made, outcome=0.1 + unit * made.outcome)
        assert conley_taber(contrasts(moved), alpha=0.2, rng=np.random.default_rng(0)).p_value == found


def test_residuals_of_no_size_have_a_variance_that_may_be_divided_by() -> None:
    small = 1.0 / np.arange(1.0, 6.0)
    assert _Variance(np.zeros(5), small)(small).tolist() == [1.0] * 5
    np.testing.assert_allclose(_Variance(0.1 + 20.0 * small, small)(small), 0.1 + 20.0 * small)


def test_a_level_that_no_draw_reaches_takes_the_largest_draw() -> None:
    made = contrasts(uneven(panel(1, units=60)))
    widths = []
    for alpha in (1e-3, 1e-9):
        found = ferman_pinto(made, alpha=alpha, rng=np.random.default_rng(0))
        widths.append(found.high - found.low)
    assert 0.0 < widths[0] <= widths[1] < np.inf
