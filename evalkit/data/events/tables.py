"""The small tables beside the records: places, units, starts, recording. Read like any file of a study."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from evalkit.data.columns import name_rows, require_columns
from evalkit.data.events.bins import Bins
from evalkit.data.files import read_file
from evalkit.errors import ConfigError, DataError, closest, quote_names
from evalkit.study.events import EventsSource
from evalkit.study.spec import ColumnSchema, FileSource


@dataclass(frozen=True, slots=True)
class Tables:
    """What the tables beside the records say.

    Attributes
    ----------
    units_of
        Key of the records to unit; None where the key is the unit and any unit goes.
    units
        All units, where a table lists them.
    columns
        Unit to each carried column, in the order of `units`.
    starts
        Unit to the day on which it was treated.
    recorded
        Unit to the days from and to which its recording was on; None where the table does not say.
    """

    units_of: Mapping[str, str] | None
    units: tuple[str, ...] | None
    columns: pd.DataFrame | None
    starts: Mapping[str, dt.date]
    recorded: Mapping[str, tuple[dt.date | None, dt.date | None]]


def read_tables(source: EventsSource, root: Path) -> Tables:
    """Read the tables that a source names.

    Raises
    ------
    ConfigError
        A column that a table lacks.
    DataError
        A key or unit that a table lists twice, and tables that do not fit each other.
    """
    listed = source.units
    columns = None if listed is None else _read(root, listed.path, listed.unit, listed.columns)
    units = None if columns is None or listed is None else tuple(columns[listed.unit])
    place = source.place.table
    units_of: Mapping[str, str] | None = None
    if place is not None:
        table = _read(root, place.path, place.key, (place.unit,), texts=(place.unit,))
        units_of = dict(zip(table[place.key], table[place.unit], strict=True))
        if units is None:
            units = tuple(sorted(set(units_of.values())))
        _require_known(set(units_of.values()), units, f"'{place.path}' puts records into", str(listed and listed.path))
    elif units is not None:
        units_of = {unit: unit for unit in units}
    return Tables(units_of, units, columns, _starts(source, root), _recorded(source, root))


def _read(
    root: Path, path: str, key: str, columns: Sequence[str], *, texts: Sequence[str] = (), dates: Sequence[str] = ()
) -> pd.DataFrame:
    """Columns of a small table, the key as text and each key once."""
    declared = tuple(ColumnSchema(name=each, type="date", nullable=True) for each in dates)
    kept = [key, *columns]
    frame = read_file(FileSource(kind="file", path=path, columns=declared), root, [key, *texts])
    try:
        require_columns(frame, {f"table's {place}": each for place, each in enumerate(kept)})
    except ConfigError as error:
        raise ConfigError(f"In '{path}': {error.what}", allowed=error.allowed, next_step=error.next_step) from None
    frame = frame[kept].copy()
    for column in (key, *texts):
        values = frame[column]
        missing = values.isna().to_numpy() | (values.astype(str).str.strip() == "").to_numpy()
        if missing.any():
            raise DataError(f"The column '{column}' of '{path}' is empty in {name_rows(frame.index, missing)}.")
        frame[column] = [_as_text(each) for each in values]
    twice = frame[key].duplicated(keep=False).to_numpy()
    if twice.any():
        raise DataError(
            f"The table '{path}' lists '{frame.loc[twice, key].iloc[0]}' more than once: "
            f"{name_rows(frame.index, twice)}.",
            allowed=f"each {key} once",
            next_step="Decide which row holds; a place in two units would count its records twice.",
        )
    return frame


def _as_text(value: Any) -> str:
    """A key as the records' keys are written: 101.0 is '101'."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _require_known(found: set[str], units: Sequence[str], said: str, table: str) -> None:
    unknown = sorted(found - set(units))
    if unknown:
        near = closest(unknown[0], units)
        raise DataError(
            f"{said} '{unknown[0]}', which is not among the units of '{table}'.",
            allowed=quote_names(units, limit=20),
            next_step=f"Did you mean '{near}'?" if near else "Add it there, or correct its spelling.",
        )


def _starts(source: EventsSource, root: Path) -> dict[str, dt.date]:
    given = source.treatment
    if given is None:
        return {}
    if given.path is None or given.unit is None or given.start is None:
        return dict(given.starts)
    table = _read(root, given.path, given.unit, (given.start,), dates=(given.start,))
    pairs = zip(table[given.unit], table[given.start], strict=True)
    return {unit: day for unit, value in pairs if (day := _day(value)) is not None}


def _recorded(source: EventsSource, root: Path) -> dict[str, tuple[dt.date | None, dt.date | None]]:
    given = source.recording
    if given.path is None or given.unit is None:
        return {}
    dates = [each for each in (given.since_column, given.until_column) if each is not None]
    table = _read(root, given.path, given.unit, dates, dates=dates)

    def days(column: str | None) -> list[dt.date | None]:
        return [None] * len(table) if column is None else [_day(value) for value in table[column]]

    return dict(zip(table[given.unit], zip(days(given.since_column), days(given.until_column), strict=True),
                    strict=True))  # fmt: skip


def _day(value: Any) -> dt.date | None:
    return None if pd.isna(value) else pd.Timestamp(value).date()


def cohorts(source: EventsSource, starts: Mapping[str, dt.date], units: Sequence[str], bins: Bins) -> pd.Series[Any]:
    """(N,) first treated period of each unit; missing where it has no start.

    Raises
    ------
    ConfigError
        A start for a unit that has no record and is in no table.
    """
    unknown = sorted(set(starts) - set(units))
    if unknown:
        near = closest(unknown[0], list(units))
        raise ConfigError(
            f"data.source.treatment gives a start for '{unknown[0]}', which is none of the units.",
            allowed=quote_names(units, limit=20),
            next_step=f"Did you mean '{near}'?" if near else "Write the unit as the records or their table do.",
        )
    full = source.treatment is not None and source.treatment.counts_from == "first_full_period"
    found = [pd.NaT if (day := starts.get(unit)) is None else bins.period(_first(day, bins, full)) for unit in units]
    return pd.Series(found, dtype=f"period[{bins.frequency}]")


def _first(day: dt.date, bins: Bins, full: bool) -> int:
    ordinal = bins.ordinal(day)
    return ordinal + 1 if full and bins.first_day(ordinal) < day else ordinal
