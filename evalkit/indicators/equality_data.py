"""From a table to what each group of each equality indicator was in each year."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from evalkit.data.columns import read_numbers, require_columns
from evalkit.data.derive import derive
from evalkit.data.fingerprint import fingerprint
from evalkit.data.sources import describe, read
from evalkit.data.subgroup import in_subgroup
from evalkit.data.time_axis import read_time
from evalkit.errors import ConfigError, DataError, DesignRefused, closest, quote_names
from evalkit.study.equality import EqualityIndicator, EqualitySpec

Pair = tuple[float, float]
"""Count and what it is out of; or value and standard error."""


@dataclass(frozen=True, slots=True)
class EqualityData:
    """The cells of a tree.

    Attributes
    ----------
    years
        From the baseline on, those that occur, in order.
    cells
        (indicator, group, year) to its numbers.
    people
        The same to how many people the cell counts, and how many it does not; empty where nothing counts them.
    source, rows, data_sha
        What was read; the fingerprint is None where the source is restricted.
    """

    years: tuple[int, ...]
    cells: Mapping[tuple[str, str, int], Pair]
    people: Mapping[tuple[str, str, int], tuple[float, ...]]
    source: str
    rows: int
    data_sha: str | None

    @property
    def baseline(self) -> int:
        """First year."""
        return self.years[0]

    @property
    def now(self) -> int:
        """Last year."""
        return self.years[-1]


def read_equality(spec: EqualitySpec, data_root: Path) -> EqualityData:
    """Read and check the table.

    Raises
    ------
    ConfigError
        Columns, indicators or groups that do not occur; a baseline or target that cannot be.
    DataError
        Cells that cannot be, two rows of one cell, or an indicator without data in the baseline or the last year.
    """
    data = spec.data
    identifiers = [data.indicator, data.group]
    identifiers += [n for n, held in data.held.items() if isinstance(held[0] if isinstance(held, tuple) else held, str)]
    frame = derive(read(data.source, root=data_root, identifiers=identifiers), data.derive, "", data.period)
    named = {role: getattr(data, role) for role in
             ("period", "indicator", "group", "count", "out_of", "value", "std_error", "people")}  # fmt: skip
    require_columns(frame, {role: name for role, name in named.items() if name is not None})
    frame = frame[in_subgroup(frame, data.held)].reset_index(drop=True) if data.held else frame
    where = describe(data.source)
    try:
        position, axis = read_time(frame, data.period)
    except DesignRefused as error:
        raise DataError(f"{where}: {error.what}", next_step="Change since a baseline takes two years.") from None
    if axis.calendar.kind != "integer":
        raise DataError(
            f"Column '{data.period}' holds no whole years, such as {axis.calendar.text(0)}.",
            next_step="Equality indicators are yearly: add the periods up to years first.",
        )
    year = (axis.calendar.origin + axis.calendar.step * axis.time)[position].astype(np.int64)
    cells, people = _cells(spec, frame, year)
    years = _years(spec, cells)
    sha = None if data.restricted else fingerprint(frame)
    return EqualityData(years, cells, people, where, len(frame), sha)


def _cells(
    spec: EqualitySpec, frame: pd.DataFrame, year: np.typing.NDArray[np.int64]
) -> tuple[dict[tuple[str, str, int], Pair], dict[tuple[str, str, int], tuple[float, ...]]]:
    data = spec.data
    keys, groups = frame[data.indicator].astype(str), frame[data.group].astype(str)
    known = {name: read_numbers(frame, name, role) for role in ("count", "out_of", "value", "std_error", "people")
             if (name := getattr(data, role)) is not None}  # fmt: skip
    cells: dict[tuple[str, str, int], Pair] = {}
    people: dict[tuple[str, str, int], tuple[float, ...]] = {}
    for _, _, indicator in spec.indicators:
        rows = np.flatnonzero((keys == indicator.key).to_numpy())
        if not len(rows):
            near = closest(indicator.key, sorted(set(keys)))
            raise ConfigError(
                f"The indicator '{indicator.key}' is not in column '{data.indicator}'.",
                allowed=quote_names(sorted(set(keys)), limit=12),
                next_step=f"Did you mean '{near}'?" if near else "Set its id to the value in the data.",
            )
        _require_groups(indicator, set(groups.iloc[rows]))
        for row in rows:
            if groups.iloc[row] not in indicator.groups:
                continue
            cell = (indicator.key, str(groups.iloc[row]), int(year[row]))
            if cell in cells:
                raise DataError(
                    f"'{indicator.key}', {cell[1]}, {cell[2]} has two rows.",
                    next_step="Hold other columns at a value with data.where, or add the rows up first.",
                )
            pair = _pair(spec, indicator, known, int(row))
            if any(np.isnan(pair)):
                continue
            _refuse_impossible(indicator, cell, pair)
            cells[cell] = pair
            people[cell] = _people(spec, indicator, known, int(row), pair)
    return cells, people


def _pair(
    spec: EqualitySpec, indicator: EqualityIndicator, known: Mapping[str, np.typing.NDArray[np.float64]], row: int
) -> Pair:
    data = spec.data
    names = (data.value, data.std_error) if indicator.kind == "measurement" else (data.count, data.out_of)
    first, second = (float(known[str(name)][row]) for name in names)
    return first, second


def _people(
    spec: EqualitySpec, indicator: EqualityIndicator, known: Mapping[str, np.typing.NDArray[np.float64]], row: int,
    pair: Pair,
) -> tuple[float, ...]:  # fmt: skip
    if indicator.kind in ("share", "percentage"):
        return (pair[0], pair[1] - pair[0])
    if indicator.kind == "rate":
        return (pair[0],)
    return () if spec.data.people is None else (float(known[spec.data.people][row]),)


def _require_groups(indicator: EqualityIndicator, found: set[str]) -> None:
    for group in indicator.groups:
        if group not in found:
            near = closest(group, sorted(found))
            raise ConfigError(
                f"'{indicator.name}' compares the group '{group}', which has no row.",
                allowed=quote_names(sorted(found), limit=12),
                next_step=f"Did you mean '{near}'?" if near else None,
            )


def _refuse_impossible(
    indicator: EqualityIndicator, cell: tuple[str, str, int], pair: Pair
) -> None:  # fmt: skip
    first, second = pair
    where = f"'{cell[0]}', {cell[1]}, {cell[2]}"
    if indicator.kind == "measurement":
        if not first > 0.0:
            raise DataError(
                f"{where} is {first:g}: a ratio takes levels above 0.", next_step="Measure it from another point."
            )
        if not second > 0.0:
            raise DataError(f"{where} has a standard error of {second:g}.", allowed="above 0")
        return
    if first < 0.0 or not second > 0.0 or first != np.rint(first):
        raise DataError(f"{where} counts {first:g} out of {second:g}.", allowed="whole counts out of more than 0")
    if indicator.kind != "rate" and (first > second or second != np.rint(second)):
        raise DataError(
            f"{where} counts {first:g} out of {second:g}, which is no share.",
            next_step="Declare kind: rate where events may be more than people, or exposures are no whole numbers.",
        )


def _years(spec: EqualitySpec, cells: Mapping[tuple[str, str, int], Pair]) -> tuple[int, ...]:
    """Years from the baseline to the last one, both of which every indicator must have in both groups."""
    years = sorted({year for _, _, year in cells})
    baseline = year_of(spec.baseline)
    if baseline not in years:
        raise ConfigError(
            f"The baseline '{spec.baseline}' is no year of the data.", allowed=", ".join(str(year) for year in years)
        )
    if baseline == years[-1]:
        raise ConfigError(
            f"The baseline {spec.baseline} is the last year of the data: nothing can have changed since.",
            next_step="Set an earlier baseline.",
        )
    topics = [topic.target for theme in spec.themes for topic in theme.topics]
    for target in (spec.target, *(theme.target for theme in spec.themes), *topics):
        if target is not None:
            _refuse_early(target.date, baseline)
    for _, _, indicator in spec.indicators:
        for year in (baseline, years[-1]):
            for group in indicator.groups:
                if (indicator.key, group, year) not in cells:
                    raise DataError(
                        f"'{indicator.name}' has no data for {group} in {year}, and "
                        f"{'the baseline' if year == baseline else 'the last year'} takes every indicator.",
                        next_step="Add it. An indicator that is no longer collected is replaced by another one "
                        "(replaces: {name, reason}), in earlier years too; else scores of different years would be of "
                        "different things.",
                    )
    return tuple(year for year in years if year >= baseline)


def year_of(label: str) -> int | None:
    """A year from its label; None where it is none.

    Examples
    --------
    >>> year_of("2030"), year_of("soon")
    (2030, None)
    """
    return int(label) if label.strip().isdigit() else None


def _refuse_early(date: str, baseline: int) -> None:
    year = year_of(date)
    if year is None:
        raise ConfigError(f"The target's date '{date}' is no year such as {baseline}.")
    if year <= baseline:
        raise ConfigError(
            f"The target's date {date} is not after the baseline {baseline}.", next_step="Set a later date."
        )
