"""From a measure to its aggregates: what the engine adds up in each cell, and what the cell then says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pandas as pd

from evalkit.data.events.engine import literal
from evalkit.data.events.expressions import Cell, Clock, all_of, clock, number
from evalkit.data.events.records import Kind
from evalkit.data.events.relation import USED
from evalkit.study.events import EventsSource, Measure
from evalkit.vocabulary import FloatArray, IntArray

OPEN: Final = 2**31 - 1
"""Steps of a record that has not ended: longer than any that has."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """One measure in SQL.

    Attributes
    ----------
    measure
        As declared.
    aggregates
        Name to the aggregate of a cell, over the usable records.
    accounts
        Name to the aggregate that counts records which this measure cannot read.
    examples
        Name of an account to the condition that its records meet, and the column that shows why.
    lasting
        Of a median duration: SQL of its whole steps, and of whether it ended; its records are those for which steps
        exist.
    columns
        Columns that are worked out once for each record, and read by the aggregates.
    """

    measure: Measure
    aggregates: Mapping[str, str]
    accounts: Mapping[str, str] = field(default_factory=dict)
    examples: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    lasting: tuple[str, str] | None = None
    columns: Mapping[str, str] = field(default_factory=dict)


def compiled(source: EventsSource, kinds: Mapping[str, Kind]) -> tuple[Compiled, ...]:
    """All measures of a source in SQL, in their order."""
    start = clock(source.time, kinds, source.time_zone)
    return tuple(_compiled(place, each, source, kinds, start) for place, each in enumerate(source.measures))


def _compiled(place: int, measure: Measure, source: EventsSource, kinds: Mapping[str, Kind], start: Clock) -> Compiled:
    met = all_of(measure.where, kinds)
    counted = {f"n{place}": "count(*)" if met == "true" else f"count(*) FILTER (WHERE {met})"}
    if measure.kind in ("count", "share"):
        return Compiled(measure, counted)
    if measure.column is not None:
        return _of_numbers(place, measure, number(measure.column, kinds), met, counted)
    return _of_durations(place, measure, source, kinds, start, met)


def _of_numbers(place: int, measure: Measure, cell: Cell, met: str, counted: dict[str, str]) -> Compiled:
    """Sums are of whole multiples of the declared decimals: the same to the bit in whatever order rows are read."""
    fixed = f"TRY_CAST(round({cell.value} * 1e{measure.decimals}) AS BIGINT)"
    only = "" if met == "true" else f" FILTER (WHERE {met})"
    aggregates = {**counted, f"k{place}": f"count({fixed}){only}"}
    if measure.kind == "median":
        usable = f"{USED} AND {met} AND {fixed} IS NOT NULL"
        aggregates[f"v{place}"] = f"median({cell.value}) FILTER (WHERE {usable})"
    else:
        aggregates[f"v{place}"] = f"sum({fixed}){only}"
    accounts = {f"none{place}": f"count(*) FILTER (WHERE {met} AND {cell.empty})"}
    bad = f"NOT {cell.empty} AND {fixed} IS NULL"
    return Compiled(measure, aggregates, accounts, {f"bad{place}": (bad, str(measure.column))})


def _of_durations(
    place: int, measure: Measure, source: EventsSource, kinds: Mapping[str, Kind], start: Clock, met: str
) -> Compiled:
    """Time to an end, censored at the extraction. An end before the start, or after the extraction, is an error."""
    if measure.end is None or source.extracted is None:  # pragma: no cover - the study's schema holds this
        raise ValueError("a duration has an end and an extraction")
    end = clock(measure.end, kinds, source.time_zone)
    last = extraction(source)
    # Ends are compared on the city's clock; lengths are taken where no summer time moves the hands.
    zone = source.time_zone
    stop = last if zone is None else f"(({last} AT TIME ZONE {literal(zone)}) AT TIME ZONE 'UTC')"
    wrong = {
        "unreadable": f"(NOT {end.empty} AND {end.local} IS NULL)",
        "negative": f"coalesce({end.instant} < {start.instant}, false)",
        "late": f"coalesce({end.local} >= {last}, false)",
    }
    first = next(number for number, each in enumerate(source.measures) if each.end == measure.end)
    lasted, open_ = f"_ek_lasted{first}", f"_ek_open{first}"  # measures of one end share its columns
    cases = " ".join(f"WHEN {condition} THEN {-1 - number}" for number, condition in enumerate(wrong.values()))
    columns = {
        lasted: f"CASE {cases} ELSE epoch_us(coalesce({end.instant}, {stop})) - epoch_us({start.instant}) END",
        open_: f"({end.local} IS NULL)",
    }
    usable = f"{met} AND {lasted} >= 0"
    accounts = {
        f"{name}{place}": f"count(*) FILTER (WHERE {met} AND {lasted} = {-1 - number})"
        for number, name in enumerate(wrong)
    }
    accounts[f"open{place}"] = f"count(*) FILTER (WHERE {usable} AND {open_})"
    examples = {f"{name}{place}": (condition, measure.end.column) for name, condition in wrong.items()}
    if measure.statistic == "median":
        steps = f"CAST({lasted} // {int(measure.step * 1e6)} AS INTEGER)"
        aggregates = {
            f"n{place}": f"count(*) FILTER (WHERE {usable})",
            f"v{place}": f"quantile_disc(CASE WHEN {open_} THEN {OPEN} ELSE {steps} END, 0.5) "
            f"FILTER (WHERE {USED} AND {usable})",
            f"c{place}": f"min({steps}) FILTER (WHERE {usable} AND {open_})",
        }
        whole = f"CASE WHEN {usable} THEN {steps} END"
        return Compiled(measure, aggregates, accounts, examples, (whole, f"NOT {open_}"), columns)
    within = f"{(measure.within or 0.0) * measure.step * measure.steps_in_one * 1e6:.0f}"
    followed = f"{usable} AND epoch_us({stop}) - epoch_us({start.instant}) >= {within}"
    aggregates = {
        f"n{place}": f"count(*) FILTER (WHERE {followed})",
        f"v{place}": f"count(*) FILTER (WHERE {followed} AND NOT {open_} AND {lasted} <= {within})",
    }
    accounts[f"short{place}"] = f"count(*) FILTER (WHERE {usable} AND NOT ({followed}))"
    return Compiled(measure, aggregates, accounts, examples, columns=columns)


def extraction(source: EventsSource) -> str:
    """The end of the day of the extract, on the city's clock, in SQL."""
    return f"(TIMESTAMP '{source.extracted} 00:00:00' + INTERVAL 1 DAY)"


def values_of(place: int, measure: Measure, records: IntArray, found: Mapping[str, Any]) -> FloatArray:
    """(n,) what the cells with records say; NaN where a statistic has nothing to rest on.

    Parameters
    ----------
    place
        Of the measure among all.
    measure
        As declared; medians of durations come by themselves.
    records
        (n,) usable records of each cell.
    found
        The aggregates of the cells.
    """
    if measure.kind == "count":
        return _floats(found[f"n{place}"])
    if measure.kind == "share":
        return np.asarray(_floats(found[f"n{place}"]) / records)
    counted = _floats(found[f"n{place}"])
    if measure.kind == "duration":
        return _ratio(_floats(found[f"v{place}"]), counted)
    known, value = _floats(found[f"k{place}"]), _floats(found[f"v{place}"])
    if measure.kind == "median":
        return value
    value = value / 10.0**measure.decimals
    if measure.kind == "mean":
        return _ratio(value, known)
    return np.where(counted == 0, 0.0, np.where(known == 0, np.nan, value))


def _ratio(above: FloatArray, below: FloatArray) -> FloatArray:
    found: FloatArray = np.divide(above, below, out=np.full(len(above), np.nan), where=below > 0)
    return found


def _floats(values: Any) -> FloatArray:
    """Numbers of a result; NaN where a cell has none."""
    return np.asarray(pd.to_numeric(values, errors="coerce"), dtype=np.float64)
