"""The rows that a study analyses: columns held at declared values. No expressions: a filter that computes is code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from evalkit.data.columns import require_columns
from evalkit.errors import ConfigError, DataError, Reason, quote_names
from evalkit.study.part import Held
from evalkit.study.spec import in_words
from evalkit.vocabulary import BoolArray


def in_subgroup(df: pd.DataFrame, where: Mapping[str, Held]) -> BoolArray:
    """(n,) rows in which every column has its declared value, or one of them. An empty cell has none.

    Raises
    ------
    ConfigError
        A column that does not exist, text for a column of numbers or the other way round, or a value that
        occurs in no row.
    DataError
        When no row is left.

    Examples
    --------
    >>> df = pd.DataFrame({"state": ["KY", "KY", "MI"], "male": [1.0, np.nan, 0.0]})
    >>> in_subgroup(df, {"state": "KY", "male": [0, 1]}).tolist()
    [True, False, False]
    """
    require_columns(df, {f"where.{name}": name for name in where})
    keep: BoolArray = np.ones(len(df), dtype=np.bool_)
    for name, held in where.items():
        keep &= _has_value(df[name], name, held if isinstance(held, list | tuple) else (held,))
    if not keep.any():
        raise DataError(
            Reason("No row has {subgroup}.", subgroup=in_words(where)),
            next_step="Look at data.where: each value occurs, but not together.",
        )
    return keep


def _has_value(column: pd.Series[Any], name: str, values: tuple[float | str, ...] | list[float | str]) -> BoolArray:
    """(n,) rows that hold one of the values."""
    numeric = pd.api.types.is_numeric_dtype(column.dtype)
    if any(isinstance(value, str) == numeric for value in values):
        raise ConfigError(
            f"data.where.{name} is {'text' if numeric else 'a number'}, but the column holds "
            f"{'numbers' if numeric else 'text'}, e.g. {column.dropna().iloc[0] if column.notna().any() else None!r}.",
            next_step="Write the value as the column does: numbers plain, text in quotes.",
        )
    known = column.notna().to_numpy()
    written = column if numeric else column.astype(str)
    found = np.zeros(len(column), dtype=np.bool_)
    for value in values:
        same = np.asarray((written == value).fillna(False), dtype=np.bool_) & known
        if not same.any():
            raise ConfigError(
                f"data.where asks for {name} = {value}, which no row has.",
                allowed=quote_names(pd.unique(written[known]), limit=20),
                next_step="Name a value that occurs.",
            )
        found |= same
    return found
