"""What a file holds is found out before a study is written about it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evalkit.errors import DataError
from evalkit.vocabulary import FloatArray
from evalkit.workspace.look import SAMPLE_BYTES, Format, _family, find_format, read_sample
from tests.frames import long_frame, read

ROWS = "place;year;crimes\nSão Paulo;2001;3\n"


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (ROWS.encode(), "utf-8"),
        (ROWS.encode("utf-8-sig"), "utf-8-sig"),
        (ROWS.encode("latin-1"), "latin-1"),
        (ROWS.replace("3", "3 €").encode("cp1252"), "cp1252"),
    ],
)
def test_the_encoding_and_the_delimiter_are_read_off_the_first_bytes(
    content: bytes, encoding: str, tmp_path: Path
) -> None:
    (tmp_path / "x.csv").write_bytes(content)
    found = find_format(tmp_path / "x.csv")
    assert (found.kind, found.encoding, found.delimiter) == ("csv", encoding, ";")
    assert read_sample(tmp_path / "x.csv", found)["place"].tolist() == ["São Paulo"]


def test_a_letter_that_the_sample_cuts_in_two_is_no_other_encoding(tmp_path: Path) -> None:
    text = "place,year,y\n"
    (tmp_path / "x.csv").write_bytes((text + "a" * (SAMPLE_BYTES - len(text) - 1) + "ã").encode())
    assert find_format(tmp_path / "x.csv").encoding == "utf-8"


def test_zero_bytes_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(b"place,year,y\n\0\0")
    with pytest.raises(DataError, match="zero bytes"):
        find_format(tmp_path / "x.csv")


@pytest.mark.parametrize(
    ("content", "words"), [("place,y\na,1\n", "place, y"), ("place,year,y\n", "place, year, y"), ("", "x.csv")]
)
def test_a_table_that_is_no_panel_is_refused_with_what_it_holds(content: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text(content)
    with pytest.raises(DataError, match=words):
        read_sample(tmp_path / "x.csv", Format("csv"))


def test_a_parquet_file_without_rows_is_no_panel(tmp_path: Path) -> None:
    pd.DataFrame({"place": [], "year": [], "y": []}).to_parquet(tmp_path / "x.parquet")
    with pytest.raises(DataError, match="none"):
        read_sample(tmp_path / "x.parquet", find_format(tmp_path / "x.parquet"))


@pytest.mark.parametrize(
    ("values", "family"),
    [
        (np.arange(12.0), "count"),
        (np.arange(12.0) + 0.5, "continuous"),
        (np.arange(12.0) - 1.0, "continuous"),
        (np.linspace(0.0, 1.0, 12), "proportion"),
    ],
)
def test_the_family_of_the_outcome_is_read_off_its_values(values: FloatArray, family: str) -> None:
    assert _family(read(long_frame(y=values))) == family
