"""What the report may look at: all of the data, or nothing of treated units from their start on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from evalkit.data.events.intake import Intake
from evalkit.data.panel import Panel
from evalkit.data.quality.phrases import SAID
from evalkit.language import say
from evalkit.study.spec import StudySpec
from evalkit.vocabulary import NEVER, BoolArray, CheckStatus, Diagnostic, Domain, Exhibit


@dataclass(frozen=True)
class View:
    """A study's data, and how much of them is looked at.

    Attributes
    ----------
    spec, panel
        The study, and the panel of its primary outcome.
    intake
        What became of the records; None where the source is a panel already.
    blind
        Whether outcomes of treated units are hidden from their start on (and in the periods of anticipation).
    """

    spec: StudySpec
    panel: Panel
    intake: Intake | None
    blind: bool

    @cached_property
    def untreated(self) -> BoolArray:
        """(N, T) cells before the start of their unit, periods of anticipation left out."""
        panel = self.panel
        never = panel.first_treated == NEVER
        start = np.where(never, panel.time[-1] + 1, panel.first_treated - self.spec.design.anticipation)
        return np.asarray(panel.time[None, :] < start[:, None], dtype=np.bool_)

    @cached_property
    def seen(self) -> BoolArray:
        """(N, T) cells that are looked at."""
        return self.untreated if self.blind else np.ones_like(self.untreated)

    @cached_property
    def starts(self) -> Mapping[str, int]:
        """Unit to the calendar's ordinal from which on it may be affected; units never treated are left out."""
        panel = self.panel
        early = self.spec.design.anticipation
        return {
            str(unit): self.ordinal(int(first) - early)
            for unit, first in zip(panel.units, panel.first_treated, strict=True)
            if first != NEVER
        }

    def ordinal(self, period: int) -> int:
        """Ordinal of a panel's period on the calendar of the records."""
        calendar = self.panel.calendar
        return calendar.origin + calendar.step * period

    def rows(self, table: pd.DataFrame, bins: pd.Series[int], *, untreated: bool = False) -> BoolArray:
        """(n,) rows of a table by unit and period that are looked at.

        Parameters
        ----------
        table
            With a column ``unit``.
        bins
            (n,) the calendar's ordinal of each row.
        untreated
            Leave out treated rows even where they may be seen: what the programme changed is no fault of the records.
        """
        if not (self.blind or untreated):
            return np.ones(len(table), dtype=np.bool_)
        start = table["unit"].map(self.starts).astype(np.float64).fillna(np.inf)
        return np.asarray(bins.to_numpy(dtype=np.float64) < start.to_numpy(), dtype=np.bool_)


def found(
    part: str, status: CheckStatus, reading: str, *, statistic: str = "", value: float | None = None,
    threshold: float | None = None, domain: Domain = "measurement", exhibit: Exhibit | None = None,
    details: Mapping[str, float] | None = None,
) -> Diagnostic:  # fmt: skip
    """One finding of the report; its id is ``data_`` and the part."""
    return Diagnostic(
        id=f"data_{part}",
        null_in_words=SAID[part],
        statistic=statistic,
        value=value,
        threshold=threshold,
        status=status,
        domain=domain,
        reading=reading,
        details=tuple((details or {}).items()),
        exhibit=exhibit,
    )


def not_run(part: str, reason: str) -> Diagnostic:
    """A part of the report that could not be looked at, with the reason."""
    return found(part, "not_run", SAID[reason])


def two(first: str, second: str) -> str:
    """Two sentences, one after the other."""
    return say("{first} {second}", first=first, second=second) if second else first
