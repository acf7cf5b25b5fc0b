"""Which cells were recorded: no records there are zeros; elsewhere they are not known, and no zeros."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from evalkit.data.events.bins import Bins
from evalkit.errors import DataError
from evalkit.language import say
from evalkit.study.events import EventsSource
from evalkit.vocabulary import BoolArray

MOST_CELLS = 50_000_000


@dataclass(frozen=True, slots=True)
class Recorded:
    """Cells of the panel.

    Attributes
    ----------
    first
        Ordinal of the first period.
    cells
        (N, T) whether the recording covered all of the cell.
    said
        How that is known, for the reader.
    """

    first: int
    cells: BoolArray
    said: str


def recorded(
    source: EventsSource,
    bins: Bins,
    units: Sequence[str],
    seen: pd.DataFrame,
    windows: Mapping[str, tuple[dt.date | None, dt.date | None]],
) -> Recorded:
    """Find the cells that the recording covered whole.

    Parameters
    ----------
    source
        As declared.
    bins
        The panel's calendar.
    units
        (N,) in the panel's order.
    seen
        Cells with records: unit, bin, first (moment of the first record), last.
    windows
        Unit to the days from and to which its recording was on.

    Raises
    ------
    DataError
        When no cell was recorded whole, or there are far too many.
    """
    given = source.recording
    first_day, last_day = seen["first"].min().date(), seen["last"].max().date()
    since = given.since or first_day
    until = given.until or _end(last_day, bins, source)
    starts = [_from(windows.get(unit, (None, None))[0] or since, bins) for unit in units]
    ends = [_to(_earlier(windows.get(unit, (None, None))[1] or until, source.extracted), bins) for unit in units]
    if given.otherwise == "first_and_last_record_of_unit":
        by_unit = seen.groupby("unit")["bin"]
        lowest, highest = by_unit.min().to_dict(), by_unit.max().to_dict()
        for place, unit in enumerate(units):
            own = windows.get(unit, (None, None))
            known = unit in lowest
            if own[0] is None and given.since is None:
                starts[place] = max(starts[place], int(lowest[unit])) if known else ends[place] + 1
            if own[1] is None and given.until is None:
                ends[place] = min(ends[place], int(highest[unit])) if known else starts[place] - 1
    low, high = min(starts), max(ends)
    if high < low or all(end < start for start, end in zip(starts, ends, strict=True)):
        raise DataError(
            f"No period was recorded whole between {since} and {until}.",
            next_step="Declare data.source.recording: {since: ..., until: ...}, or choose shorter periods.",
        )
    if (high - low + 1) * len(units) > MOST_CELLS:
        raise DataError(
            f"The panel would have {len(units)} units and {high - low + 1} periods, from {since} to {until}.",
            allowed=f"{MOST_CELLS:,} cells",
            next_step="A stray date stretches the calendar: declare data.source.recording.since and until.",
        )
    ordinals = np.arange(low, high + 1)
    cells = (ordinals >= np.array(starts)[:, None]) & (ordinals <= np.array(ends)[:, None])
    return Recorded(low, np.asarray(cells, dtype=np.bool_), _said(source, since, until))


def _from(day: dt.date, bins: Bins) -> int:
    """First period that begins on a day or after it."""
    ordinal = bins.ordinal(day)
    return ordinal if bins.first_day(ordinal) >= day else ordinal + 1


def _to(day: dt.date, bins: Bins) -> int:
    """Last period that ends on a day or before it."""
    ordinal = bins.ordinal(day)
    return ordinal if bins.last_day(ordinal) <= day else ordinal - 1


def _end(last: dt.date, bins: Bins, source: EventsSource) -> dt.date:
    """Where nothing is declared: the last record's day, or the end of its period where the extract is later."""
    end = bins.last_day(bins.ordinal(last))
    return end if source.extracted is not None and source.extracted >= end else last


def _earlier(day: dt.date, extracted: dt.date | None) -> dt.date:
    return day if extracted is None else min(day, extracted)


def _said(source: EventsSource, since: dt.date, until: dt.date) -> str:
    given = source.recording
    if given.path is not None:
        return say("by the table '{path}'", path=given.path)
    days = {"since": since.isoformat(), "until": until.isoformat()}
    known = [given.since is not None, given.until is not None]
    if all(known):
        return say("as declared: {since} to {until}", **days)
    if any(known):
        return say("partly as declared: {since} to {until}", **days)
    if given.otherwise == "first_and_last_record":
        return say("by the first and last record: {since} to {until}", **days)
    return say("by the first and last record of each unit: {since} to {until}", **days)
