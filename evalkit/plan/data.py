"""The data of a plan: fingerprints of everything up to the start, outcomes after it left out."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from evalkit.data.fingerprint import fingerprint
from evalkit.data.panel import Panel
from evalkit.data.study_panel import panel_for
from evalkit.study.spec import Study
from evalkit.vocabulary import NEVER

LATER: Final = "later or never"
"""Start of units that had not started by the last period that the lock knew."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the lock knew of the data.

    Attributes
    ----------
    first, last
        Periods, as text.
    units
        Units (rows in repeated cross-sections).
    before
        Outcome name to the fingerprint of its cells before each unit's start, with units, periods and starts.
    """

    first: str
    last: str
    units: int
    before: dict[str, str]

    def to_dict(self) -> dict[str, Any]:
        """In plain types, as the lock keeps it."""
        return {"first": self.first, "last": self.last, "units": self.units, "before": self.before}


def known(frame: pd.DataFrame, study: Study, *, anticipation: int, key: bytes | None, last: str | None = None) -> Known:
    """Fingerprint the data of a study without any outcome of a treated unit after its start.

    Parameters
    ----------
    frame, study
        From :func:`evalkit.data.study_panel.load_frame`, and the study that it is of.
    anticipation
        Periods before the start in which outcomes may already be touched, and are left out too.
    key
        Of restricted data.
    last
        Last period to look at: data that have grown since are compared up to it.
    """
    panels = {outcome.name: panel_for(frame, study.spec, outcome) for outcome in study.spec.outcomes}
    primary = panels[study.spec.primary_outcome.name]
    return Known(
        first=primary.calendar.text(int(primary.time[0])),
        last=last or primary.calendar.text(int(primary.time[-1])),
        units=primary.n_units,
        before={name: fingerprint(cells(panel, anticipation, last), key=key) for name, panel in panels.items()},
    )


def cells(panel: Panel, anticipation: int, last: str | None = None) -> pd.DataFrame:
    """One row a unit and period: who, when, when treated, and the outcome before the unit's start."""
    end = int(panel.time[-1]) if last is None else _ordinal(panel, last)
    when = np.broadcast_to(panel.when, panel.outcome.shape)
    kept = when <= end
    starts = panel.first_treated
    own = np.where(starts == NEVER, NEVER, starts - anticipation)
    seen = np.where(when < own[:, None], panel.outcome, np.nan)
    periods = {int(time): panel.calendar.text(int(time)) for time in panel.time}
    labels = {int(start): LATER if start > end else panel.calendar.text(int(start)) for start in np.unique(starts)}
    who = np.broadcast_to(np.arange(panel.n_units)[:, None], panel.outcome.shape)[kept]
    unit = np.asarray(panel.units.astype(str), dtype=object)
    return pd.DataFrame(
        {
            "unit": pd.Categorical.from_codes(who, dtype=_categories(unit))
            if len(set(unit)) == len(unit)
            else unit[who],
            "period": pd.Series(when[kept]).map(periods).to_numpy(dtype=object),
            "start": pd.Series(starts[who]).map(labels).to_numpy(dtype=object),
            "outcome": seen[kept],
        }
    )


def _categories(labels: Any) -> pd.CategoricalDtype:
    return pd.CategoricalDtype(list(labels))


def _ordinal(panel: Panel, label: str) -> int:
    """Ordinal of a period by its text; the last one of the panel where it lies beyond."""
    for time in panel.time[::-1]:
        if panel.calendar.text(int(time)) == label:
            return int(time)
    return int(panel.time[-1])


def now() -> dt.datetime:
    """The present moment, UTC, to the second."""
    return dt.datetime.now(dt.UTC).replace(microsecond=0)
