"""Sums over cohorts are the cross-products of the comparison arm itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from evalkit.numerics.cohort_moments import CohortMoments
from evalkit.numerics.cohort_sample import CohortSample, sort_by_cohort
from evalkit.numerics.doubly_robust import moments_of
from evalkit.numerics.group_time import PlannedCell
from evalkit.numerics.influence import comparison_arm, read_arm
from evalkit.vocabulary import NEVER

T = 4
FIRST = np.repeat(np.array([1, 2, 3, NEVER]), 7)
EXACT = 1e-12


def sample(*, missing: bool = False, moving: bool = False) -> tuple[CohortSample, Any]:
    rng = np.random.default_rng(0)
    y = rng.standard_normal((len(FIRST), T)) + 5.0
    if missing:
        y[rng.random(y.shape) < 0.2] = np.nan
    weight = rng.uniform(0.5, 2.0, (len(FIRST), T if moving else 1)).repeat(1 if moving else T, axis=1)
    kept = np.ones(len(FIRST), dtype=np.bool_)
    return sort_by_cohort(y, FIRST, kept=kept, covariates=[rng.standard_normal(y.shape)], weight=weight), (y, weight)


@pytest.mark.parametrize(("missing", "moving"), [(False, False), (False, True), (True, True)])
def test_a_comparison_group_is_the_sum_of_its_cohorts_less_the_treated_one(missing: bool, moving: bool) -> None:
    made, _ = sample(missing=missing, moving=moving)
    moments = CohortMoments(made)
    own = made.rows_of(2)
    for cell in (PlannedCell(2, 1, 0, 0, False), PlannedCell(2, 3, 1, 0, True), PlannedCell(2, 3, 1, 3, True)):
        rows = made.rows_after(cell.untreated_after)
        found, expected = (
            moments.of_others(rows, own, cell),
            moments_of(comparison_arm(made, rows, cell.period, cell.base, own)),
        )
        np.testing.assert_allclose(found.gram, expected.gram, rtol=EXACT, atol=EXACT)
        np.testing.assert_allclose(found.moment, expected.moment, rtol=EXACT, atol=EXACT)
        assert found.count == expected.count
        treated = moments_of(read_arm(made, own, cell.period, cell.base))
        np.testing.assert_array_equal(moments.of_cell(own, cell).gram, treated.gram)


def test_the_treated_mean_is_the_weighted_mean_of_the_outcome_in_the_data() -> None:
    made, (y, weight) = sample(moving=True)
    mean, count = CohortMoments(made).treated_mean(made.rows_of(3), PlannedCell(3, 3, 2, NEVER - 1, True))
    assert count == 7
    assert mean == pytest.approx(np.average(y[FIRST == 3, 3], weights=weight[FIRST == 3, 2]), rel=EXACT)


def test_a_cell_without_weight_has_no_mean() -> None:
    y = np.random.default_rng(1).standard_normal((len(FIRST), T))
    y[FIRST == 3, 3] = np.nan
    made = sort_by_cohort(y, FIRST, kept=np.ones(len(FIRST), dtype=np.bool_))
    mean, count = CohortMoments(made).treated_mean(made.rows_of(3), PlannedCell(3, 3, 2, NEVER - 1, True))
    assert np.isnan(mean)
    assert count == 0
