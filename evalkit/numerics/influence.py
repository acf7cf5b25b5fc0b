"""Influence functions of all cells and cohort shares, made in blocks of units.

The covariance of K cells and G shares needs only psi'psi; at a million units psi itself would
outweigh the data. Blocks of rows are made, multiplied and dropped; the whole matrix is built
only for callers who ask for it. Clusters are summed, never averaged.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from evalkit.numerics.blocks import BLOCK_ROWS, pieces
from evalkit.numerics.cohort_sample import CohortSample
from evalkit.numerics.doubly_robust import Arm, Contrasts
from evalkit.numerics.linear_influence import LinearInfluence, is_linear
from evalkit.vocabulary import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class CellGroup:
    """Cells of one cohort that share comparison units, regressors and weights.

    Attributes
    ----------
    cohort
        Ordinal of the first treated period.
    treated, comparison
        Rows of the sample; the cohort's own rows within `comparison` play no part in it.
    period, base, seen
        Positions that decide which weights and regressors are read.
    columns
        (m,) places of the cells among all columns.
    contrasts
        The fit.
    weight_scores
        What a unit of weight 1 adds to the group's own weight among others, as a treated and as a comparison unit;
        None where groups have no estimated weights.
    """

    cohort: int
    treated: slice
    comparison: slice
    period: int
    base: int
    columns: IntArray
    contrasts: Contrasts
    seen: tuple[int, ...] = ()
    weight_scores: tuple[float, float] | None = None

    def arm(self, sample: CohortSample, rows: slice) -> Arm:
        """Weights, regressors and outcomes of some rows."""
        return read_arm(sample, rows, self.period, self.base, self.seen)


def read_arm(sample: CohortSample, rows: slice, period: int, base: int, seen: tuple[int, ...] = ()) -> Arm:
    """Weights, regressors and outcomes of some rows, as one cell sees them."""
    return Arm(sample.regressors(base, rows), sample.weights(period, base, rows, seen), sample.outcome[rows])


def comparison_arm(
    sample: CohortSample, rows: slice, period: int, base: int, own: slice, seen: tuple[int, ...] = ()
) -> Arm:
    """The comparison arm of a cell: a cohort within `rows` is not compared with itself."""
    arm = read_arm(sample, rows, period, base, seen)
    if own.stop <= rows.start:
        return arm
    weight = arm.weight.copy()
    weight[max(own.start - rows.start, 0) : own.stop - rows.start] = 0.0
    return Arm(arm.X, weight, arm.outcome)


@dataclass(frozen=True, slots=True)
class Influence:
    """psi (N, K + M + G): influence functions of the cells, of M group weights and of the cohort shares, over N.

    There are group weights only where the groups have `weight_scores`; M is then the number of groups.

    Attributes
    ----------
    sample
        The units.
    groups
        The fitted cells.
    n_cells
        K; columns that no group fills (reference cells) stay 0. Group weights follow them, then shares.
    share_cohorts, shares
        (G,) ordinals and shares p_g.
    share_weight
        (N,) weights with mean 1 behind the shares.
    """

    sample: CohortSample
    groups: tuple[CellGroup, ...]
    n_cells: int
    share_cohorts: IntArray
    shares: FloatArray
    share_weight: FloatArray

    @property
    def n_weights(self) -> int:
        """M, 0 where groups have no estimated weights."""
        return sum(group.weight_scores is not None for group in self.groups)

    @property
    def n_columns(self) -> int:
        """K + M + G."""
        return self.n_cells + self.n_weights + len(self.shares)

    def covariance(self) -> FloatArray:
        """(K + M + G, K + M + G) cross product of psi, summed within clusters first."""
        total = np.zeros((self.n_columns, self.n_columns))
        if self.sample.cluster is not None:
            for sums in self._cluster_sums(self.sample.cluster):
                total += sums.T @ sums
            return total
        for cohort_rows in self._cohorts():
            columns = self._columns_of(cohort_rows)
            place = np.ix_(columns, columns)
            linear = self._linear(cohort_rows)
            if linear is not None:
                total[place] += linear.cross_product()
                continue
            for rows in pieces(cohort_rows):
                psi = self._block(rows, columns)
                total[place] += psi.T @ psi
        return total

    def _linear(self, rows: slice) -> LinearInfluence | None:
        """The same for one cohort where psi is linear in few columns of its units; None where it is not."""
        groups = [(self.groups[place], is_treated) for place, is_treated in self._groups_of(rows)]
        if self.sample.observed is not None or self.sample.base_matters or self.n_weights:
            return None
        if not all(is_linear(group.contrasts, is_treated) for group, is_treated in groups):
            return None
        own = self.share_cohorts == self.sample.first_treated[rows.start]
        return LinearInfluence(
            self.sample,
            rows,
            [(group.contrasts, is_treated) for group, is_treated in groups],
            np.vstack([own, -self.shares]) / len(self.sample),
            self.share_weight,
        )

    def matrix(self) -> FloatArray:
        """(n_clusters, K + M + G) psi, in the order of the caller's units or of the cluster codes."""
        if self.sample.cluster is not None:
            return np.concatenate(list(self._cluster_sums(self.sample.cluster)))
        psi = np.zeros((len(self.sample), self.n_columns))
        for cohort_rows in self._cohorts():
            columns = self._columns_of(cohort_rows)
            for rows in pieces(cohort_rows):
                psi[np.ix_(self.sample.position[rows], columns)] = self._block(rows, columns)
        return psi

    def blocks(self) -> Iterator[tuple[IntArray, FloatArray]]:
        """Places of the columns that are not 0, and (n, columns) of psi, by blocks of clusters or of units."""
        if self.sample.cluster is not None:
            every = np.arange(self.n_columns)
            for sums in self._cluster_sums(self.sample.cluster):
                yield every, sums
            return
        for cohort_rows in self._cohorts():
            columns = self._columns_of(cohort_rows)
            for rows in pieces(cohort_rows):
                yield columns, self._block(rows, columns)

    def _cohorts(self) -> Iterator[slice]:
        """Rows of each cohort, the never-treated included."""
        yield from self.sample.cohort_rows.values()

    def _groups_of(self, rows: slice) -> list[tuple[int, bool]]:
        """Places of the groups that rows of one cohort take part in, and whether as treated units."""
        treated = [
            place for place, group in enumerate(self.groups) if group.treated.start <= rows.start < group.treated.stop
        ]
        compared = [
            place
            for place, group in enumerate(self.groups)
            if group.comparison.start <= rows.start < group.comparison.stop and place not in treated
        ]
        return [*((place, True) for place in treated), *((place, False) for place in compared)]

    def _columns_of(self, rows: slice) -> IntArray:
        """Columns of psi that are not 0 for rows of one cohort."""
        places = [place for place, _ in self._groups_of(rows)]
        cells = [self.groups[place].columns for place in places]
        weights = [np.array([self.n_cells + place]) for place in places if self.n_weights]
        return np.concatenate([*cells, *weights, np.arange(self.n_cells + self.n_weights, self.n_columns)])

    def _block(self, rows: slice, columns: IntArray) -> FloatArray:
        """(n, len(columns)) of psi for rows of one cohort, columns as `_columns_of` orders them."""
        psi = np.empty((len(columns), rows.stop - rows.start)).T  # columns contiguous, as the fits return them
        place = 0
        on_weights = []
        for chosen, is_treated in self._groups_of(rows):
            group = self.groups[chosen]
            arm = group.arm(self.sample, rows)
            fit, width = group.contrasts, len(group.columns)
            make = fit.treated_influence if is_treated else fit.comparison_influence
            psi[:, place : place + width] = make(arm)
            place += width
            if group.weight_scores is not None:
                on_weights.append(arm.weight * group.weight_scores[0 if is_treated else 1])
        for column in on_weights:
            psi[:, place] = column
            place += 1
        psi[:, place:] = -self.shares
        own = np.flatnonzero(self.share_cohorts == self.sample.first_treated[rows.start])
        psi[:, place + own] += self.share_weight[rows, None]
        psi[:, place:] /= len(self.sample)
        return psi

    def _cluster_sums(self, cluster: IntArray) -> Iterator[FloatArray]:
        """Blocks of cluster sums of psi, in the order of the cluster codes."""
        n_clusters = int(cluster.max()) + 1
        step = max(1, BLOCK_ROWS * n_clusters // len(self.sample))
        for first in range(0, n_clusters, step):
            stop = min(first + step, n_clusters)
            sums = np.zeros((stop - first, self.n_columns))
            for cohort_rows in self._cohorts():
                codes = cluster[cohort_rows]
                low, high = (cohort_rows.start + int(np.searchsorted(codes, code)) for code in (first, stop))
                columns = self._columns_of(cohort_rows) if low < high else np.empty(0, dtype=np.int64)
                for rows in pieces(slice(low, high)):
                    starts = np.flatnonzero(np.diff(cluster[rows], prepend=-1))
                    added = np.add.reduceat(self._block(rows, columns), starts, axis=0)
                    sums[np.ix_(cluster[rows][starts] - first, columns)] += added
            yield sums
