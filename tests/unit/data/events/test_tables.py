"""Tables beside the records fit them, or are refused by row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from evalkit.errors import ConfigError, DataError
from tests.unit.data.events.conftest import Read

RECORDS = "day,area\n2020-01-01,a\n2020-02-10,b\n2020-04-30,c\n"


def starts(frame: Any) -> dict[str, str]:
    return {str(area): str(start) for area, start in frame.groupby("area")["start"].first().items()}


def test_starts_are_declared_by_unit(read: Read) -> None:
    frame, _ = read(RECORDS, treatment={"starts": {"a": "2020-03-15", "b": "2020-03-01"}})
    assert starts(frame) == {"a": "2020-03", "b": "2020-03", "c": "NaT"}


def test_a_start_within_a_period_may_count_from_the_next(read: Read) -> None:
    given = {"starts": {"a": "2020-03-15", "b": "2020-03-01"}, "counts_from": "first_full_period"}
    assert starts(read(RECORDS, treatment=given)[0]) == {"a": "2020-04", "b": "2020-03", "c": "NaT"}


def test_starts_come_from_a_table(tmp_path: Path, read: Read) -> None:
    (tmp_path / "starts.csv").write_text("area,opened\na,2020-02-01\nb,\n")
    given = {"path": "starts.csv", "unit": "area", "start": "opened"}
    assert starts(read(RECORDS, treatment=given)[0]) == {"a": "2020-02", "b": "NaT", "c": "NaT"}


def test_a_start_for_an_unknown_unit_is_refused_with_the_closest(read: Read) -> None:
    with pytest.raises(ConfigError, match="a start for 'aa', which is none of the units") as refused:
        read(RECORDS, treatment={"starts": {"aa": "2020-03-01"}})
    assert "Did you mean 'a'?" in str(refused.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("area,district\na,N\na,S\nb,S\nc,S\n", "lists 'a' more than once: rows 0, 1"),
        ("area,district\na,\nb,S\nc,S\n", "The column 'district' of 'areas.csv' is empty in row 0"),
        ("area,region\na,N\n", "In 'areas.csv': The table's 1 column 'district' is not in the data"),
    ],
)
def test_a_table_of_places_that_is_ambiguous_is_refused(content: str, message: str, tmp_path: Path, read: Read) -> None:
    (tmp_path / "areas.csv").write_text(content)
    place = {"column": "area", "table": {"path": "areas.csv", "key": "area", "unit": "district"}}
    with pytest.raises((DataError, ConfigError), match=message):
        read(RECORDS, place=place)


def test_places_in_a_unit_that_is_not_listed_are_refused(tmp_path: Path, read: Read) -> None:
    (tmp_path / "areas.csv").write_text("area,district\na,North\nb,Nroth\nc,North\n")
    (tmp_path / "districts.csv").write_text("district\nNorth\n")
    place = {"column": "area", "table": {"path": "areas.csv", "key": "area", "unit": "district"}}
    with pytest.raises(DataError, match=r"'areas.csv' puts records into 'Nroth', which is not among the units"):
        read(RECORDS, place=place, units={"path": "districts.csv", "unit": "district"})


def test_a_unit_that_the_table_of_units_lacks_is_unmatched(tmp_path: Path, read: Read) -> None:
    (tmp_path / "areas.csv").write_text("area\na\nb\n")
    units = {"path": "areas.csv", "unit": "area"}
    with pytest.raises(DataError, match=r"1 of 3 .* is empty or none of the listed units, most often 'c'"):
        read(RECORDS, units=units)
    assert read(RECORDS, units=units, place={"column": "area", "at_most_unmatched": 0.5})[1].unmatched == 1


def test_keys_that_a_table_holds_as_decimals_are_those_of_the_records(tmp_path: Path, read: Read) -> None:
    table = pd.DataFrame({"area": [101.0, 102.0, 103.5], "district": ["N", "N", "S"]})
    table.to_parquet(tmp_path / "areas.parquet")
    place = {"column": "area", "table": {"path": "areas.parquet", "key": "area", "unit": "district"}}
    frame, _ = read("day,area\n2020-01-01,101\n2020-01-05,102\n2020-01-31,103.5\n", place=place)
    assert dict(zip(frame["area"], frame["n"], strict=True)) == {"N": 2, "S": 1}
