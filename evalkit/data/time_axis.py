"""The time axis: a period column of any accepted kind, turned into ordinals on a regular calendar.

Accepted: integers (and floats that are whole), decimal years (1999.25), dates, pandas periods.
Text is refused, ISO dates included: a text column says neither its format nor its frequency. A study that
reads a file or a query declares the column's type as ``date`` instead, and it is parsed when it is read.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from evalkit.data.calendar import Calendar
from evalkit.data.columns import codes_in_range, is_text, name_rows, read_numbers, refuse_missing
from evalkit.data.frequency import Regular, regular_dates
from evalkit.errors import DataError, DesignRefused, Reason, quote_names
from evalkit.language import say, say_count
from evalkit.language.nouns import quoted, step_of
from evalkit.vocabulary import BoolArray, FloatArray, IntArray, Remark

_DENOMINATORS = (1, 2, 4, 12)
DECIMAL_SLACK = 0.05
"""Distance from a whole number of sub-periods that rounding of a decimal year (1999.08) may cause."""
_WIDEST_TABLE = 1_000_000


@dataclass(frozen=True, slots=True)
class TimeAxis:
    """Where each row lies in time.

    Attributes
    ----------
    calendar
        Ordinals to labels.
    time
        (T,) ordinals of the periods that occur, increasing, from 0.
    moments
        (T,) the same periods in the data's own count: the integer, sub-periods of the decimal,
        nanoseconds of the date, ordinal of the pandas period. Adoption is compared on this scale.
    remarks
        Spacing, gaps, and how dates were read.
    """

    calendar: Calendar
    time: IntArray
    moments: FloatArray
    remarks: tuple[Remark, ...] = ()

    def keep(self, kept: BoolArray) -> TimeAxis:
        """Axis of the kept periods, its first one at ordinal 0 again."""
        time = self.time[kept]
        calendar = self.calendar
        moved = Calendar(
            kind=calendar.kind,
            origin=calendar.origin + calendar.step * int(time[0]),
            step=calendar.step,
            frequency=calendar.frequency,
            denominator=calendar.denominator,
            anchor=calendar.anchor,
            offset_days=calendar.offset_days,
        )
        return TimeAxis(moved, time - time[0], self.moments[kept], self.remarks)


def read_time(df: pd.DataFrame, name: str) -> tuple[npt.NDArray[np.intp], TimeAxis]:
    """Position of each row on the axis of observed periods, and that axis.

    Returns
    -------
    position, axis
        (n,) position 0..T-1 of each row's period among the T observed ones; the axis.

    Raises
    ------
    DataError
        Empty cells, text, numbers that are no regular calendar, timestamps within a day.
    DesignRefused
        Fewer than two periods.
    """
    refuse_missing(df, name, "period")
    values = df[name]
    if values.dtype == object:
        values = _infer_objects(values, name)
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(values.dtype.categories.dtype)
    if isinstance(values.dtype, pd.PeriodDtype):
        position, axis = _from_periods(values)
    elif pd.api.types.is_datetime64_any_dtype(values.dtype):
        position, axis = _from_dates(values, name)
    elif pd.api.types.is_numeric_dtype(values.dtype) and not pd.api.types.is_bool_dtype(values.dtype):
        position, axis = _from_numbers(df.assign(**{name: values}) if values is not df[name] else df, name)
    else:
        raise _not_a_period(values, name)
    if len(axis.time) < 2:
        raise DesignRefused(
            Reason("The data have one period only: {name} = {period}.", name=name, period=axis.calendar.text(0)),
            allowed="at least one period before and one after treatment",
            next_step="Add periods, or look at the filter that made the data.",
        )
    return position, _with_remarks(axis)


def _infer_objects(values: pd.Series[Any], name: str) -> pd.Series[Any]:
    """Give an object column of one kind (dates, periods, integers) its own type."""
    first = values.iloc[0]
    kinds: tuple[type, ...] = (str,)
    for candidate in ((pd.Period,), (dt.date, np.datetime64), (int, np.integer)):
        if isinstance(first, candidate) and not isinstance(first, bool):
            kinds = candidate
    odd = np.array([not isinstance(value, kinds) for value in values])
    if odd.any():
        raise DataError(
            f"The period column '{name}' mixes types: {first!r} in row 0 and {values[odd].iloc[0]!r} in "
            f"{name_rows(values.index, odd)}.",
            next_step="Make all periods one type before analysis.",
        )
    if kinds == (pd.Period,):
        return pd.Series(pd.PeriodIndex(values), index=values.index)
    if kinds == (str,):
        raise _not_a_period(values, name)
    return pd.to_datetime(values) if kinds[0] is dt.date else values.astype(np.int64)


def _not_a_period(values: pd.Series[Any], name: str) -> DataError:
    text = is_text(values) or values.dtype == object
    return DataError(
        f"The period column '{name}' holds {'text' if text else values.dtype}: {values.iloc[0]!r} in row 0.",
        allowed="integers (2004), decimal years (2004.25), dates (datetime64), pandas periods",
        next_step=f"In a study, declare it: data.source.columns: [{{name: {name}, type: date}}] reads YYYY-MM-DD. "
        f"In Python, parse it first: df[{name!r}] = pandas.to_datetime(df[{name!r}], format=...) or .astype(int).",
    )


def _from_numbers(df: pd.DataFrame, name: str) -> tuple[npt.NDArray[np.intp], TimeAxis]:
    """Integers and decimal years."""
    values = df[name]
    if isinstance(values.dtype, np.dtype) and values.dtype.kind in "iu":
        position, distinct = _distinct(values.to_numpy())
        denominator = 1
    else:
        numbers = read_numbers(df, name, "period")
        position, raw = _distinct(numbers)
        denominator = _denominator(raw, name)
        distinct = np.rint(raw * denominator).astype(np.int64)
        if (np.diff(distinct) == 0).any():
            raise _no_calendar(raw, name)
    counts = distinct.astype(np.int64)
    _refuse_packed_dates(counts, name)
    kind = "integer" if denominator == 1 else "decimal"
    step = _step(counts)
    calendar = Calendar(kind=kind, origin=int(counts[0]), step=step, denominator=denominator)  # type: ignore[arg-type]
    return position, TimeAxis(calendar, (counts - counts[0]) // step, counts.astype(np.float64))


def _denominator(raw: FloatArray, name: str) -> int:
    """Sub-periods a year: the smallest of 1, 2, 4, 12 that all decimals are multiples of."""
    for denominator in _DENOMINATORS:
        slack = 1e-9 * np.abs(raw).max() if denominator == 1 else DECIMAL_SLACK
        if (np.abs(raw * denominator - np.rint(raw * denominator)) <= slack).all():
            return denominator
    raise _no_calendar(raw, name)


def _no_calendar(raw: FloatArray, name: str) -> DataError:
    return DataError(
        f"The period column '{name}' has decimals that are no halves, quarters or twelfths of a year: "
        f"{quote_names(raw[raw != np.rint(raw)], limit=4)}.",
        allowed="2004, 2004.5, 2004.25, 2004.0833",
        next_step="Write quarters as year + (quarter - 1) / 4, or use pandas periods.",
    )


def _refuse_packed_dates(counts: IntArray, name: str) -> None:
    """Refuse 200412, 200501 (year and month in one number): December and January would be 89 apart."""
    for digits, unit, convert in ((100, "YYYYMM", "%Y%m"), (10_000, "YYYYMMDD", "%Y%m%d")):
        low, high = 1000 * digits, 10_000 * digits
        month = counts // (digits // 100) % 100
        packed = ((counts >= low) & (counts < high) & (month >= 1) & (month <= 12)).all()
        if packed and counts[0] // digits != counts[-1] // digits:
            raise DataError(
                f"The period column '{name}' looks like {unit}: {counts[0]}, ..., {counts[-1]}.",
                allowed="numbers whose differences are lengths of time",
                next_step=f"Parse it first: pandas.to_datetime(df[{name!r}].astype(str), format={convert!r}).",
            )


def _from_periods(values: pd.Series[Any]) -> tuple[npt.NDArray[np.intp], TimeAxis]:
    """Periods of pandas: already on a calendar."""
    base = values.dtype.freq.base  # type: ignore[union-attr]
    position, counts = _distinct(pd.PeriodIndex(values).asi8)
    step = _step(counts)
    frequency = str(pd.PeriodDtype(base)).removeprefix("period[").removesuffix("]")
    calendar = Calendar(kind="period", origin=int(counts[0]), step=step, frequency=frequency)
    return position, TimeAxis(calendar, (counts - counts[0]) // step, counts.astype(np.float64))


def _from_dates(values: pd.Series[Any], name: str) -> tuple[npt.NDArray[np.intp], TimeAxis]:
    """Dates: the frequency is read off the distinct dates."""
    remarks: list[Remark] = []
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        remarks.append(
            Remark(
                "time_zone_dropped",
                say("Dates in '{name}' are read as local time in {tz}.", name=name, tz=values.dtype.tz),
            )
        )
        values = values.dt.tz_localize(None)
    position, nanoseconds = _distinct(values.to_numpy().astype("datetime64[ns]").view(np.int64))
    dates = pd.DatetimeIndex(nanoseconds.view("datetime64[ns]"))
    if not (dates == dates.normalize()).all():
        timed = dates[dates != dates.normalize()][0]
        raise DataError(
            f"The period column '{name}' has times within a day: {timed}.",
            allowed="dates; a day is the shortest period",
            next_step=f"Aggregate to days with df[{name!r}].dt.normalize(), or number the periods 1, 2, 3, ...",
        )
    regular: Regular = regular_dates(dates)
    step = _step(regular.counts)
    calendar = Calendar(
        kind="date",
        origin=int(regular.counts[0]),
        step=step,
        frequency=regular.frequency,
        anchor=regular.anchor,
        offset_days=regular.offset_days,
    )
    if not regular.aligned:
        remarks.append(
            Remark(
                "dates_not_aligned",
                say(
                    "Dates in '{name}' fall on different days; each was taken as its {split} ({dates} as {text}).",
                    name=name,
                    split=calendar.step_name.split()[-1],
                    dates=dates[0].date(),
                    text=calendar.text(0),
                ),
            )
        )
    time = (regular.counts - regular.counts[0]) // step
    return position, TimeAxis(calendar, time, nanoseconds.astype(np.float64), tuple(remarks))


def _distinct(values: npt.NDArray[Any]) -> tuple[npt.NDArray[np.intp], npt.NDArray[Any]]:
    """Positions among the distinct values, and those, increasing."""
    if values.dtype.kind in "iu":
        found = codes_in_range(values, _WIDEST_TABLE)
        if found is not None:
            return found
    codes, distinct = pd.factorize(values)
    order = np.argsort(distinct)
    rank = np.empty(len(order), dtype=np.intp)
    rank[order] = np.arange(len(order))
    return rank[codes], distinct[order]


def _step(counts: IntArray) -> int:
    """Greatest common divisor of the distances between periods."""
    return int(np.gcd.reduce(np.diff(counts))) if len(counts) > 1 else 1


def _with_remarks(axis: TimeAxis) -> TimeAxis:
    """Report a spacing other than 1, and periods that are missing for every unit."""
    remarks = list(axis.remarks)
    calendar, time = axis.calendar, axis.time
    if calendar.step != 1:
        remarks.append(
            Remark(
                "period_step",
                say(
                    "Periods are {step} apart ({first}, {second}, ...); event times count steps of {step}.",
                    step=step_of(calendar.step_name),
                    first=calendar.text(0),
                    second=calendar.text(1),
                ),
            )
        )
    gaps = np.setdiff1d(np.arange(time[-1] + 1), time)
    if len(gaps):
        listed = quoted([calendar.text(int(gap)) for gap in gaps[:6]]) if len(gaps) <= 6 else None
        named = listed or say("{low} to {high}", low=calendar.text(int(gaps[0])), high=calendar.text(int(gaps[-1])))
        remarks.append(
            Remark(
                "periods_missing_for_all_units",
                say_count(
                    "{count} period between {first} and {last} has no data for any unit: {named}.",
                    "{count} periods between {first} and {last} have no data for any unit: {named}.",
                    len(gaps),
                    first=calendar.text(0),
                    last=calendar.text(int(time[-1])),
                    named=named,
                ),
            )
        )
    return TimeAxis(calendar, time, axis.moments, tuple(remarks))
