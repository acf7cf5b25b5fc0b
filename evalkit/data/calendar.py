"""Calendars: the labels that the data use, and the ordinals that estimators count in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from evalkit.vocabulary import NEVER, POOLED, IntArray

CalendarKind = Literal["integer", "decimal", "date", "period"]


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
    """

    kind: CalendarKind
    origin: int
    step: int
    frequency: str | None = None
    denominator: int = 1

    def labels(self, ordinals: IntArray) -> pd.Series:
        """Labels of ordinals; missing where pooled or never treated."""
        known = (ordinals != POOLED) & (ordinals != NEVER)
        count = self.origin + self.step * np.where(known, ordinals, 0)
        values: list[object] = [
            self._label(int(number)) if ok else None for number, ok in zip(count, known, strict=True)
        ]
        if self.kind == "integer":
            return pd.Series(pd.array(values, dtype="Int64"))
        return pd.Series(values, dtype=None if known.all() else object)

    def label(self, ordinal: int) -> object:
        """Label of one ordinal."""
        return self._label(self.origin + self.step * int(ordinal))

    def _label(self, number: int) -> object:
        if self.kind == "integer":
            return number
        if self.kind == "decimal":
            return number / self.denominator
        period = pd.Period(ordinal=number, freq=self.frequency)
        return period.start_time if self.kind == "date" else period

    @property
    def step_name(self) -> str:
        """One step in words, e.g. ``month``, ``4 years``."""
        if self.kind == "integer":
            base = "period"
        elif self.kind == "decimal":
            base = {1: "year", 2: "half-year", 4: "quarter", 12: "month"}.get(self.denominator, "period")
        else:
            base = {"M": "month", "Q": "quarter", "Y": "year", "W": "week", "D": "day"}.get(
                (self.frequency or "?").split("-")[0], "period"
            )
        return base if self.step == 1 else f"{self.step} {base}s"
