"""Calendars of the panel: which period a day falls into, counted as pandas counts periods."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, Final, Literal

import pandas as pd

from evalkit.study.events import Every

_ENDS: Final = ("DEC", "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV")
"""Last month of a year that starts in January, February, ..."""
_EPOCH: Final = dt.date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Bins:
    """Periods of one length: ordinal = (count - shift) // width + offset.

    Attributes
    ----------
    counted_in
        Whether `count` is of months (year * 12 + month - 1) or of days since 1970.
    shift, width, offset
        As in the formula.
    frequency
        pandas' alias; its periods have the same ordinals.

    Examples
    --------
    >>> fiscal = bins_of("fiscal_year", 7)
    >>> fiscal.period(fiscal.ordinal(dt.date(2021, 7, 1))), fiscal.first_day(52), fiscal.last_day(52)
    (Period('2022', 'Y-JUN'), datetime.date(2021, 7, 1), datetime.date(2022, 6, 30))
    >>> week = bins_of("week", 1)
    >>> str(week.period(week.ordinal(dt.date(2021, 1, 3))))
    '2020-12-28/2021-01-03'
    """

    counted_in: Literal["months", "days"]
    shift: int
    width: int
    offset: int
    frequency: str

    def sql(self, moment: str) -> str:
        """The ordinal of a timestamp, in SQL."""
        if self.counted_in == "months":
            # Months since January 1970; the ordinal counts from the year 0.
            count = f"(date_diff('month', TIMESTAMP '1970-01-01', {moment}) + {1970 * 12 - self.shift})"
        else:
            count = f"(CAST({moment} AS DATE) - DATE '1970-01-01' - {self.shift})"
        whole = count if self.width == 1 else f"floor({count} / {self.width})"
        return f"CAST({whole} AS INTEGER) + {self.offset}"

    def ordinal(self, day: dt.date) -> int:
        """The period that a day falls into."""
        count = day.year * 12 + day.month - 1 if self.counted_in == "months" else (day - _EPOCH).days
        return (count - self.shift) // self.width + self.offset

    def period(self, ordinal: int) -> pd.Period:
        """A period by its ordinal."""
        return pd.Period(ordinal=ordinal, freq=self.frequency)

    def periods(self, ordinals: object) -> pd.PeriodIndex:
        """Periods by their ordinals."""
        index: Any = pd.PeriodIndex  # the stubs lack its constructor from ordinals
        found: pd.PeriodIndex = index.from_ordinals(ordinals, freq=self.frequency)
        return found

    def first_day(self, ordinal: int) -> dt.date:
        """First day of a period."""
        return self.period(ordinal).start_time.date()

    def last_day(self, ordinal: int) -> dt.date:
        """Last day of a period."""
        return self.period(ordinal).end_time.date()


def bins_of(every: Every, fiscal_year_starts: int) -> Bins:
    """The calendar that a study asks for. Weeks are ISO weeks, Monday to Sunday.

    Quarters and fiscal years count from the month in which the fiscal year starts, and carry the number of the year in
    which it ends, as city budgets do.
    """
    end = _ENDS[fiscal_year_starts - 1]
    shift = fiscal_year_starts - 1
    if every == "day":
        plain = Bins("days", 0, 1, 0, "D")
    elif every == "week":
        plain = Bins("days", -3, 7, 0, "W-SUN")  # 1970-01-01 was a Thursday
    elif every == "month":
        plain = Bins("months", 0, 1, 0, "M")
    elif every == "quarter":
        plain = Bins("months", shift, 3, 0, f"Q-{end}")
    elif every == "year":
        plain = Bins("months", 0, 12, 0, "Y-DEC")
    else:
        plain = Bins("months", shift, 12, 0, f"Y-{end}")
    offset = pd.Period(_EPOCH, freq=plain.frequency).ordinal - plain.ordinal(_EPOCH)
    return Bins(plain.counted_in, plain.shift, plain.width, offset, plain.frequency)
