"""Aggregation weights and their derivative with respect to estimated cohort shares."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from evalkit.aggregate import Cells, average_weights, weights
from evalkit.errors import DesignRefused
from evalkit.vocabulary import POOLED, AggregationKind, FloatArray

DERIVATIVE_STEP = 1e-6
DERIVATIVE_TOLERANCE = 1e-8  # central differences of a smooth ratio


def two_cohorts(shares: FloatArray | None = None) -> Cells:
    """Cohorts first treated at ordinals 2 and 3, periods 1 to 4, one pre-period cell each."""
    cohort = np.array([2, 2, 2, 2, 3, 3, 3])
    period = np.array([1, 2, 3, 4, 2, 3, 4])
    return Cells(
        cohort=cohort,
        period=period,
        event_time=period - cohort,
        estimate=np.array([0.1, 1.0, 2.0, 4.0, -0.2, 3.0, 7.0]),
        observed=np.arange(7.0),
        n_treated=np.array([10, 10, 10, 9, 30, 30, 30]),
        is_reference=np.zeros(7, dtype=np.bool_),
        share_cohorts=np.array([2, 3]),
        shares=np.array([0.1, 0.3]) if shares is None else shares,
    )


def test_overall_weights_treated_cells_by_cohort_share() -> None:
    maps = weights(two_cohorts(), "overall")
    expected = np.array([0.0, 0.1, 0.1, 0.1, 0.0, 0.3, 0.3]) / 0.9
    np.testing.assert_allclose(maps.on_cells[:, 0], expected)


def test_event_study_has_one_row_an_event_time_and_weights_that_sum_to_one() -> None:
    maps = weights(two_cohorts(), "event_study")
    assert maps.labels.tolist() == [-1, 0, 1, 2]
    np.testing.assert_allclose(maps.on_cells.sum(axis=0), 1.0)
    np.testing.assert_allclose(maps.on_cells[[1, 5], 1], [0.25, 0.75])


def test_cohort_rows_are_plain_means_and_carry_no_share_term() -> None:
    maps = weights(two_cohorts(), "cohort")
    np.testing.assert_allclose(maps.on_cells[:, 0], [0, 1 / 3, 1 / 3, 1 / 3, 0, 0, 0])
    assert not maps.on_shares.any()


def test_period_rows_use_only_cohorts_that_have_started() -> None:
    maps = weights(two_cohorts(), "period")
    assert maps.labels.tolist() == [2, 3, 4]
    assert maps.on_cells[:, 0].tolist() == [0, 1, 0, 0, 0, 0, 0]


@pytest.mark.parametrize("kind", ["overall", "event_study", "cohort", "period"])
@pytest.mark.parametrize("average", [False, True])
def test_share_derivative_equals_central_differences(kind: AggregationKind, average: bool) -> None:
    make = average_weights if average else weights
    cells = two_cohorts()
    maps = make(cells, kind)
    for position in range(2):
        moved = []
        for sign in (1.0, -1.0):
            shares = cells.shares.copy()
            shares[position] += sign * DERIVATIVE_STEP
            shifted = dataclasses.replace(cells, shares=shares)
            moved.append(make(shifted, kind).on_cells.T @ cells.estimate)
        slope = (moved[0] - moved[1]) / (2.0 * DERIVATIVE_STEP)
        np.testing.assert_allclose(maps.on_shares[position], slope, atol=DERIVATIVE_TOLERANCE)


def test_pooled_effects_are_picked_as_they_are_and_refused_where_absent() -> None:
    pooled = np.full(2, POOLED)
    cells = Cells(
        pooled, pooled, np.array([POOLED, 0]), np.array([5.0, 6.0]), np.zeros(2), np.array([3, 3]),
        np.zeros(2, dtype=np.bool_), np.empty(0, dtype=np.int64), np.empty(0),
    )  # fmt: skip
    assert (weights(cells, "overall").on_cells.T @ cells.estimate).tolist() == [5.0]
    assert (weights(cells, "event_study").on_cells.T @ cells.estimate).tolist() == [6.0]
    with pytest.raises(DesignRefused, match="no effects by cohort"):
        weights(cells, "cohort")


def test_cells_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="n_treated"):
        dataclasses.replace(two_cohorts(), n_treated=np.array([1]))


def test_shares_come_one_for_each_cohort() -> None:
    with pytest.raises(ValueError, match="must have one shape"):
        two_cohorts(np.array([0.1, 0.3, 0.6]))
