from __future__ import annotations

import pandas as pd

from evalkit.report.figures.calendar_axis import calendar_ticks, periods_of


def labels(frequency: str, start: str, count: int) -> list[str]:
    return [str(day.date()) for day in pd.date_range(start, periods=count, freq=frequency)]


def test_a_series_that_starts_in_mid_year_is_labelled_at_its_first_whole_year() -> None:
    at, text = calendar_ticks(range(-40, 20), labels("MS", "1986-08-01", 60))
    assert text == ["1987", "1988", "1989", "1990", "1991"]
    assert at[0] == -35.0


def test_long_series_are_labelled_by_round_years() -> None:
    at, text = calendar_ticks(range(400), labels("MS", "1950-01-01", 400))
    assert text == ["1950", "1960", "1970", "1980"]
    assert at == [0, 120, 240, 360]


def test_quarters_written_as_decimals_or_periods_open_a_year() -> None:
    decimals = list(periods_of(pd.DataFrame({"period": [str(1999 + quarter / 4) for quarter in range(16)]})))
    assert decimals[1] == "1999 Q2"
    assert calendar_ticks(range(16), decimals)[1] == ["1999", "2000", "2001", "2002"]
    quarters = [f"{1999 + quarter // 4}Q{quarter % 4 + 1}" for quarter in range(16)]
    assert calendar_ticks(range(16), quarters)[1] == ["1999", "2000", "2001", "2002"]


def test_a_short_stretch_shows_whole_labels() -> None:
    assert calendar_ticks(range(3), ["2020-11", "2020-12", "2021-01"])[1] == ["2020-11", "2020-12", "2021-01"]
    assert calendar_ticks(range(3), ["1", "2", "3"])[1] == ["1", "2", "3"]


def test_a_calendar_that_only_counts_is_no_calendar() -> None:
    assert periods_of(pd.DataFrame({"period": ["1", "2", "3"]})) == ()


def test_days_that_differ_stay() -> None:
    rows = pd.DataFrame({"period": labels("W", "2020-01-05", 3)})
    assert periods_of(rows) == ("2020-01-05", "2020-01-12", "2020-01-19")
    assert periods_of(rows.mask(rows["period"] == "2020-01-12")) == ()
    assert periods_of(rows.drop(columns="period")) == ()


def test_decimals_that_are_no_parts_of_a_year_stay_as_they_are() -> None:
    assert periods_of(pd.DataFrame({"period": ["1999.1", "1999.2", "1999.3"]})) == ("1999.1", "1999.2", "1999.3")
