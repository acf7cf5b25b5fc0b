"""Period columns of every accepted kind become ordinals; the others are refused with a way on."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evalkit.data.time_axis import read_time
from evalkit.errors import DataError, DesignRefused


def axis_of(values: Any) -> tuple[list[int], Any]:
    position, axis = read_time(pd.DataFrame({"t": values}), "t")
    return position.tolist(), axis


@pytest.mark.parametrize(
    ("values", "kind", "labels"),
    [
        ([2002, 2001, 2003], "integer", ["2001", "2002", "2003"]),
        (np.array([2, 1, 3], dtype="int8"), "integer", ["1", "2", "3"]),
        ([2002.0, 2001.0, 2003.0], "integer", ["2001", "2002", "2003"]),
        (pd.array([2002, 2001, 2003], dtype="Int64"), "integer", ["2001", "2002", "2003"]),
        (pd.Categorical([2002, 2001, 2003]), "integer", ["2001", "2002", "2003"]),
        (pd.Series([2002, 2001, 2003], dtype=object), "integer", ["2001", "2002", "2003"]),
        ([1999.5, 1999.25, 1999.75], "decimal", ["1999.25", "1999.5", "1999.75"]),
        (pd.PeriodIndex(["2001Q2", "2001Q1", "2001Q3"], freq="Q"), "period", ["2001Q1", "2001Q2", "2001Q3"]),
        (
            pd.to_datetime(["2001-02-01", "2001-01-01", "2001-03-01"]),
            "date",
            ["2001-01-01", "2001-02-01", "2001-03-01"],
        ),
        (
            [dt.date(2002, 1, 1), dt.date(2001, 1, 1), dt.date(2003, 1, 1)],
            "date",
            ["2001-01-01", "2002-01-01", "2003-01-01"],
        ),
        (
            pd.Series([pd.Period("2002"), pd.Period("2001"), pd.Period("2003")], dtype=object),
            "period",
            ["2001", "2002", "2003"],
        ),
    ],
)
def test_every_accepted_kind_gives_positions_in_time_and_its_own_labels(
    values: Any, kind: str, labels: list[str]
) -> None:
    position, axis = axis_of(values)
    assert position == [1, 0, 2]
    assert axis.calendar.kind == kind
    assert axis.time.tolist() == [0, 1, 2]
    assert [axis.calendar.text(ordinal) for ordinal in range(3)] == labels


def test_elections_every_four_years_count_steps_of_four_years_and_say_so() -> None:
    _, axis = axis_of([2000, 2004, 2008])
    assert (axis.calendar.step, axis.time.tolist()) == (4, [0, 1, 2])
    assert [remark.id for remark in axis.remarks] == ["period_step"]
    assert "4 years" in axis.remarks[0].text


def test_a_period_without_any_row_is_reported_and_keeps_its_place() -> None:
    _, axis = axis_of([2001, 2002, 2004])
    assert axis.time.tolist() == [0, 1, 3]
    assert "'2003'" in axis.remarks[0].text


def test_rounded_twelfths_of_a_year_are_months() -> None:
    _, axis = axis_of([1999.0, 1999.08, 1999.17, 1999.25])
    assert (axis.calendar.denominator, axis.time.tolist()) == (12, [0, 1, 2, 3])


def test_dates_in_a_time_zone_are_local_dates_and_reported() -> None:
    _, axis = axis_of(pd.to_datetime(["2001-01-01", "2002-01-01"]).tz_localize("America/Chicago"))
    assert axis.calendar.text(0) == "2001-01-01"
    assert axis.remarks[0].id == "time_zone_dropped"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["2001", "2002"], "holds text: '2001' in row 0"),
        (["2001-01-01", "2002-01-01"], r"pandas.to_datetime\(df\['t'\]"),
        ([2001, None], "is empty in row 1"),
        ([pd.Timestamp("2001-01-01"), None], "is empty in row 1"),
        ([True, False], "holds bool"),
        ([1999.1, 1999.2, 1999.3], "no halves, quarters or twelfths"),
        ([2001, "2002"], "mixes types: 2001 in row 0 and '2002' in row 1"),
        ([200411, 200412, 200501], "looks like YYYYMM"),
        ([20041101, 20050101], "looks like YYYYMMDD"),
        (pd.to_datetime(["2001-01-01 06:00", "2001-01-02 06:00"]), "times within a day: 2001-01-01 06:00"),
        ([1.0, np.inf], "is infinite in row 1"),
    ],
)
def test_columns_that_are_no_calendar_are_refused_with_row_and_way_on(values: Any, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        axis_of(values)
    assert caught.value.next_step


def test_a_single_period_is_refused_as_a_design() -> None:
    with pytest.raises(DesignRefused, match="one period only: t = 2001"):
        axis_of([2001, 2001])


def test_two_ways_of_writing_one_month_are_refused() -> None:
    with pytest.raises(DataError, match="no halves, quarters or twelfths"):
        axis_of([1999.0, 1999.08, 1999.0833, 1999.25])


def test_dates_on_different_days_of_their_years_are_taken_as_years_and_reported() -> None:
    _, axis = axis_of(pd.to_datetime(["2000-11-07", "2004-11-02", "2008-11-04"]))
    assert (axis.time.tolist(), axis.calendar.text(0)) == ([0, 1, 2], "2000-01-01")
    remark = next(each for each in axis.remarks if each.id == "dates_not_aligned")
    assert "fall on different days" in remark.text
    assert "(2000-11-07 as 2000-01-01)" in remark.text


def test_text_in_a_column_of_objects_is_refused_as_text() -> None:
    with pytest.raises(DataError, match="holds text: '2001' in row 0"):
        axis_of(pd.Series(["2001", "2002"], dtype=object))
