"""Where a period stands in its season, and how long it is, read off the calendar."""

from __future__ import annotations

from typing import Final, Literal

import numpy as np
import pandas as pd

from evalkit.data.calendar import Calendar
from evalkit.vocabulary import FloatArray, IntArray

CalendarEffect = Literal["month_length", "trading_days"]
IN_A_SEASON: Final = {"M": 12, "Q": 4, "D": 7}
"""Periods in a year by frequency; days have the week."""


def season_length(calendar: Calendar) -> int | None:
    """Periods after which a season repeats; None where the calendar has none (years, weeks, running numbers).

    Examples
    --------
    >>> season_length(Calendar(kind="decimal", origin=7997, step=1, denominator=4))
    4
    >>> season_length(Calendar(kind="period", origin=0, step=3, frequency="M"))
    4
    """
    if calendar.kind == "decimal":
        whole = calendar.denominator
    else:
        whole = IN_A_SEASON.get((calendar.frequency or "").split("-")[0], 0)
    if whole % calendar.step:
        return None
    length = whole // calendar.step
    return length if length > 1 else None


def season_position(calendar: Calendar, ordinals: IntArray, length: int) -> IntArray:
    """(T,) place of each period in a season of `length` periods, from 0."""
    return np.asarray((calendar.origin // calendar.step + ordinals) % length)


def calendar_columns(calendar: Calendar, ordinals: IntArray, effects: tuple[CalendarEffect, ...]) -> FloatArray | None:
    """(T, c) lengths of periods in days, and working days less five halves of weekend days; None without dates.

    The contrast of working days is that of Bell and Hillmer (1983), one coefficient for all of them.
    """
    if calendar.kind not in ("date", "period"):
        return None
    counts = calendar.origin + calendar.step * ordinals
    first, after = (_first_days(each, calendar.frequency) for each in (counts, counts + calendar.step))
    days = (after - first).astype(np.float64)
    working = np.busday_count(first, after).astype(np.float64)
    columns = {"month_length": days, "trading_days": working - 2.5 * (days - working)}
    return np.column_stack([columns[name] for name in effects]) if effects else np.zeros((len(ordinals), 0))


def _first_days(counts: IntArray, frequency: str | None) -> np.typing.NDArray[np.datetime64]:
    """(T,) first days of the periods with these ordinals."""
    starts = [pd.Period(ordinal=int(count), freq=frequency).start_time for count in counts]
    return np.array([start.date() for start in starts], dtype="datetime64[D]")
