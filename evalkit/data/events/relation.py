"""The records with what the panel needs of each: usable or why not, its unit and its period."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import pandas as pd

from evalkit.data.events.bins import Bins
from evalkit.data.events.engine import Engine, name
from evalkit.data.events.expressions import all_of, clock, key
from evalkit.data.events.records import Records, used
from evalkit.study.events import Deduplicate, EventsSource

OK, UNDATED, UNREADABLE, FUTURE, UNMATCHED, FILTERED = range(6)
"""What became of a record: the first of these that applies, filters before all others."""
UNIT, BIN, STATUS, AT, PLACE, COPIES = ("_ek_unit", "_ek_bin", "_ek_status", "_ek_at", "_ek_place", "_ek_copies")
USED: Final = f"{STATUS} = {OK}"
GEOGRAPHY: Final = "_ek_geography"
RELATION: Final = "_ek_records"


def place_records(
    engine: Engine,
    source: EventsSource,
    records: Records,
    bins: Bins,
    units_of: Mapping[str, str] | None,
    columns: Mapping[str, str],
) -> tuple[str, ...] | None:
    """Define the relation that every later query reads.

    Parameters
    ----------
    engine
        Open.
    source, records
        As declared, as found.
    bins
        The panel's calendar.
    units_of
        Key to unit; None where the key is the unit.
    columns
        Further columns that are worked out once for each record, with their SQL.

    Returns
    -------
    tuple of str, or None
        The units, whose places in it are what the relation's unit says; None where it holds the unit itself.
    """
    units = None if units_of is None else _tabulate(engine, units_of)
    rule = source.deduplicate
    rows = _plain(records, source) if rule is None else _distinct(engine, source, rule, records)
    when = clock(source.time, records.columns, source.time_zone)
    place = key(source.place.column, records.columns)
    if source.place.table is None and records.columns[source.place.column] == "text":
        place = f"nullif(trim({place}), '')"
    unit, joined = PLACE, ""
    if units_of is not None:
        unit, joined = "g.unit", f"LEFT JOIN {GEOGRAPHY} g ON r.{PLACE} = g.key"
    late = "false"
    if source.extracted is not None:
        late = f"{AT} >= TIMESTAMP '{source.extracted} 00:00:00' + INTERVAL 1 DAY"
    extra = "".join(f", {sql} AS {column}" for column, sql in columns.items())
    engine.run(
        f"""
        CREATE TEMP VIEW {RELATION} AS
        WITH seen AS (SELECT *, {when.local} AS {AT}, {place} AS {PLACE}{extra} FROM ({rows})),
        matched AS (SELECT r.*, {unit} AS {UNIT} FROM seen r {joined})
        SELECT *, {bins.sql(AT)} AS {BIN},
            CASE WHEN NOT ({all_of(source.where, records.columns)}) THEN {FILTERED}
                 WHEN {when.empty} THEN {UNDATED}
                 WHEN {AT} IS NULL THEN {UNREADABLE}
                 WHEN {late} THEN {FUTURE}
                 WHEN {UNIT} IS NULL THEN {UNMATCHED}
                 ELSE {OK} END AS {STATUS}
        FROM matched
        """
    )
    return units


def named(table: pd.DataFrame, units: Sequence[str] | None) -> pd.DataFrame:
    """A result whose column ``unit`` holds the units themselves."""
    if units is None:
        return table
    places = table["unit"].fillna(-1).astype(np.int64).to_numpy()
    return table.assign(unit=np.array([*units, None], dtype=object)[places])


def unmatched_query(source: EventsSource, records: Records, most: int) -> str:
    """SQL of the keys without a unit that come most often, over the places alone, which is quick."""
    place = key(source.place.column, records.columns)
    if source.place.table is None and records.columns[source.place.column] == "text":
        place = f"nullif(trim({place}), '')"
    listed = f"SELECT {place} AS k FROM {records.scan} WHERE {all_of(source.where, records.columns)}"
    known = "k IS NULL"
    if source.place.table is not None or source.units is not None:
        known = f"k IS NULL OR k NOT IN (SELECT key FROM {GEOGRAPHY})"
    return (
        f"SELECT k, count(*) AS n FROM ({listed}) WHERE {known} GROUP BY 1 ORDER BY n DESC, k NULLS FIRST LIMIT {most}"
    )


def _tabulate(engine: Engine, units_of: Mapping[str, str]) -> tuple[str, ...]:
    """The table of keys, with numbers for units: these are quicker to group by than their names."""
    import pyarrow as pa

    units = tuple(sorted(set(units_of.values())))
    number = {unit: place for place, unit in enumerate(units)}
    table = pa.table(
        {"key": list(units_of), "unit": pa.array([number[unit] for unit in units_of.values()], pa.int32())}
    )
    engine.connection.register("_ek_given", table)
    engine.run(f"CREATE TEMP TABLE {GEOGRAPHY} AS SELECT * FROM _ek_given")
    engine.connection.unregister("_ek_given")
    return units


def _plain(records: Records, source: EventsSource) -> str:
    columns = ", ".join(name(column) for column in used(source))
    return f"SELECT {columns} FROM {records.scan}"


def _distinct(engine: Engine, source: EventsSource, rule: Deduplicate, records: Records) -> str:
    """One row a record, kept in the engine. Rows without an identifier are records of their own.

    Ties in the column of order are broken by all columns in use, so that the choice does not hang on the order of rows.
    """
    columns = [name(column) for column in used(source)]
    known = " AND ".join(_present(column, records) for column in rule.by)
    keys = ", ".join(name(column) for column in rule.by)
    pick, lost = ("arg_max", "-inf") if rule.keep == "last" else ("arg_min", "inf")
    ties = " || '|' || ".join(f"coalesce(CAST({column} AS VARCHAR), '')" for column in columns)
    order = f"{{'at': coalesce({_ordering(source, rule.order, records)}, CAST('{lost}' AS DOUBLE)), 'tie': {ties}}}"
    listed = ", ".join(columns)
    engine.run(
        f"""
        CREATE TEMP TABLE _ek_distinct AS
        SELECT kept.*, copies AS {COPIES} FROM (
            SELECT {pick}(r, {order}) AS kept, count(*) AS copies
            FROM (SELECT {listed} FROM {records.scan}) r WHERE {known} GROUP BY {keys}
        )
        UNION ALL SELECT {listed}, 1 FROM {records.scan} WHERE NOT ({known})
        """
    )
    return "SELECT * FROM _ek_distinct"


def _present(column: str, records: Records) -> str:
    quoted = name(column)
    empty = f" AND trim({quoted}) <> ''" if records.columns[column] == "text" else ""
    return f"({quoted} IS NOT NULL{empty})"


def _ordering(source: EventsSource, column: str, records: Records) -> str:
    """The column of order as a number: a number as it is, a date by its time."""
    kind = records.columns[column]
    if kind in ("number", "truth"):
        return f"CAST({name(column)} AS DOUBLE)"
    moments = [source.time, source.recorded, *(each.end for each in source.measures)]
    declared = next((each for each in moments if each is not None and each.column == column), None)
    when = clock(declared or source.time.model_copy(update={"column": column}), records.columns, source.time_zone)
    time = f"epoch({when.instant})"
    return f"coalesce({time}, TRY_CAST({name(column)} AS DOUBLE))" if kind == "text" else time
