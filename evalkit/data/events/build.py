"""Records to panel: open, place, add up, refuse what is over the limits, fill in the zeros that are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from evalkit.data.events.account import Reader, intake_of, refuse_over_limits
from evalkit.data.events.bins import Bins, bins_of
from evalkit.data.events.engine import Engine, opened
from evalkit.data.events.intake import Intake
from evalkit.data.events.measures import Compiled, compiled, values_of
from evalkit.data.events.record_files import open_files
from evalkit.data.events.record_table import open_table
from evalkit.data.events.recording import Recorded, recorded
from evalkit.data.events.relation import AT, BIN, COPIES, OK, RELATION, STATUS, UNIT, named, place_records
from evalkit.data.events.survival import kaplan_meier_medians
from evalkit.data.events.tables import Tables, cohorts, read_tables
from evalkit.errors import ConfigError, DataError
from evalkit.study.events import EventsSource
from evalkit.vocabulary import FloatArray

ZERO_WITHOUT_RECORDS: Final = ("count", "sum")
"""Measures that are 0 in a recorded cell without a record; the others are unknown there."""


@dataclass(frozen=True, slots=True)
class Names:
    """Names of the panel's columns: unit, period and, where the source knows it, first treated period."""

    unit: str = "unit"
    period: str = "period"
    cohort: str | None = None


def build(
    source: EventsSource, root: Path, names: Names, shown: str, *, report: bool = True
) -> tuple[pd.DataFrame, Intake]:
    """Make the panel of a source of records, and the accounts of how.

    Parameters
    ----------
    source
        As declared.
    root
        Folder that paths are relative to, and may not leave.
    names
        Of the panel's columns.
    shown
        The source in a few words.
    report
        Whether the tables by unit that the data-quality report follows over time are wanted: they take a pass each.

    Returns
    -------
    frame, intake
        One row a unit and period, rectangular: NaN where nothing was recorded; and what became of the records.

    Raises
    ------
    ConfigError, DataError
        As the parts of this package do; DataError where more records than declared are unusable.
    """
    _refuse_clashes(source, names)
    bins = bins_of(source.every, source.fiscal_year_starts)
    tables = read_tables(source, root)
    with opened(shown) as engine:
        table = source.database
        records = open_files(engine, source, root) if table is None else open_table(engine, source, table)
        measures = compiled(source, records.columns)
        worked_out = {column: sql for each in measures for column, sql in each.columns.items()}
        numbered = place_records(engine, source, records, bins, tables.units_of, worked_out)
        found = _added_up(engine, source, measures, numbered)
        reader = Reader(engine, source, records, measures, shown, numbered, bins)
        refuse_over_limits(reader, found)
        cells = found[found["status"] == OK]
        units = tables.units or tuple(sorted(cells["unit"].unique()))
        seen = cells[["unit", "bin", "first", "last"]]
        covered = recorded(source, bins, units, seen, tables.recorded)
        grid = _grid(cells, units, covered)
        columns, open_cells = _columns(reader, cells, grid, covered)
        intake = intake_of(reader, found, units, covered, grid >= 0, open_cells, report)
    return _frame(source, names, bins, tables, units, covered, columns), intake


def _refuse_clashes(source: EventsSource, names: Names) -> None:
    """Refuse two columns of one name in the panel, and a treatment that has no column to go to."""
    carried = () if source.units is None else source.units.columns
    given = [each.name for each in source.measures] + list(carried)
    own = [names.unit, names.period]
    if source.treatment is not None:
        if names.cohort is None:
            raise ConfigError(
                "data.source.treatment says when units were treated, and data.cohort does not name the column for it.",
                next_step="Name it, e.g. data.cohort: first_treated.",
            )
        own.append(names.cohort)
    clash = next((each for each in given if each in own), None)
    if clash is not None:
        raise ConfigError(
            f"'{clash}' is the name of a measure or carried column, and of the unit, period or cohort.",
            next_step="Give one of them another name.",
        )


def _added_up(
    engine: Engine, source: EventsSource, measures: Sequence[Compiled], numbered: Sequence[str] | None
) -> pd.DataFrame:
    """One pass over the records: every aggregate of every cell, and the records left out by reason."""
    parts = {key: sql for each in measures for key, sql in {**each.aggregates, **each.accounts}.items()}
    listed = "".join(f", {sql} AS {key}" for key, sql in parts.items())
    copies = "0" if source.deduplicate is None else f"sum({COPIES} - 1)"
    query = f"""
        SELECT {STATUS} AS status, {UNIT} AS unit, {BIN} AS bin,
            count(*) AS records, {copies} AS copies, min({AT}) AS first, max({AT}) AS last{listed}
        FROM {RELATION} GROUP BY 1, 2, 3
    """
    found = pd.DataFrame({key: _unmasked(values) for key, values in engine.columns(query).items()})
    if found.empty:
        raise DataError("The records are empty: there are none.", next_step="Check that the files are whole.")
    for place, each in enumerate(measures):
        if each.measure.column is not None:  # neither counted nor empty: no number
            found[f"bad{place}"] = found[f"n{place}"] - found[f"k{place}"] - found[f"none{place}"]
    return named(found, numbered).sort_values(["status", "unit", "bin"], ignore_index=True)


def _unmasked(values: Any) -> Any:
    """Values of a result, with missing ones as pandas writes them."""
    if not isinstance(values, np.ma.MaskedArray):
        return values
    if not values.mask.any():
        return values.data
    plain: Any = values.astype(np.float64) if values.dtype.kind in "iu" else values
    empty = {"M": np.datetime64("NaT"), "O": None}.get(values.dtype.kind, np.nan)
    return plain.filled(empty)


def _grid(cells: pd.DataFrame, units: Sequence[str], covered: Recorded) -> Any:
    """(n,) place of each cell with records in the flattened panel; -1 outside the periods recorded whole."""
    rows = pd.Index(units).get_indexer(pd.Index(cells["unit"]))
    places = cells["bin"].to_numpy(dtype=np.int64) - covered.first
    width = covered.cells.shape[1]
    inside = (places >= 0) & (places < width)
    flat = rows * width + np.where(inside, places, 0)
    return np.where(inside & covered.cells.ravel()[flat], flat, -1)


def _columns(
    reader: Reader, cells: pd.DataFrame, grid: Any, covered: Recorded
) -> tuple[dict[str, Any], dict[str, int]]:
    """The panel's measures, flattened, and by measure the cells in which the median is not reached."""
    columns: dict[str, Any] = {}
    not_reached: dict[str, int] = {}
    inside = grid >= 0
    records = cells["records"].to_numpy(dtype=np.int64)
    empty = np.where(covered.cells.ravel(), 0.0, np.nan)
    for place, each in enumerate(reader.measures):
        measure = each.measure
        if each.lasting is None:
            values = values_of(place, measure, records, {key: cells[key].to_numpy() for key in each.aggregates})
        else:
            values = _medians(reader, each.lasting, cells, f"v{place}", f"c{place}") / measure.steps_in_one
            followed = cells[f"n{place}"].to_numpy(dtype=np.float64) > 0
            not_reached[measure.name] = int((np.isnan(values) & followed & inside).sum())
        column = empty.copy() if measure.kind in ZERO_WITHOUT_RECORDS else np.full(len(empty), np.nan)
        column[grid[inside]] = values[inside]
        columns[measure.name] = column
    return columns, not_reached


def _medians(reader: Reader, lasting: tuple[str, str], cells: pd.DataFrame, value: str, censored: str) -> FloatArray:
    """(n,) Kaplan-Meier medians in steps; NaN where not reached.

    Up to the first censoring the share still open is a plain share, so that a median before it is the plain one with
    the open records last. The others are worked out in full.
    """
    plain = cells[value].to_numpy(dtype=np.float64)
    first_open = cells[censored].to_numpy(dtype=np.float64)
    exact = np.isnan(first_open) | (plain <= first_open)
    later = [(unit, int(ordinal)) for unit, ordinal in zip(cells["unit"][~exact], cells["bin"][~exact], strict=True)]
    since = min((reader.bins.first_day(ordinal) for _, ordinal in later), default=None)
    found = kaplan_meier_medians(reader.engine, RELATION, *lasting, later, reader.units, since=since)
    result = plain.copy()
    result[~exact] = [found.get(cell, np.nan) for cell in later]
    return result


def _frame(
    source: EventsSource, names: Names, bins: Bins, tables: Tables, units: Sequence[str], covered: Recorded,
    columns: Mapping[str, Any],
) -> pd.DataFrame:  # fmt: skip
    count, width = covered.cells.shape
    periods = bins.periods(np.arange(covered.first, covered.first + width))
    frame: dict[str, Any] = {
        names.unit: np.repeat(np.array(units, dtype=object), width),
        names.period: periods.take(np.tile(np.arange(width), count)),
        **columns,
    }
    if tables.columns is not None and source.units is not None:
        for column in source.units.columns:
            frame[column] = tables.columns[column].repeat(width).to_numpy()
    if source.treatment is not None and names.cohort is not None:
        frame[names.cohort] = cohorts(source, tables.starts, units, bins).repeat(width).array
    return pd.DataFrame(frame)
