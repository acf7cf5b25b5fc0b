"""SQL of single cells: dates, numbers, keys and conditions. Values are compared, never read as code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from evalkit.data.events.engine import literal, name, text
from evalkit.data.events.records import Kind
from evalkit.errors import ConfigError
from evalkit.study.events import Condition, Moment

ISO: Final = (
    "%Y-%m-%d",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%dT%H:%M:%S.%f",
    "%Y-%m-%d %H:%M:%S.%f",
    "%Y-%m-%dT%H:%M",
)
"""Formats of text dates where a study declares none: one order of year, month and day."""
_SIGNS: Final = {"at_least": ">=", "at_most": "<=", "above": ">", "below": "<"}


@dataclass(frozen=True, slots=True)
class Clock:
    """SQL of one moment.

    Attributes
    ----------
    empty
        Whether the cell is empty.
    local
        The timestamp in the city's zone; NULL where empty or unreadable.
    instant
        The timestamp on a scale without summer time, for differences.
    """

    empty: str
    local: str
    instant: str


def clock(moment: Moment, kinds: Mapping[str, Kind], city: str | None) -> Clock:
    """How a column's cells become timestamps.

    Raises
    ------
    ConfigError
        A column of numbers without a format, of true/false, or with time zones where the city's is not declared.
    """
    column, kind = name(moment.column), kinds[moment.column]
    empty = f"{column} IS NULL"
    if kind == "zoned":
        if city is None:
            raise ConfigError(
                f"The column '{moment.column}' has a time zone, and the study does not say in which zone its days are "
                f"counted.",
                next_step="Declare it, e.g. data.source.time_zone: America/Chicago.",
            )
        return Clock(empty, f"({column} AT TIME ZONE {text(city)})", f"({column} AT TIME ZONE 'UTC')")
    if kind in ("date", "timestamp"):
        plain = f"CAST({column} AS TIMESTAMP)"
    elif kind == "text" or (kind == "number" and moment.formats):
        written = f"trim({column})" if kind == "text" else f"CAST(CAST({column} AS BIGINT) AS VARCHAR)"
        formats = ", ".join(text(each) for each in moment.formats or ISO)
        plain = f"try_strptime({written}, [{formats}])"
        empty = f"({column} IS NULL OR {written} = '')"
    else:
        raise ConfigError(
            f"The column '{moment.column}' holds {'numbers' if kind == 'number' else 'true/false'}, not dates.",
            allowed="dates, timestamps, or text; whole numbers with a format",
            next_step="Declare how it is written, e.g. formats: '%Y%m%d'.",
        )
    written_in = moment.zone or city
    if written_in is None:
        return Clock(empty, plain, plain)
    zoned = f"({plain} AT TIME ZONE {text(written_in)})"
    local = plain if written_in == city else f"({zoned} AT TIME ZONE {text(city or written_in)})"
    return Clock(empty, local, f"({zoned} AT TIME ZONE 'UTC')")


@dataclass(frozen=True, slots=True)
class Cell:
    """SQL of a cell's number (NULL where missing or unreadable, infinite where it is), and of whether it is empty."""

    value: str
    empty: str


def number(column: str, kinds: Mapping[str, Kind]) -> Cell:
    """How a column's cells become numbers. NaN is an empty cell.

    Raises
    ------
    ConfigError
        For a column of dates.
    """
    quoted, kind = name(column), kinds[column]
    if kind not in ("number", "text", "truth"):
        raise ConfigError(
            f"The column '{column}' holds dates, and a measure reads it as numbers.",
            next_step="For time between two dates use a measure of kind duration.",
        )
    if kind == "text":
        return Cell(f"TRY_CAST({quoted} AS DOUBLE)", f"(coalesce(trim({quoted}), '') = '')")
    value = f"CAST({quoted} AS DOUBLE)"
    return Cell(value, f"coalesce(isnan({value}), true)")


def key(column: str, kinds: Mapping[str, Kind]) -> str:
    """SQL of a cell as the text that tables are joined by; NULL where empty. 101.0 is '101'."""
    quoted, kind = name(column), kinds[column]
    if kind == "number":
        whole = f"CAST(TRY_CAST({quoted} AS BIGINT) AS VARCHAR)"
        return f"CASE WHEN {quoted} = floor({quoted}) THEN {whole} ELSE CAST({quoted} AS VARCHAR) END"
    return quoted if kind == "text" else f"CAST({quoted} AS VARCHAR)"


def condition(wanted: Condition, kinds: Mapping[str, Kind]) -> str:
    r"""SQL of a condition; true or false, never unknown.

    An empty cell equals nothing and lies above and below nothing, so that ``not_equals`` and ``not_in`` hold for it.

    Raises
    ------
    ConfigError
        Text compared with a column of numbers, or numbers with one of dates.

    Examples
    --------
    >>> asked = Condition(column="type", operator="in", values=("O'Hare", "noise"))
    >>> condition(asked, {"type": "text"})
    'coalesce("type" IN (\'O\'\'Hare\', \'noise\'), false)'
    """
    quoted, kind = name(wanted.column), kinds[wanted.column]
    if wanted.operator in ("is_missing", "is_present"):
        empty = f"({quoted} IS NULL" + (f" OR trim({quoted}) = '')" if kind == "text" else ")")
        return empty if wanted.operator == "is_missing" else f"NOT {empty}"
    if wanted.operator == "starts_with":
        return f"coalesce(starts_with(CAST({quoted} AS VARCHAR), {text(str(wanted.value))}), false)"
    compared = wanted.compared
    numeric = not isinstance(compared[0], str)
    if numeric != (kind in ("number", "truth")) and not (numeric and kind == "text"):
        raise ConfigError(
            f"The condition on '{wanted.column}' compares with {'a number' if numeric else 'text'}, but the column "
            f"holds {'numbers' if kind == 'number' else 'true/false' if kind == 'truth' else f'{kind}s'}.",
            next_step="Write the value as the column does: numbers plain, text in quotes.",
        )
    cell = quoted if not numeric else f"TRY_CAST({quoted} AS DOUBLE)"
    if wanted.operator in _SIGNS:
        return f"coalesce({cell} {_SIGNS[wanted.operator]} {literal(compared[0])}, false)"
    met = f"coalesce({cell} IN ({', '.join(literal(each) for each in compared)}), false)"
    return f"NOT {met}" if wanted.operator.startswith("not_") else met


def all_of(conditions: tuple[Condition, ...], kinds: Mapping[str, Kind]) -> str:
    """SQL of conditions that all hold; 'true' where there are none."""
    return " AND ".join(condition(each, kinds) for each in conditions) or "true"
