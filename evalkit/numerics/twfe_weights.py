"""Weights of cohort-by-period effects in the static two-way coefficient (de Chaisemartin and D'Haultfoeuille 2020).

Under parallel trends the coefficient is a weighted sum of the effects in the treated cells (theorem 1),

    beta_fe = E[ sum over treated (g, t) of (N_gt / N_1) w_gt Delta_gt ],
    w_gt = eps_gt / sum over treated (g, t) of (N_gt / N_1) eps_gt,

with eps the residuals of treatment on unit and period effects and N_gt / N_1 the cell's share of the treated
observations. Weights add up to 1 and may be negative, so that the coefficient may be negative where all
effects are positive.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evalkit.vocabulary import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class CellWeights:
    """K treated cells.

    Attributes
    ----------
    cohort
        (K,) position of the cohort.
    column
        (K,) position of the period.
    share
        (K,) N_gt / N_1; adds up to 1.
    weight
        (K,) (N_gt / N_1) w_gt; adds up to 1.
    """

    cohort: IntArray
    column: IntArray
    share: FloatArray
    weight: FloatArray

    @property
    def relative(self) -> FloatArray:
        """(K,) w_gt: 1 where a cell counts as in the plain average over treated observations."""
        return self.weight / self.share


def cell_weights(residual: FloatArray, weights: FloatArray, treated: BoolArray, cohort: IntArray) -> CellWeights:
    """Add the weights of treated observations up by cohort and period.

    Where the residuals of a cell's units differ (unbalanced panels, weights that vary), the cell's effect is the
    average that counts each unit by its own residual.

    Parameters
    ----------
    residual
        (N, T) treatment after unit and period effects are taken out.
    weights
        (N, T), 0 where not observed.
    treated
        (N, T).
    cohort
        (N,) position 0..G-1 of each unit's cohort; that of never-treated units is not used.

    Examples
    --------
    Two units that start one after the other, three periods:

    >>> from evalkit.numerics.demean import two_way_demean
    >>> treated = np.array([[False, True, True], [False, False, True]])
    >>> ones = np.ones((2, 3))
    >>> made = cell_weights(two_way_demean(treated.astype(float), ones), ones, treated, np.array([0, 1]))
    >>> made.weight.round(9).tolist()
    [1.0, -0.5, 0.5]
    """
    n_periods = residual.shape[1]
    code = (cohort[:, None] * n_periods + np.arange(n_periods)[None, :])[treated]
    found, member = np.unique(code, return_inverse=True)
    count = np.bincount(member, weights[treated], len(found))
    total = np.bincount(member, (weights * residual)[treated], len(found))
    used = count > 0.0
    return CellWeights(
        cohort=(found[used] // n_periods).astype(np.int64),
        column=(found[used] % n_periods).astype(np.int64),
        share=count[used] / count.sum(),
        weight=total[used] / total.sum(),
    )


def spread_for_zero(coefficient: float, cells: CellWeights) -> float:
    """Least standard deviation of effects across cells with which their average could be 0 (corollary 1, i).

    sigma_fe = |beta_fe| / sigma(w), with sigma(w) the standard deviation of w over treated observations.

    Returns
    -------
    float
        Infinite where all weights are 1: the coefficient then is the average.
    """
    spread = float(np.sqrt(cells.share @ (cells.relative - 1.0) ** 2))
    return abs(coefficient) / spread if spread > 1e-12 else np.inf


def spread_for_opposite(coefficient: float, cells: CellWeights) -> float:
    """Least standard deviation with which all effects could have the other sign (corollary 1, ii).

    With the weights in falling order and P, S, T the sums of N_gt / N_1, of that times w and times w^2 from
    place k on, and s the first place with w < -S / (1 - P): |beta_fe| / sqrt(T_s + S_s^2 / (1 - P_s)).

    Returns
    -------
    float
        Infinite where no weight is negative.
    """
    order = np.argsort(-cells.relative, kind="stable")
    w, p = cells.relative[order], cells.share[order]
    rest = [np.cumsum((p * w**power)[::-1])[::-1] for power in range(3)]
    before = np.append(0.0, np.cumsum(p)[:-1])
    # cells from s on take the other sign, some of small positive weight among them; the others stay at 0
    places = np.flatnonzero(w * before < -rest[1])
    if places.size == 0 or w[-1] >= 0.0:
        return np.inf
    s = places[0]
    return abs(coefficient) / float(np.sqrt(rest[2][s] + rest[1][s] ** 2 / before[s]))
