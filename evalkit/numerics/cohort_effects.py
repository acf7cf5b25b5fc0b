"""All effects ATT(g, t) of a sample: plan the cells, fit together what shares its comparison, put them in order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from evalkit.numerics.cohort_moments import CohortMoments
from evalkit.numerics.cohort_sample import CohortSample
from evalkit.numerics.doubly_robust import Contrasts, Failure, Method, fit_contrasts
from evalkit.numerics.group_time import BasePeriod, PlannedCell, plan_cohort
from evalkit.numerics.influence import CellGroup, comparison_arm, read_arm
from evalkit.vocabulary import BoolArray, Comparison, FloatArray, IntArray

LeftOut = Failure | Literal["no_comparison_units"]


@dataclass(frozen=True, slots=True)
class Rules:
    """How cells are made; see :class:`~evalkit.estimators.callaway_santanna.CallawaySantAnna`."""

    comparison: Comparison = "not_yet_treated"
    method: Method = "dr"
    base_period: BasePeriod = "varying"
    anticipation: int = 0
    min_cohort_size: int = 1


@dataclass(frozen=True, slots=True)
class CohortEffects:
    """K effects in the order of cohort and period, and what was left out.

    Attributes
    ----------
    cells
        (K,) what each effect is.
    effect
        (K,) ATTs; 0 in reference cells.
    observed
        (K,) weighted mean outcome of the cell's treated units in its period.
    n_treated
        (K,) treated units with weight.
    dropped
        (K, p) regressors dropped as collinear; the constant comes first.
    groups
        The fits behind the cells.
    left_out
        Cells without an estimate, and why.
    below_minimum
        Cohorts smaller than the minimum, with their sizes.
    without_comparison
        Cohorts for which no cell after the start has a comparison unit.
    """

    cells: tuple[PlannedCell, ...]
    effect: FloatArray
    observed: FloatArray
    n_treated: IntArray
    dropped: BoolArray
    groups: tuple[CellGroup, ...]
    left_out: dict[PlannedCell, LeftOut]
    below_minimum: dict[int, int]
    without_comparison: tuple[int, ...]

    @property
    def cohort(self) -> IntArray:
        """(K,) first treated periods."""
        return np.array([cell.cohort for cell in self.cells], dtype=np.int64)

    @property
    def period(self) -> IntArray:
        """(K,) positions of the periods."""
        return np.array([cell.period for cell in self.cells], dtype=np.int64)

    @property
    def is_reference(self) -> BoolArray:
        """(K,) cells that are 0 by construction."""
        return np.array([cell.is_reference for cell in self.cells], dtype=np.bool_)


@dataclass(frozen=True, slots=True)
class _Fit:
    """Cells of one cohort that were fitted together."""

    cells: tuple[PlannedCell, ...]
    own: slice
    against: slice
    contrasts: Contrasts


def estimate_cells(sample: CohortSample, time: IntArray, rules: Rules) -> CohortEffects:
    """Estimate every cell that has a base period and a comparison.

    A cohort none of whose treated periods has a comparison unit gets no cells at all: its cells
    before the start would test nothing that is reported.

    Parameters
    ----------
    sample
        Units sorted by cohort.
    time
        (T,) ordinals of the periods.
    rules
        Comparison, method, base period and anticipation.
    """
    plans = {
        cohort: plan_cohort(
            time,
            cohort,
            comparison=rules.comparison,
            base_period=rules.base_period,
            anticipation=rules.anticipation,
        )
        for cohort in sample.cohorts_until(int(time[-1]))
    }
    return estimate_planned(sample, plans, rules.method, rules.min_cohort_size)


def estimate_planned(
    sample: CohortSample, plans: Mapping[int, Sequence[PlannedCell]], method: Method, min_cohort_size: int = 1
) -> CohortEffects:
    """Estimate the cells planned for each cohort; see :func:`estimate_cells`.

    Parameters
    ----------
    sample
        Units sorted by cohort.
    plans
        Cohort to its cells.
    method
        ``dr``, ``ipw`` or ``reg``.
    min_cohort_size
        Cohorts with fewer units get no cells.
    """
    moments = CohortMoments(sample)
    fits: list[_Fit] = []
    references: list[PlannedCell] = []
    left_out: dict[PlannedCell, LeftOut] = {}
    below_minimum: dict[int, int] = {}
    without_comparison: list[int] = []
    for cohort, plan in plans.items():
        own = sample.rows_of(cohort)
        if sample.size_of(cohort) < min_cohort_size:
            below_minimum[cohort] = sample.size_of(cohort)
            continue
        compared = {cell: cell.is_reference or _has_comparison(sample, cell, own) for cell in plan}
        if not any(there and cell.is_treated for cell, there in compared.items()):
            without_comparison.append(cohort)
            continue
        left_out.update({cell: "no_comparison_units" for cell, there in compared.items() if not there})
        wanted = [cell for cell, there in compared.items() if there and not cell.is_reference]
        found, failed = _fit_cohort(sample, moments, own, wanted, method)
        left_out.update(failed)
        fits += found
        references += [cell for cell in plan if cell.is_reference and found]
    return _in_order(sample, moments, fits, references, left_out, below_minimum, tuple(without_comparison))


def _has_comparison(sample: CohortSample, cell: PlannedCell, own: slice) -> bool:
    """Whether any unit other than the cohort's own is untreated in the cell."""
    rows = _against(sample, cell, own)
    own_inside = own.stop - own.start if own.start >= rows.start else 0
    return bool(rows.stop - rows.start > own_inside)


def _against(sample: CohortSample, cell: PlannedCell, own: slice) -> slice:
    """Rows of the comparison group; the cohort itself is cut off where it comes first.

    A cohort that comes later stays within the rows, with weight 0.
    """
    rows = sample.rows_after(cell.untreated_after)
    return slice(own.stop, rows.stop) if rows.start == own.start else rows


def _fit_cohort(
    sample: CohortSample, moments: CohortMoments, own: slice, plan: Sequence[PlannedCell], method: Method
) -> tuple[list[_Fit], dict[PlannedCell, LeftOut]]:
    """Fit together the cells that share comparison units, regressors and weights."""
    together: defaultdict[tuple[int, ...], list[PlannedCell]] = defaultdict(list)
    for cell in plan:
        together[_shared(sample, cell, own)].append(cell)
    fits: list[_Fit] = []
    failed: dict[PlannedCell, LeftOut] = {}
    start: FloatArray | None = None
    for cells in together.values():
        first = cells[0]
        against = _against(sample, first, own)
        found = fit_contrasts(
            read_arm(sample, own, first.period, first.base, first.seen),
            comparison_arm(sample, against, first.period, first.base, own, first.seen),
            contrast_matrix(sample.outcome.shape[1], cells),
            method,
            start,
            (moments.of_cell(own, first), moments.of_others(against, own, first)),
        )
        if isinstance(found, str):
            failed.update(dict.fromkeys(cells, found))
            continue
        start = found.gamma
        fits.append(_Fit(tuple(cells), own, against, found))
    return fits, failed


def _shared(sample: CohortSample, cell: PlannedCell, own: slice) -> tuple[int, ...]:
    """Key of the cells of one cohort whose comparison units, regressors and weights are the same."""
    start = _against(sample, cell, own).start
    if sample.observed is not None:
        return (start, cell.base, -1, *cell.seen) if cell.seen else (start, cell.base, cell.period)
    return (start, cell.base) if sample.base_matters else (start,)


def contrast_matrix(n_periods: int, cells: Sequence[PlannedCell]) -> FloatArray:
    """(T, m) columns with 1 at each cell's period less the weights of its base, which sum to 1.

    Examples
    --------
    >>> contrast_matrix(3, [PlannedCell(2, 2, 1, 2, True), PlannedCell(2, 2, 1, 2, True, base_from=0)]).T.tolist()
    [[0.0, -1.0, 1.0], [-0.5, -0.5, 1.0]]
    """
    contrast = np.zeros((n_periods, len(cells)))
    for column, cell in enumerate(cells):
        contrast[cell.period, column] = 1.0
        first = cell.base if cell.base_from is None else cell.base_from
        contrast[first : cell.base + 1, column] -= 1.0 / (cell.base + 1 - first)
    return contrast


def _in_order(
    sample: CohortSample,
    moments: CohortMoments,
    fits: Sequence[_Fit],
    references: Sequence[PlannedCell],
    left_out: dict[PlannedCell, LeftOut],
    below_minimum: dict[int, int],
    without_comparison: tuple[int, ...],
) -> CohortEffects:
    """Sort the cells by cohort and period, and tell every fit its columns."""
    cells = sorted(
        [*(cell for fit in fits for cell in fit.cells), *references], key=lambda cell: (cell.cohort, cell.period)
    )
    place = {cell: position for position, cell in enumerate(cells)}
    effect = np.zeros(len(cells))
    dropped = np.zeros((len(cells), 1 + len(sample.covariates)), dtype=np.bool_)
    groups = []
    for fit in fits:
        columns = np.array([place[cell] for cell in fit.cells], dtype=np.int64)
        effect[columns] = fit.contrasts.effect
        dropped[columns] = ~fit.contrasts.kept
        first = fit.cells[0]
        groups.append(
            CellGroup(first.cohort, fit.own, fit.against, first.period, first.base, columns, fit.contrasts, first.seen)
        )
    means = [moments.treated_mean(sample.rows_of(cell.cohort), cell) for cell in cells]
    return CohortEffects(
        cells=tuple(cells),
        effect=effect,
        observed=np.array([mean for mean, _ in means]),
        n_treated=np.array([count for _, count in means], dtype=np.int64),
        dropped=dropped,
        groups=tuple(groups),
        left_out=left_out,
        below_minimum=below_minimum,
        without_comparison=without_comparison,
    )
