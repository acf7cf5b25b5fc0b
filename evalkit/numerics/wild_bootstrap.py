"""Restricted wild cluster bootstrap of the static two-way coefficient, each draw a closed form in the null."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np

from evalkit.numerics.static_two_way import StaticTwoWay
from evalkit.vocabulary import FloatArray, IntArray

TIE = 1e-9
"""Relative distance within which two squared t statistics are the same number, computed in another order."""
DOUBLINGS = 60
"""Steps away from the estimate, in powers of two of its error, before an interval counts as unbounded."""
HALVINGS = 60
"""Bisections of a bound: past the precision of a double."""
BLOCK = 4_096
"""Sign vectors made at a time."""


@dataclass(frozen=True, slots=True)
class WildBootstrap:
    """Draws of the restricted bootstrap as functions of the null beta_0.

    With residuals u(beta_0) = y - beta_0 d and multipliers v by cluster, the bootstrap's deviation
    beta* - beta_0 is linear in beta_0 and its sum of squared cluster scores quadratic (Roodman et al.
    2019, section 5), so a p-value at any beta_0 costs one pass over the draws.

    Attributes
    ----------
    coefficient, std_error
        Of the sample.
    score_squares
        Q = sum_g s_g^2 of the sample.
    deviation
        (2, B): beta* - beta_0 = deviation[0] + beta_0 deviation[1].
    squares
        (3, B): sum_g s*_g^2 = squares[0] + beta_0 squares[1] + beta_0^2 squares[2].
    exact
        Whether the draws are all sign vectors (one of each pair v, -v, which give the same absolute t).
    """

    coefficient: float
    std_error: float
    score_squares: float
    deviation: FloatArray
    squares: FloatArray
    exact: bool

    @property
    def n_draws(self) -> int:
        """B, pairs counted once where exact."""
        return int(self.deviation.shape[1])

    @property
    def smallest_p(self) -> float:
        """The least p-value that this number of draws can give."""
        return 1.0 / self.n_draws if self.exact else 1.0 / (1 + self.n_draws)

    def p_value(self, null: float = 0.0) -> float:
        """Symmetric p-value of beta = `null`: the share of draws with |t*| at least |t|.

        Exact draws hold the sample itself (v = 1); random ones have it added, (1 + #) / (1 + B).
        """
        moved = (self.deviation[0] + null * self.deviation[1]) ** 2
        spread = np.maximum(self.squares[0] + null * (self.squares[1] + null * self.squares[2]), 0.0)
        return self._share(moved, (self.coefficient - null) ** 2 * spread)

    def interval(self, alpha: float) -> tuple[float, float]:
        """All nulls with a p-value above `alpha`: bounds by bisection, infinite where there is none."""
        return self._bound(-1.0, alpha), self._bound(1.0, alpha)

    def _share(self, moved: FloatArray, needed: FloatArray) -> float:
        # t*^2 >= t^2 without a division, so that draws without spread count as far out
        beyond = int((moved * self.score_squares >= needed * (1.0 - TIE)).sum())
        return beyond / self.n_draws if self.exact else (1 + beyond) / (1 + self.n_draws)

    def _bound(self, side: float, alpha: float) -> float:
        if self.std_error <= 0.0 or self.smallest_p > alpha:  # far out rounding would decide, not the draws
            return side * np.inf
        inside, step = self.coefficient, self.std_error
        for _ in range(DOUBLINGS):
            outside = self.coefficient + side * step
            if self.p_value(outside) <= alpha:
                break
            inside, step = outside, 2.0 * step
        else:
            return side * np.inf
        for _ in range(HALVINGS):
            middle = 0.5 * (inside + outside)
            inside, outside = (middle, outside) if self.p_value(middle) > alpha else (inside, middle)
        return inside


def wild_bootstrap(
    fit: StaticTwoWay, draws: Iterable[FloatArray], *, exact: bool, parts: IntArray | None = None
) -> WildBootstrap:
    """Restricted wild cluster bootstrap (WCR; Cameron, Gelbach and Miller 2008).

    Bootstrap outcomes are y*_it = beta_0 d_it + v_g u_it(beta_0). Multiplied residuals keep their zero
    mean by unit but not by period, so period effects are taken out of them again: cluster g has

        s*_g = v_g A_g - Z_g' N^+ sum_h v_h m_h - d_g' W d_g (beta* - beta_0),

    A_g = d_g' W u_g, Z_g and m_h the weighted sums by period of d and u, and N the period effects'
    normal matrix. With `parts` each part p of a cluster has its own multiplier (the subcluster bootstrap of
    MacKinnon and Webb 2018): v_g A_g becomes the sum of v_p A_p over the parts of g.

    Parameters
    ----------
    fit
        The sample's regression.
    draws
        Blocks (b, C) of multipliers, or (b, P) with `parts`.
    exact
        Whether the blocks are those of :func:`every_sign`.
    parts
        (N,) codes 0..P-1 of the part of its cluster that a unit belongs to; units that are not used may hold
        any code. None: clusters are not divided.
    """
    within = fit.clusters if parts is None else np.where(fit.clusters >= 0, parts, -1)
    count = fit.n_clusters if parts is None else int(within.max()) + 1
    on_outcome = _sums(fit, fit.treatment * fit.outcome, within, count).sum(axis=1)
    on_treatment = _sums(fit, fit.treatment**2, within, count).sum(axis=1)
    periods_outcome = _sums(fit, fit.outcome, within, count)
    periods_treatment = _sums(fit, fit.treatment, within, count)
    holder = np.zeros(count, dtype=np.int64)
    holder[within[within >= 0]] = fit.clusters[within >= 0]
    gather = np.zeros((count, fit.n_clusters))
    gather[np.arange(count), holder] = 1.0
    cluster_treatment, cluster_periods = on_treatment @ gather, gather.T @ periods_treatment
    total = float(on_treatment.sum())
    solve = np.linalg.pinv(_period_normal(fit.weights), rcond=1e-12, hermitian=True)
    made: list[FloatArray] = []
    for v in draws:
        constant = v @ on_outcome / total
        slope = -(v @ on_treatment) / total
        taken = (v @ periods_outcome) @ solve @ cluster_periods.T, (v @ periods_treatment) @ solve @ cluster_periods.T
        base = (v * on_outcome) @ gather - taken[0] - np.outer(constant, cluster_treatment)
        tilt = -(v * on_treatment) @ gather + taken[1] - np.outer(slope, cluster_treatment)
        squares = [(base**2).sum(axis=1), 2.0 * (base * tilt).sum(axis=1), (tilt**2).sum(axis=1)]
        made.append(np.stack([constant, slope, *squares]))
    every = np.concatenate(made, axis=1)
    scores = on_outcome @ gather - fit.coefficient * cluster_treatment
    return WildBootstrap(fit.coefficient, fit.std_error, float(scores @ scores), every[:2], every[2:], exact)


def every_sign(n_clusters: int) -> Iterator[FloatArray]:
    """Blocks of all Rademacher vectors, one of each pair v and -v; the first is all ones.

    Examples
    --------
    >>> [block.tolist() for block in every_sign(2)]
    [[[1.0, 1.0], [1.0, -1.0]]]
    """
    rows: list[tuple[float, ...]] = []
    for signs in product((1.0, -1.0), repeat=n_clusters - 1):
        rows.append((1.0, *signs))
        if len(rows) == BLOCK:
            yield np.array(rows)
            rows = []
    if rows:
        yield np.array(rows)


def _sums(fit: StaticTwoWay, values: FloatArray, codes: IntArray, count: int) -> FloatArray:
    """(count, T) weighted sums over the units of each cluster, or part of one."""
    member = codes >= 0
    sums = np.zeros((count, values.shape[1]))
    np.add.at(sums, codes[member], (fit.weights * values)[member])
    return sums


def _period_normal(weights: FloatArray) -> FloatArray:
    """(T, T) D' W M D for period dummies D and M the demeaning by unit."""
    total = weights.sum(axis=1)
    total = np.where(total > 0.0, total, 1.0)
    normal: FloatArray = np.diag(weights.sum(axis=0)) - weights.T @ (weights / total[:, None])
    return normal
