"""From a source to the series of one indicator: one value a period, on a regular calendar, nothing filled in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from evalkit.data.calendar import Calendar
from evalkit.data.columns import read_numbers, require_columns
from evalkit.data.derive import derive
from evalkit.data.fingerprint import fingerprint
from evalkit.data.seasons import season_length, season_position
from evalkit.data.sources import describe, read
from evalkit.data.subgroup import in_subgroup
from evalkit.data.time_axis import read_time
from evalkit.errors import ConfigError, DataError, DesignRefused, quote_names
from evalkit.study.indicator import IndicatorSpec
from evalkit.vocabulary import BoolArray, FloatArray, IntArray

FEWEST_BASELINE: Final = 8
"""Periods below which a baseline gives no limits."""
WHOLE_SEASONS: Final = 2
MOST_AHEAD: Final = 240
"""Periods from the last one observed to the target beyond which nothing can be said."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """Observed periods first, then those up to the target.

    Attributes
    ----------
    calendar
        Ordinals to labels; ordinal 0 is the first observed period.
    observed
        Periods from the first to the last one observed.
    baseline
        (first, last) position of the baseline.
    target
        Position of the target's date.
    over
        Positions over which the target is judged end at `target` and are so many.
    season
        Length of the season; None for none.
    """

    calendar: Calendar
    observed: int
    baseline: tuple[int, int]
    target: int
    over: int
    season: int | None

    @property
    def total(self) -> int:
        """All periods: observed, and ahead as far as the target."""
        return max(self.observed, self.target + 1)

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels of all periods, as people write them."""
        return tuple(self.calendar.text(place) for place in range(self.total))

    @property
    def in_baseline(self) -> BoolArray:
        """(observed,) periods of the baseline."""
        place = np.arange(self.observed)
        return np.asarray((place >= self.baseline[0]) & (place <= self.baseline[1]))

    def position(self, periods: int) -> IntArray:
        """(periods,) place in the season; zeros without one."""
        if self.season is None:
            return np.zeros(periods, dtype=np.int64)
        places = np.arange(periods, dtype=np.int64)
        if season_length(self.calendar) == self.season:
            return season_position(self.calendar, places, self.season)
        return np.asarray(places % self.season)


@dataclass(frozen=True, slots=True)
class Series:
    """The values of one indicator.

    Attributes
    ----------
    timeline
        When.
    value
        (T,) over the observed periods, NaN where there are no data: the measurement, count per exposure, or share,
        before `per`.
    count, exposure
        (T,) of counts and shares; NaN and ones of measurements.
    people
        (T,) people behind each value, for the disclosure gate; None where it counts none.
    source
        In a few words.
    rows, data_sha
        How many were read, and their fingerprint; None where the source is restricted.
    """

    timeline: Timeline
    value: FloatArray
    count: FloatArray
    exposure: FloatArray
    people: FloatArray | None
    source: str
    rows: int
    data_sha: str | None


def read_series(spec: IndicatorSpec, data_root: Path) -> Series:
    """Read and check an indicator's data.

    Raises
    ------
    ConfigError
        Columns, periods of baseline or target that cannot be.
    DataError
        Cells that cannot be: several measurements of one period, shares above the whole, missing periods in the
        baseline, no denominator.
    """
    frame = _frame(spec, data_root)
    where = describe(spec.data.source)
    try:
        position, axis = read_time(frame, spec.data.period)
    except DesignRefused as error:
        raise DataError(f"{where}: {error.what}", next_step="An indicator needs a series of periods.") from None
    place = axis.time[position].astype(np.int64)
    length = int(axis.time[-1]) + 1
    value, count, exposure, people = _values(spec, frame, place, length, axis.calendar)
    timeline = _timeline(spec, axis.calendar, length)
    _refuse_gaps_in_baseline(spec, timeline, value)
    sha = None if spec.data.restricted else fingerprint(frame)
    return Series(timeline, value, count, exposure, people, where, len(frame), sha)


def _frame(spec: IndicatorSpec, data_root: Path) -> pd.DataFrame:
    data, measure = spec.data, spec.measure
    texts = [name for name, held in data.held.items() if isinstance(held[0] if isinstance(held, tuple) else held, str)]
    frame = derive(read(data.source, root=data_root, identifiers=texts), data.derive, "", data.period)
    named = {"period": data.period, "measure.column": measure.column, "measure.out_of": measure.out_of,
             "measure.people": measure.people}  # fmt: skip
    require_columns(frame, {role: name for role, name in named.items() if name is not None})
    return frame[in_subgroup(frame, data.held)].reset_index(drop=True) if data.held else frame


def _values(
    spec: IndicatorSpec, frame: pd.DataFrame, place: IntArray, length: int, calendar: Calendar
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray | None]:
    """Value, count, exposure and people by period."""
    measure = spec.measure
    number = read_numbers(frame, measure.column, "measure")
    rows = np.bincount(place, minlength=length)
    missing = np.full(length, np.nan)
    people = None
    if measure.people is not None:
        people = _added(read_numbers(frame, measure.people, "people"), place, length, rows)
    if measure.kind == "measurement":
        if (rows > 1).any():
            twice = calendar.text(int(np.flatnonzero(rows > 1)[0]))
            raise DataError(
                f"The period {twice} has {int(rows.max())} rows, and a measurement has one.",
                next_step="Hold the other columns at a value with data.where, or declare a count or share.",
            )
        value = missing.copy()
        value[place] = number
        if measure.scale == "log" and (value <= 0.0).any():
            raise DataError(
                f"'{measure.column}' is 0 or below in {calendar.text(int(np.flatnonzero(value <= 0.0)[0]))}.",
                next_step="Set measure.scale: identity.",
            )
        return value, missing, np.ones(length), people
    _refuse_non_counts(measure.column, number, place, calendar)
    count = _added(number, place, length, rows)
    exposure = np.ones(length)
    if measure.out_of is not None:
        exposure = _added(read_numbers(frame, measure.out_of, "out_of"), place, length, rows)
        exposure = np.where(np.isnan(count), np.nan, exposure)
        _refuse_empty(spec, count, exposure, calendar)
    return count / exposure, count, exposure, people


def _added(number: FloatArray, place: IntArray, length: int, rows: IntArray) -> FloatArray:
    """(T,) sums by period; a period with an empty cell, or without rows, is missing."""
    total = np.bincount(place, weights=np.nan_to_num(number), minlength=length)
    empty = np.bincount(place, weights=np.isnan(number), minlength=length) > 0
    return np.where((rows == 0) | empty, np.nan, total)


def _refuse_non_counts(column: str, number: FloatArray, place: IntArray, calendar: Calendar) -> None:
    odd = (number < 0.0) | (number != np.rint(number))
    odd &= ~np.isnan(number)
    if odd.any():
        row = int(np.flatnonzero(odd)[0])
        raise DataError(
            f"Column '{column}', {calendar.text(int(place[row]))}: {number[row]:g} is not a count.",
            allowed="0, 1, 2, ...",
            next_step="Declare measure.kind: measurement where the column holds rates.",
        )


def _refuse_empty(spec: IndicatorSpec, count: FloatArray, exposure: FloatArray, calendar: Calendar) -> None:
    out_of = spec.measure.out_of
    for wrong, why in (
        (~(exposure > 0.0) & ~np.isnan(count), "is not above 0"),
        ((exposure < count) & (spec.measure.kind == "share"), f"is less than '{spec.measure.column}'"),
    ):
        if wrong.any():
            when = calendar.text(int(np.flatnonzero(wrong)[0]))
            raise DataError(
                f"'{out_of}' {why} in {when}.", next_step="Look at that period, or leave it out of the data."
            )


def _timeline(spec: IndicatorSpec, calendar: Calendar, length: int) -> Timeline:
    """Where baseline and target lie; every way in which they cannot be is refused here."""
    first, last = (
        _place(calendar, label, f"baseline.{name}")
        for name, label in (("start", spec.baseline.start), ("end", spec.baseline.end))
    )
    target = _place(calendar, spec.target.date, "target.date")
    if last < first:
        raise ConfigError(
            f"baseline.end ({spec.baseline.end}) is before baseline.start ({spec.baseline.start}).",
            next_step="Swap them.",
        )
    if target <= last:
        raise ConfigError(
            f"target.date ({spec.target.date}) is not after the baseline, which ends in {spec.baseline.end}.",
            next_step="Set a later date, or end the baseline earlier.",
        )
    if first < 0 or last >= length:
        raise ConfigError(
            f"The baseline {spec.baseline.start} to {spec.baseline.end} is not within the data: "
            f"{calendar.text(0)} to {calendar.text(length - 1)}.",
            next_step="Set baseline.start and baseline.end to periods that the data have.",
        )
    if target - length + 1 > MOST_AHEAD:
        raise ConfigError(
            f"target.date ({spec.target.date}) is {target - length + 1} periods after the data end.",
            allowed=f"{MOST_AHEAD} or fewer",
        )
    season = _season(spec, calendar)
    over = spec.target.over or season or 1
    if target - over + 1 <= last:
        raise ConfigError(
            f"target.over: the {over} periods up to {spec.target.date} reach back into the baseline.",
            next_step="Set a later target.date or a smaller target.over.",
        )
    periods = last - first + 1
    least = max(FEWEST_BASELINE, WHOLE_SEASONS * season if season else 0)
    if periods < least:
        why = f"{WHOLE_SEASONS} whole seasons" if season else "limits cannot be told from fewer"
        raise ConfigError(
            f"The baseline has {periods} periods.", allowed=f"{least} or more: {why}", next_step="Start it earlier."
        )
    return Timeline(calendar, length, (first, last), target, over, season)


def _place(calendar: Calendar, label: str, key: str) -> int:
    try:
        return calendar.ordinal(label)
    except (ValueError, TypeError):
        raise ConfigError(
            f"{key} is '{label}', which is no period of the data, such as {calendar.text(0)}.",
            next_step='Write it as the data do; quote months and days, e.g. "2024-03".',
        ) from None


def _season(spec: IndicatorSpec, calendar: Calendar) -> int | None:
    if spec.season is False:
        return None
    if spec.season is True:
        found = season_length(calendar)
        if found is None:
            raise ConfigError(
                f"season is true, but periods of a {calendar.step_name} have no season that the calendar tells.",
                next_step="Set season: false, or give its length: season: 52.",
            )
        return found
    return int(spec.season)


def _refuse_gaps_in_baseline(spec: IndicatorSpec, timeline: Timeline, value: FloatArray) -> None:
    gaps = np.flatnonzero(np.isnan(value) & timeline.in_baseline)
    if len(gaps):
        named = quote_names([timeline.calendar.text(int(place)) for place in gaps])
        raise DataError(
            f"Periods of the baseline have no '{spec.measure.column}': {named}.",
            next_step="Add them, or set baseline.start and baseline.end around them: nothing is filled in.",
        )
    if np.ptp(value[timeline.in_baseline]) == 0.0:
        raise DataError(
            f"'{spec.measure.column}' is the same in every period of the baseline: there are no limits.",
            next_step="Look at the column, or choose another baseline.",
        )
