"""Units and clusters: labels of any type, turned into codes 0..N-1 in the order of the labels."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from evalkit.data.columns import ROWS_SHOWN, codes_in_range, factorize, name_rows, refuse_missing
from evalkit.data.wide import Grid
from evalkit.errors import DataError, quote_names
from evalkit.vocabulary import BoolArray, IntArray

_TABLE_PER_ROW = 4
"""A lookup table may have this many entries a row of data before hashing is the better choice."""


def read_units(df: pd.DataFrame, name: str, role: str = "unit") -> tuple[npt.NDArray[np.intp], pd.Index[Any]]:
    """Code of each row's unit, and the labels in sorted order.

    Labels are kept as they are: ``"007"`` and ``"NA"`` are text, and stay it.

    Returns
    -------
    codes, labels
        (n,) positions into `labels`; (N,) sorted labels.

    Raises
    ------
    DataError
        Empty cells, or labels of several types (1 and "1"), with rows named.
    """
    refuse_missing(df, name, role)
    values = df[name]
    if isinstance(values.dtype, np.dtype) and values.dtype.kind in "iu":
        array = values.to_numpy()
        found = codes_in_range(array, _TABLE_PER_ROW * len(array) + 1)
        if found is not None:
            return found[0], pd.Index(found[1], name=name)
    if isinstance(values.dtype, pd.CategoricalDtype):
        return _from_categories(values, name, role)
    codes, labels = factorize(values, name, role)
    return _sort(df, name, role, codes, cast("pd.Index[Any]", pd.Index(labels, name=name)))


def _from_categories(values: pd.Series[Any], name: str, role: str) -> tuple[npt.NDArray[np.intp], pd.Index[Any]]:
    used = values.cat.remove_unused_categories()
    labels: pd.Index[Any] = pd.Index(used.cat.categories, name=name)
    return _sort(values.to_frame(), name, role, used.cat.codes.to_numpy(), labels)


def _sort(
    df: pd.DataFrame, name: str, role: str, codes: npt.NDArray[Any], labels: pd.Index[Any]
) -> tuple[npt.NDArray[np.intp], pd.Index[Any]]:
    """Renumber codes so that labels increase."""
    _refuse_mixed(df, name, role, labels)
    order = labels.argsort()
    if np.array_equal(order, np.arange(len(order))):
        return codes.astype(np.intp, copy=False), labels
    rank = np.empty(len(order), dtype=np.intp)
    rank[order] = np.arange(len(order))
    return rank[codes], labels[order]


def _refuse_mixed(df: pd.DataFrame, name: str, role: str, labels: pd.Index[Any]) -> None:
    """Text empties, and text next to numbers, are refused: 1 and "1" would be two units."""
    if labels.dtype != object and not pd.api.types.is_string_dtype(labels.dtype):
        return
    kinds = list(dict.fromkeys(type(label) for label in labels)) if labels.dtype == object else [str]
    if len(kinds) > 1 and not all(issubclass(kind, int | np.integer) for kind in kinds):
        examples = " and ".join(next(repr(label) for label in labels if type(label) is kind) for kind in kinds)
        raise DataError(
            f"The {role} column '{name}' mixes types: {examples}.",
            allowed="all text or all integers",
            next_step=f"Make them one type, e.g. df[{name!r}] = df[{name!r}].astype(str).",
        )
    blank: BoolArray = np.array([isinstance(label, str) and not label.strip() for label in labels])
    if blank.any():
        where = df[name].isin(labels[blank]).to_numpy()
        raise DataError(
            f"The {role} column '{name}' is empty in {name_rows(df.index, where)}.",
            next_step=f"Fill in the {role} or remove these rows from the data before analysis.",
        )


def read_clusters(df: pd.DataFrame, name: str, grid: Grid, units: pd.Index[Any]) -> IntArray:
    """(N,) cluster code 0..C-1 of each unit.

    Raises
    ------
    DataError
        Empty cells, or a unit that changes cluster: errors cannot be clustered then.
    """
    constant = grid.one_a_unit(df[name])
    if constant is not None:
        return read_units(constant.to_frame(), name, role="cluster")[0].astype(np.int64, copy=False)
    row_cluster, _ = read_units(df, name, role="cluster")
    cluster, moved = grid.by_unit(row_cluster)
    if moved.any():
        who = units[np.unique(grid.codes[moved])]
        raise DataError(
            f"The cluster '{name}' changes over time in {len(who)} unit{'s' if len(who) > 1 else ''}: "
            f"{quote_names(who, ROWS_SHOWN)}; first in {name_rows(df.index, moved)}.",
            allowed="one cluster a unit, equal to the unit or above it",
            next_step="Use the cluster that held before treatment, or cluster by unit.",
        )
    return cluster.astype(np.int64, copy=False)
