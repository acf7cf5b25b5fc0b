"""Tables as CSV: the same bytes for the same numbers. What may be shown, and as what, the disclosure gate decided."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence

import pandas as pd

from evalkit.report.columns import Column


def to_csv(table: pd.DataFrame, columns: Sequence[Column]) -> bytes:
    r"""Encode a table as UTF-8 CSV with a header; missing values are empty.

    Numbers are written with the digits needed to read them back exactly. Line ends within a text
    become plain newlines.

    Examples
    --------
    >>> table = pd.DataFrame({"name": ["a, b", "c"], "value": [0.1, None]})
    >>> to_csv(table, [Column("name", "string", ""), Column("value", "number", "")])
    b'name,value\n"a, b",0.1\nc,\n'
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([column.name for column in columns])
    values = [[_cell(value, column) for value in table[column.name]] for column in columns]
    writer.writerows(zip(*values, strict=True))
    return text.getvalue().encode("utf-8")


def from_csv(content: bytes, columns: Sequence[Column]) -> pd.DataFrame:
    r"""Read a table that :func:`to_csv` wrote: the same values and types.

    Examples
    --------
    >>> columns = [Column("name", "string", ""), Column("value", "number", "")]
    >>> from_csv(b"name,value\nx,0.1\n", columns).to_dict("records")
    [{'name': 'x', 'value': 0.1}]
    """
    rows = list(csv.reader(io.StringIO(content.decode("utf-8"), newline="")))
    if not rows or rows[0] != [column.name for column in columns]:
        raise ValueError("the header is not the declared one")
    values = [{c.name: _parsed(text, c) for c, text in zip(columns, row, strict=True)} for row in rows[1:]]
    return typed(values, columns)


def typed(rows: Sequence[Mapping[str, object]], columns: Sequence[Column]) -> pd.DataFrame:
    """A frame with the declared columns in order, each of its declared type; empty text is a missing value."""
    dtypes = {"string": "object", "integer": "Int64", "number": "float64", "boolean": "boolean"}
    held = [{name: None if value == "" else value for name, value in row.items()} for row in rows]
    frame = pd.DataFrame(held, columns=[column.name for column in columns])
    return frame.astype({column.name: dtypes[column.type] for column in columns})


def _parsed(text: str, column: Column) -> object:
    if text == "":
        return None
    if column.type == "integer":
        return int(text)
    if column.type == "number":
        return float(text)
    if column.type == "boolean":
        return text == "true"
    return text


def _cell(value: object, column: Column) -> str:
    if value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and math.isnan(value)):
        return ""
    if column.type == "integer":
        return str(int(value))  # type: ignore[call-overload]
    if column.type == "number":
        return repr(float(value))  # type: ignore[arg-type]
    if column.type == "boolean":
        return "true" if value else "false"
    return str(value).replace("\r\n", "\n").replace("\r", "\n")
