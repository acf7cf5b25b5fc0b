"""Records that cannot be used are counted, and refused by row and value where they are more than the study allows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from evalkit.errors import ConfigError, DataError
from tests.unit.data.events.conftest import Read

DURATION = {"name": "d", "kind": "duration", "end": "closed", "statistic": "median"}
MIXED = "day,area\n2020-01-01,a\n31/01/2020,a\n2020-02-30,a\n,a\n2020-02-29,a\n"


def test_dates_in_mixed_formats_are_counted_and_named_by_row(read: Read) -> None:
    with pytest.raises(
        DataError, match=r"3 of 5 records of records.csv have no date that can be read in 'day'"
    ) as found:
        read(MIXED)
    said = str(found.value)
    assert "'31/01/2020' in record 2 (line 3) of 'records.csv'" in said
    assert "'2020-02-30' in record 3 (line 4)" in said
    assert "empty in record 4 (line 5)" in said
    assert "formats: '%d/%m/%Y'" in said


def test_declared_formats_are_tried_in_their_order_and_the_rest_is_left_out_within_the_limit(read: Read) -> None:
    frame, intake = read(
        MIXED, time={"column": "day", "formats": ["%Y-%m-%d", "%d/%m/%Y"]}, limits={"dates": 0.5},
    )  # fmt: skip
    assert frame["n"].tolist() == [2.0, 1.0]
    assert (intake.undated, intake.unreadable) == (1, 1)


def test_two_formats_that_differ_in_the_order_of_day_and_month_are_refused(read: Read) -> None:
    with pytest.raises(ValueError, match="order of day and month"):
        read(MIXED, time={"column": "day", "formats": ["%m/%d/%Y", "%d/%m/%Y"]})


@pytest.mark.parametrize("wrong", ["%d'); DROP TABLE x; --", "no format", "%Y-%m-%d %z"])
def test_a_format_is_a_format(wrong: str, read: Read) -> None:
    with pytest.raises(ValueError, match="a date format has"):
        read(MIXED, time={"column": "day", "formats": wrong})


def test_dates_after_the_extraction_are_named_and_left_out_within_the_limit(read: Read) -> None:
    text = "day,area\n2020-01-01,a\n2020-01-31,a\n2029-01-01,a\n"
    with pytest.raises(DataError, match=r"1 of 3 .* after the extraction on 2020-01-31: '2029-01-01' in record 3"):
        read(text, extracted="2020-01-31")
    frame, intake = read(text, extracted="2020-01-31", limits={"future": 0.4})
    assert (intake.future, frame["n"].tolist()) == (1, [2.0])


@pytest.mark.parametrize(
    ("closed", "message"),
    [
        ("2019-12-01", "an end before the start in 'closed': '2019-12-01' in record 2"),
        ("2021-01-01", "an end after the extraction in 'closed'"),
        ("soon", "an end that cannot be read in 'closed': 'soon' in record 2"),
    ],
)
def test_durations_that_cannot_be_are_refused_or_left_out(closed: str, message: str, read: Read) -> None:
    text = f"day,area,closed\n2020-01-01,a,2020-01-03\n2020-01-02,a,{closed}\n2020-01-31,a,2020-02-05\n"
    with pytest.raises(DataError, match=message):
        read(text, measures=[DURATION], extracted="2020-03-31", recording={"until": "2020-01-31"})
    frame, intake = read(
        text, measures=[DURATION], extracted="2020-03-31", recording={"until": "2020-01-31"}, limits={"durations": 0.5},
    )  # fmt: skip
    assert frame["d"].tolist() == [2.0]
    assert sum(intake.accounts["d"].values()) == 1


def test_a_duration_without_a_day_of_extraction_is_refused(read: Read) -> None:
    with pytest.raises(ValueError, match="needs 'extracted'"):
        read("day,area,closed\n", measures=[DURATION])


def test_amounts_that_are_no_numbers_are_named(read: Read) -> None:
    text = 'day,area,cost\n2020-01-01,a,5\n2020-01-02,a,"1,200"\n2020-01-03,a,inf\n2020-01-31,a,\n'
    measure = {"name": "cost", "kind": "sum", "column": "cost"}
    with pytest.raises(DataError, match=r"2 of 4 .* no number in 'cost': '1,200' in record 2 .*; 'inf' in record 3"):
        read(text, measures=[measure])
    frame, intake = read(text, measures=[measure], limits={"numbers": 0.5})
    assert frame["cost"].tolist() == [5.0]
    assert intake.accounts["cost"] == {"bad": 2, "none": 1}


def test_places_without_a_unit_are_refused_with_the_keys_that_come_most_often(tmp_path: Path, read: Read) -> None:
    (tmp_path / "areas.csv").write_text("area,district\na,North\nb,North\n")
    place: dict[str, Any] = {"column": "area", "table": {"path": "areas.csv", "key": "area", "unit": "district"}}
    text = "day,area\n2020-01-01,a\n2020-01-02,c\n2020-01-03,c\n2020-01-04,\n2020-01-31,b\n"
    with pytest.raises(DataError, match=r"3 of 5 .*'area' has no unit in 'areas.csv', most often 'c' \(2 records\)"):
        read(text, place=place)
    frame, intake = read(text, place={**place, "at_most_unmatched": 0.6})
    assert frame["area"].unique().tolist() == ["North"]
    assert (intake.unmatched, intake.used) == (3, 2)
    assert intake.unmatched_keys == (("c", 2), ("empty", 1))
    assert intake.unmatched_by_bin["records"].sum() == 3


def test_filters_that_leave_nothing_are_refused(read: Read) -> None:
    where = [{"column": "area", "operator": "equals", "value": "nowhere"}]
    with pytest.raises(DataError, match=r"No record of records.csv meets the conditions"):
        read("day,area\n2020-01-01,a\n", where=where)


def test_numbers_are_no_dates_unless_a_format_says_so(tmp_path: Path, read: Read) -> None:
    pd.DataFrame({"day": [20200101, 20200131], "area": ["a", "a"]}).to_parquet(tmp_path / "r.parquet")
    with pytest.raises(ConfigError, match="The column 'day' holds numbers, not dates"):
        read(path="r.parquet")
    frame, _ = read(path="r.parquet", time={"column": "day", "formats": "%Y%m%d"})
    assert frame["n"].tolist() == [2.0]
