"""The frequency of dates is read off the dates."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from evalkit.data.calendar import Calendar
from evalkit.data.frequency import regular_dates


@pytest.mark.parametrize(
    ("rule", "step", "name"),
    [
        ("YS", 1, "year"),
        ("YE", 1, "year"),
        ("QS", 1, "quarter"),
        ("QE", 1, "quarter"),
        ("2QS-FEB", 2, "2 quarters"),
        ("MS", 1, "month"),
        ("ME", 1, "month"),
        ("W-WED", 1, "week"),
        ("4W-MON", 4, "4 weeks"),
        ("D", 1, "day"),
        ("B", 1, "day"),
        ("4YS", 4, "4 years"),
    ],
)
def test_dates_at_a_rule_come_back_as_labels_of_that_rule(rule: str, step: int, name: str) -> None:
    dates = pd.date_range("1999-12-30", periods=9, freq=rule)
    regular = regular_dates(dates)
    assert regular.aligned
    assert np.gcd.reduce(np.diff(regular.counts)) == step
    calendar = Calendar("date", int(regular.counts[0]), step, regular.frequency, 1, regular.anchor, regular.offset_days)
    ordinals = (regular.counts - regular.counts[0]) // step
    assert [calendar.label(int(ordinal)) for ordinal in ordinals] == list(dates)
    assert calendar.step_name == name


def test_the_fifteenth_of_each_month_is_a_monthly_calendar() -> None:
    regular = regular_dates(pd.DatetimeIndex(["2004-01-15", "2004-02-15", "2004-04-15"]))
    assert (regular.frequency, regular.offset_days) == ("M", 14)
    assert np.diff(regular.counts).tolist() == [1, 2]


def test_election_days_are_years_and_said_to_lie_on_different_days() -> None:
    regular = regular_dates(pd.DatetimeIndex(["2000-11-07", "2004-11-02", "2008-11-04"]))
    assert not regular.aligned
    assert np.diff(regular.counts).tolist() == [4, 4]


def test_weeks_with_gaps_stay_weeks() -> None:
    regular = regular_dates(pd.DatetimeIndex(["2004-01-05", "2004-01-12", "2004-01-26"]))
    assert regular.frequency == "W-SUN"
    assert np.diff(regular.counts).tolist() == [1, 2]


def test_two_elections_in_one_year_are_months() -> None:
    regular = regular_dates(pd.DatetimeIndex(["2000-03-07", "2000-11-07", "2002-11-05"]))
    assert (regular.frequency, regular.aligned) == ("M", False)
    assert np.diff(regular.counts).tolist() == [8, 24]


def test_two_dates_in_one_month_are_days_however_far_apart() -> None:
    regular = regular_dates(pd.DatetimeIndex(["2004-01-01", "2004-01-31", "2004-03-03"]))
    assert (regular.frequency, regular.aligned) == ("D", True)
    assert np.diff(regular.counts).tolist() == [30, 32]
