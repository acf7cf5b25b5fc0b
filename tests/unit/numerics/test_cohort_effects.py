"""Which cells are fitted together, their order, and what is left out."""

from __future__ import annotations

from typing import Any

import numpy as np

from evalkit.numerics.cohort_effects import CohortEffects, Rules, estimate_cells
from evalkit.numerics.cohort_sample import sort_by_cohort
from evalkit.vocabulary import NEVER, FloatArray, IntArray

T = 6


def effects(first: IntArray, y: FloatArray | None = None, rules: Rules | None = None, **sample: Any) -> CohortEffects:
    outcome = np.random.default_rng(0).standard_normal((len(first), T)) if y is None else y
    made = sort_by_cohort(outcome, first, kept=np.ones(len(first), dtype=np.bool_), **sample)
    return estimate_cells(made, np.arange(T), rules or Rules())


def cohorts(*starts: int, each: int = 12) -> IntArray:
    return np.repeat(np.array(starts, dtype=np.int64), each)


def test_a_never_treated_comparison_needs_one_fit_a_cohort() -> None:
    found = effects(cohorts(2, 4, NEVER), rules=Rules(comparison="never_treated"))
    assert len(found.groups) == 2
    assert [len(group.columns) for group in found.groups] == [5, 5]


def test_a_not_yet_treated_comparison_is_fitted_once_for_each_set_of_units() -> None:
    found = effects(cohorts(2, 4, NEVER))
    assert len(found.groups) == 4  # each cohort before and after the start of the second


def test_covariates_that_move_are_fitted_by_base_period() -> None:
    moving = np.random.default_rng(1).standard_normal((24, T))
    found = effects(cohorts(3, NEVER), rules=Rules(comparison="never_treated"), covariates=[moving])
    assert sorted(group.base for group in found.groups) == [0, 1, 2]


def test_cells_come_in_the_order_of_cohort_and_period() -> None:
    found = effects(cohorts(4, 2, NEVER), rules=Rules(base_period="universal"))
    keys = [(cell.cohort, cell.period) for cell in found.cells]
    assert keys == sorted(keys)
    assert found.effect[found.is_reference].tolist() == [0.0, 0.0]
    assert found.dropped.shape == (len(keys), 1)


def test_a_cohort_nobody_can_be_compared_with_is_named() -> None:
    found = effects(cohorts(2, 4))
    assert found.without_comparison == (4,)
    assert {cell.period for cell in found.left_out} == {4, 5}
    assert set(found.left_out.values()) == {"no_comparison_units"}


def test_cohorts_below_the_minimum_still_serve_as_comparison() -> None:
    first = np.r_[cohorts(2), cohorts(5, each=4)]
    found = effects(first, rules=Rules(min_cohort_size=5))
    assert found.below_minimum == {5: 4}
    assert found.cohort.tolist() == [2] * 4


def test_observed_means_skip_units_missing_in_the_cell() -> None:
    y = np.random.default_rng(2).standard_normal((24, T))
    y[0, 1] = np.nan  # the base period of cohort 2
    found = effects(cohorts(2, NEVER), y)
    place = [(cell.cohort, cell.period) for cell in found.cells].index((2, 3))
    assert found.n_treated[place] == 11
    np.testing.assert_allclose(found.observed[place], y[1:12, 3].mean(), rtol=1e-12)
