"""Plans of stacks and local projections, variance weights, and which observations are read."""

from __future__ import annotations

import numpy as np
import pytest

from evalkit.numerics.cohort_effects import estimate_planned
from evalkit.numerics.cohort_sample import CohortSample, sort_by_cohort
from evalkit.numerics.stacking import (
    Stacking,
    StackPlan,
    plan_projections,
    plan_stacks,
    pool_by_variance,
    rows_in_use,
    units_in_use,
    variance_weights,
)
from evalkit.vocabulary import NEVER, FloatArray

FIRST = np.repeat([2, 4, NEVER], [3, 4, 5])
TIME = np.arange(7)


def sample(outcome: FloatArray | None = None) -> CohortSample:
    y = np.random.default_rng(0).standard_normal((len(FIRST), 7)) if outcome is None else outcome
    return sort_by_cohort(y, FIRST, kept=np.ones(len(FIRST), dtype=np.bool_))


def planned(window: tuple[int, int] = (-2, 1)) -> StackPlan:
    return plan_stacks(TIME, FIRST, Stacking(window, "not_yet_treated"))


def test_a_period_that_nobody_has_trims_the_cohorts_whose_window_holds_it() -> None:
    plan = plan_stacks(np.array([0, 1, 2, 3, 4, 6]), FIRST, Stacking((-2, 1), "not_yet_treated"))
    assert list(plan.cells) == [2]
    assert plan.trimmed == {4: "window_has_a_gap"}


def test_anticipation_moves_the_reference_and_keeps_units_that_may_react_out_of_the_comparison() -> None:
    plan = plan_stacks(TIME, FIRST, Stacking((-2, 1), "not_yet_treated", anticipation=1))
    assert {(cell.base, cell.untreated_after) for cell in plan.cells[2]} == {(0, 4)}
    assert not plan.takes_part(np.array([4]))[0] or 4 in plan.cells


def test_a_never_treated_comparison_is_untreated_to_the_end() -> None:
    plan = plan_stacks(TIME, FIRST, Stacking((-2, 1), "never_treated"))
    assert {cell.untreated_after for cells in plan.cells.values() for cell in cells} == {6}


def test_units_that_start_within_every_window_take_no_part() -> None:
    plan = plan_stacks(TIME, np.array([2, 3, 99]), Stacking((-2, 4), "not_yet_treated"))
    assert list(plan.cells) == [2]
    assert plan.takes_part(np.array([2, 3, 99])).tolist() == [True, False, True]


def test_projections_from_a_mean_need_every_period_of_it() -> None:
    plan = plan_projections(TIME, FIRST, Stacking((-1, 1), "not_yet_treated", mean_base=True))
    assert [(cell.base_from, cell.seen) for cell in plan.cells[2]] == [(0, (0, 1)), (0, (0, 1, 2)), (0, (0, 1, 3))]
    assert not any(cell.is_reference for cell in plan.cells[2])


def test_a_cohort_without_an_earlier_period_or_without_comparison_has_no_projections() -> None:
    plan = plan_projections(TIME, np.array([1, 3, 5]), Stacking((-1, 1), "not_yet_treated", anticipation=1))
    assert plan.trimmed == {1: "window_starts_before_the_data", 5: "no_comparison"}


def test_each_observation_is_counted_once_whatever_the_number_of_its_stacks() -> None:
    assert rows_in_use(sample(), planned()) == 3 * 4 + (4 + 5) * 6  # the second cohort is compared from 0 on


def test_units_without_every_period_of_a_window_are_not_in_use() -> None:
    y = np.zeros((len(FIRST), 7))
    y[0, 1] = np.nan  # the window of cohort 2 is 0 to 3
    y[3, 5] = np.nan  # that of cohort 4 is 2 to 5, but the unit serves cohort 2
    y[7, 6] = np.nan  # in no window
    assert units_in_use(sample(y), planned((-2, 1))).tolist() == [False] + [True] * 11


def test_variance_weights_are_what_least_squares_gives_and_their_scores_are_its_derivative() -> None:
    made = sample()
    effects = estimate_planned(made, planned().cells, "reg")
    groups, weights = variance_weights(made, effects.groups)
    # cohort 2 has 3 units against 4 + 5, cohort 4 has 4 against 5
    assert weights.tolist() == pytest.approx([3 * 9 / 12, 4 * 5 / 9])
    step = 1e-6
    for group, (treated, compared) in zip(groups, [(3, 9), (4, 5)], strict=True):
        assert group.weight_scores is not None
        base = treated * compared / (treated + compared)
        more = (treated + step) * compared / (treated + step + compared)
        assert group.weight_scores[0] == pytest.approx((more - base) / step, rel=1e-5)
        assert sum(w * n for w, n in zip(group.weight_scores, (treated, compared), strict=True)) == pytest.approx(base)


def test_pooled_effects_are_weighted_means_with_zero_at_the_reference() -> None:
    made = sample()
    effects = estimate_planned(made, planned().cells, "reg")
    _, weights = variance_weights(made, effects.groups)
    since = TIME[effects.period] - effects.cohort
    pooled = pool_by_variance(effects, since, weights)
    assert pooled.event_time.tolist() == [-2, -1, 0, 1]
    assert pooled.effect[1] == 0.0
    at = effects.effect[since == 1]
    assert pooled.effect[3] == pytest.approx(at @ weights / weights.sum())
    np.testing.assert_allclose(pooled.on_cells.sum(axis=0), 1.0)
    np.testing.assert_allclose(weights @ pooled.on_groups, 0.0, atol=1e-12)  # scaling all weights changes nothing
