"""Tables as CSV: the same bytes for the same numbers, and safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence

import pandas as pd

from evalkit.report.columns import Column

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def to_csv(table: pd.DataFrame, columns: Sequence[Column]) -> bytes:
    r"""Encode a table as UTF-8 CSV with a header; missing values are empty.

    Numbers are written with the digits needed to read them back exactly. Text that a spreadsheet
    would run as a formula gets an apostrophe in front, unless it is a number.

    Examples
    --------
    >>> table = pd.DataFrame({"name": ["=1+1", "-2"], "value": [0.1, None]})
    >>> to_csv(table, [Column("name", "string", ""), Column("value", "number", "")])
    b"name,value\n'=1+1,0.1\n-2,\n"
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([column.name for column in columns])
    values = [[_cell(value, column) for value in table[column.name]] for column in columns]
    writer.writerows(zip(*values, strict=True))
    return text.getvalue().encode("utf-8")


def _cell(value: object, column: Column) -> str:
    if value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and math.isnan(value)):
        return ""
    if column.type == "integer":
        return str(int(value))  # type: ignore[call-overload]
    if column.type == "number":
        return repr(float(value))  # type: ignore[arg-type]
    if column.type == "boolean":
        return "true" if value else "false"
    return _harmless(str(value))


def _harmless(text: str) -> str:
    if not text.startswith(_FORMULA):
        return text
    try:
        float(text)
    except ValueError:
        return f"'{text}"
    return text
