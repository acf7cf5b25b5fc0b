"""Triple differences by cohort and period: three two-period comparisons of one treated subgroup, put together.

Units differ by cohort S, in which their place starts, and by eligibility Q. Those with S = g and Q = 1 are treated.
With each comparison adjusted to the covariates of these (Ortiz-Villavicencio and Sant'Anna 2025, eq. 4.8),

    ATT_c(g, t) = DiD[(g, 1) against (g, 0)] + DiD[(g, 1) against (c, 1)] - DiD[(g, 1) against (c, 0)].

It is not the difference of the DiDs of eligible and of ineligible units: each of those adjusts to its own units.
Pooling comparison cohorts c would mix them differently among eligible and ineligible units; every c is used
alone, and the estimates are averaged (their eqs. 4.11 and 4.12).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from evalkit.numerics.cohort_effects import LeftOut, contrast_matrix
from evalkit.numerics.cohort_sample import CohortSample
from evalkit.numerics.doubly_robust import Contrasts, Failure, Method, fit_contrasts
from evalkit.numerics.group_time import PlannedCell
from evalkit.numerics.influence import CellGroup, Influence, read_arm
from evalkit.vocabulary import NEVER, BoolArray, FloatArray, IntArray

Combination = Literal["gmm", "by_size"]
SINGULAR = 1e-10
"""Estimates against several cohorts are not told apart when an eigenvalue falls below this share of the largest."""


@dataclass(frozen=True, slots=True)
class Subgroups:
    """Codes 2 r + Q of cohort rank r and eligibility Q, by which a :class:`CohortSample` is sorted.

    Attributes
    ----------
    cohorts
        (R,) ordinals, ascending; ``NEVER`` for all who start too late to be treated, or to react, within the data.
    """

    cohorts: IntArray

    def code(self, cohort: int, eligible: bool) -> int:
        """Code of a subgroup."""
        return 2 * int(np.searchsorted(self.cohorts, cohort)) + int(eligible)

    def rows(self, sample: CohortSample, cohort: int, eligible: bool) -> slice:
        """Rows of a subgroup."""
        return sample.rows_of(self.code(cohort, eligible))

    def lacking(self, sample: CohortSample, cohort: int) -> list[bool]:
        """Values of Q that nobody of the cohort has."""
        return [q for q in (True, False) if sample.size_of(self.code(cohort, q)) == 0]


def code_subgroups(first_treated: IntArray, eligible: BoolArray, last: int) -> tuple[Subgroups, IntArray]:
    """Number the subgroups of some units.

    Parameters
    ----------
    first_treated, eligible
        (N,) start of the unit's place, and whether the unit is eligible.
    last
        Ordinal after which a start cannot touch the data, anticipation included.

    Examples
    --------
    >>> groups, codes = code_subgroups(np.array([3, 3, 9]), np.array([True, False, True]), last=6)
    >>> codes.tolist(), groups.code(3, True)
    ([1, 0, 3], 1)
    """
    start = np.where(first_treated > last, NEVER, first_treated)
    cohorts, rank = np.unique(start, return_inverse=True)
    return Subgroups(cohorts), np.asarray(2 * rank + eligible, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class _Part:
    """One of the comparisons behind a cell: with (cohort, eligible)."""

    cell: PlannedCell
    cohort: int
    eligible: bool


@dataclass(frozen=True, slots=True)
class TripleEffects:
    """K cells as combinations of J two-period comparisons.

    Attributes
    ----------
    cells
        (K,) in the order of cohort and period.
    part_effect
        (J,) two-period effects.
    groups
        The fits; their columns are the J comparisons.
    triples
        For each cell the comparison cohorts, and the (J, C) signs of the comparisons in the estimate against each.
    n_treated, observed
        (K,) eligible units of the cohort with weight, and their mean outcome in the period.
    left_out
        Cells without an estimate, and why.
    dropped
        (p,) regressors dropped as collinear in some comparison; the constant comes first.
    """

    cells: tuple[PlannedCell, ...]
    part_effect: FloatArray
    groups: tuple[CellGroup, ...]
    triples: tuple[tuple[tuple[int, ...], FloatArray], ...]
    n_treated: IntArray
    observed: FloatArray
    left_out: dict[PlannedCell, LeftOut]
    dropped: BoolArray


def estimate_triples(
    sample: CohortSample, subgroups: Subgroups, plans: Mapping[int, Sequence[PlannedCell]], method: Method
) -> TripleEffects:
    """Estimate all comparisons of all planned cells.

    Parameters
    ----------
    sample
        Units sorted by the codes of `subgroups`.
    subgroups
        Cohorts and codes.
    plans
        Treated cohort to its cells. A cohort c is a comparison of a cell when it starts after `untreated_after`, and
        has both eligible and ineligible units.
    method
        ``dr``, ``ipw`` or ``reg``.
    """
    usable = [int(c) for c in subgroups.cohorts if not subgroups.lacking(sample, int(c))]
    column: dict[_Part, int] = {}
    failed: dict[_Part, Failure] = {}
    groups: list[CellGroup] = []
    effects: list[float] = []
    dropped = np.zeros(1 + len(sample.covariates), dtype=np.bool_)
    for cohort, plan in plans.items():
        own = subgroups.rows(sample, cohort, True)
        wanted = [cell for cell in plan if not cell.is_reference]
        sources = [(cohort, False), *((c, q) for c in usable if c != cohort for q in (True, False))]
        for source, eligible in sources:
            cells = [cell for cell in wanted if source == cohort or source > cell.untreated_after]
            against = subgroups.rows(sample, source, eligible)
            for together, found in _fit_pair(sample, own, against, cells, method):
                parts = [_Part(cell, source, eligible) for cell in together]
                if isinstance(found, str):
                    failed.update(dict.fromkeys(parts, found))
                    continue
                columns = np.arange(len(effects), len(effects) + len(parts))
                column.update(zip(parts, columns.tolist(), strict=True))
                effects.extend(found.effect.tolist())
                dropped |= ~found.kept
                first = together[0]
                groups.append(CellGroup(cohort, own, against, first.period, first.base, columns, found))
    return _collect(sample, subgroups, plans, usable, column, failed, groups, np.array(effects), dropped)


def combine(
    effects: TripleEffects,
    influence: Influence,
    sizes: Mapping[int, float],
    how: Combination,
    scarce: Container[int] = (),
) -> tuple[FloatArray, list[PlannedCell]]:
    """Average the estimates of each cell over its comparison cohorts.

    Parameters
    ----------
    effects
        Cells and comparisons.
    influence
        Of the J comparisons (and of shares after them).
    sizes
        Comparison cohort to its summed weight.
    how
        ``gmm``: weights Omega^-1 1 / (1' Omega^-1 1), Omega the covariance of the estimates (eq. 4.11); ``by_size``.
    scarce
        Comparison cohorts of too few clusters: the errors of one cluster sum to 0, so that such a cohort seems precise
        and would take all the weight.

    Returns
    -------
    (J, K) array
        Map of comparisons to cells.
    list of PlannedCell
        Cells whose Omega is singular or has a scarce cohort; they are averaged by size.
    """
    covariance = influence.covariance()[: len(effects.part_effect), : len(effects.part_effect)]
    to_cells = np.zeros((len(effects.part_effect), len(effects.cells)))
    singular = []
    for place, (cohorts, signs) in enumerate(effects.triples):
        if not cohorts:
            continue
        size = np.array([sizes[c] for c in cohorts])
        weights = size / size.sum()
        if how == "gmm" and len(cohorts) > 1:
            omega = signs.T @ covariance @ signs
            roots = np.linalg.eigvalsh(omega)
            enough = not any(c in scarce for c in cohorts)
            if enough and roots[0] > SINGULAR * roots[-1]:
                solved = np.linalg.solve(omega, np.ones(len(cohorts)))
                weights = solved / solved.sum()
            else:
                singular.append(effects.cells[place])
        to_cells[:, place] = signs @ weights
    return to_cells, singular


def _fit_pair(
    sample: CohortSample, own: slice, against: slice, cells: Sequence[PlannedCell], method: Method
) -> list[tuple[list[PlannedCell], Contrasts | Failure]]:
    """Fit one subgroup against another, together where cells share regressors and weights."""
    together: defaultdict[tuple[int, ...], list[PlannedCell]] = defaultdict(list)
    for cell in cells:
        if sample.observed is not None:
            together[cell.base, cell.period].append(cell)
        else:
            together[(cell.base,) if sample.base_matters else ()].append(cell)
    found: list[tuple[list[PlannedCell], Contrasts | Failure]] = []
    start: FloatArray | None = None
    for group in together.values():
        first = group[0]
        fit = fit_contrasts(
            read_arm(sample, own, first.period, first.base),
            read_arm(sample, against, first.period, first.base),
            contrast_matrix(sample.outcome.shape[1], group),
            method,
            start,
        )
        start = start if isinstance(fit, str) else fit.gamma
        found.append((group, fit))
    return found


def _collect(
    sample: CohortSample,
    subgroups: Subgroups,
    plans: Mapping[int, Sequence[PlannedCell]],
    usable: Sequence[int],
    column: Mapping[_Part, int],
    failed: Mapping[_Part, Failure],
    groups: Sequence[CellGroup],
    part_effect: FloatArray,
    dropped: BoolArray,
) -> TripleEffects:
    """Cells that have a comparison within the cohort and with another one."""
    cells: list[PlannedCell] = []
    triples: list[tuple[tuple[int, ...], FloatArray]] = []
    left_out: dict[PlannedCell, LeftOut] = {}
    references: list[PlannedCell] = []
    for cohort, plan in plans.items():
        for cell in plan:
            if cell.is_reference:
                references.append(cell)
                continue
            within = _Part(cell, cohort, False)
            if within not in column:
                left_out[cell] = failed[within]
                continue
            others = [c for c in usable if c != cohort and c > cell.untreated_after]
            pairs = {c: (_Part(cell, c, True), _Part(cell, c, False)) for c in others}
            complete = {c: pair for c, pair in pairs.items() if all(part in column for part in pair)}
            if not complete:
                reasons: list[LeftOut] = [failed[part] for pair in pairs.values() for part in pair if part in failed]
                left_out[cell] = reasons[0] if reasons else "no_comparison_units"
                continue
            signs = np.zeros((len(part_effect), len(complete)))
            signs[column[within]] = 1.0
            for place, (eligible, ineligible) in enumerate(complete.values()):
                signs[column[eligible], place] = 1.0
                signs[column[ineligible], place] = -1.0
            cells.append(cell)
            triples.append((tuple(complete), signs))
    estimated = {cell.cohort for cell in cells}
    for cell in references:
        if cell.cohort in estimated:
            cells.append(cell)
            triples.append(((), np.zeros((len(part_effect), 0))))
    order = sorted(range(len(cells)), key=lambda k: (cells[k].cohort, cells[k].period))
    means = [_treated_mean(sample, subgroups, cells[k]) for k in order]
    return TripleEffects(
        cells=tuple(cells[k] for k in order),
        part_effect=part_effect,
        groups=tuple(groups),
        triples=tuple(triples[k] for k in order),
        n_treated=np.array([count for _, count in means], dtype=np.int64),
        observed=np.array([mean for mean, _ in means]),
        left_out=left_out,
        dropped=dropped,
    )


def _treated_mean(sample: CohortSample, subgroups: Subgroups, cell: PlannedCell) -> tuple[float, int]:
    """Weighted mean outcome of a cell's treated units in its period, and their number."""
    own = subgroups.rows(sample, cell.cohort, True)
    weight = sample.weights(cell.period, cell.base, own)
    if not weight.sum() > 0.0:
        return float("nan"), 0
    outcome = sample.outcome[own, cell.period] + sample.mean_outcome[own]
    return float(weight @ outcome / weight.sum()), int(np.count_nonzero(weight))
