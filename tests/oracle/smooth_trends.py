"""Fixed-length intervals by brute force: bias from a linear programme, weights by a general-purpose search."""

from __future__ import annotations

import numpy as np
from scipy import optimize, stats

from evalkit.vocabulary import FloatArray


def largest_bias(weights: FloatArray, n_pre: int, m: float) -> float:
    """Largest weights'delta over Delta^SD(m) by linear programming; infinite where a line is not taken out.

    delta runs over all periods, the reference included, where it is 0.
    """
    size = len(weights) + 1
    bends = np.diff(np.eye(size), n=2, axis=0)
    found = optimize.linprog(
        -np.insert(weights, n_pre, 0.0),
        A_ub=np.vstack([bends, -bends]),
        b_ub=np.full(2 * len(bends), m),
        A_eq=np.eye(size)[n_pre : n_pre + 1],
        b_eq=[0.0],
        bounds=(None, None),
        method="highs",
    )
    return np.inf if found.status != 0 else -float(found.fun or 0.0)


def half_length(weights: FloatArray, covariance: FloatArray, n_pre: int, m: float, alpha: float) -> float:
    """s times the 1 - alpha quantile of |N(b / s, 1)|, which is the root of a noncentral chi-squared one."""
    s = float(np.sqrt(weights @ covariance @ weights))
    bias = largest_bias(weights, n_pre, m)
    return np.inf if np.isinf(bias) else s * float(np.sqrt(stats.ncx2.isf(alpha, 1, (bias / s) ** 2)))


def shortest_half_length(covariance: FloatArray, n_pre: int, target: FloatArray, m: float, alpha: float) -> float:
    """Least half-length over all weights before the start that take a straight line out, by a simplex search."""
    event_time = np.delete(np.arange(-n_pre, len(target) + 1), n_pre)

    def length(free: FloatArray) -> float:
        weights = np.concatenate([[0.0], free, target])
        weights[0] = -(weights[1:] @ event_time[1:]) / event_time[0]
        return half_length(weights, covariance, n_pre, m, alpha)

    best = np.inf
    for start in (np.zeros(n_pre - 1), np.full(n_pre - 1, -0.5), np.linspace(-1.0, 0.0, n_pre - 1)):
        found = optimize.minimize(
            length, start, method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-11, "maxiter": 3_000}
        )
        best = min(best, float(found.fun))
    return best
