from __future__ import annotations

import csv
import io

import numpy as np
import pandas as pd
import pytest

from evalkit.report.columns import Column
from evalkit.report.csv_file import from_csv, to_csv, typed

COLUMNS = (
    Column("text", "string", ""),
    Column("count", "integer", ""),
    Column("value", "number", ""),
    Column("flag", "boolean", ""),
)


def _table(texts: list[str | None]) -> pd.DataFrame:
    return typed([{"text": t, "count": i, "value": i / 3, "flag": i % 2 == 0} for i, t in enumerate(texts)], COLUMNS)


@pytest.mark.parametrize("text", ["-5", "+1", "-0.25", "a=b", "'=1", "São Paulo, SP", 'say "x"', "two\nlines"])
def test_text_stays_as_it_is(text: str) -> None:
    row = list(csv.reader(io.StringIO(to_csv(_table([text]), COLUMNS).decode(), newline="")))[1]
    assert row[0] == text


def test_other_line_ends_become_newlines() -> None:
    assert b'"a\nb\nc",0' in to_csv(_table(["a\r\nb\rc"]), COLUMNS)


def test_what_was_written_reads_back_to_the_bit() -> None:
    table = _table(["a", None, "'=x", "'quoted", "München"])
    table.loc[1, ["count", "value", "flag"]] = [None, np.nan, None]
    pd.testing.assert_frame_equal(from_csv(to_csv(table, COLUMNS), COLUMNS), table, check_exact=True)


def test_an_empty_table_keeps_its_header() -> None:
    assert to_csv(_table([]), COLUMNS) == b"text,count,value,flag\n"
    assert list(from_csv(b"text,count,value,flag\n", COLUMNS).columns) == ["text", "count", "value", "flag"]


def test_another_header_is_refused() -> None:
    with pytest.raises(ValueError, match="header"):
        from_csv(b"a,b\n", COLUMNS)
