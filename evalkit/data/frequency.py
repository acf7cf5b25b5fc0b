"""Read the frequency of a calendar off its dates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from evalkit.vocabulary import IntArray

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_WEEKDAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
_MONTH_LIKE = 21
"""Days between neighbours from which on dates without a fixed day may be months or years."""


@dataclass(frozen=True, slots=True)
class Regular:
    """Dates on a regular calendar.

    Attributes
    ----------
    frequency
        pandas period alias.
    counts
        (T,) ordinal of each date's period at that frequency, strictly increasing.
    anchor, offset_days
        Where in its period each date lies; see :class:`evalkit.data.calendar.Calendar`.
    aligned
        False when dates lie on different days of their periods (election days): the period is kept,
        the day is not.
    """

    frequency: str
    counts: IntArray
    anchor: Literal["start", "end"] = "start"
    offset_days: int = 0
    aligned: bool = True


def regular_dates(dates: pd.DatetimeIndex) -> Regular:
    """Find the coarsest frequency that puts every date on the same day of its own period.

    Years, quarters and months are tried first (first days, last days, any fixed day), then weeks with
    a fixed weekday, then, for dates on no fixed day, the coarsest of years and months in which no two
    dates fall together; days fit always.

    Parameters
    ----------
    dates
        (T,) distinct dates at midnight, increasing.

    Examples
    --------
    >>> regular_dates(pd.DatetimeIndex(["2004-01-31", "2004-02-29", "2004-03-31"])).frequency
    'M'
    >>> regular_dates(pd.DatetimeIndex(["2000-11-07", "2004-11-02", "2008-11-04"])).aligned
    False
    """
    after = dates + pd.Timedelta(days=1)
    if (after.day == 1).all():
        frequency = _coarsest(after)
        return Regular(frequency, _ordinals(dates, frequency), anchor="end")
    if len(np.unique(dates.day)) == 1:
        frequency = _coarsest(dates)
        return Regular(frequency, _ordinals(dates, frequency), offset_days=int(dates[0].day) - 1)
    days = np.diff(dates.to_numpy()) // np.timedelta64(1, "D")
    shortest = int(days.min()) if len(days) else _MONTH_LIKE
    if len(np.unique(dates.day_of_week)) == 1 and (shortest < _MONTH_LIKE or (days % shortest == 0).all()):
        frequency = f"W-{_WEEKDAYS[(dates[0].day_of_week - 1) % 7]}"
        return Regular(frequency, _ordinals(dates, frequency))
    if shortest >= _MONTH_LIKE:
        for frequency in ("Y-DEC", "M"):
            counts = _ordinals(dates, frequency)
            if (np.diff(counts) > 0).all():
                return Regular(frequency, counts, aligned=False)
    return Regular("D", _ordinals(dates, "D"))


def _coarsest(dates: pd.DatetimeIndex) -> str:
    """Year, quarter or month alias of dates on one day of the month; its periods start in their months."""
    months = dates.month
    if len(np.unique(months)) == 1:
        return f"Y-{_MONTHS[(months[0] - 2) % 12]}"
    if len(np.unique(months % 3)) == 1:
        return f"Q-{_MONTHS[(months[0] - 2) % 12]}"
    return "M"


def _ordinals(dates: pd.DatetimeIndex, frequency: str) -> IntArray:
    return np.asarray(dates.to_period(frequency).asi8, dtype=np.int64)
