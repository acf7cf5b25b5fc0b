"""Cohort columns: the coding of never-treated is found and stated, and adoption compared with observed periods."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from evalkit.errors import DataError
from evalkit.vocabulary import NEVER
from tests.frames import long_frame, read, remark, remark_ids, with_cell

CITIES = ("Akron", "Gary", "Kent")


def laws(akron: object, gary: object, kent: object, dtype: object = object) -> list[Any]:
    """One value a city, repeated over its four years."""
    return pd.Series([akron] * 4 + [gary] * 4 + [kent] * 4, dtype=dtype)  # type: ignore[call-overload,no-any-return]


@pytest.mark.parametrize(
    ("never", "coding"),
    [
        (0, "zero"),
        (0.0, "zero"),
        (np.nan, "missing"),
        (None, "missing"),
        (pd.NaT, "missing"),
        (pd.NA, "missing"),
        (np.inf, "infinite"),
        ("", "empty text"),
        (" ", "empty text"),
    ],
)
def test_each_usual_code_of_never_treated_is_understood_and_stated(never: object, coding: str) -> None:
    panel = read(long_frame(law=laws(2003, 2004, never)))
    assert panel.first_treated.tolist() == [2, 3, NEVER]
    assert f"as {coding}." in remark(panel, "never_coding").text
    assert remark(panel, "never_coding").comparison == 1


@pytest.mark.parametrize("dtype", ["int64", "float64", "Int64", "Float64", "int16", "float32", "category"])
def test_the_type_of_the_cohort_column_does_not_matter(dtype: str) -> None:
    panel = read(long_frame(law=laws(2003, 2004, 0).astype(dtype)))  # type: ignore[attr-defined]
    assert panel.first_treated.tolist() == [2, 3, NEVER]


def test_a_declared_code_is_the_only_one() -> None:
    assert read(long_frame(law=laws(2003, 2004, 9999)), never=9999).first_treated.tolist() == [2, 3, NEVER]
    assert read(long_frame(law=laws(2003, 2004, "none")), never="none").first_treated.tolist() == [2, 3, NEVER]
    with pytest.raises(DataError, match=r"is 0 in rows 8, 9, 10, 11 .* but 'never' declares 9999"):
        read(long_frame(law=laws(2003, 9999, 0)), never=9999)
    with pytest.raises(DataError, match="is empty in rows 8"):
        read(long_frame(law=laws(2003, 9999, None)), never=9999)


def test_two_codes_at_once_are_taken_and_reported_with_counts() -> None:
    panel = read(long_frame(law=laws(2003, np.nan, 0)))
    assert panel.first_treated.tolist() == [2, NEVER, NEVER]
    text = remark(panel, "never_coding_mixed").text
    assert "missing (1 units)" in text
    assert "zero (1 units)" in text


def test_two_codes_within_one_unit_mean_the_same() -> None:
    panel = read(with_cell("law", 9, np.nan))
    assert panel.first_treated.tolist() == [2, 3, NEVER]


def test_zero_is_a_cohort_where_the_data_contain_the_period_zero() -> None:
    panel = read(long_frame(year=np.tile([-1, 0, 1, 2], 3), law=laws(0, 1, np.nan)))
    assert panel.first_treated.tolist() == [1, 2, NEVER]
    assert "period 0" in remark(panel, "cohort_zero_is_a_period").text


def test_adoption_before_the_window_is_always_treated_and_keeps_its_year() -> None:
    panel = read(long_frame(law=laws(1998, 2003, 0)))
    assert panel.always_treated.tolist() == [True, False, False]
    assert panel.calendar.label(int(panel.first_treated[0])) == 1998
    assert (remark(panel, "always_treated").treated, "1 since before 2001" in remark(panel, "always_treated").text) == (
        1,
        True,
    )


def test_adoption_after_the_window_counts_as_not_treated_and_keeps_its_year() -> None:
    panel = read(long_frame(law=laws(2003, 2007, 0)))
    assert panel.never_treated.tolist() == [False, True, True]
    assert panel.calendar.label(int(panel.first_treated[1])) == 2007
    assert "'2007'" in remark(panel, "treated_after_window").text


def test_adoption_between_elections_moves_to_the_next_one_and_is_reported() -> None:
    frame = long_frame(year=np.tile([2000, 2004, 2008, 2012], 3), law=laws(2002, 2008, 0))
    panel = read(frame)
    assert panel.first_treated.tolist() == [1, 2, NEVER]
    assert remark(panel, "cohort_off_grid").treated == 1
    assert "2002 to 2004" in remark(panel, "cohort_off_grid").text


def test_adoption_in_a_gap_moves_to_the_next_observed_period() -> None:
    frame = long_frame(year=np.tile([2001, 2002, 2004, 2005], 3), law=laws(2003, 2005, 0))
    assert read(frame).first_treated.tolist() == [3, 4, NEVER]


def test_adoption_within_a_year_counts_from_the_next_period() -> None:
    panel = read(long_frame(law=laws(2002.5, 2004.0, np.nan)))
    assert panel.first_treated.tolist() == [2, 3, NEVER]
    assert "2002.5 to 2003" in remark(panel, "cohort_off_grid").text


def test_whole_numbers_in_a_text_column_are_read_and_reported() -> None:
    panel = read(long_frame(law=pd.Series(["2003"] * 4 + ["2004"] * 4 + [""] * 4)))
    assert panel.first_treated.tolist() == [2, 3, NEVER]
    assert "cohort_text_parsed" in remark_ids(panel)


@pytest.mark.parametrize(
    ("periods", "akron", "gary"),
    [
        (pd.date_range("2001-01-01", periods=4, freq="YS"), pd.Timestamp("2003-01-01"), pd.Timestamp("2003-07-04")),
        (pd.date_range("2001-01-31", periods=4, freq="ME"), pd.Timestamp("2001-03-31"), pd.Timestamp("2001-04-01")),
        (pd.period_range("2001Q1", periods=4, freq="Q"), pd.Period("2001Q3", freq="Q"), pd.Timestamp("2001-10-09")),
        (np.array([2001.0, 2001.25, 2001.5, 2001.75]), 2001.5, 2001.6),
    ],
)
def test_cohorts_of_other_calendars_are_compared_on_that_calendar(periods: Any, akron: object, gary: object) -> None:
    column = pd.Series(list(periods) * 3, dtype=getattr(periods, "dtype", None))
    panel = read(long_frame(year=column, law=laws(akron, gary, None)))
    assert panel.first_treated.tolist() == [2, 3, NEVER]


def test_datetime_cohorts_with_missing_dates_mean_never_treated() -> None:
    dates = pd.Series(list(pd.date_range("2001-01-01", periods=4, freq="YS")) * 3)
    law = pd.to_datetime(laws("2003-01-01", "2004-01-01", None))
    assert read(long_frame(year=dates, law=law)).first_treated.tolist() == [2, 3, NEVER]


def test_dates_before_and_after_the_window_stay_outside_it() -> None:
    dates = pd.Series(list(pd.date_range("2001-01-01", periods=4, freq="YS")) * 3)
    law = pd.to_datetime(laws("1999-06-01", "2004-02-01", "2003-01-01"))
    assert read(long_frame(year=dates, law=law)).first_treated.tolist() == [-2, 4, 2]


@pytest.mark.parametrize(
    ("row", "value", "message"),
    [
        (1, 2004, r"varies within 1 unit: 'Akron' \(2003, 2004\); first in row 1"),
        (0, np.nan, r"'Akron' \(empty, 2003\)|'Akron' \(nan, 2003\)"),
        (0, "soon", r"is 'soon' \(str\) in row 0 .*which run 2001, 2002"),
        (0, pd.Timestamp("2003-01-01"), r"Timestamp\) in row 0"),
        (0, -1, "is -1 in row 0"),
    ],
)
def test_cohorts_that_vary_or_are_no_period_are_refused_by_row(row: int, value: object, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        read(with_cell("law", row, value))
    assert caught.value.exit_code == 3


def test_a_truth_value_as_cohort_points_to_the_treated_argument() -> None:
    with pytest.raises(DataError, match="holds true/false") as caught:
        read(long_frame(law=[True, False] * 6))
    assert "treated='law'" in str(caught.value.next_step)


def test_a_cohort_column_with_very_wide_integers_is_read_by_hashing() -> None:
    panel = read(long_frame(law=laws(2003, 2004, 10**12, dtype="int64")))
    assert panel.never_treated.tolist() == [False, False, True]


@pytest.mark.parametrize("never", ["2099-12-31", pd.Timestamp("2099-12-31")])
def test_a_date_that_stands_for_never_is_declared_as_text_or_as_a_date(never: object) -> None:
    dates = pd.Series(list(pd.date_range("2001-01-01", periods=4, freq="YS")) * 3)
    law = pd.to_datetime(laws("2003-01-01", "2004-01-01", "2099-12-31"))
    assert read(long_frame(year=dates, law=law), never=never).first_treated.tolist() == [2, 3, NEVER]


@pytest.mark.parametrize(
    "periods", [pd.date_range("2001-01-01", periods=4, freq="YS"), pd.period_range("2001", periods=4, freq="Y")]
)
def test_a_bare_year_is_no_start_where_periods_are_dates(periods: Any) -> None:
    frame = long_frame(year=pd.Series(list(periods) * 3), law=laws(2003, 2004, None))
    with pytest.raises(DataError, match=r"is 2003(\.0)? \(\w+\) in row"):
        read(frame)
