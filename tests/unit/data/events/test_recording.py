"""Zeros are filled in where recording was on, and nowhere else; periods that are not whole are left out."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from evalkit.errors import DataError
from tests.unit.data.events.conftest import Read

RECORDS = "day,area\n2020-01-01,a\n2020-01-05,b\n2020-03-10,a\n2020-04-20,a\n2020-05-31,a\n2020-04-02,b\n"


def shown(values: object) -> list[object]:
    return [None if isinstance(each, float) and math.isnan(each) else each for each in list(values)]  # type: ignore[call-overload]


def test_between_the_first_and_the_last_record_of_all_a_month_without_records_is_zero(read: Read) -> None:
    frame, intake = read(RECORDS)
    assert shown(frame.loc[frame["area"] == "b", "n"]) == [1, 0, 0, 1, 0]
    assert intake.recorded_by == "by the first and last record: 2020-01-01 to 2020-05-31"


def test_before_a_unit_s_own_first_record_nothing_is_known_where_the_study_says_so(read: Read) -> None:
    frame, _ = read(RECORDS, recording={"otherwise": "first_and_last_record_of_unit"})
    assert shown(frame.loc[frame["area"] == "b", "n"]) == [1, 0, 0, 1, None]
    assert shown(frame.loc[frame["area"] == "a", "n"]) == [1, 0, 1, 1, 1]


def test_declared_days_cut_periods_that_they_do_not_cover_whole(read: Read) -> None:
    frame, intake = read(RECORDS, recording={"since": "2020-02-01", "until": "2020-05-30"})
    assert frame["period"].astype(str).unique().tolist() == ["2020-02", "2020-03", "2020-04"]
    assert (intake.outside, intake.used) == (3, 3)


def test_a_table_says_when_each_unit_recorded(tmp_path: Path, read: Read) -> None:
    (tmp_path / "on.csv").write_text("area,from,to\na,2020-02-01,\nb,,2020-03-31\n")
    recording = {"path": "on.csv", "unit": "area", "since_column": "from", "until_column": "to"}
    frame, _ = read(RECORDS, recording=recording)
    assert shown(frame.loc[frame["area"] == "a", "n"]) == [None, 0, 1, 1, 1]
    assert shown(frame.loc[frame["area"] == "b", "n"]) == [1, 0, 0, None, None]


def test_the_period_of_the_last_record_counts_where_the_extract_was_made_after_its_end(read: Read) -> None:
    text = "day,area\n2020-01-01,a\n2020-02-11,a\n"
    assert read(text)[0]["n"].tolist() == [1]
    assert read(text, extracted="2020-03-02")[0]["n"].tolist() == [1, 1]
    assert read(text, extracted="2020-02-20")[0]["n"].tolist() == [1]


def test_units_without_any_record_are_zeros_where_a_table_lists_them(tmp_path: Path, read: Read) -> None:
    (tmp_path / "areas.csv").write_text("area,residents\na,100\nb,200\nc,300\n")
    units = {"path": "areas.csv", "unit": "area", "columns": ["residents"]}
    mean = {"name": "mean", "kind": "share", "where": [{"column": "area", "operator": "is_present"}]}
    frame, _ = read(RECORDS, units=units, measures=[{"name": "n", "kind": "count"}, mean])
    rows = frame[frame["area"] == "c"]
    assert rows["n"].tolist() == [0.0] * 5
    assert rows["mean"].isna().all()  # no records have no share
    assert rows["residents"].tolist() == [300] * 5


def test_no_whole_period_is_refused(read: Read) -> None:
    with pytest.raises(DataError, match="No period was recorded whole between 2020-01-02 and 2020-01-20"):
        read("day,area\n2020-01-02,a\n2020-01-20,a\n")


def test_a_stray_date_that_stretches_the_calendar_is_refused(monkeypatch: pytest.MonkeyPatch, read: Read) -> None:
    monkeypatch.setattr("evalkit.data.events.recording.MOST_CELLS", 1_000)
    with pytest.raises(DataError, match=r"from 1900-01-01 to 2020-05-31"):
        read(RECORDS + "1900-01-01,b\n")


def test_a_declared_beginning_or_end_holds_for_units_whose_own_record_says_less(read: Read) -> None:
    declared = {"otherwise": "first_and_last_record_of_unit", "since": "2020-01-01"}
    frame, _ = read("day,area\n2020-02-01,a\n2020-04-30,a\n2020-03-01,b\n2020-03-31,b\n", recording=declared)
    assert shown(frame.loc[frame["area"] == "b", "n"]) == [0, 0, 2, None]
    declared = {"otherwise": "first_and_last_record_of_unit", "until": "2020-05-31"}
    frame, _ = read("day,area\n2020-02-01,a\n2020-04-30,a\n2020-03-01,b\n2020-03-31,b\n", recording=declared)
    assert shown(frame.loc[frame["area"] == "b", "n"]) == [None, 2, 0, 0]
