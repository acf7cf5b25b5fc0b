"""Copies of a record are found by its identifier, and the first or last one is kept whatever the order of rows."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from evalkit.errors import DataError
from tests.unit.data.events.conftest import Read

ROWS = ["1,2020-01-05,a,10,2020-01-05", "1,2020-02-05,a,10,2020-02-01", "2,2020-01-01,a,20,2020-01-01",
        "2,2020-01-01,a,20,2020-01-01", ",2020-01-31,a,5,2020-01-31", ",2020-02-29,a,5,2020-02-29",
        "3,2020-01-09,a,7,", "3,2020-02-09,a,7,2020-01-01"]  # fmt: skip
HEADER = "id,day,area,cost,updated\n"
COST = [{"name": "n", "kind": "count"}, {"name": "cost", "kind": "sum", "column": "cost"}]


def test_the_last_version_counts_and_rows_without_an_identifier_stay(read: Read) -> None:
    rule = {"by": "id", "order": "updated", "keep": "last"}
    frame, intake = read(HEADER + "\n".join(ROWS) + "\n", deduplicate=rule, measures=COST)
    assert frame["n"].tolist() == [2, 3]  # 2, the first without an id; 1, 3, the second without
    assert frame["cost"].tolist() == [25, 22]
    assert (intake.copies, intake.rows, intake.used) == (3, 8, 5)
    mixed, _ = read(HEADER + "\n".join(ROWS[::-1]) + "\n", deduplicate=rule, measures=COST)
    assert mixed.equals(frame)


def test_the_first_version_counts_where_the_study_says_so(read: Read) -> None:
    rule = {"by": ["id"], "order": "updated", "keep": "first"}
    frame, _ = read(HEADER + "\n".join(ROWS) + "\n", deduplicate=rule, measures=COST)
    assert frame["n"].tolist() == [3, 2]
    assert frame["cost"].tolist() == [35, 12]


def test_without_a_rule_copies_are_not_looked_for(read: Read) -> None:
    assert read(HEADER + "\n".join(ROWS) + "\n")[1].copies is None


def test_days_are_counted_in_the_city_s_zone(read: Read) -> None:
    text = "day,area\n2020-01-01 12:00:00,a\n2020-02-01 03:00:00,a\n2020-03-01 05:59:59,a\n2020-03-01 06:00:00,a\n"
    declared = {"time": {"column": "day", "zone": "UTC"}, "time_zone": "America/Chicago"}
    frame, _ = read(text, recording={"since": "2020-01-01", "until": "2020-03-31"}, **declared)
    assert frame["n"].tolist() == [2, 1, 1]


def test_summer_time_lengthens_no_duration(read: Read) -> None:
    text = "day,area,closed\n2020-03-07 12:00:00,a,2020-03-08 12:00:00\n"  # 23 hours in Chicago
    measure = {"name": "h", "kind": "duration", "end": "closed", "statistic": "median", "measured_in": "hours"}
    declared = {"measures": [measure], "extracted": "2020-04-30", "recording": {"since": "2020-03-01"}}
    assert read(text, time_zone="America/Chicago", **declared)[0]["h"].iloc[0] == 23
    assert read(text, **declared)[0]["h"].iloc[0] == 24


def test_versions_are_ordered_by_a_number_too(tmp_path: Path, read: Read) -> None:
    days = pd.to_datetime(["2020-01-05", "2020-02-05", "2020-01-01", "2020-02-29"])
    frame = pd.DataFrame({"id": ["1", "1", "2", "3"], "day": days, "area": "a", "version": [10, 9, 1, 1]})
    frame.to_parquet(tmp_path / "r.parquet")
    rule = {"by": "id", "order": "version", "keep": "last"}
    found, intake = read(path="r.parquet", deduplicate=rule, recording={"since": "2020-01-01", "until": "2020-02-29"})
    assert found["n"].tolist() == [2, 1]  # version 10 comes after version 9, as text it would not
    assert intake.copies == 1


def test_records_without_a_place_are_counted_where_no_table_lists_the_places(read: Read) -> None:
    text = "day,area\n2020-01-01,a\n2020-01-09,\n2020-01-11,  \n2020-01-31,b\n"
    _, intake = read(text, place={"column": "area", "at_most_unmatched": 0.5})
    assert (intake.unmatched, intake.unmatched_keys) == (2, (("empty", 2),))
    with pytest.raises(DataError, match=r"2 of 4 records .* 'area' is empty .* most often 'empty' \(2 records\)"):
        read(text)
