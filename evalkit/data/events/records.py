"""The records as a relation that the engine reads: which columns, of which kind, from where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from evalkit.data.events.engine import Engine, name
from evalkit.errors import ConfigError, closest, quote_names
from evalkit.study.events import EventsSource

Kind = Literal["text", "number", "timestamp", "zoned", "date", "truth"]
_KINDS: Final[Mapping[str, Kind]] = {
    "VARCHAR": "text",
    "UUID": "text",
    "DATE": "date",
    "BOOLEAN": "truth",
    "TIMESTAMP WITH TIME ZONE": "zoned",
}
_NUMBERS: Final = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER",
                   "UBIGINT", "UHUGEINT", "FLOAT", "DOUBLE")  # fmt: skip
SHOWN: Final = 3
"""Rows that a message names before it only counts."""


@dataclass(frozen=True, slots=True)
class Part:
    """One file of the records: how the engine reads it, and how messages name it."""

    shown: str
    scan: str


@dataclass(frozen=True, slots=True)
class Records:
    """Records as found.

    Attributes
    ----------
    scan
        What stands behind FROM.
    parts
        The files one by one, for naming rows; empty for a table of a database.
    columns
        The columns in use, with their kinds.
    numbered
        Whether the engine numbers the rows of a file (parquet); other files are counted through.
    pages_without_checksum
        Pages of parquet files in which a flipped byte would not be seen.
    cut_off
        Text files whose last line does not end: they may be cut off.
    """

    scan: str
    parts: tuple[Part, ...]
    columns: Mapping[str, Kind]
    numbered: bool = False
    pages_without_checksum: int = 0
    cut_off: tuple[str, ...] = ()


def used(source: EventsSource) -> tuple[str, ...]:
    """Columns of the records that a source names, each once."""
    moments = [source.time, source.recorded, *(each.end for each in source.measures)]
    conditions = [*source.where, *(each for measure in source.measures for each in measure.where)]
    found = [source.place.column, *(each.column for each in moments if each is not None)]
    found += [each.column for each in source.measures if each.column is not None]
    found += [each.column for each in conditions]
    if source.deduplicate is not None:
        found += [*source.deduplicate.by, source.deduplicate.order]
    return tuple(dict.fromkeys([*found, *source.categories]))


def kind_of(declared: str) -> Kind | None:
    """Kind of an engine's type; None for lists, structures and bytes.

    Examples
    --------
    >>> kind_of("TIMESTAMP_NS"), kind_of("DECIMAL(18,2)"), kind_of("INTEGER[]")
    ('timestamp', 'number', None)
    """
    if declared.endswith("[]"):
        return None
    if declared in _NUMBERS or declared.startswith("DECIMAL"):
        return "number"
    if declared in _KINDS:
        return _KINDS[declared]
    if declared.startswith("ENUM"):
        return "text"
    return "timestamp" if declared.startswith("TIMESTAMP") else None


def require_used(found: Sequence[str], wanted: Sequence[str], shown: str) -> None:
    """Refuse records that lack a column in use.

    Raises
    ------
    ConfigError
        With the closest column.
    """
    absent = [column for column in wanted if column not in found]
    if not absent:
        return
    near = next((other for other in found if other.lower() == absent[0].lower()), closest(absent[0], found))
    raise ConfigError(
        f"The study names the column '{absent[0]}', which is not in '{shown}'.",
        allowed=quote_names(found, limit=30),
        next_step=f"Did you mean '{near}'?" if near else "Correct data.source, or fetch the file with that column.",
    )


def examples(engine: Engine, records: Records, condition: str, column: str) -> str:
    """The first rows that meet a condition, as a message names them: value, file and row.

    Parameters
    ----------
    engine
        Open.
    records
        As read.
    condition
        In SQL, over the columns of the records.
    column
        Whose values are shown.
    """
    seen: list[str] = []
    for part in records.parts:
        number = "file_row_number" if records.numbered else "row_number() OVER ()"
        query = (
            f"SELECT {name(column)}, _ek_row FROM (SELECT *, {number} AS _ek_row FROM {part.scan}) "
            f"WHERE {condition} ORDER BY _ek_row LIMIT {SHOWN - len(seen)}"
        )
        for value, at in _in_order(engine, query):
            place = f"row {at} (counted from 0)" if records.numbered else f"record {at} (line {at + 1})"
            seen.append(f"{_said(value)} in {place} of '{part.shown}'")
        if len(seen) >= SHOWN:
            break
    if not records.parts:
        query = f"SELECT {name(column)} FROM {records.scan} WHERE {condition} LIMIT {SHOWN}"
        seen = [_said(value) for (value,) in engine.rows(query)]
    return "; ".join(seen)


def _in_order(engine: Engine, query: str) -> list[tuple[object, int]]:
    """Rows of a query that counts through a text file, which has to be read in its order."""
    engine.run("SET preserve_insertion_order = true")
    try:
        return [(value, int(at)) for value, at in engine.rows(query)]
    finally:
        engine.run("SET preserve_insertion_order = false")


def _said(value: object) -> str:
    return "empty" if value is None else repr(str(value)[:60])
