"""Rows are placed in the (N, T) matrix, and repeated cells are named."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from evalkit.data.wide import laid_out
from evalkit.errors import DataError
from tests.frames import long_frame, read


def test_sorted_and_shuffled_rows_give_the_same_matrix() -> None:
    frame = long_frame()
    shuffled = frame.sample(frac=1, random_state=0)
    np.testing.assert_array_equal(read(frame).outcome, read(shuffled).outcome)
    np.testing.assert_array_equal(read(frame).outcome.reshape(-1), frame.y)


def test_repeated_cells_are_refused_with_unit_period_and_rows() -> None:
    frame = pd.concat([long_frame(), long_frame().iloc[[5]]], ignore_index=True)
    with pytest.raises(DataError, match=r"unit 'Gary' in 2002 \(rows 5, 12\)"):
        read(frame)


def test_a_balanced_number_of_rows_with_a_repeated_cell_is_refused_too() -> None:
    frame = long_frame()
    frame.loc[1, "year"] = 2001
    with pytest.raises(DataError, match=r"unit 'Akron' in 2001 \(rows 0, 1\)"):
        read(frame)


def test_many_repeated_cells_are_counted() -> None:
    with pytest.raises(DataError, match="and 9 more"):
        read(pd.concat([long_frame(), long_frame()], ignore_index=True))


def numbered() -> pd.DataFrame:
    """The usual frame with cities by number, as it is read without codes for its rows."""
    return long_frame(city=np.repeat([3, 5, 9], 4), score=np.repeat([1.5, np.pi, -2.0], 4))


def test_a_sorted_and_balanced_frame_is_recognized_and_no_other() -> None:
    frame = numbered()
    grid = laid_out(frame.city, frame.year)
    assert grid is not None
    assert grid.shape == (3, 4)
    assert grid.codes.tolist() == np.repeat([0, 1, 2], 4).tolist()
    for other in (
        frame.iloc[1:],
        frame.iloc[:-1],
        frame.iloc[::-1],
        frame.sort_values(["year", "city"]),
        frame.assign(city=np.repeat([5, 3, 9], 4)),
        frame.assign(city=np.repeat([3, 3, 9], 4)),
        frame.assign(year=[*range(2001, 2005), *range(2001, 2005), 2001, 2002, 2003, 2005]),
        long_frame(),
    ):
        assert laid_out(other["city"], other["year"]) is None


def test_a_long_first_unit_is_measured_to_its_end() -> None:
    frame = pd.DataFrame({"unit": np.repeat([1, 2], 300), "period": np.tile(np.arange(300), 2)})
    grid = laid_out(frame.unit, frame.period)
    assert grid is not None
    assert grid.shape == (2, 300)
    assert laid_out(frame.unit * 0, frame.period) is None


def test_the_panel_is_the_same_whatever_way_the_rows_are_found() -> None:
    frame = numbered()
    direct, coded = (read(rows, covariates=["score"]) for rows in (frame, frame.sample(frac=1, random_state=1)))
    np.testing.assert_array_equal(direct.outcome, coded.outcome)
    np.testing.assert_array_equal(direct.first_treated, coded.first_treated)
    np.testing.assert_array_equal(direct.covariates["score"], coded.covariates["score"])
    assert direct.units.equals(coded.units)
    assert direct.units.name == coded.units.name
    assert direct.calendar == coded.calendar
    assert direct.remarks == coded.remarks


def test_dates_and_clusters_are_read_without_codes_too() -> None:
    dates = pd.to_datetime(pd.Series(np.tile(["2001-01-01", "2002-01-01", "2003-01-01", "2004-01-01"], 3)))
    law = pd.to_datetime(pd.Series(np.repeat(["2003-01-01", "2004-01-01", None], 4)))
    frame = numbered().assign(year=dates, law=law, state=np.repeat([7, 8, 7], 4))
    direct, coded = (read(rows, cluster="state") for rows in (frame, frame.sample(frac=1, random_state=2)))
    np.testing.assert_array_equal(direct.first_treated, coded.first_treated)
    assert direct.cluster is not None
    assert coded.cluster is not None
    np.testing.assert_array_equal(direct.cluster, coded.cluster)


def test_never_treated_left_empty_is_read_at_the_length_of_the_units() -> None:
    frame = numbered().assign(law=np.repeat([2003.0, np.nan, np.nan], 4))
    grid = laid_out(frame.city, frame.year)
    assert grid is not None
    by_unit = grid.one_a_unit(frame.law)
    assert by_unit is not None
    np.testing.assert_array_equal(by_unit, [2003.0, np.nan, np.nan])
    assert grid.one_a_unit(frame.law.where(frame.index != 6, 2004.0)) is None
    assert grid.one_a_unit(frame.law.astype("Float64")) is None
    assert read(frame).never_treated.tolist() == [False, True, True]


def test_a_covariate_that_never_changes_takes_the_memory_of_one_column() -> None:
    panel = read(numbered(), covariates=["score"])
    assert panel.covariates["score"].strides[1] == 0
    assert not panel.covariates["score"].flags.writeable
    moving = read(numbered().assign(score=np.arange(12.0)), covariates=["score"])
    assert moving.covariates["score"].strides[1] != 0


def test_messages_about_a_cohort_name_rows_of_the_frame_not_of_the_units() -> None:
    frame = numbered().assign(law=np.repeat([2003, 2004, -1], 4))
    with pytest.raises(DataError, match=r"rows 8, 9, 10, 11 \(counted from 0\)"):
        read(frame)
