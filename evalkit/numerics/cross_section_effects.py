"""All effects ATT(g, t) of repeated cross-sections, and their influence functions in blocks of persons.

Persons are sorted by period and cohort: a sample of one arm in one period is then one or two runs of rows. Every
person takes part in the cells of one period only, so no array of persons by cells is built but on request.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from evalkit.numerics.blocks import pieces
from evalkit.numerics.cohort_effects import CohortEffects, LeftOut, Rules
from evalkit.numerics.cross_section_att import (
    PLACES,
    Contrast,
    Form,
    Place,
    Refused,
    Sample,
    Sums,
    fit_contrast,
    sums_of,
)
from evalkit.numerics.cross_section_regression import Persons
from evalkit.numerics.group_time import PlannedCell, plan_cohort
from evalkit.vocabulary import BoolArray, FloatArray, IntArray

Runs = tuple[slice, ...]
Key = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Sections:
    """N persons sorted by period, then by first treated period.

    Attributes
    ----------
    first_treated, position
        (N,) ordinals; positions 0..T-1, not decreasing.
    X
        (N, p) constant and standardized covariates.
    weight, outcome
        (N,) weights above 0; outcomes less a constant.
    cluster
        (N,) codes 0..C-1; None when persons are independent.
    order
        (N,) place of each person in the caller's order.
    """

    first_treated: IntArray
    position: IntArray
    X: FloatArray
    weight: FloatArray
    outcome: FloatArray
    cluster: IntArray | None
    order: IntArray

    def __len__(self) -> int:
        return len(self.outcome)

    @property
    def n_clusters(self) -> int:
        """Clusters; persons where they are independent."""
        return len(self) if self.cluster is None else int(self.cluster.max()) + 1

    @cached_property
    def runs(self) -> dict[tuple[int, int], slice]:
        """Rows by cohort and position of the period."""
        new = (np.diff(self.first_treated, prepend=-1) != 0) | (np.diff(self.position, prepend=-1) != 0)
        starts = np.flatnonzero(new)
        ends = np.append(starts[1:], len(self))
        keys = zip(self.first_treated[starts].tolist(), self.position[starts].tolist(), strict=True)
        return {key: slice(int(start), int(end)) for key, start, end in zip(keys, starts, ends, strict=True)}

    @cached_property
    def sizes(self) -> dict[int, int]:
        """Persons by cohort."""
        found: defaultdict[int, int] = defaultdict(int)
        for (cohort, _), rows in self.runs.items():
            found[cohort] += rows.stop - rows.start
        return dict(found)

    def size_of(self, cohort: int) -> int:
        """Persons of a cohort."""
        return self.sizes.get(cohort, 0)

    def compared(self, cohort: int, position: int, after: int) -> Runs:
        """Rows of all others in a period whose treatment starts after an ordinal."""
        others = [
            rows for (start, at), rows in self.runs.items() if at == position and start > after and start != cohort
        ]
        return tuple(sorted(others, key=lambda rows: rows.start))

    def sample(self, runs: Runs) -> Sample:
        """Regressors, weights and outcomes of some rows."""
        if len(runs) == 1:
            rows = runs[0]
            return Sample(self.X[rows], self.weight[rows], self.outcome[rows])
        parts = [(self.X[rows], self.weight[rows], self.outcome[rows]) for rows in runs]
        return Sample(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


@dataclass(frozen=True, slots=True)
class FittedCell:
    """An effect and the rows that it was fitted to."""

    cell: PlannedCell
    rows: dict[Place, Runs]
    contrast: Contrast


@dataclass(frozen=True, slots=True)
class NotEstimable:
    """A cell whose sample cannot carry the regressors: the design is refused."""

    cell: PlannedCell
    refused: Refused


def sort_persons(persons: Persons, starts: IntArray) -> Sections:
    """Sort usable persons by period and cohort.

    Parameters
    ----------
    persons
        Usable rows.
    starts
        (G,) first treated periods of the groups.
    """
    group, position = np.divmod(persons.cell, persons.shape[1])
    cohorts, rank = np.unique(starts, return_inverse=True)
    key = position * len(cohorts) + rank[group]
    short = persons.shape[1] * len(cohorts) <= np.iinfo(np.int16).max  # then sorted by radix, far faster
    order = np.argsort(key.astype(np.int16) if short else key, kind="stable")
    first_treated = starts[group]
    X = np.ones((len(persons), 1 + len(persons.covariates)))
    X[:, 1:] = persons.covariates[:, order].T
    return Sections(
        first_treated[order], position[order], X, persons.weight[order], persons.outcome[order],
        None if persons.cluster is None else persons.cluster[order], order,
    )  # fmt: skip


def estimate_sections(
    sections: Sections, time: IntArray, rules: Rules, form: Form
) -> tuple[CohortEffects, tuple[FittedCell, ...]] | NotEstimable:
    """Estimate every cell that has a base period and a comparison.

    Parameters
    ----------
    sections
        Sorted persons.
    time
        (T,) ordinals of the periods.
    rules, form
        Comparison, method, base period and anticipation; form of the doubly robust estimator.

    Returns
    -------
    effects, fits
        The cells in order, without the fits of a panel, and the fits behind those that are no reference. Or the
        first cell in which regressors cannot be told apart.
    """
    fits: list[FittedCell] = []
    references: list[PlannedCell] = []
    left_out: dict[PlannedCell, LeftOut] = {}
    below: dict[int, int] = {}
    alone: list[int] = []
    known: dict[Key, Sums] = {}
    for cohort in sorted(start for start in sections.sizes if start <= time[-1]):
        if sections.size_of(cohort) < rules.min_cohort_size:
            below[cohort] = sections.size_of(cohort)
            continue
        plan = plan_cohort(
            time, cohort, comparison=rules.comparison, base_period=rules.base_period, anticipation=rules.anticipation
        )
        rows = {cell: _rows(sections, cell) for cell in plan if not cell.is_reference}
        if not any(cell.is_treated and _has_comparison(found) for cell, found in rows.items()):
            alone.append(cohort)
            continue
        before, gamma = len(fits), None
        for cell, found in rows.items():
            if missing := _missing(found):
                left_out[cell] = missing
                continue
            contrast = _fit(sections, found, known, rules, form, gamma)
            if isinstance(contrast, Contrast):
                gamma = contrast.gamma
                fits.append(FittedCell(cell, found, contrast))
            elif contrast.reason == "no_overlap":
                left_out[cell] = "no_overlap"
            else:
                return NotEstimable(cell, contrast)
        references += [cell for cell in plan if cell.is_reference and len(fits) > before]
    return _in_order(sections, fits, references, left_out, below, tuple(alone))


def _rows(sections: Sections, cell: PlannedCell) -> dict[Place, Runs]:
    """Rows of the four samples of a cell."""
    found: dict[Place, Runs] = {}
    for later, position in ((True, cell.period), (False, cell.base)):
        own = sections.runs.get((cell.cohort, position))
        found[True, later] = () if own is None else (own,)
        found[False, later] = sections.compared(cell.cohort, position, cell.untreated_after)
    return found


def _has_comparison(rows: dict[Place, Runs]) -> bool:
    return bool(rows[False, True]) and bool(rows[False, False])


def _missing(rows: dict[Place, Runs]) -> LeftOut | None:
    if not _has_comparison(rows):
        return "no_comparison_units"
    return None if rows[True, True] and rows[True, False] else "no_treated_units"


def _fit(
    sections: Sections,
    rows: dict[Place, Runs],
    known: dict[Key, Sums],
    rules: Rules,
    form: Form,
    start: FloatArray | None,
) -> Contrast | Refused:
    """Fit one cell; sums of a sample that serves several cells are made once."""
    samples = {place: sections.sample(rows[place]) for place in PLACES}
    sums = {}
    for place, sample in samples.items():
        key = tuple((run.start, run.stop) for run in rows[place])
        if key not in known:
            known[key] = sums_of(sample)
        sums[place] = known[key]
    return fit_contrast(samples, sums, rules.method, form, start)


def _in_order(
    sections: Sections,
    fits: Sequence[FittedCell],
    references: Sequence[PlannedCell],
    left_out: dict[PlannedCell, LeftOut],
    below: dict[int, int],
    alone: tuple[int, ...],
) -> tuple[CohortEffects, tuple[FittedCell, ...]]:
    """Sort cells by cohort and period."""
    by_cell = {fit.cell: fit for fit in fits}
    cells = sorted([*by_cell, *references], key=lambda cell: (cell.cohort, cell.period))
    observed, count = np.zeros(len(cells)), np.zeros(len(cells), dtype=np.int64)
    for place, cell in enumerate(cells):
        rows = sections.runs[cell.cohort, cell.period]
        observed[place] = np.average(sections.outcome[rows], weights=sections.weight[rows])
        count[place] = rows.stop - rows.start
    effects = CohortEffects(
        cells=tuple(cells),
        effect=np.array([by_cell[cell].contrast.effect if cell in by_cell else 0.0 for cell in cells]),
        observed=observed,
        n_treated=count,
        dropped=np.zeros((len(cells), sections.X.shape[1]), dtype=np.bool_),
        groups=(),
        left_out=left_out,
        below_minimum=below,
        without_comparison=alone,
    )
    return effects, tuple(by_cell[cell] for cell in cells if cell in by_cell)


@dataclass(frozen=True)
class SectionInfluence:
    """psi (N, K + G): influence functions of the cells and of the cohort shares, over N.

    Attributes
    ----------
    sections
        Sorted persons.
    fits
        Fitted cells.
    is_reference
        (K,) columns that stay 0.
    share_cohorts, shares, share_weight
        (G,) ordinals and shares; (N,) weights with mean 1 behind them.
    """

    sections: Sections
    fits: tuple[FittedCell, ...]
    is_reference: BoolArray
    share_cohorts: IntArray
    shares: FloatArray
    share_weight: FloatArray

    @property
    def n_columns(self) -> int:
        """K + G."""
        return len(self.is_reference) + len(self.shares)

    def covariance(self) -> FloatArray:
        """(K + G, K + G) cross product of psi, summed within clusters first."""
        if self.sections.cluster is not None:
            sums = self.matrix()
            return sums.T @ sums
        total = np.zeros((self.n_columns, self.n_columns))
        for _, columns, psi in self._blocks():
            total[np.ix_(columns, columns)] += psi.T @ psi
        return total

    def matrix(self) -> FloatArray:
        """(persons or clusters, K + G) psi, in the order of the caller's persons or of the cluster codes."""
        sections = self.sections
        psi = np.zeros((sections.n_clusters, self.n_columns))
        to = sections.order if sections.cluster is None else sections.cluster
        for rows, columns, block in self._blocks():
            np.add.at(psi, np.ix_(to[rows], columns), block)
        return psi

    def _blocks(self) -> Iterator[tuple[slice, IntArray, FloatArray]]:
        """Rows of one cohort and period, the columns that are not 0 for them, and psi."""
        numbered = list(zip(np.flatnonzero(~self.is_reference), self.fits, strict=True))
        parts: defaultdict[int, list[tuple[int, FittedCell, Place]]] = defaultdict(list)
        for column, fit in numbered:
            for place, runs in fit.rows.items():
                for rows in runs:
                    parts[rows.start].append((int(column), fit, place))
        shares = np.arange(len(self.is_reference), self.n_columns)
        for (cohort, _), run in self.sections.runs.items():
            columns = np.concatenate([[column for column, _, _ in parts[run.start]], shares]).astype(np.int64)
            own = np.flatnonzero(self.share_cohorts == cohort)
            for rows in pieces(run):
                sample = self.sections.sample((rows,))
                psi = np.empty((rows.stop - rows.start, len(columns)))
                for position, (_, fit, place) in enumerate(parts[run.start]):
                    psi[:, position] = fit.contrast.influence(sample, place)
                psi[:, len(parts[run.start]) :] = -self.shares
                psi[:, len(parts[run.start]) + own] += self.share_weight[rows, None]
                psi[:, len(parts[run.start]) :] /= len(self.sections)
                yield rows, columns, psi
