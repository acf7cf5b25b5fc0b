"""Calendars turn ordinals into the labels that the data use."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from evalkit.data.calendar import Calendar
from evalkit.data.seasons import season_length
from evalkit.vocabulary import NEVER, POOLED


def test_labels_are_missing_where_pooled_or_never_treated() -> None:
    labels = Calendar(kind="integer", origin=2001, step=2).labels(np.array([0, 3, NEVER, POOLED]))
    assert labels.isna().tolist() == [False, False, True, True]
    assert labels.iloc[:2].tolist() == [2001, 2007]


@pytest.mark.parametrize(
    ("calendar", "first", "second"),
    [
        (Calendar("decimal", 7997, 1, denominator=4), "1999.25", "1999.5"),
        (Calendar("period", 2004 * 4 - 1970 * 4, 1, "Q-DEC"), "2004Q1", "2004Q2"),
        (Calendar("date", (2004 - 1970) * 12, 3, "M"), "2004-01-01", "2004-04-01"),
        (Calendar("date", (2004 - 1970) * 12, 1, "M", anchor="end"), "2004-01-31", "2004-02-29"),
        (Calendar("date", (2004 - 1970) * 12, 1, "M", offset_days=14), "2004-01-15", "2004-02-15"),
    ],
)
def test_labels_of_every_kind_of_calendar_read_as_the_data_write_them(
    calendar: Calendar, first: str, second: str
) -> None:
    assert (calendar.text(0), calendar.text(1)) == (first, second)


@pytest.mark.parametrize(
    ("calendar", "name"),
    [
        (Calendar("integer", 2000, 4), "4 years"),
        (Calendar("integer", 1, 1), "period"),
        (Calendar("decimal", 7997, 1, denominator=4), "quarter"),
        (Calendar("decimal", 7997, 1, denominator=12), "month"),
        (Calendar("date", 0, 2, "W-SUN"), "2 weeks"),
        (Calendar("period", 0, 1, "Y-DEC"), "year"),
    ],
)
def test_a_step_is_named_in_words(calendar: Calendar, name: str) -> None:
    assert calendar.step_name == name


def test_a_label_of_a_date_calendar_is_a_timestamp() -> None:
    assert Calendar("date", 34, 1, "Y-DEC").label(0) == pd.Timestamp("2004-01-01")


@pytest.mark.parametrize(
    ("calendar", "periods", "whole"),
    [
        (Calendar("decimal", 7997, 1, denominator=4), 4.0, 4),
        (Calendar("decimal", 7997, 4, denominator=4), None, None),
        (Calendar("period", 0, 1, "M"), 12.0, 12),
        (Calendar("period", 0, 5, "M"), 2.4, None),  # five months do not divide a year
        (Calendar("period", 0, 1, "W-SUN"), 365.25 / 7.0, None),
        (Calendar("period", 0, 1, "Y-DEC"), None, None),
    ],
)
def test_the_season_is_read_off_the_calendar(calendar: Calendar, periods: float | None, whole: int | None) -> None:
    assert calendar.season_length == (None if periods is None else pytest.approx(periods))
    assert season_length(calendar) == whole
