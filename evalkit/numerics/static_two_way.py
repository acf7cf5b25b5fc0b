"""The static two-way fixed-effects coefficient and its clustered error, fast enough to be repeated a thousand times."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evalkit.numerics.demean import two_way_demean
from evalkit.vocabulary import BoolArray, FloatArray, IntArray

ABSORBED = 1e-9
"""Share of the treatment's spread that must survive demeaning for its coefficient to exist."""


@dataclass(frozen=True, slots=True)
class StaticTwoWay:
    """y_it = alpha_i + lambda_t + beta D_it + e_it after unit and period effects are taken out.

    Attributes
    ----------
    outcome, treatment
        (N, T) demeaned y and D; 0 where the weight is 0.
    weights
        (N, T), 0 where the cell is not used.
    clusters
        (N,) codes 0..C-1 over the units that are used; -1 for the others.
    coefficient, std_error
        beta and its CR1 error, C/(C-1) (N-1)/(N-K), K without the nested unit effects (Cameron and
        Miller 2015, section II.B). The error is 0 where the scores of all clusters are.
    correction
        C/(C-1) (N-1)/(N-K).
    """

    outcome: FloatArray
    treatment: FloatArray
    weights: FloatArray
    clusters: IntArray
    coefficient: float
    std_error: float
    correction: float

    @property
    def n_clusters(self) -> int:
        """C."""
        return int(self.clusters.max()) + 1


def fit_static_two_way(
    outcome: FloatArray,
    treated: BoolArray,
    clusters: IntArray,
    *,
    weights: FloatArray | None = None,
    left_out: BoolArray | None = None,
) -> StaticTwoWay | None:
    """Fit by weighted least squares on unit and period effects.

    Parameters
    ----------
    outcome
        (N, T); NaN where not observed.
    treated
        (N, T) True where the unit is under treatment.
    clusters
        (N,) any integer codes.
    weights
        (N, T) sampling weights; all 1 by default.
    left_out
        (N, T) cells that are not used, e.g. periods of anticipation.

    Returns
    -------
    StaticTwoWay or None
        None where treatment does not vary once the effects are taken out.

    Examples
    --------
    >>> y = np.array([[0.0, 3.0], [0.0, 1.0], [0.0, 1.0]])
    >>> treated = np.array([[False, True], [False, False], [False, False]])
    >>> round(fit_static_two_way(y, treated, np.arange(3)).coefficient, 12)
    2.0
    """
    used = _used(outcome, weights, left_out)
    deviation = two_way_demean(treated.astype(np.float64), used)
    squares = float((used * deviation**2).sum())
    if squares <= ABSORBED**2 * float((used * treated).sum()) or squares == 0.0:
        return None
    known = used > 0.0
    centre = float(np.average(outcome[known], weights=used[known]))
    response = two_way_demean(np.where(known, outcome - centre, 0.0), used)
    coefficient = float((used * deviation * response).sum()) / squares
    codes = np.full(len(outcome), -1, dtype=np.int64)
    members = known.any(axis=1)
    codes[members] = np.unique(clusters[members], return_inverse=True)[1]
    count, cells = int(codes.max()) + 1, int(known.sum())
    parameters = 1 + int(known.any(axis=0).sum())
    correction = count / max(count - 1, 1) * (cells - 1) / max(cells - parameters, 1)
    by_unit = (used * deviation * (response - coefficient * deviation)).sum(axis=1)
    scores = np.bincount(codes[members], by_unit[members], minlength=count)
    error = float(np.sqrt(correction * (scores @ scores))) / squares
    return StaticTwoWay(response, deviation, used, codes, coefficient, error, correction)


def _used(outcome: FloatArray, weights: FloatArray | None, left_out: BoolArray | None) -> FloatArray:
    """Weights with 0 where nothing can be learned: unobserved, left out, or the only cell of its unit."""
    used = np.ones(outcome.shape) if weights is None else np.nan_to_num(weights)
    used = np.where(np.isnan(outcome), 0.0, used)
    if left_out is not None:
        used = np.where(left_out, 0.0, used)
    used[(used > 0.0).sum(axis=1) < 2] = 0.0
    return used
