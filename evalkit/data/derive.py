"""Columns made from the data before analysis, as a study declares them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from evalkit.data.columns import name_rows, read_numbers, require_columns
from evalkit.errors import ConfigError, DataError, closest
from evalkit.study.spec import Derivation


def derive(df: pd.DataFrame, derivations: Sequence[Derivation], unit: str, period: str) -> pd.DataFrame:
    """Return a copy of the frame with the derived columns; the frame itself is not changed.

    ``first_period_where`` is the first period of the unit in which a column is positive, moved by `shift` periods of
    the period column's own count; missing where the column is never positive. Missing cells count as not positive.
    ``declared_starts`` gives the named units their declared first treated period, and all others none.
    ``running_period`` gives a running number its periods, and ``constant`` every row one value; these two may make the
    period and unit that later derivations read.

    Raises
    ------
    ConfigError
        A column that does not exist or is there already, a shift of dates, a declared unit that is not in the data,
        or a first period that is none of its frequency.
    DataError
        A running number with fractions.

    Examples
    --------
    >>> df = pd.DataFrame({"city": ["A"] * 3 + ["B"] * 3, "year": [2001, 2002, 2003] * 2, "post": [0, 0.5, 1, 0, 0, 0]})
    >>> law = Derivation(name="law", kind="first_period_where", column="post", shift=0)
    >>> derive(df, [law], "city", "year")["law"].tolist()
    [2002, 2002, 2002, <NA>, <NA>, <NA>]
    """
    derived = df
    for derivation in derivations:
        if derivation.kind in ("first_period_where", "declared_starts"):
            require_columns(derived, {"unit": unit, "period": period})
        if derivation.name in derived.columns:
            raise ConfigError(
                f"The derived column '{derivation.name}' is in the data already.",
                next_step="Give the derivation another name.",
            )
        values: pd.Series[Any] | str | None
        if derivation.column is None:
            values = derivation.value or _declared_starts(derived, derivation, unit)
        elif derivation.kind == "running_period":
            require_columns(derived, {"derived from": derivation.column})
            values = _running_period(derived, derivation, derivation.column)
        else:
            require_columns(derived, {"derived from": derivation.column})
            values = _first_period_where(derived, derivation, derivation.column, unit, period)
        derived = derived.assign(**{derivation.name: values})
    return derived.copy() if derived is df else derived


def _declared_starts(df: pd.DataFrame, derivation: Derivation, unit: str) -> pd.Series[Any]:
    """(n,) declared first treated period of each row's unit; missing for units without one."""
    names = df[unit].astype(str)
    unknown = sorted(set(derivation.starts) - set(names))
    if unknown:
        near = closest(unknown[0], sorted(set(names)))
        raise ConfigError(
            f"The derivation '{derivation.name}' declares a start for '{unknown[0]}', "
            f"which is not in the column '{unit}'.",
            next_step=f"Did you mean '{near}'?" if near else f"Write the unit as the column '{unit}' does.",
        )
    values: pd.Series[Any] = names.map(derivation.starts)
    whole = all(isinstance(start, int) for start in derivation.starts.values())
    return values.astype("Int64") if whole else values


def _running_period(df: pd.DataFrame, derivation: Derivation, column: str) -> pd.Series[Any]:
    """(n,) periods of a running number, the smallest of which is the first."""
    numbers = read_numbers(df, column, "derived from")
    known = ~np.isnan(numbers)
    if not known.all() or (numbers != np.round(numbers)).any():
        wrong = ~known | (numbers != np.round(numbers))
        raise DataError(
            f"The column '{column}' is no running number of periods: it is empty or has fractions in "
            f"{name_rows(df.index, wrong)}.",
            allowed="whole numbers that count periods",
        )
    try:
        first = pd.Period(str(derivation.first), freq=derivation.frequency)
    except ValueError:
        raise ConfigError(
            f"The first period '{derivation.first}' of the derivation '{derivation.name}' is no period of frequency "
            f"{derivation.frequency}.",
            allowed="e.g. 1981-01 for months, 1981Q1 for quarters, 1981-01-05 for weeks and days",
        ) from None
    ordinals = first.ordinal + (numbers - numbers.min()).astype(np.int64)
    periods = [pd.Period(ordinal=int(each), freq=derivation.frequency) for each in ordinals]
    return pd.Series(periods, index=df.index, dtype=f"period[{derivation.frequency}]")


def _first_period_where(
    df: pd.DataFrame, derivation: Derivation, column: str, unit: str, period: str
) -> pd.Series[Any]:
    """(n,) first positive period of each row's unit, shifted."""
    positive = read_numbers(df, column, "derived from") > 0
    periods = df[period]
    first = periods[positive].groupby(df[unit][positive], observed=True).min()
    values: pd.Series[Any] = df[unit].map(first)
    if isinstance(periods.dtype, np.dtype) and periods.dtype.kind in "iu":
        values = values.astype("Int64")
    if derivation.shift == 0:
        return values
    if pd.api.types.is_datetime64_any_dtype(periods.dtype) or periods.dtype == object:
        raise ConfigError(
            f"The derivation '{derivation.name}' shifts dates, which have no step of their own.",
            allowed="shift: 0 for dates; whole steps for integers, decimal years and pandas periods",
            next_step="Make the period column a number or a pandas period.",
        )
    return values + derivation.shift
