"""Files are read strictly: damage and wrong declarations are found, with file, line and column."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import TypeAdapter

from evalkit.data.files import read_file, resolve
from evalkit.errors import DataError
from evalkit.study.spec import FileSource
from tests.frames import long_frame

CSV = "city,year,note,y\nNA,2001,first,1.5\n007,2002,,NA\nSão Paulo,2003,last,3\n"


def source(path: str, **more: Any) -> FileSource:
    return TypeAdapter(FileSource).validate_python({"kind": "file", "path": path, **more})


def read_text(folder: Path, content: str | bytes, **more: Any) -> pd.DataFrame:
    raw = content.encode() if isinstance(content, str) else content
    (folder / "data.csv").write_bytes(raw)
    return read_file(source("data.csv", **more), folder, ["city"])


@pytest.mark.promise("trap-08")
def test_identifiers_stay_text_and_other_columns_become_numbers(tmp_path: Path) -> None:
    frame = read_text(tmp_path, CSV)
    assert frame.city.tolist() == ["NA", "007", "São Paulo"]
    assert frame.year.tolist() == [2001, 2002, 2003]
    assert frame.y.isna().tolist() == [False, True, False]
    assert frame.note.tolist() == ["first", "", "last"]


def test_leading_zeros_keep_a_column_text_even_where_nobody_declared_it(tmp_path: Path) -> None:
    assert read_text(tmp_path, "city,zip\na,02134\nb,10001\n").zip.tolist() == ["02134", "10001"]


@pytest.mark.parametrize(
    ("content", "declared"),
    [
        (CSV.encode("latin-1"), {"encoding": "latin-1"}),
        (CSV.encode("cp1252"), {"encoding": "cp1252"}),
        (CSV.encode("utf-8-sig"), {"encoding": "utf-8-sig"}),
        (CSV.replace(",", ";").encode(), {"delimiter": ";"}),
        (CSV.replace("\n", "\r\n").encode(), {}),
        (CSV.rstrip("\n").encode(), {}),
    ],
)
def test_declared_encodings_delimiters_and_line_ends_give_the_same_frame(
    tmp_path: Path, content: bytes, declared: dict[str, str]
) -> None:
    expected = read_text(tmp_path, CSV)
    pd.testing.assert_frame_equal(read_text(tmp_path, content, **declared), expected)


@pytest.mark.parametrize(
    ("content", "declared", "message"),
    [
        (CSV.encode("latin-1"), {}, r"not utf-8: byte 0xe3 in line 4, character 2"),
        (CSV.encode(), {"encoding": "latin-1"}, r"declared as latin-1, but its accented letters \(first in line 4\)"),
        (CSV.encode("utf-8-sig"), {}, r"byte order mark \(line 1, column 1\)(.|\n)*utf-8-sig"),
        (CSV.encode("utf-16"), {}, "UTF-16: save it as UTF-8"),
        (CSV.replace(",", ";").encode(), {}, r"one column with the declared delimiter ','(.|\n)*semicolon"),
        (CSV.replace(",", "\t").encode(), {}, "tab"),
        (CSV.replace("2002,,NA", "2002,NA").encode(), {}, "has 3 fields in line 3, but 4 columns in line 1"),
        (CSV.replace("2002,,NA", "2002,,NA,7").encode(), {}, "has 5 fields in line 3"),
        (CSV.encode()[:-4], {}, "has 3 fields in line 4"),
        (CSV.replace("first", '"first').encode(), {}, "cannot be read near line"),
        (b"city,y\na,1\n\0\0\0", {}, "zero byte in line 3"),
        (b"", {}, "is empty"),
        (b"city,y,y\na,1,2\n", {}, "names columns more than once: 'y'"),
        (CSV.encode(), {"rows": 4}, "has 3 rows; the study declares 4"),
        (CSV.encode(), {"sha256": "0" * 64}, "is not the declared one: its SHA-256 is"),
    ],
)
def test_each_kind_of_damage_is_an_error_that_names_the_file_and_the_line(
    tmp_path: Path, content: bytes, declared: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=message) as caught:
        read_text(tmp_path, content, **declared)
    assert "'data.csv'" in caught.value.what
    assert caught.value.next_step or caught.value.allowed


@pytest.mark.promise("trap-07", "fault-file-truncated")
def test_a_file_cut_off_between_lines_is_found_by_its_declared_rows_or_hash(tmp_path: Path) -> None:
    whole = CSV.encode()
    digest = hashlib.sha256(whole).hexdigest()
    assert len(read_text(tmp_path, whole, rows=3, sha256=digest)) == 3
    cut = whole[: whole.index("São".encode())]
    for declared in ({"rows": 3}, {"sha256": digest}):
        with pytest.raises(DataError, match=r"Fetch the file again|cut off in transfer"):
            read_text(tmp_path, cut, **declared)


def test_lines_are_counted_as_an_editor_counts_them_when_fields_span_lines(tmp_path: Path) -> None:
    columns = [{"name": "y", "type": "number"}]
    with pytest.raises(DataError, match="is 'x' in line 4"):
        read_text(tmp_path, 'city,y\n"a\nb",1\nc,x\n', columns=columns)


def test_parquet_comes_back_as_it_was_written(tmp_path: Path) -> None:
    frame = long_frame()
    frame.to_parquet(tmp_path / "data.parquet", write_page_checksum=True)
    pd.testing.assert_frame_equal(read_file(source("data.parquet"), tmp_path), frame)


@pytest.mark.promise("trap-07", "fault-file-flipped")
def test_a_flipped_byte_in_parquet_data_is_never_read_as_data(tmp_path: Path) -> None:
    frame = pd.DataFrame({"y": range(2000)})
    path = tmp_path / "data.parquet"
    pq.write_table(
        pa.Table.from_pandas(frame), path, write_page_checksum=True, compression="none", use_dictionary=False
    )
    whole = path.read_bytes()
    for place in range(200, 8000, 600):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(DataError, match=r"parquet file 'data\.parquet' is damaged"):
            read_file(source("data.parquet"), tmp_path)


@pytest.mark.parametrize("kept", [10, 300, -1])
@pytest.mark.promise("trap-07", "fault-file-truncated")
def test_a_truncated_parquet_file_is_refused(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "data.parquet"
    long_frame().to_parquet(path)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(DataError, match="damaged or no parquet file"):
        read_file(source("data.parquet"), tmp_path)


@pytest.mark.promise("secure-paths")
def test_paths_stay_under_the_root_after_symbolic_links(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "secret.csv").write_text("city\n1\n")
    (root / "link.csv").symlink_to(tmp_path / "secret.csv")
    for path in ("../secret.csv", "link.csv", str(tmp_path / "secret.csv")):
        with pytest.raises(DataError, match="outside the data root"):
            resolve(path, root)


def test_a_missing_file_names_the_nearest_one(tmp_path: Path) -> None:
    (tmp_path / "castle.csv").write_text("city\n1\n")
    with pytest.raises(DataError, match=r"does not exist(.|\n)*Did you mean 'castle\.csv'"):
        resolve("castel.csv", tmp_path)


def test_a_folder_an_absent_root_and_an_unreadable_file_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").mkdir()
    with pytest.raises(DataError, match="'data' is a folder"):
        read_file(source("data"), tmp_path)
    with pytest.raises(DataError, match=r"data root '.*nowhere' is no folder"):
        read_file(source("data.csv"), tmp_path / "nowhere")
    (tmp_path / "data.csv").write_text("x\n1\n")
    monkeypatch.setattr(Path, "read_bytes", _denied)
    with pytest.raises(DataError, match=r"'data\.csv' cannot be read: Permission denied"):
        read_file(source("data.csv"), tmp_path)


def _denied(path: Path) -> bytes:
    raise PermissionError(13, "Permission denied")


def test_dates_kept_as_text_in_parquet_are_read_as_declared(tmp_path: Path) -> None:
    pd.DataFrame({"day": ["2018-01-01", "2018-02-01"]}).to_parquet(tmp_path / "data.parquet")
    frame = read_file(source("data.parquet", columns=[{"name": "day", "type": "date"}]), tmp_path)
    assert frame.day.tolist() == [pd.Timestamp("2018-01-01"), pd.Timestamp("2018-02-01")]
