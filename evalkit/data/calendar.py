"""Calendars: the labels that the data use, and the ordinals that estimators count in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from evalkit.vocabulary import NEVER, POOLED, IntArray

CalendarKind = Literal["integer", "decimal", "date", "period"]

_IN_A_YEAR = {1: "year", 2: "half-year", 4: "quarter", 12: "month"}
_IN_A_SEASON = {"M": 12.0, "Q": 4.0, "W": 365.25 / 7.0, "D": 7.0}
"""Periods after which the season of a calendar repeats: a year, and for days a week."""
_IN_WORDS = {"M": "month", "Q": "quarter", "Y": "year", "A": "year", "W": "week", "D": "day"}


@dataclass(frozen=True, slots=True)
class Calendar:
    """Maps ordinals to labels: label = origin + step * ordinal.

    Ordinal 0 is the first observed period; consecutive ordinals are one step of the data's own
    spacing apart (4 years for elections held every 4 years), so event times count steps.

    Attributes
    ----------
    kind
        ``integer`` (years, 1..T), ``decimal`` (1999.25), ``date`` (timestamps at a fixed
        frequency) or ``period`` (pandas periods).
    origin
        Number of the first period: the integer; the decimal times `denominator`; or the ordinal of
        the pandas period at `frequency`.
    step
        Spacing between consecutive ordinals, in the same count.
    frequency
        pandas period alias (``M``, ``Q-DEC``, ``Y-DEC``, ``W-SUN``, ``D``) for dates and periods.
    denominator
        Periods in a year for ``decimal`` (4 for quarters).
    anchor
        For dates: whether labels count from the ``start`` of a period or are its last day (``end``).
    offset_days
        For dates anchored at the start: days after it (14 when every label is the 15th of a month).

    Examples
    --------
    >>> elections = Calendar(kind="integer", origin=2000, step=4)
    >>> elections.label(2), elections.step_name
    (2008, '4 years')
    >>> Calendar(kind="decimal", origin=7997, step=1, denominator=4).label(0)
    1999.25
    """

    kind: CalendarKind
    origin: int
    step: int
    frequency: str | None = None
    denominator: int = 1
    anchor: Literal["start", "end"] = "start"
    offset_days: int = 0

    def labels(self, ordinals: IntArray) -> pd.Series:
        """Labels of ordinals; missing where pooled or never treated."""
        return pd.Series(self.label_array(ordinals))

    def label_array(self, ordinals: IntArray) -> Any:
        """The same as an array, ready for a column."""
        known = (ordinals != POOLED) & (ordinals != NEVER)
        count = self.origin + self.step * np.where(known, ordinals, 0)
        if self.kind == "integer":
            return pd.arrays.IntegerArray(count.astype(np.int64), ~known)
        values: list[object] = [
            self._label(int(number)) if ok else None for number, ok in zip(count, known, strict=True)
        ]
        return pd.Series(values, dtype=None if known.all() else object).array

    def label(self, ordinal: int) -> object:
        """Label of one ordinal."""
        return self._label(self.origin + self.step * int(ordinal))

    def text(self, ordinal: int) -> str:
        """Label of one ordinal as a person writes it: a date without its midnight."""
        label = self.label(ordinal)
        return label.date().isoformat() if isinstance(label, pd.Timestamp) else str(label)

    def _label(self, number: int) -> object:
        if self.kind == "integer":
            return number
        if self.kind == "decimal":
            return number / self.denominator
        period = pd.Period(ordinal=number, freq=self.frequency)
        if self.kind == "period":
            return period
        if self.anchor == "end":
            return period.end_time.normalize()
        return period.start_time + pd.Timedelta(days=self.offset_days)

    @property
    def step_name(self) -> str:
        """One step in words, e.g. ``month``, ``4 years``."""
        base = "period"
        if self.kind == "decimal":
            base = _IN_A_YEAR.get(self.denominator, base)
        elif self.kind == "integer":
            base = "year" if _looks_like_year(self.origin) else base
        else:
            base = _IN_WORDS.get((self.frequency or "?").split("-")[0], base)
        return base if self.step == 1 else f"{self.step} {base}s"

    @property
    def season_length(self) -> float | None:
        """Periods after which the season repeats; None where the calendar has none or does not say.

        Examples
        --------
        >>> Calendar(kind="period", origin=0, step=1, frequency="M").season_length
        12.0
        >>> Calendar(kind="integer", origin=1, step=1).season_length is None
        True
        """
        if self.kind == "integer":
            return None
        if self.kind == "decimal":
            length = self.denominator / self.step
        else:
            length = _IN_A_SEASON.get((self.frequency or "?").split("-")[0], 1.0) / self.step
        return length if length >= 2.0 else None

    def ordinal(self, text: str) -> int:
        """Ordinal of the period that a label written as text falls into; of the next one where it lies between two.

        Raises
        ------
        ValueError
            When the text is no label of this calendar.

        Examples
        --------
        >>> Calendar(kind="period", origin=pd.Period("1981-01", "M").ordinal, step=1, frequency="M").ordinal("1986-01")
        60
        """
        if self.kind in ("integer", "decimal"):
            number = float(text) * self.denominator
        else:
            number = float(pd.Period(text, freq=self.frequency).ordinal)
        steps = (number - self.origin) / self.step
        return int(np.ceil(steps - ROUNDING))


ROUNDING = 0.05
"""Share of a step by which a decimal year (1999.08) may miss the period that it means."""


def _looks_like_year(number: int) -> bool:
    """Whether a first period of this size is a calendar year rather than a running number."""
    return 1700 <= number <= 2200
