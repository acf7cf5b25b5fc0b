"""Which cells stacked difference-in-differences and local projections estimate, and variance weights over cohorts.

A stack (sub-experiment) is one cohort, the units that stay untreated through its event window, and the periods of
that window. Stacks are never written out as rows: each is a run of units sorted by cohort.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from evalkit.numerics.cohort_effects import CohortEffects
from evalkit.numerics.cohort_sample import CohortSample
from evalkit.numerics.group_time import PlannedCell, base_position, plan_cohort
from evalkit.numerics.influence import CellGroup, comparison_arm, read_arm
from evalkit.vocabulary import BoolArray, Comparison, FloatArray, IntArray

Trimmed = Literal["window_starts_before_the_data", "window_ends_after_the_data", "window_has_a_gap", "no_comparison"]


@dataclass(frozen=True, slots=True)
class Stacking:
    """Rules by which cohorts become stacks.

    Attributes
    ----------
    window
        (first, last) event times, -kappa_pre and kappa_post.
    comparison
        ``never_treated``: untreated to the end. ``not_yet_treated``: untreated through the stack's window or, in
        local projections, through the cell's period.
    anticipation
        Periods before the start in which effects are allowed: the reference is -1 - anticipation.
    mean_base
        Local projections: measure from the mean of all periods before the start less anticipation.
    """

    window: tuple[int, int]
    comparison: Comparison
    anticipation: int = 0
    mean_base: bool = False


@dataclass(frozen=True, slots=True)
class StackPlan:
    """Cells of each cohort with a stack, and why other cohorts have none."""

    cells: dict[int, list[PlannedCell]]
    trimmed: dict[int, Trimmed]

    def takes_part(self, first_treated: IntArray) -> BoolArray:
        """(N,) units that are treated in a stack, or a comparison in one."""
        latest = [cell.untreated_after for cells in self.cells.values() for cell in cells if not cell.is_reference]
        own = np.isin(first_treated, list(self.cells))
        return np.asarray(own | (first_treated > min(latest))) if latest else own


def plan_stacks(time: IntArray, first_treated: IntArray, rules: Stacking) -> StackPlan:
    """Plan the stacks of all cohorts that start within the data (Wing, Freedman and Hollingsworth 2024, section 3).

    A cohort whose window does not lie within the data, or with nobody to compare, is trimmed, so that every event
    time averages over the same cohorts. Its units still serve as comparison where they are untreated.

    Parameters
    ----------
    time
        (T,) ordinals of the periods in the data.
    first_treated
        (N,) ordinals.
    rules
        Window, comparison and anticipation.

    Examples
    --------
    >>> plan = plan_stacks(np.arange(6), np.array([2, 5, 9]), Stacking((-2, 1), "not_yet_treated"))
    >>> [(c.period, c.base, c.untreated_after) for c in plan.cells[2]], plan.trimmed
    ([(0, 1, 3), (1, 1, 3), (2, 1, 3), (3, 1, 3)], {5: 'window_ends_after_the_data'})
    """
    plan = StackPlan({}, {})
    last_start = int(first_treated.max(initial=time[0]))
    for cohort in np.unique(first_treated[(first_treated > time[0]) & (first_treated <= time[-1])]).tolist():
        first, last = cohort + rules.window[0], cohort + rules.window[1]
        until = (int(time[-1]) if rules.comparison == "never_treated" else last) + rules.anticipation
        if first < time[0]:
            plan.trimmed[cohort] = "window_starts_before_the_data"
        elif last > time[-1]:
            plan.trimmed[cohort] = "window_ends_after_the_data"
        elif np.count_nonzero((time >= first) & (time <= last)) < last - first + 1:
            plan.trimmed[cohort] = "window_has_a_gap"
        elif last_start <= until:
            plan.trimmed[cohort] = "no_comparison"
        else:
            start = int(np.searchsorted(time, first))
            seen = tuple(range(start, start + last - first + 1))
            base = start - 1 - rules.anticipation - rules.window[0]
            plan.cells[cohort] = [
                PlannedCell(cohort, period, base, until, bool(time[period] >= cohort), seen=seen) for period in seen
            ]
    return plan


def plan_projections(time: IntArray, first_treated: IntArray, rules: Stacking) -> StackPlan:
    """Plan the cells of local projections (Dube, Girardi, Jorda and Taylor 2025, section 3).

    Horizon h of a cohort is compared with units untreated through that period, and with all units untreated at the
    start where h < 0. Cohorts are not trimmed: each horizon uses those that are observed at it.

    Examples
    --------
    >>> plan = plan_projections(np.arange(5), np.array([2, 4, 9]), Stacking((-2, 1), "not_yet_treated"))
    >>> [(c.period, c.base, c.untreated_after) for c in plan.cells[4]]
    [(2, 3, 3), (3, 3, 3), (4, 3, 4)]
    """
    plan = StackPlan({}, {})
    last_start = int(first_treated.max(initial=time[0]))
    for cohort in np.unique(first_treated[(first_treated > time[0]) & (first_treated <= time[-1])]).tolist():
        base = base_position(time, cohort, rules.anticipation)
        cells = [
            cell
            for cell in plan_cohort(
                time, cohort, comparison=rules.comparison, base_period="universal", anticipation=rules.anticipation
            )
            if rules.window[0] <= time[cell.period] - cohort <= rules.window[1]
        ]
        if base is None:
            plan.trimmed[cohort] = "window_starts_before_the_data"
        elif not any(cell.is_treated and cell.untreated_after < last_start for cell in cells):
            plan.trimmed[cohort] = "no_comparison"
        elif rules.mean_base:
            before = tuple(range(base + 1))
            plan.cells[cohort] = [
                replace(cell, base_from=0, seen=tuple(sorted({*before, cell.period}))) for cell in cells
            ]
        else:
            plan.cells[cohort] = cells
    return plan


def variance_weights(sample: CohortSample, groups: Sequence[CellGroup]) -> tuple[tuple[CellGroup, ...], FloatArray]:
    """Weights that least squares with one effect a horizon gives to cohorts: W_D W_C / (W_D + W_C).

    W_D and W_C are the summed weights of treated and comparison units (Dube et al. 2025, eq. 7; the same holds for a
    stacked regression with stack-by-unit and stack-by-period effects). With p = W_D / (W_D + W_C) one more unit of
    weight 1 adds (1 - p)^2 to it as a treated unit and p^2 as a comparison unit.

    Returns
    -------
    groups
        With `weight_scores`.
    (M,) array
        Weight of each group.
    """
    found, weights = [], []
    for group in groups:
        arm = comparison_arm(sample, group.comparison, group.period, group.base, group.treated, group.seen)
        treated = float(read_arm(sample, group.treated, group.period, group.base, group.seen).weight.sum())
        compared = float(arm.weight.sum())
        share = treated / (treated + compared)
        weights.append(treated * compared / (treated + compared))
        found.append(replace(group, weight_scores=((1.0 - share) ** 2, share**2)))
    return tuple(found), np.array(weights)


@dataclass(frozen=True, slots=True)
class PooledEffects:
    """L effects by event time, and one overall, as variance-weighted means of K cells.

    Attributes
    ----------
    event_time
        (L,) event times.
    effect
        (L,).
    on_cells
        (K, L) weights; columns sum to 1.
    on_groups
        (M, L) derivative with respect to the weights of the M groups.
    """

    event_time: IntArray
    effect: FloatArray
    on_cells: FloatArray
    on_groups: FloatArray

    def overall(self) -> tuple[FloatArray, FloatArray]:
        """(K,) and (M,) maps of the plain mean over event times 0 and later."""
        after = self.event_time >= 0
        return self.on_cells[:, after].mean(axis=1), self.on_groups[:, after].mean(axis=1)


def pool_by_variance(effects: CohortEffects, event_time: IntArray, weights: FloatArray) -> PooledEffects:
    """Average cells at one event time with the weights of their groups.

    Parameters
    ----------
    effects
        K cells; those of `groups` are averaged, reference cells stand for themselves.
    event_time
        (K,).
    weights
        (M,) of :func:`variance_weights`.
    """
    n_cells = len(effects.cells)
    group_of = np.full(n_cells, -1, dtype=np.int64)
    for place, group in enumerate(effects.groups):
        group_of[group.columns] = place
    labels = np.unique(event_time)
    on_cells, on_groups = np.zeros((n_cells, len(labels))), np.zeros((len(weights), len(labels)))
    effect = np.zeros(len(labels))
    for column, label in enumerate(labels):
        members = np.flatnonzero(event_time == label)
        fitted = members[group_of[members] >= 0]
        if fitted.size == 0:
            on_cells[members, column] = 1.0 / len(members)
            continue
        weight = weights[group_of[fitted]]
        total = weight.sum()
        on_cells[fitted, column] = weight / total
        effect[column] = weight @ effects.effect[fitted] / total
        np.add.at(on_groups[:, column], group_of[fitted], (effects.effect[fitted] - effect[column]) / total)
    return PooledEffects(labels, effect, on_cells, on_groups)


def units_in_use(sample: CohortSample, plan: StackPlan) -> BoolArray:
    """(N,) units with weight in some planned cell: others may lack the periods of every window they belong to."""
    if sample.observed is None and sample.weight.min(initial=1.0) > 0.0:
        return np.ones(len(sample), dtype=np.bool_)
    used = np.zeros(len(sample), dtype=np.bool_)
    for rows, cell in _arms(sample, plan):
        used[rows] |= sample.weights(cell.period, cell.base, rows, cell.seen) > 0.0
    return used


def rows_in_use(sample: CohortSample, plan: StackPlan) -> int:
    """Observations that some planned cell reads, each counted once whatever the number of its stacks."""
    used = np.zeros((len(sample), sample.outcome.shape[1]), dtype=np.bool_)
    for rows, cell in _arms(sample, plan):
        weighted = sample.weights(cell.period, cell.base, rows, cell.seen) > 0.0
        for period in {cell.period, cell.base, *cell.seen}:
            used[rows, period] |= weighted
    return int(used.sum())


def _arms(sample: CohortSample, plan: StackPlan) -> Iterator[tuple[slice, PlannedCell]]:
    """Treated and comparison rows of each planned cell, once for cells that read the same observations."""
    for cohort, cells in plan.cells.items():
        own = sample.rows_of(cohort)
        read: set[tuple[object, ...]] = set()
        for cell in cells:
            key = (cell.untreated_after, cell.base, cell.seen or cell.period)
            if cell.is_reference or key in read:
                continue
            read.add(key)
            yield own, cell
            yield sample.rows_after(cell.untreated_after), cell  # the cohort's own rows may be among them
