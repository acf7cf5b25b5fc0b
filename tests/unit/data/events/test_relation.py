"""Copies of a record are found by its identifier, and the first or last one is kept whatever the order of rows."""

from __future__ import annotations

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
