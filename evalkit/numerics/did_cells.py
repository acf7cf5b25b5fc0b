"""From draws of a model's effects to draws of reported cells: of cohorts, of single units, and of subgroups."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from evalkit.numerics.did_layout import UNTREATED, CellTable, Layout
from evalkit.numerics.hierarchical_did import Structure
from evalkit.vocabulary import BoolArray, FloatArray, IntArray


def split(layout: Layout, subgroup: IntArray) -> Layout:
    """The layout with each cohort split by subgroup: groups are pairs of cohort and subgroup.

    Parameters
    ----------
    layout
        Of the whole sample.
    subgroup
        (N,) code of each unit.
    """
    treated = (layout.group >= 0) & (layout.group < len(layout.cohorts))
    pairs, code = np.unique(np.stack([layout.group[treated], subgroup[treated]], axis=1), axis=0, return_inverse=True)
    group = np.where(layout.group < 0, -1, len(pairs))
    group[treated] = code.reshape(-1)
    return replace(
        layout,
        group=group.astype(np.int64),
        cohorts=layout.cohorts[pairs[:, 0]],
        effects=_split_table(layout, layout.effects, pairs, group),
        leads=_split_table(layout, layout.leads, pairs, group),
    )


def _split_table(layout: Layout, table: CellTable, pairs: IntArray, group: IntArray) -> CellTable:
    parts = []
    for g, (cohort, _) in enumerate(pairs):
        rows = np.flatnonzero(table.group == cohort)
        units = layout.used[group == g][:, table.column[rows]].sum(axis=0)
        parts.append((rows[units > 0], np.full(int((units > 0).sum()), g), units[units > 0]))
    rows, groups, units = (np.concatenate(column).astype(np.int64) for column in zip(*parts, strict=True))
    chosen = {name: getattr(table, name)[rows] for name in CellTable.__slots__}
    return CellTable(**{**chosen, "group": groups, "n_units": units})


def subgroup_of(layout: Layout, subgroup: IntArray, n_groups: int) -> IntArray:
    """(G,) subgroup of each pair of cohort and subgroup."""
    return np.array([subgroup[np.flatnonzero(layout.group == g)[0]] for g in range(n_groups)], dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Reporting:
    """Rows behind K' reported cells.

    Attributes
    ----------
    cohort, period, event_time, n_treated
        (K',).
    observed
        (K',) mean observed outcome.
    unit
        (K',) unit of each cell, as a position among the units of the sample; None where cells are of cohorts.
    draws
        (S, K').
    """

    cohort: IntArray
    period: IntArray
    event_time: IntArray
    n_treated: IntArray
    observed: FloatArray
    unit: IntArray | None
    draws: FloatArray

    def people(self, people: FloatArray, first_treated: IntArray, time: IntArray) -> IntArray:
        """(K',) persons behind each cell, from (N, T) persons by group and period."""
        column = np.searchsorted(time, self.period)
        if self.unit is not None:
            return people[self.unit, column].astype(np.int64)
        of = first_treated[:, None] == self.cohort[None, :]
        return np.asarray((people[:, column] * of).sum(axis=0), dtype=np.int64)


@dataclass(frozen=True, slots=True)
class TreatedRows:
    """The n rows that carry an effect, in order of unit and period.

    Attributes
    ----------
    unit, column
        (n,) positions on the panel's axes.
    cell
        (n,) position in the table of cells.
    """

    unit: IntArray
    column: IntArray
    cell: IntArray


def treated_rows(layout: Layout, table: CellTable) -> TreatedRows:
    """Rows of a table's cells."""
    codes = layout.codes(table)
    unit, column = np.nonzero(codes != UNTREATED)
    return TreatedRows(unit, column, codes[unit, column])


def by_cohort(layout: Layout, table: CellTable, draws: FloatArray, outcome: FloatArray) -> Reporting:
    """Cells of whole cohorts; subgroups of one cohort are averaged by their units.

    Parameters
    ----------
    layout, table
        As the model saw them, perhaps split.
    draws
        (S, K) of the table's cells, or (S, n) of its rows.
    outcome
        (N, T) observed, on the scale of the effects.
    """
    rows = treated_rows(layout, table)
    key = np.stack([table.cohort[rows.cell], rows.column], axis=1)
    _, first, cell = np.unique(key, axis=0, return_index=True, return_inverse=True)
    cell = cell.reshape(-1)
    units = np.bincount(cell)
    if draws.shape[1] == len(table):
        weight = np.zeros((len(table), len(units)))
        np.add.at(weight, (rows.cell, cell), 1.0)
        reported = draws @ (weight / units)
    else:
        reported = sum_by(draws, cell, len(units)) / units
    at = rows.cell[first]
    return Reporting(
        table.cohort[at], table.period[at], table.event_time[at], units.astype(np.int64),
        np.bincount(cell, weights=outcome[rows.unit, rows.column]) / units, None, reported,
    )  # fmt: skip


def by_unit(layout: Layout, table: CellTable, draws: FloatArray, outcome: FloatArray) -> Reporting:
    """One cell a unit and period; arguments as in :func:`by_cohort`."""
    rows = treated_rows(layout, table)
    reported = draws[:, rows.cell] if draws.shape[1] == len(table) else draws
    return Reporting(
        table.cohort[rows.cell], table.period[rows.cell], table.event_time[rows.cell],
        np.ones(len(rows.cell), dtype=np.int64), outcome[rows.unit, rows.column], rows.unit, reported,
    )  # fmt: skip


def with_deviations(
    layout: Layout, table: CellTable, effects: FloatArray, sites: IntArray, site: FloatArray
) -> FloatArray:
    """(S, n) effects of single rows: the cell's effect and, from the start on, the unit's own deviation."""
    rows = treated_rows(layout, table)
    position = np.full(len(layout.group), 0, dtype=np.int64)
    position[sites] = np.arange(len(sites))
    after = table.event_time[rows.cell] >= 0
    return np.asarray(effects[:, rows.cell] + np.where(after, site[:, position[rows.unit]], 0.0))


def sum_by(values: FloatArray, code: IntArray, size: int) -> FloatArray:
    """(S, size) sums of the columns of (S, n) values by code."""
    order = np.argsort(code, kind="stable")
    starts = np.searchsorted(code[order], np.arange(size))
    return np.asarray(np.add.reduceat(values[:, order], starts, axis=1))


def subgroup_effects(
    layout: Layout, table: CellTable, draws: FloatArray, of_group: IntArray, n_subgroups: int
) -> FloatArray:
    """(S, B) mean effect of each subgroup over its treated rows from the start on; NaN where it has none.

    `draws` as in :func:`by_cohort`; `of_group` (G,) is the subgroup of each of the table's groups.
    """
    rows = treated_rows(layout, table)
    after = table.event_time[rows.cell] >= 0
    code = of_group[table.group[rows.cell]]
    weight = np.zeros((draws.shape[1], n_subgroups))
    position = rows.cell if draws.shape[1] == len(table) else np.arange(len(rows.cell))
    np.add.at(weight, (position[after], code[after]), 1.0)
    total = weight.sum(axis=0)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(total > 0.0, draws @ weight / total, np.nan))


def new_place(
    table: CellTable,
    structure: Structure,
    gamma: FloatArray,
    sds: dict[str, FloatArray],
    rng: np.random.Generator,
) -> FloatArray:
    """(S,) effect of the programme in one more place of the same kind, averaged over the event times seen.

    The portfolio's overall effect and its course over event time stand; the new place starts in a cohort of its own and
    deviates as the places seen do.
    """
    after = table.event_time >= 0
    weight = np.where(after, table.n_units, 0).astype(np.float64)
    weight /= weight.sum()
    own = [i for i, name in enumerate(structure.group_names) if name in ("cohort", "subgroup")]
    shared = ~np.isin(structure.group, own)
    effect = gamma[:, shared] @ (structure.basis[:, shared].T @ weight)
    by_time = np.array([weight[table.event_time == e].sum() for e in np.unique(table.event_time[after])])
    spread = {"cell": float(np.sqrt(np.sum(by_time**2)))}
    for name in ("cohort", "subgroup", "cell", "site"):
        if name in sds:
            effect = effect + spread.get(name, 1.0) * sds[name] * rng.standard_normal(len(effect))
    return np.asarray(effect)


def acting_units(layout: Layout, table: CellTable) -> BoolArray:
    """(N,) units observed in a cell from the start on."""
    rows = treated_rows(layout, table)
    found = np.zeros(len(layout.group), dtype=np.bool_)
    found[rows.unit[table.event_time[rows.cell] >= 0]] = True
    return found


def summary(name: str, draws: FloatArray, level: float) -> dict[str, float]:
    """Mean, sd, interval and probability of an effect above 0, as facts."""
    low, high = np.quantile(draws, [(1.0 - level) / 2.0, (1.0 + level) / 2.0])
    values = {
        "effect": draws.mean(),
        "sd": draws.std(ddof=1),
        "low": low,
        "high": high,
        "p_above_0": (draws > 0.0).mean(),
    }
    return {f"{name}_{what}": float(value) for what, value in values.items()}


def odds_ratio(layout: Layout, table: CellTable, log_odds: FloatArray, level: float) -> dict[str, float]:
    """Exp of the average log odds ratio over treated rows, as facts; `log_odds` as `draws` in :func:`by_cohort`."""
    everyone = np.zeros(layout.n_groups, dtype=np.int64)
    average = subgroup_effects(layout, table, log_odds, everyone, 1)[:, 0]
    low, middle, high = np.exp(np.quantile(average, [(1.0 - level) / 2.0, 0.5, (1.0 + level) / 2.0]))
    return {"odds_ratio": float(middle), "odds_ratio_low": float(low), "odds_ratio_high": float(high)}


def subgroup_facts(
    name: str,
    layout: Layout,
    table: CellTable,
    draws: FloatArray,
    levels: FloatArray,
    of_group: IntArray,
    level: float,
) -> dict[str, float]:
    """Each subgroup's effect, and how it differs from the first one's, as facts."""
    by = subgroup_effects(layout, table, draws, of_group, len(levels))
    facts: dict[str, float] = {}
    for b, value in enumerate(levels):
        facts |= summary(f"{name}_{value:g}", by[:, b], level)
        if b:
            facts |= summary(f"{name}_{value:g}_less_{levels[0]:g}", by[:, b] - by[:, 0], level)
    return facts
