"""Influence functions as loadings on a few scores a unit, so that units x cells is never formed.

In regressions with unit, period and cohort-by-period effects the influence of unit i on K effects
is psi_i = z_i' L_g, with a handful of scores z_i (about one a period) and one loading matrix L_g a
cohort. The covariance of a cohort is then L_g' (sum_i z_i z_i') L_g.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from evalkit.numerics.blocks import BLOCK_ROWS
from evalkit.vocabulary import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class ScoreBlock:
    """Units with one loading matrix.

    Attributes
    ----------
    units
        (n,) positions of the units in the panel.
    scores
        (n, q).
    loading
        (q, K + G): influence functions are ``scores @ loading``.
    """

    units: IntArray
    scores: FloatArray
    loading: FloatArray

    def columns(self, order: IntArray) -> ScoreBlock:
        """The block of some of the effects, in a new order."""
        return ScoreBlock(self.units, self.scores, self.loading[:, order])


def join(first: Sequence[ScoreBlock], second: Sequence[ScoreBlock]) -> tuple[ScoreBlock, ...]:
    """Put the effects of two estimates of the same units side by side.

    Every block of `second` must hold the units of one block of `first`; blocks of `first` without a
    counterpart have no part in the second estimate.

    Examples
    --------
    >>> one = ScoreBlock(np.arange(2), np.array([[1.0], [2.0]]), np.array([[3.0]]))
    >>> (both,) = join([one], [one])
    >>> (both.scores @ both.loading).tolist()
    [[3.0, 3.0], [6.0, 6.0]]
    """
    counterpart = {int(block.units[0]): block for block in second}
    width = second[0].loading.shape[1]
    joined = []
    for block in first:
        q, k = block.loading.shape
        other = counterpart.get(int(block.units[0]))
        if other is None:
            joined.append(ScoreBlock(block.units, block.scores, np.hstack([block.loading, np.zeros((q, width))])))
            continue
        loading = np.zeros((q + len(other.loading), k + width))
        loading[:q, :k], loading[q:, k:] = block.loading, other.loading
        joined.append(ScoreBlock(block.units, np.hstack([block.scores, other.scores]), loading))
    return tuple(joined)


@dataclass(frozen=True, slots=True)
class Scores:
    """All units with a part in the estimate.

    Attributes
    ----------
    blocks
        Disjoint sets of units.
    cluster
        (N,) cluster codes of the panel's units; None where units are their own clusters.
    """

    blocks: tuple[ScoreBlock, ...]
    cluster: IntArray | None

    @property
    def n_columns(self) -> int:
        """K + G."""
        return int(self.blocks[0].loading.shape[1])

    def codes(self) -> IntArray:
        """(C,) clusters with a unit in some block, or the units themselves, in ascending order."""
        units = np.concatenate([block.units for block in self.blocks])
        return np.unique(units if self.cluster is None else self.cluster[units])

    def covariance(self) -> FloatArray:
        """(K + G, K + G) cross product of psi, summed within clusters first.

        Examples
        --------
        >>> block = ScoreBlock(np.arange(2), np.array([[1.0], [2.0]]), np.array([[1.0, -1.0]]))
        >>> Scores((block,), None).covariance().tolist()
        [[5.0, -5.0], [-5.0, 5.0]]
        >>> Scores((block,), np.array([0, 0])).covariance().tolist()
        [[9.0, -9.0], [-9.0, 9.0]]
        """
        total = np.zeros((self.n_columns, self.n_columns))
        if self.cluster is not None:
            for psi in self._cluster_sums():
                total += psi.T @ psi
            return total
        for block in self.blocks:
            columns = np.flatnonzero(block.loading.any(axis=0))
            loading = block.loading[:, columns]
            total[np.ix_(columns, columns)] += loading.T @ (block.scores.T @ block.scores) @ loading
        return total

    def matrix(self) -> FloatArray:
        """(C, K + G) psi in the order of `codes`."""
        if self.cluster is not None:
            return np.concatenate(list(self._cluster_sums()))
        codes = self.codes()
        psi = np.zeros((len(codes), self.n_columns))
        for block in self.blocks:
            psi[np.searchsorted(codes, block.units)] = block.scores @ block.loading
        return psi

    def _cluster_sums(self) -> Iterator[FloatArray]:
        """Blocks of cluster sums of psi, in the order of `codes`."""
        codes = self.codes()
        summed = [(block.loading, *self._summed(block)) for block in self.blocks]
        for first in range(0, len(codes), BLOCK_ROWS):
            part = codes[first : first + BLOCK_ROWS]
            psi = np.zeros((len(part), self.n_columns))
            for loading, own, scores in summed:
                low, high = np.searchsorted(own, [part[0], part[-1] + 1])
                psi[np.searchsorted(part, own[low:high])] += scores[low:high] @ loading
            yield psi

    def _summed(self, block: ScoreBlock) -> tuple[IntArray, FloatArray]:
        """Clusters of a block, ascending, and the sums of scores in each."""
        if self.cluster is None:
            raise ValueError("units are their own clusters: there is nothing to sum")
        own = self.cluster[block.units]
        order = np.argsort(own, kind="stable")
        found, starts = np.unique(own[order], return_index=True)
        return found, np.add.reduceat(block.scores[order], starts, axis=0)


@dataclass(frozen=True, slots=True)
class Shares:
    """Cohort shares p_g = mean of share weights over the units of cohort g, over all units used.

    Attributes
    ----------
    cohorts, value
        (G,) ordinals and shares.
    weight
        (N,) share weights of the panel's units, with mean 1 over the units used.
    n_units
        Units used.
    """

    cohorts: IntArray
    value: FloatArray
    weight: FloatArray
    n_units: int


def cohort_shares(first_treated: IntArray, weight: FloatArray, used: IntArray, cohorts: IntArray) -> Shares:
    """Shares of cohorts among the units used.

    Parameters
    ----------
    first_treated, weight
        (N,) of the panel's units.
    used
        (n,) positions of the units used.
    cohorts
        (G,) cohorts with effects.

    Examples
    --------
    >>> shares = cohort_shares(np.array([3, 3, 9, 9]), np.ones(4), np.arange(4), np.array([3]))
    >>> shares.value.tolist()
    [0.5]
    """
    scaled = weight / weight[used].mean()
    own = first_treated[used][:, None] == cohorts
    return Shares(cohorts, (scaled[used][:, None] * own).sum(axis=0) / len(used), scaled, len(used))


def with_shares(
    blocks: Sequence[ScoreBlock], first_treated: IntArray, shares: Shares, known: bool
) -> tuple[ScoreBlock, ...]:
    """Add the columns of the cohort shares: psi_i = (s_i 1{G_i = g} - p_g) / N; 0 where shares are taken as known."""
    n_shares = len(shares.cohorts)
    if known:
        return tuple(
            ScoreBlock(b.units, b.scores, np.hstack([b.loading, np.zeros((len(b.loading), n_shares))])) for b in blocks
        )
    grown = []
    for block in blocks:
        scores = np.column_stack([block.scores, np.ones(len(block.units)), shares.weight[block.units]])
        q, k = block.loading.shape
        loading = np.zeros((q + 2, k + n_shares))
        loading[:q, :k] = block.loading
        loading[q, k:] = -shares.value / shares.n_units
        loading[q + 1, k:] = (shares.cohorts == first_treated[block.units[0]]) / shares.n_units
        grown.append(ScoreBlock(block.units, scores, loading))
    return tuple(grown)
