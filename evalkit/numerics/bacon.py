"""The two-by-two comparisons inside static two-way fixed effects: weights and estimates (Goodman-Bacon 2021).

On a balanced panel the static coefficient is a weighted average of difference-in-differences between pairs of
timing groups (theorem 1). In a pair, k is the group whose treatment switches on, c the comparison, which does
not change while it is compared:

    k against never-treated, or before the start of a later c:   the clean comparisons
    k against an earlier c, treated already (or always):         the forbidden ones

The weights (eqs. 10e to 10g) simplify to n_k n_c (D_k - D_c)(1 - D_k) where k starts first, and to
n_k n_c D_k (D_c - D_k) where c did, with n a group's share of the units and D its share of treated periods;
their sum is the variance of treatment once unit and period effects are taken out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evalkit.vocabulary import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Decomposition:
    """P comparisons of two timing groups that carry weight.

    Attributes
    ----------
    treated, comparison
        (P,) positions of the groups.
    weight
        (P,) shares of the coefficient; they add up to 1.
    estimate
        (P,) difference-in-differences of each comparison.
    forbidden
        (P,) whether the comparison is treated already.
    """

    treated: IntArray
    comparison: IntArray
    weight: FloatArray
    estimate: FloatArray
    forbidden: BoolArray

    @property
    def coefficient(self) -> float:
        """The weighted sum: the static two-way coefficient."""
        return float(self.weight @ self.estimate)

    def share(self, rows: BoolArray) -> float:
        """Weight of some comparisons together."""
        return float(self.weight[rows].sum())

    def average(self, rows: BoolArray) -> float | None:
        """Their weighted average; None where they carry no weight."""
        share = self.share(rows)
        return float(self.weight[rows] @ self.estimate[rows]) / share if share > 0.0 else None


def comparison_weights(cohort_size: FloatArray, treated_share: FloatArray) -> FloatArray:
    """(G, G) weight of each group in the row, as treated, against each in the column, as comparison.

    Parameters
    ----------
    cohort_size
        (G,) share of units in each timing group; never-treated and always-treated included.
    treated_share
        (G,) share of the window that the group is under treatment: 0 for never, 1 for always.

    Returns
    -------
    ndarray
        Adds up to 1; all 0 where treatment does not vary.

    Examples
    --------
    >>> comparison_weights(np.array([1.0, 1.0, 2.0]), np.array([0.5, 0.25, 0.0])).round(3).tolist()
    [[0.0, 0.118, 0.471], [0.059, 0.0, 0.353], [0.0, 0.0, 0.0]]
    """
    size, own, other = cohort_size[:, None] * cohort_size, treated_share[:, None], treated_share[None, :]
    weight = size * np.where(own > other, (own - other) * (1.0 - own), own * (other - own))
    total = float(weight.sum())
    return np.asarray(weight / total if total > 0.0 else 0.0 * weight)


def decompose(means: FloatArray, cohort_size: FloatArray, start: IntArray) -> Decomposition:
    """Split the static coefficient of a balanced panel into its two-by-two comparisons.

    Parameters
    ----------
    means
        (G, T) mean outcome of each timing group by period.
    cohort_size
        (G,) share of units.
    start
        (G,) column of the first treated period: 0 for always-treated, T for never-treated.

    Examples
    --------
    >>> made = decompose(np.array([[0.0, 0.0, 3.0], [0.0, 1.0, 1.0]]), np.array([0.5, 0.5]), np.array([2, 3]))
    >>> made.estimate.tolist(), made.weight.tolist()
    ([2.5], [1.0])
    """
    n_periods = means.shape[1]
    weights = comparison_weights(cohort_size, 1.0 - start / n_periods)
    treated, comparison = np.nonzero(weights)
    own, other = start[treated], start[comparison]
    forbidden = other < own
    # the window in which the comparison does not change: up to its start, or from its start on
    first, last = np.where(forbidden, other, 0), np.where(forbidden, n_periods, other)
    total = np.concatenate([np.zeros((len(means), 1)), np.cumsum(means, axis=1)], axis=1)

    def mean(group: IntArray, begin: IntArray, end: IntArray) -> FloatArray:
        return np.asarray((total[group, end] - total[group, begin]) / (end - begin))

    after = mean(treated, own, last) - mean(comparison, own, last)
    before = mean(treated, first, own) - mean(comparison, first, own)
    return Decomposition(treated, comparison, weights[treated, comparison], after - before, forbidden)


def forbidden_share(cohort_size: FloatArray, treated_share: FloatArray) -> float:
    """Share of the static coefficient's weight on comparisons with already-treated units.

    Parameters
    ----------
    cohort_size, treated_share
        As in :func:`comparison_weights`.

    Returns
    -------
    float
        Between 0 and 1; 0 when no comparison carries weight.

    Examples
    --------
    >>> forbidden_share(np.array([0.5, 0.5]), np.array([0.0, 0.4]))
    0.0
    >>> round(forbidden_share(np.array([1.0, 1.0]), np.array([0.25, 0.75])), 3)
    0.5
    """
    weights = comparison_weights(cohort_size, treated_share)
    return float(weights[treated_share[:, None] < treated_share[None, :]].sum())
