"""Take columns out of the caller's frame, and say exactly what is wrong with those that cannot be used."""

from __future__ import annotations

import decimal
import numbers as abstract
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from evalkit.errors import ConfigError, DataError, Reason, and_more, closest, named, quote_names
from evalkit.language import Phrases
from evalkit.vocabulary import BoolArray, FloatArray

_BLOCK = 1 << 16
"""Rows looked up at a time: temporaries stay in the cache."""
ROWS_SHOWN = 5
"""Rows, units or periods that a message names before it only counts."""


_ROLES: Final = {
    "outcome": "outcome", "weight": "weight", "exposure": "exposure", "covariate": "covariate", "dose": "dose",
    "treated": "treated", "period": "period",
}  # fmt: skip
ROLES: Final = Phrases(_ROLES)
"""What a column is read as, in words."""


def rows_named(index: pd.Index[Any], where: BoolArray) -> Reason:
    """What :func:`name_rows` says, for the hole of a reason."""
    positions = np.flatnonzero(where)
    shown = positions[:ROWS_SHOWN]
    listed = and_more(", ".join(str(position) for position in shown), len(positions) - len(shown))
    several = len(positions) > 1
    if isinstance(index, pd.RangeIndex) and index.start == 0 and index.step == 1:
        return Reason("rows {listed} (counted from 0)" if several else "row {listed} (counted from 0)", listed=listed)
    return Reason(
        "rows {listed} (index {labels}; counted from 0)"
        if several
        else "row {listed} (index {labels}; counted from 0)",
        listed=listed,
        labels=named(index[shown]),
    )


def name_rows(index: pd.Index[Any], where: BoolArray) -> str:
    """Name the rows of a mask by position, and by index label where the index says more than the position.

    Examples
    --------
    >>> name_rows(pd.RangeIndex(4), np.array([False, True, False, True]))
    'rows 1, 3 (counted from 0)'
    >>> name_rows(pd.Index(["a", "b"]), np.array([False, True]))
    "row 1 (index 'b'; counted from 0)"
    """
    return str(rows_named(index, where))


def require_columns(df: object, roles: Mapping[str, str]) -> pd.DataFrame:
    """Return the frame after checking that every named column is there, once.

    Parameters
    ----------
    df
        What the caller passed as data.
    roles
        Role (``unit``, ``covariates[0]``) to column name.

    Raises
    ------
    ConfigError
        Not a pandas frame, or a column that does not exist.
    DataError
        A frame without rows, or with two columns of one name.
    """
    if not isinstance(df, pd.DataFrame):
        raise ConfigError(
            f"The data must be a pandas DataFrame. Got {type(df).__module__}.{type(df).__name__} instead.",
            next_step="Convert it first, e.g. with .to_pandas().",
        )
    known = [str(column) for column in df.columns]
    for role, name in roles.items():
        if name not in df.columns:
            near = next((other for other in known if other.lower() == str(name).lower()), closest(str(name), known))
            raise ConfigError(
                Reason(
                    "The {role} column {name!r} is not in the data.",
                    role=ROLES.reason(role) if role in ROLES else role,
                    name=name,
                ),
                allowed=quote_names(known, limit=20),
                next_step=f"Did you mean '{near}'?" if near else f"Name an existing column as {role}.",
            )
        if isinstance(df[name], pd.DataFrame):
            raise DataError(f"Two columns of the data are named {name!r}.", next_step="Rename one of them.")
    if len(df) == 0:
        raise DataError("The data have no rows.", next_step="Look at the query or filter that made them.")
    return df


def is_text(values: pd.Series[Any]) -> bool:
    """Whether a column is of a text type (an object column is looked at value by value instead)."""
    return isinstance(values.dtype, pd.StringDtype) or (
        isinstance(values.dtype, pd.ArrowDtype) and pd.api.types.is_string_dtype(values.dtype)
    )


def read_numbers(df: pd.DataFrame, name: str, role: str) -> FloatArray:
    """Values of a numeric column; true and false count as 1 and 0.

    Returns
    -------
    FloatArray
        (n,) one value a row, NaN where missing; may share memory with the frame, so never write to it.

    Raises
    ------
    DataError
        Text, dates or infinite values, with the rows named.
    """
    values = df[name]
    dtype = values.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        values = values.astype(dtype.categories.dtype)
        dtype = values.dtype
    if isinstance(dtype, np.dtype) and dtype.kind in "iufb":
        result: FloatArray = values.to_numpy().astype(np.float64, copy=False)
    elif pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_complex_dtype(dtype):
        result = values.to_numpy(dtype=np.float64, na_value=np.nan)
    elif pd.api.types.is_object_dtype(dtype):
        result = _numbers_from_objects(values, name, role)
    else:
        raise _not_a_number(values, name, role, values.notna().to_numpy())
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(result.sum()):  # one pass without flags; any infinite value would show in the sum
            return result
    infinite = np.isinf(result)
    if infinite.any():
        raise DataError(
            Reason(
                "The {role} column '{name}' is infinite in {rows}.",
                role=ROLES.reason(role) if role in ROLES else role,
                name=name,
                rows=rows_named(df.index, infinite),
            ),
            allowed="finite numbers; empty where unknown",
            next_step="Look for a division by zero or the logarithm of zero upstream.",
        )
    return result


def _numbers_from_objects(values: pd.Series[Any], name: str, role: str) -> FloatArray:
    """Numbers from an object column (as databases return NUMERIC), refusing anything that is not a number."""
    missing = values.isna().to_numpy()
    plain: BoolArray = np.fromiter(
        (isinstance(value, abstract.Real | decimal.Decimal) for value in values), dtype=np.bool_, count=len(values)
    )
    wrong = ~plain & ~missing
    if wrong.any():
        raise _not_a_number(values, name, role, wrong)
    return np.array([np.nan if gone else float(value) for value, gone in zip(values, missing, strict=True)])


def _not_a_number(values: pd.Series[Any], name: str, role: str, present: BoolArray) -> DataError:
    """Name the first value that does not parse as a number; failing that, the first value."""
    wrong = present & pd.to_numeric(values.astype(str), errors="coerce").isna().to_numpy()
    where = wrong if wrong.any() else present
    example = values[where].iloc[0] if where.any() else None
    kind = Reason("text") if isinstance(example, str) else Reason.plain(str(values.dtype))
    return DataError(
        Reason(
            "The {role} column '{name}' must hold numbers, but holds {kind}: {example!r} in {rows}.",
            role=ROLES.reason(role) if role in ROLES else role,
            name=name,
            kind=kind,
            example=example,
            rows=rows_named(values.index, where),
        ),
        allowed="integers, floating-point numbers, true/false",
        next_step="Remove thousands separators, units and notes, then convert with pandas.to_numeric; "
        "in a CSV study, declare the column's type under data.source.columns.",
    )


def refuse_missing(df: pd.DataFrame, name: str, role: str) -> None:
    """Refuse a column with empty cells, naming the rows."""
    missing = df[name].isna().to_numpy()
    if missing.any():
        raise DataError(
            f"The {role} column '{name}' is empty in {name_rows(df.index, missing)}.",
            next_step=f"Fill in the {role} or remove these rows from the data before analysis.",
        )


def factorize(values: pd.Series[Any], name: str, role: str) -> tuple[npt.NDArray[np.intp], Any]:
    """Codes of a column's values (-1 where missing) and the distinct values, by hashing.

    Raises
    ------
    DataError
        Cells that hold lists or other things without a hash.
    """
    try:
        codes, distinct = pd.factorize(values, use_na_sentinel=True)
    except TypeError:
        example = values.dropna().iloc[0]
        raise DataError(
            f"The {role} column '{name}' holds {type(example).__name__}s, e.g. {str(example)[:40]!r}.",
            allowed="text, numbers, dates",
            next_step="Unpack the cells into columns of their own.",
        ) from None
    return codes.astype(np.intp, copy=False), distinct


def codes_in_range(values: npt.NDArray[Any], most: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[Any]] | None:
    """Codes of integers by lookup table, or None when their range is wider than `most`.

    One table instead of a hash of every row: several times faster where identifiers are dense.

    Returns
    -------
    codes, labels
        (n,) positions into `labels`; (k,) the distinct values, increasing.
    """
    low, high = int(values.min()), int(values.max())
    if high - low >= most or high > np.iinfo(np.int64).max:
        return None
    seen = np.zeros(high - low + 1, dtype=np.bool_)
    blocks = [slice(start, start + _BLOCK) for start in range(0, len(values), _BLOCK)]
    for block in blocks:
        seen[_above(values[block], low)] = True
    table = np.cumsum(seen, dtype=np.intp)
    table -= 1
    codes = np.empty(len(values), dtype=np.intp)
    for block in blocks:
        codes[block] = table[_above(values[block], low)]
    return codes, (np.flatnonzero(seen) + low).astype(values.dtype)


def _above(values: npt.NDArray[Any], low: int) -> npt.NDArray[np.intp]:
    """Distance of integers from the lowest; in 64 bits, because int8 cannot hold 127 - (-128)."""
    above: npt.NDArray[np.intp] = np.subtract(values, low, dtype=np.intp, casting="unsafe")
    return above
