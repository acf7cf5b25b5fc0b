"""The jackknife over time against its definition, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from evalkit.data.donor_pool import Pool
from evalkit.inference.time_jackknife import time_jackknife
from evalkit.vocabulary import FloatArray, IntArray
from tests.synthetic_worlds import factor_panel, mean_fitter

PANEL = factor_panel(2, units=6, periods=12, start=10)
POOLS = mean_fitter.pools(PANEL)


def mean_gap(pool: Pool, kept: IntArray) -> FloatArray:
    """The donors' mean, moved to the treated unit's level over the periods kept."""
    donors = PANEL.outcome[np.ix_(pool.donors, pool.columns)].mean(axis=0)
    path: FloatArray = donors + (pool.treated_series(PANEL.outcome) - donors)[kept].mean()
    return path


@pytest.mark.parametrize(("level", "rank"), [(0.9, 1), (0.8, 2)])
def test_bounds_are_the_ranks_of_nine_effects_moved_by_nine_errors(level: float, rank: int) -> None:
    found, remarks = time_jackknife(PANEL, POOLS, mean_gap, level=level)
    (pool,) = POOLS
    own = pool.treated_series(PANEL.outcome)
    low, high = [], []
    for left in range(9):
        gap = own - mean_gap(pool, np.array([period for period in range(9) if period != left]))
        low.append(gap[9:].mean() - abs(gap[left]))
        high.append(gap[9:].mean() + abs(gap[left]))
    assert found is not None
    assert not remarks
    assert (found.low, found.high) == pytest.approx((sorted(low)[rank - 1], sorted(high)[-rank]))
    assert found.details == {"periods": 9.0}


def test_nine_periods_are_too_few_for_more_than_nine_in_ten_and_the_remark_says_how_many_are_not() -> None:
    found, (remark,) = time_jackknife(PANEL, POOLS, mean_gap, level=0.95)
    assert found is None
    assert "The jackknife over 9 periods gives no 95 % interval: it needs 19 periods" in remark.text
