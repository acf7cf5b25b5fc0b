"""Declared columns: text converted to its declared type, and every type, range and empty cell checked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from evalkit.errors import DataError, closest, quote_names
from evalkit.study.spec import ColumnSchema
from evalkit.vocabulary import BoolArray

MISSING_TEXT = ("", "NA", "N/A", "NaN", "nan", "NULL", "null", "None")
"""What a CSV file may write for a missing number, date or truth value; in text columns these are text."""
_TRUTH = {"true": True, "false": False, "True": True, "False": False, "TRUE": True, "FALSE": False}
_ISO_DATE = r"(\d{4}-\d{2}-\d{2})(?:[ T]00:00:00(?:\.0+)?)?"
"""A day, also as databases without a type for dates write it: with a midnight after it."""


@dataclass(frozen=True, slots=True)
class Located:
    """Names places in a source: the file or query, and a row in its own terms (line of a CSV file)."""

    name: str
    place: Callable[[int], str]

    def first(self, where: BoolArray) -> str:
        """The first place of a mask, and how many follow."""
        positions = np.flatnonzero(where)
        more = f" and {len(positions) - 1} more" if len(positions) > 1 else ""
        return f"{self.place(int(positions[0]))}{more}"


def check_names(found: Sequence[str], declared: Sequence[ColumnSchema], name: str) -> None:
    """Refuse a source that lacks a declared column."""
    absent = [column.name for column in declared if column.name not in found]
    if absent:
        near = closest(absent[0], [str(column) for column in found])
        raise DataError(
            f"The columns {quote_names(absent)} are declared, but not in '{name}'.",
            allowed=quote_names(found, limit=20),
            next_step=f"Did you mean '{near}'?" if near else "Correct data.source.columns, or the file.",
        )


def convert_text(
    frame: pd.DataFrame, declared: Sequence[ColumnSchema], as_text: set[str], located: Located
) -> pd.DataFrame:
    """Convert a frame of text columns: declared ones as declared, others to numbers where all values are one.

    Parameters
    ----------
    frame
        Every column as text, nothing missing.
    declared
        Schema of the columns that the study declares.
    as_text
        Columns that stay as they are.
    located
        Names lines in messages.
    """
    types = {column.name: column.type for column in declared}
    converted = {}
    for name in frame.columns:
        values: pd.Series[Any] = frame[name]
        if name in as_text:
            converted[name] = values
        elif name in types:
            converted[name] = _as_declared(values, types[name], located)
        else:
            converted[name] = _inferred(values)
    return pd.DataFrame(converted, index=frame.index)


def parse_dates(frame: pd.DataFrame, declared: Sequence[ColumnSchema], located: Located) -> pd.DataFrame:
    """Parse columns that are declared as dates and came as text, as from SQLite, which has no type for dates.

    Raises
    ------
    DataError
        A cell that is no YYYY-MM-DD, with its place.
    """
    parsed = {}
    for column in declared:
        if column.type != "date" or column.name not in frame.columns:
            continue
        values: pd.Series[Any] = frame[column.name]
        if pd.api.types.infer_dtype(values, skipna=True) == "string":
            parsed[column.name] = _as_declared(values.astype("str").where(values.notna(), ""), "date", located)
    return frame.assign(**parsed) if parsed else frame


def _as_declared(values: pd.Series[Any], kind: str, located: Located) -> pd.Series[Any]:
    """Parse text strictly; the first value that does not parse is named."""
    missing = values.isin(MISSING_TEXT)
    if kind == "integer":
        good = values.str.fullmatch(r"\s*[+-]?\d{1,18}\s*")
        parsed: pd.Series[Any] = pd.to_numeric(values.where(good), errors="coerce").astype("Int64")
        parsed = parsed if missing.any() or not good.all() else parsed.astype(np.int64)
    elif kind == "number":
        parsed = pd.to_numeric(values.where(~missing), errors="coerce").astype(np.float64)
        good = parsed.notna()
    elif kind == "date":
        parsed = pd.to_datetime(_first_days(values), format="%Y-%m-%d", errors="coerce")
        good = parsed.notna()
    else:
        known = {**_TRUTH, "1": True, "0": False}
        good = values.isin(list(known))
        parsed = values.map(known).astype("boolean") if missing.any() else values.map(known)
        parsed = parsed.astype(bool) if good.all() else parsed
    wrong: BoolArray = (~good & ~missing).to_numpy(dtype=np.bool_)
    if wrong.any():
        example = values[wrong].iloc[0]
        raise DataError(
            f"The column '{values.name}' of '{located.name}' must be of type {kind}, but is {example!r} in "
            f"{located.first(wrong)}.",
            allowed={
                "integer": "whole numbers without thousands separators",
                "number": "numbers with a decimal point and no thousands separators",
                "date": "dates as YYYY-MM-DD, months as YYYY-MM, quarters as YYYY-Q1",
                "boolean": "true, false, 1, 0",
            }[kind],
            next_step="Correct the file, or the column's type under data.source.columns.",
        )
    return parsed


def _first_days(values: pd.Series[Any]) -> pd.Series[Any]:
    """Days as text, the first one of a month or quarter; missing where a cell is none of these."""
    days = values.str.extract(f"^{_ISO_DATE}$", expand=False)
    months = values.str.extract(r"^(\d{4}-\d{2})$", expand=False) + "-01"
    quarters = values.str.extract(r"^(?P<year>\d{4})-?Q(?P<number>[1-4])$")
    starts = quarters["year"] + quarters["number"].map({"1": "-01-01", "2": "-04-01", "3": "-07-01", "4": "-10-01"})
    return days.fillna(months).fillna(starts)


def _inferred(values: pd.Series[Any]) -> pd.Series[Any]:
    """Numbers or truth values where every non-missing value is one; text to the letter otherwise.

    Leading zeros (postcodes, 007) mean text.
    """
    missing = values.isin(MISSING_TEXT)
    if missing.all():
        return values.where(~missing).astype(np.float64) if len(values) else values
    if values.isin([*_TRUTH, *MISSING_TEXT]).all():
        truth = values.map(_TRUTH)
        return truth.astype("boolean") if missing.any() else truth.astype(bool)
    if values.str.match(r"\s*[+-]?0\d").any():
        return values
    parsed: pd.Series[Any] = pd.to_numeric(values.where(~missing), errors="coerce")
    return values if (parsed.isna() & ~missing).any() else parsed


def check_columns(frame: pd.DataFrame, declared: Sequence[ColumnSchema], located: Located) -> None:
    """Check declared columns: there, of their type, empty only if nullable, within their range.

    Raises
    ------
    DataError
        The first column that is not as declared, with the first place.
    """
    check_names([str(name) for name in frame.columns], declared, located.name)
    for column in declared:
        values: pd.Series[Any] = frame[column.name]
        _check_type(values, column, located)
        empty: BoolArray = values.isna().to_numpy()
        if column.type == "string":
            empty = empty | (values == "").fillna(False).to_numpy(dtype=np.bool_)
        if empty.any() and not column.nullable:
            raise DataError(
                f"The column '{column.name}' of '{located.name}' is empty in {located.first(empty)}.",
                allowed="no empty cells, as declared",
                next_step="Correct the file, or declare the column as nullable: true.",
            )
        _check_range(values, column, located)


def _check_type(values: pd.Series[Any], column: ColumnSchema, located: Located) -> None:
    present = values.dropna()
    if column.type == "boolean":
        fits = bool(pd.api.types.is_bool_dtype(values.dtype)) or bool(present.isin([0, 1]).all())
    elif column.type == "string":
        fits = all(isinstance(value, str) for value in present.unique())
    elif column.type == "date":
        fits = bool(pd.api.types.is_datetime64_any_dtype(values.dtype)) or (
            pd.api.types.infer_dtype(present) in ("date", "datetime", "datetime64")
        )
    else:
        kind = pd.api.types.infer_dtype(present)
        fits = kind in ("integer", "floating", "decimal", "mixed-integer-float") or len(present) == 0
        if fits and column.type == "integer":
            numbers = present.astype(np.float64)
            fits = bool((numbers == np.rint(numbers)).all())
    if not fits:
        raise DataError(
            f"The column '{column.name}' of '{located.name}' must be of type {column.type}, but is {values.dtype}, "
            f"e.g. {present.iloc[:1].tolist()[0]!r}.",
            next_step="Correct the source, or the column's type under data.source.columns.",
        )


def _check_range(values: pd.Series[Any], column: ColumnSchema, located: Located) -> None:
    for word, limit in (("below", column.minimum), ("above", column.maximum)):
        if limit is None:
            continue
        numbers = values.astype(np.float64)
        outside: BoolArray = np.asarray(numbers < limit if word == "below" else numbers > limit, dtype=np.bool_)
        if outside.any():
            raise DataError(
                f"The column '{column.name}' of '{located.name}' is {values[outside].iloc[0]} in "
                f"{located.first(outside)}, {word} its declared limit {limit:g}.",
                next_step="Correct the file, or the limit under data.source.columns.",
            )
