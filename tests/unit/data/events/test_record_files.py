"""Files that are not what they were declared to be are refused by file, place and next step."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest

from evalkit.data.events.records import kind_of
from evalkit.errors import ConfigError, DataError
from tests.unit.data.events.conftest import Read

RECORDS = "day,area,type\n2020-01-01,Küste,a\n2020-01-31,Küste,b\n2020-02-29,Küste,a\n"


def test_records_are_counted_by_unit_and_period(read: Read) -> None:
    frame, intake = read(RECORDS)
    assert frame["area"].unique().tolist() == ["Küste"]
    assert frame["n"].tolist() == [2.0, 1.0]
    assert frame["period"].astype(str).tolist() == ["2020-01", "2020-02"]
    assert (intake.rows, intake.used) == (3, 3)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "latin-1", "cp1252"])
def test_other_encodings_are_read_when_they_are_declared(encoding: str, read: Read) -> None:
    frame, _ = read(RECORDS.encode(encoding), encoding=encoding)
    assert frame["area"].unique().tolist() == ["Küste"]


@pytest.mark.parametrize(
    ("content", "declared", "message"),
    [
        (RECORDS.encode("latin-1"), {}, r"'records.csv' is not utf-8: byte 0xfc in line 2, character 13"),
        (RECORDS.encode(), {"encoding": "latin-1"}, r"declared as latin-1, but its accented letters \(first in line 2"),
        (RECORDS.encode("utf-8-sig"), {}, r"starts with a byte order mark \(line 1"),
        (RECORDS.encode("utf-16"), {}, r"byte order mark"),
        (RECORDS.replace(",", ";").encode(), {}, r"Line 1 of 'records.csv' has one column with the declared delimiter"),
        (b"", {}, r"'records.csv' is empty"),
        (RECORDS.encode() + b"2020-03-01,Kueste\n", {}, r"records of records.csv cannot be read: .*[Ll]ine: 5"),
        (RECORDS.encode() + b'2020-03-01,"Kueste,a\n', {}, r"records of records.csv cannot be read"),
        (b"day,area,area\n2020-01-01,a,b\n", {}, r"names columns more than once: 'area'"),
        (RECORDS.encode(), {"rows": 4}, r"has 3 rows; the study declares 4"),
        (RECORDS.encode(), {"sha256": {"records.csv": "0" * 64}}, r"is not the declared one: its SHA-256 is "),
    ],
)
def test_a_file_that_is_not_as_declared_is_refused(
    content: bytes, declared: dict[str, Any], message: str, read: Read
) -> None:
    with pytest.raises(DataError, match=message):
        read(content, **declared)


def test_latin_letters_after_the_first_lines_are_found_by_line(read: Read) -> None:
    plain = "day,area\n" + "2020-01-01,coast\n" * 6_000
    with pytest.raises(DataError, match=r"records.csv cannot be read.*(unicode|UTF-8|utf-8)"):
        read(plain.encode() + "2020-01-02,Küste\n".encode("latin-1"))


def test_a_hash_that_fits_is_accepted_and_one_of_no_file_is_not(read: Read) -> None:
    found = hashlib.sha256(RECORDS.encode()).hexdigest()
    assert read(RECORDS, sha256={"records.csv": found})[1].rows == 3
    with pytest.raises(ConfigError, match=r"names 'other.csv', which is none of the files"):
        read(RECORDS, sha256={"other.csv": found})


def test_a_file_whose_last_line_does_not_end_is_remembered(read: Read) -> None:
    assert read(RECORDS.removesuffix("\n"))[1].cut_off == ("records.csv",)
    assert read(RECORDS)[1].cut_off == ()


def test_a_column_that_the_study_names_and_the_file_lacks_is_named_with_the_closest(read: Read) -> None:
    with pytest.raises(ConfigError, match=r"'Area', which is not in 'records.csv'") as refused:
        read(RECORDS, place="Area")
    assert "Did you mean 'area'?" in str(refused.value)


def test_a_pattern_reads_its_files_in_order_and_refuses_none(tmp_path: Path, read: Read) -> None:
    for year in (2020, 2021):
        (tmp_path / f"calls-{year}.csv").write_text(f"day,area\n{year}-01-01,a\n{year}-12-31,a\n")
    frame, _ = read(path="calls-*.csv", every="year")
    assert frame["n"].tolist() == [2.0, 2.0]
    with pytest.raises(DataError, match=r"No file under the data root matches 'nothing-\*.csv'"):
        read(path="nothing-*.csv")


@pytest.mark.parametrize("path", ["../*.csv", "/etc/*"])
@pytest.mark.promise("secure-paths")
def test_a_pattern_may_not_leave_the_root(path: str, read: Read) -> None:
    with pytest.raises(DataError, match="leads out of the data root"):
        read(path=path)


@pytest.mark.promise("secure-paths")
def test_a_link_out_of_the_root_is_refused(tmp_path: Path, read: Read) -> None:
    (tmp_path / "calls-1.csv").symlink_to("/etc/hostname")
    with pytest.raises(DataError, match="lies outside the data root"):
        read(path="calls-*.csv")


def test_text_files_that_differ_in_their_columns_are_refused(tmp_path: Path, read: Read) -> None:
    (tmp_path / "calls-1.csv").write_text("day,area,type\n2020-01-01,a,x\n")
    (tmp_path / "calls-2.csv").write_text("day,area,kind\n2020-02-01,a,x\n")
    with pytest.raises(DataError, match=r"'calls-1.csv' and 'calls-2.csv' do not share 'kind', 'type'"):
        read(path="calls-*.csv")


def test_parquet_files_that_differ_in_a_type_are_refused_by_column_and_file(tmp_path: Path, read: Read) -> None:
    days = pd.to_datetime(["2020-01-01", "2020-01-31"])
    pd.DataFrame({"day": days, "area": ["a", "b"]}).to_parquet(tmp_path / "calls-1.parquet")
    pd.DataFrame({"day": days.astype(str), "area": ["a", "b"]}).to_parquet(tmp_path / "calls-2.parquet")
    with pytest.raises(DataError, match=r"the column 'day' is TIMESTAMP\w* in 'calls-1.parquet' and VARCHAR in"):
        read(path="calls-*.parquet")
    pd.DataFrame({"day": days, "zone": ["a", "b"]}).to_parquet(tmp_path / "calls-2.parquet")
    with pytest.raises(ConfigError, match=r"'area', which is not in 'calls-2.parquet'"):
        read(path="calls-*.parquet")


@pytest.mark.promise("trap-07")
def test_a_damaged_parquet_file_is_refused(tmp_path: Path, read: Read) -> None:
    path = tmp_path / "calls.parquet"
    frame = pd.DataFrame({"day": pd.to_datetime(["2020-01-01", "2020-01-31"] * 500), "area": ["a", "b"] * 500})
    frame.to_parquet(path, write_page_checksum=True)
    whole = path.read_bytes()
    column = pq.ParquetFile(path).metadata.row_group(0).column(0)
    at = column.dictionary_page_offset + column.total_compressed_size - 3
    path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
    with pytest.raises(DataError, match=r"damaged: the column 'day' .* row group 0"):
        read(path="calls.parquet")
    path.write_bytes(whole[:-30])
    with pytest.raises(DataError, match="damaged or no parquet file"):
        read(path="calls.parquet")
    frame.to_parquet(path)
    assert read(path="calls.parquet")[1].pages_without_checksum > 0


def test_text_and_parquet_are_not_read_as_one(tmp_path: Path, read: Read) -> None:
    frame = pd.DataFrame({"day": ["2020-01-01", "2020-01-31"], "area": ["a", "b"]})
    frame.to_parquet(tmp_path / "calls-1.parquet")
    frame.to_csv(tmp_path / "calls-2.csv", index=False)
    with pytest.raises(DataError, match=r"more than one format: 'calls-1.parquet', 'calls-2.csv'"):
        read(path="calls-*")


def test_a_column_of_lists_is_no_place(tmp_path: Path, read: Read) -> None:
    days = pd.to_datetime(["2020-01-01", "2020-01-31"])
    pd.DataFrame({"day": days, "area": [["a"], ["b"]]}).to_parquet(tmp_path / "r.parquet")
    with pytest.raises(DataError, match=r"'area' of 'r.parquet' is of type VARCHAR\[\], which is no single value"):
        read(path="r.parquet")


def test_moments_with_a_zone_need_the_city_s(tmp_path: Path, read: Read) -> None:
    days = pd.to_datetime(["2020-01-01 03:00", "2020-03-01 03:00"]).tz_localize("UTC")
    pd.DataFrame({"day": days, "area": ["a", "a"]}).to_parquet(tmp_path / "r.parquet")
    with pytest.raises(ConfigError, match=r"'day' has a time zone, .*(.|\n)*America/Chicago"):
        read(path="r.parquet")
    recording = {"since": "2019-12-01", "until": "2020-02-29"}
    frame, _ = read(path="r.parquet", time_zone="America/Chicago", recording=recording)
    assert frame["n"].tolist() == [1, 0, 1]  # both on the evening of the day before, in Chicago


def test_categories_of_a_parquet_file_are_text(tmp_path: Path, read: Read) -> None:
    days = pd.to_datetime(["2020-01-01", "2020-01-31"])
    frame = pd.DataFrame({"day": days, "area": pd.Categorical(["a", "b"])})
    frame.to_parquet(tmp_path / "r.parquet")
    assert read(path="r.parquet")[0]["area"].tolist() == ["a", "b"]
    assert kind_of("ENUM('a', 'b')") == "text"
