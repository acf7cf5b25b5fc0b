"""Cohorts: a column with the first treated period, its never-treated coding found and stated."""

from __future__ import annotations

import datetime as dt
import decimal
import math
import re
from collections import Counter
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from evalkit.data.columns import ROWS_SHOWN, codes_in_range, factorize, name_rows
from evalkit.data.time_axis import DECIMAL_SLACK, TimeAxis
from evalkit.data.wide import Grid
from evalkit.errors import DataError
from evalkit.language import say, say_count
from evalkit.language.nouns import quoted
from evalkit.vocabulary import NEVER, BoolArray, IntArray, Remark

Coding = Literal["zero", "missing", "infinite", "empty text", "declared"]
_NUMBERS = (int, float, decimal.Decimal, np.integer, np.floating)
_WHOLE_NUMBER = re.compile(r"[+-]?\d+")
_WIDEST_TABLE = 1_000_000


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rows that hold one level: named only when a message needs them. `each` rows share an entry of `level`."""

    index: pd.Index[Any]
    level: npt.NDArray[np.intp]
    code: int
    each: int = 1

    def named(self) -> str:
        return name_rows(self.index, np.repeat(self.level == self.code, self.each))


@dataclass(frozen=True, slots=True)
class Level:
    """One distinct value of the cohort column, understood.

    Attributes
    ----------
    ordinal
        First treated period; ``NEVER`` for never-treated.
    coding
        How never-treated was written; None for a cohort.
    moved_from
        The value as written, where it is no observed period; None where it is.
    from_text
        Whether a whole number was written as text.
    """

    ordinal: int
    coding: Coding | None = None
    moved_from: str | None = None
    from_text: bool = False


def read_cohorts(
    df: pd.DataFrame,
    name: str,
    grid: Grid,
    units: pd.Index[Any],
    axis: TimeAxis,
    never: object,
) -> tuple[IntArray, list[Remark]]:
    """First treated period of each unit.

    Never-treated may be written 0 (where 0 lies before the first period), as a missing value, as infinity
    or as empty text; or as `never` says, and then in no other way.

    Returns
    -------
    first_treated, remarks
        (N,) ordinals, ``NEVER`` for never-treated; what was found.

    Raises
    ------
    DataError
        A cohort that varies within a unit, or is no period; never-treated codes that contradict `never`.
    """
    constant = grid.one_a_unit(df[name])
    level, values = _levels(df[name] if constant is None else constant)
    unit_level, varies = (level, None) if constant is not None else grid.by_unit(level)
    if varies is not None and not varies.any():
        varies = None
    used = np.flatnonzero(np.bincount(unit_level if varies is None else level))
    each = 1 if constant is None else grid.shape[1]
    known = {
        code: _understand(values[code], name, axis, never, _Rows(df.index, level, code, each)) for code in used.tolist()
    }
    ordinals = np.full(len(values), NEVER, dtype=np.int64)
    for code, found in known.items():
        ordinals[code] = found.ordinal
    first_treated = ordinals[unit_level]
    if varies is not None:
        codes = grid.codes
        differs = first_treated[codes] != ordinals[level]
        if differs.any():
            raise _varies(df, name, codes, units, level, values, differs)
    return first_treated, _remarks(name, axis, unit_level, known, never)


def _levels(column: pd.Series[Any]) -> tuple[npt.NDArray[np.intp], list[object]]:
    """Code of each row's value, and the distinct values; a missing value is the last one, None."""
    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "iu":
        found = codes_in_range(column.to_numpy(), _WIDEST_TABLE)
        if found is not None:
            return found[0], found[1].tolist()
    codes, distinct = factorize(column, str(column.name), "cohort")
    levels: list[object] = [*distinct, None]
    codes[codes < 0] = len(levels) - 1
    return codes, levels


def _understand(value: object, column: str, axis: TimeAxis, never: object, rows: _Rows) -> Level:
    """Read one distinct value as a first treated period or a code for never-treated."""
    coding = _coding(value, axis)
    if never is not None:
        if _same(value, never):
            return Level(NEVER, "declared")
        if coding is not None:
            raise DataError(
                f"The cohort column '{column}' is {_written(value)} in {rows.named()}, but 'never' declares "
                f"{never!r} as the code for never-treated.",
                allowed=f"a period, or {never!r}",
                next_step=f"Write {never!r} here if these units are never treated, else their first treated period.",
            )
    if coding is not None:
        return Level(NEVER, coding)
    moment, from_text = _moment(value, column, axis, rows)
    negative_code = moment < 0 <= axis.moments[0] and axis.calendar.kind in ("integer", "decimal")
    if negative_code:
        raise DataError(
            f"The cohort column '{column}' is {value!r} in {rows.named()}, which is no plausible period.",
            allowed="a period, or a code for never-treated: 0, empty, infinite",
            next_step=f"If it means never-treated, declare it: never={value!r}.",
        )
    ordinal, exact = _first_period_from(moment, axis)
    return Level(ordinal, None, None if exact else _written(value), from_text)


def _coding(value: object, axis: TimeAxis) -> Coding | None:
    """The usual codes for never-treated. 0 is one only where periods start after 0."""
    if value is None or value is pd.NaT or value is pd.NA:
        return "missing"
    if isinstance(value, str):
        return "empty text" if not value.strip() else None
    if isinstance(value, _NUMBERS) and not isinstance(value, bool | np.bool_):
        number = float(value)  # no NaN: the distinct values hold None for what is missing
        if math.isinf(number):
            return "infinite"
        dated = axis.calendar.kind in ("date", "period")
        if number == 0 and (dated or axis.moments[0] > 0):
            return "zero"
    return None


def _same(value: object, never: object) -> bool:
    """Whether a value is the declared code, 9999 and 9999.0 being the same."""
    if isinstance(value, pd.Timestamp | dt.date) and isinstance(never, str):
        return str(value).removesuffix(" 00:00:00") == never
    if isinstance(value, str) or isinstance(never, str):
        return str(value).strip() == str(never).strip() if value is not None else False
    return bool(value == never) or (value is None and isinstance(never, float) and math.isnan(never))


def _moment(value: object, column: str, axis: TimeAxis, rows: _Rows) -> tuple[float, bool]:
    """A value on the scale of the axis' moments, and whether it was a whole number written as text."""
    calendar = axis.calendar
    if calendar.kind in ("integer", "decimal"):
        if isinstance(value, str) and calendar.kind == "integer" and _WHOLE_NUMBER.fullmatch(value.strip()):
            return float(int(value)), True
        if isinstance(value, _NUMBERS) and not isinstance(value, bool | np.bool_):
            count = float(value) * calendar.denominator
            near = round(count)
            return (float(near) if abs(count - near) <= _slack(axis) else count), False
    elif calendar.kind == "period":
        if isinstance(value, pd.Period) and value.freqstr == calendar.frequency:
            return float(value.ordinal), False
        if isinstance(value, pd.Timestamp | dt.date):
            return float(pd.Period(pd.Timestamp(value), freq=calendar.frequency).ordinal), False
    elif isinstance(value, pd.Timestamp | dt.date | pd.Period):
        moment = value.start_time if isinstance(value, pd.Period) else pd.Timestamp(value)
        return float(moment.tz_localize(None).as_unit("ns").value), False
    raise _no_period(value, column, axis, rows)


def _slack(axis: TimeAxis) -> float:
    return DECIMAL_SLACK if axis.calendar.kind == "decimal" else 0.0


def _no_period(value: object, column: str, axis: TimeAxis, rows: _Rows) -> DataError:
    if isinstance(value, bool | np.bool_):
        return DataError(
            f"The cohort column '{column}' holds true/false, not first treated periods.",
            next_step=f"Name it as treated={column!r} instead of cohort={column!r}.",
        )
    first, second = axis.calendar.text(0), axis.calendar.text(int(axis.time[1]))
    return DataError(
        f"The cohort column '{column}' is {value!r} ({type(value).__name__}) in {rows.named()}: "
        f"no period of the data, which run {first}, {second}, ...",
        allowed="a period of the same kind as the period column; for never-treated 0, empty, infinite, or `never`",
        next_step="Write the first treated period as the period column writes it, or declare the code with never=.",
    )


def _first_period_from(moment: float, axis: TimeAxis) -> tuple[int, bool]:
    """Ordinal of the first observed period at or after a moment, and whether it is that very period.

    Outside the window the calendar is continued, so that the label stays the true one where it can.
    """
    place = int(np.searchsorted(axis.moments, moment, side="left"))
    if place < len(axis.moments) and (place > 0 or axis.moments[0] == moment):
        return int(axis.time[place]), bool(axis.moments[place] == moment)
    calendar = axis.calendar
    count = moment
    if calendar.kind == "date":
        count = float(pd.Timestamp(int(moment)).to_period(calendar.frequency).ordinal)
    steps = (count - calendar.origin) / calendar.step
    if place == 0:
        return min(math.floor(steps), -1), True
    return max(math.ceil(steps), int(axis.time[-1]) + 1), True


def _written(value: object) -> str:
    if value is None or value is pd.NaT:
        return "empty"
    if isinstance(value, pd.Timestamp):
        return value.date().isoformat()
    return f"{value:g}" if isinstance(value, float) else repr(value) if isinstance(value, str) else str(value)


def _varies(
    df: pd.DataFrame,
    name: str,
    codes: npt.NDArray[np.intp],
    units: pd.Index[Any],
    row_level: npt.NDArray[np.intp],
    values: list[object],
    differs: BoolArray,
) -> DataError:
    """Name units whose rows disagree on the cohort, with the values found."""
    who = np.unique(codes[differs])
    shown = []
    for unit in who[:ROWS_SHOWN]:
        found = [_written(values[level]) for level in pd.unique(row_level[codes == unit])]
        shown.append(f"'{units[unit]}' ({', '.join(found[:3])})")
    more = f" and {len(who) - len(shown)} more" if len(who) > len(shown) else ""
    return DataError(
        f"The cohort '{name}' varies within {len(who)} unit{'s' if len(who) > 1 else ''}: {', '.join(shown)}{more}; "
        f"first in {name_rows(df.index, differs)}.",
        allowed="one first treated period a unit, in all its rows",
        next_step="Correct these rows; if the column says whether the unit is treated now, name it as treated=.",
    )


def _remarks(
    name: str, axis: TimeAxis, unit_level: npt.NDArray[np.intp], known: dict[int, Level], never: object
) -> list[Remark]:
    """State the never-treated coding found, and cohorts moved to a later observed period."""
    units_at = np.bincount(unit_level, minlength=max(known) + 1)
    coded: Counter[Coding] = Counter()
    moved: dict[str, tuple[int, int]] = {}
    parsed = 0
    for code, level in known.items():
        count = int(units_at[code])
        if level.coding is not None:
            coded[level.coding] += count
        if level.moved_from is not None:
            moved[level.moved_from] = (level.ordinal, count)
        parsed += count if level.from_text else 0
    remarks = [_coding_remark(name, coded, never)]
    if axis.moments[0] <= 0 <= axis.moments[-1] and axis.calendar.kind == "integer":
        remarks.append(
            Remark(
                "cohort_zero_is_a_period",
                say("0 in '{name}' was read as the period 0, which the data contain.", name=name),
            )
        )
    if moved:
        listed = [f"{value} to {axis.calendar.text(ordinal)}" for value, (ordinal, _) in list(moved.items())[:6]]
        total = sum(count for _, count in moved.values())
        remarks.append(
            Remark(
                "cohort_off_grid",
                say_count(
                    "{count} unit adopted between observed periods; the first treated period was moved to the next "
                    "observed one ({listed}).",
                    "{count} units adopted between observed periods; the first treated period was moved to the next "
                    "observed one ({listed}).",
                    total,
                    listed=quoted(listed),
                ),
                treated=total,
            )
        )
    if parsed:
        remarks.append(
            Remark(
                "cohort_text_parsed",
                say(
                    "'{name}' is text; its whole numbers were read as periods ({parsed} units).",
                    name=name,
                    parsed=parsed,
                ),
            )
        )
    return remarks


def _coding_remark(name: str, coded: Counter[Coding], never: object) -> Remark:
    total = sum(coded.values())
    if not coded:
        text = say("'{name}' marks no unit as never-treated.", name=name)
    elif len(coded) == 1:
        coding = next(iter(coded))
        how = say("{value!r} (declared)", value=never) if coding == "declared" else coding
        text = say(
            "{total} never-treated units; '{name}' writes never-treated as {how}.", total=total, name=name, how=how
        )
    else:
        parts = ", ".join(f"{coding} ({count} units)" for coding, count in coded.most_common())
        text = say(
            "'{name}' writes never-treated in more than one way: {parts}. All {total} units were taken as never "
            "treated; check that none of them means an unknown date.",
            name=name,
            parts=parts,
            total=total,
        )
        return Remark("never_coding_mixed", text, comparison=total)
    return Remark("never_coding", text, comparison=total)
