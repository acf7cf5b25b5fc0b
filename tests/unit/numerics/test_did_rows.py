"""Rows in long form."""

from __future__ import annotations

import numpy as np

from evalkit.numerics.did_rows import Rows, long_rows
from evalkit.numerics.did_sample import prepare
from evalkit.vocabulary import NEVER

TIME = np.array([0, 1, 3, 4])
START = np.array([3, 4, NEVER, NEVER])


def rows() -> Rows:
    rng = np.random.default_rng(0)
    outcome, covariates = rng.standard_normal((4, 4)), rng.standard_normal((4, 4, 1))
    outcome[2, 1] = np.nan
    sample = prepare(outcome, covariates, TIME, START, 0)
    offset = np.arange(16.0).reshape(4, 4)
    return long_rows(sample, outcome, offset, sample.layout.effects, sample.layout.leads)


def test_rows_are_sorted_by_unit_and_period_and_skip_what_is_missing() -> None:
    found = rows()
    assert found.unit.tolist() == [0] * 4 + [1] * 4 + [2] * 3 + [3] * 4
    assert found.period.tolist() == [0, 1, 2, 3, 0, 1, 2, 3, 0, 2, 3, 0, 1, 2, 3]
    assert np.isfinite(found.outcome).all()
    assert found.offset[8:11].tolist() == [8.0, 10.0, 11.0]
    assert found.covariates.shape == (15, 1)


def test_cells_point_one_past_the_end_where_there_is_no_effect() -> None:
    found = rows()
    assert found.cell[:8].tolist() == [3, 3, 0, 1, 3, 3, 3, 2]
    assert found.cell[8:].tolist() == [3] * 7


def test_gaps_count_periods_to_the_row_before_and_start_anew_with_each_unit() -> None:
    found = rows()
    assert found.gap[:4].tolist() == [0, 1, 2, 1]
    assert found.gap[8:11].tolist() == [0, 3, 1]
    assert found.previous[9] == 8
    assert found.previous[8] == 0


def test_units_carry_their_cohort() -> None:
    assert rows().group.tolist() == [0, 1, 2, 2]


def test_nuisance_columns_sum_to_zero_within_cohorts() -> None:
    found = rows()
    assert found.nuisance.shape == (15, 3)
    assert not found.nuisance[:4].sum(axis=0).any()
    assert not found.nuisance[8:].any()
