"""Accounts of a reading: what was left out and why, refused where it is more than the study allows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from evalkit.data.events.bins import Bins
from evalkit.data.events.engine import Engine, name, text
from evalkit.data.events.expressions import all_of, clock, key
from evalkit.data.events.intake import Intake
from evalkit.data.events.measures import Compiled
from evalkit.data.events.recording import Recorded
from evalkit.data.events.records import Records, examples
from evalkit.data.events.relation import (
    AT,
    BIN,
    FILTERED,
    FUTURE,
    OK,
    RELATION,
    UNDATED,
    UNIT,
    UNMATCHED,
    UNREADABLE,
    USED,
    named,
    unmatched_query,
)  # fmt: skip
from evalkit.errors import DataError
from evalkit.study.events import EventsSource
from evalkit.vocabulary import BoolArray

LAGS: Final = (0, 1, 2, 3, 5, 7, 10, 14, 21, 30, 45, 60, 90, 120, 180, 270, 365)
"""Lower edges of the classes of reporting lag, in days."""
EARLY: Final = -1
"""Class of records that were entered before they happened."""
MOST_VALUES: Final = 12
"""Values of a category that are followed one by one; the rest are taken together."""
OTHER: Final = "all others"
MOST_UNITS: Final = 20_000
KEYS_SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class Reader:
    """An open source."""

    engine: Engine
    source: EventsSource
    records: Records
    measures: Sequence[Compiled]
    shown: str
    units: Sequence[str] | None
    bins: Bins


def counted(found: pd.DataFrame, status: int, column: str = "records") -> int:
    """Records of one status."""
    return int(found.loc[found["status"] == status, column].sum())


def refuse_over_limits(reader: Reader, found: pd.DataFrame) -> None:
    """Refuse a source of which more cannot be used than the study allows.

    Raises
    ------
    DataError
        With the share, the limit, and the first records by file and row.
    """
    source, limits = reader.source, reader.source.limits
    rows = int((found["records"] + found["copies"]).sum())
    if source.rows is not None and rows != source.rows:
        raise DataError(
            f"{reader.shown} has {rows} rows; the study declares {source.rows}.",
            next_step="A shorter file was probably cut off in transfer: fetch it again. If the data have changed, "
            "declare the new number as data.source.rows.",
        )
    judged = int(found["records"].sum()) - counted(found, FILTERED)
    if not counted(found, OK) and judged == 0:
        raise DataError(
            f"No record of {reader.shown} meets the conditions of data.source.where.",
            next_step="Look at the values of the columns that they name.",
        )
    when = clock(source.time, reader.records.columns, source.time_zone)
    let_through = all_of(source.where, reader.records.columns)
    unreadable = f"({let_through}) AND ({when.empty} OR ({when.local}) IS NULL)"
    share = counted(found, UNDATED) + counted(found, UNREADABLE)
    column = source.time.column
    _hold(reader, share, judged, limits.dates, f"no date that can be read in '{column}'", "dates", unreadable, column)
    late = f"({let_through}) AND ({when.local}) >= TIMESTAMP '{source.extracted} 00:00:00' + INTERVAL 1 DAY"
    future = counted(found, FUTURE)
    what = f"a date in '{column}' after the extraction on {source.extracted}"
    _hold(reader, future, judged, limits.future, what, "future", late, column)
    _hold_places(reader, counted(found, UNMATCHED), judged)
    for each in reader.measures:
        for account, (condition, shown_column) in each.examples.items():
            lasting = each.measure.kind == "duration"
            bad, usable = counted(found, OK, account), max(counted(found, OK), 1)
            limit = limits.durations if lasting else limits.numbers
            said = f"{_WRONG[account.rstrip('0123456789')]} in '{shown_column}'"
            kind = "durations" if lasting else "numbers"
            _hold(reader, bad, usable, limit, said, kind, f"({let_through}) AND ({condition})", shown_column)


_WRONG: Final[Mapping[str, str]] = {
    "bad": "no number",
    "unreadable": "an end that cannot be read",
    "negative": "an end before the start",
    "late": "an end after the extraction",
}


def _hold(
    reader: Reader, count: int, total: int, limit: float, what: str, kind: str, condition: str, column: str
) -> None:  # fmt: skip
    if count == 0 or count <= limit * total:
        return
    first = examples(reader.engine, reader.records, condition, column)
    raise DataError(
        f"{count} of {total} records of {reader.shown} have {what}: {first}.",
        allowed=f"{100 * limit:g} % of the records",
        next_step=_NEXT[kind],
    )


_NEXT: Final[Mapping[str, str]] = {
    "dates": "Declare how the dates are written (formats: '%d/%m/%Y'); where they are lost, raise "
    "data.source.limits.dates and say in the protocol why.",
    "future": "Correct data.source.extracted or the time zone; planned events need a condition that leaves them out. "
    "Otherwise raise data.source.limits.future.",
    "durations": "Check the columns and their time zones; otherwise raise data.source.limits.durations: these records "
    "are left out of the duration.",
    "numbers": "Remove thousands separators and notes, or lower the measure's decimals; otherwise raise "
    "data.source.limits.numbers: these records are left out of the measure.",
}


def _hold_places(reader: Reader, count: int, total: int) -> None:
    place = reader.source.place
    if count == 0 or count <= place.at_most_unmatched * total:
        return
    keys = "; ".join(f"'{each}' ({number} records)" for each, number in unmatched_keys(reader))
    table = place.table.path if place.table is not None else None
    where = f"has no unit in '{table}'" if table else "is empty or none of the listed units"
    raise DataError(
        f"{count} of {total} records of {reader.shown} cannot be placed: their '{place.column}' {where}, "
        f"most often {keys}.",
        allowed=f"{100 * place.at_most_unmatched:g} % of the records",
        next_step="Complete the table (compare how both write the key: leading zeros, spaces), or raise "
        "data.source.place.at_most_unmatched and say in the protocol which places are lost.",
    )


def unmatched_keys(reader: Reader) -> tuple[tuple[str, int], ...]:
    """Keys without a unit that come most often."""
    rows = reader.engine.rows(unmatched_query(reader.source, reader.records, KEYS_SHOWN))
    return tuple(("empty" if found is None else str(found)[:60], int(n)) for found, n in rows)


def intake_of(
    reader: Reader, found: pd.DataFrame, units: Sequence[str], covered: Recorded, inside: BoolArray,
    not_reached: Mapping[str, int],
    report: bool,
) -> Intake:  # fmt: skip
    """The accounts, and the tables by unit that the quality report follows."""
    cells = found[found["status"] == OK]
    used = int(cells.loc[inside, "records"].sum())
    unmatched = counted(found, UNMATCHED)
    lost = found.loc[found["status"] == UNMATCHED, ["bin", "records"]]
    accounts = {
        each.measure.name: {
            account.rstrip("0123456789"): counted(found, OK, account)
            for account in dict.fromkeys([*each.accounts, *each.examples])
        }
        for each in reader.measures
    }
    few = report and len(units) <= MOST_UNITS
    return Intake(
        source=reader.source,
        name=reader.shown,
        bins=reader.bins,
        first=covered.first,
        units=tuple(units),
        rows=int((found["records"] + found["copies"]).sum()),
        copies=None if reader.source.deduplicate is None else int(found["copies"].sum()),
        filtered=counted(found, FILTERED),
        undated=counted(found, UNDATED),
        unreadable=counted(found, UNREADABLE),
        future=counted(found, FUTURE),
        unmatched=unmatched,
        outside=counted(found, OK) - used,
        used=used,
        recorded=covered.cells,
        recorded_by=covered.said,
        accounts=accounts,
        not_reached=not_reached,
        unmatched_keys=unmatched_keys(reader) if unmatched else (),
        cells=_typed(cells.loc[inside, ["unit", "bin", "records"]]),
        unmatched_by_bin=_typed(lost.dropna()),
        first_record=cells["first"].min().date(),
        last_record=cells["last"].max().date(),
        lag=_lags(reader) if few else None,
        closings=_closings(reader) if few else None,
        composition={each: _composition(reader, each) for each in reader.source.categories} if few else {},
        too_many="" if len(units) <= MOST_UNITS else f"the records are of more than {MOST_UNITS} units",
        pages_without_checksum=reader.records.pages_without_checksum,
        cut_off=reader.records.cut_off,
    )


def _typed(table: pd.DataFrame) -> pd.DataFrame:
    whole = {column: np.int64 for column in ("bin", "records") if column in table}
    return table.astype(whole).reset_index(drop=True)


def _table(reader: Reader, columns: Mapping[str, str], condition: str) -> pd.DataFrame:
    """Counts of usable records by unit and some more."""
    listed = ", ".join(f"{sql} AS {column}" for column, sql in columns.items())
    query = (
        f"SELECT {UNIT} AS unit, {listed}, count(*) AS records FROM {RELATION} WHERE {USED} AND {condition} "
        f"GROUP BY ALL ORDER BY ALL"
    )
    found: dict[str, Any] = reader.engine.columns(query)
    return named(pd.DataFrame(found), reader.units)


def _lags(reader: Reader) -> pd.DataFrame | None:
    moment = reader.source.recorded
    if moment is None:
        return None
    entered = clock(moment, reader.records.columns, reader.source.time_zone)
    days = f"(CAST({entered.local} AS DATE) - CAST({AT} AS DATE))"
    classes = " ".join(f"WHEN {days} >= {edge} THEN {edge}" for edge in reversed(LAGS))
    lag = f"CASE {classes} ELSE {EARLY} END"
    return _typed(_table(reader, {"bin": BIN, "days": lag}, f"({entered.local}) IS NOT NULL"))


def _closings(reader: Reader) -> pd.DataFrame | None:
    measure = next((each for each in reader.source.measures if each.end is not None), None)
    if measure is None or measure.end is None:
        return None
    end = clock(measure.end, reader.records.columns, reader.source.time_zone)
    return _table(reader, {"day": f"CAST({end.local} AS DATE)"}, f"({end.local}) IS NOT NULL")


def _composition(reader: Reader, column: str) -> pd.DataFrame:
    cell = f"coalesce({key(column, reader.records.columns)}, '')"
    top = reader.engine.rows(
        f"SELECT {cell} AS v, count(*) AS n FROM {RELATION} WHERE {USED} GROUP BY 1 ORDER BY n DESC, v "
        f"LIMIT {MOST_VALUES}"
    )
    named = ", ".join(text(str(value)) for value, _ in top) or "''"
    value = f"CASE WHEN {cell} IN ({named}) THEN {cell} ELSE {text(OTHER)} END"
    return _typed(_table(reader, {"bin": BIN, name("value"): value}, "true"))
