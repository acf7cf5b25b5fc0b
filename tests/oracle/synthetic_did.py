"""A slow, plain synthetic difference-in-differences: projected gradient for the weights, dummies for the regression.

Arkhangelsky, Athey, Hirshberg, Imbens and Wager (2021), Algorithm 1 and eq. 1; nothing shared with the package.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
STEPS = 8_000


def onto_simplex(v: Array) -> Array:
    """Nearest point with entries of at least 0 and sum 1 (Duchi et al. 2008)."""
    down = np.sort(v)[::-1]
    excess = (np.cumsum(down) - 1.0) / np.arange(1, len(v) + 1)
    return np.asarray(np.maximum(v - excess[np.flatnonzero(down > excess)[-1]], 0.0))


def simplex(A: Array, b: Array, ridge: float) -> Array:
    """argmin |b - a - A w|^2 + ridge |w|^2, by accelerated projected gradient."""
    A, b = A - A.mean(axis=0), b - b.mean()
    bound = np.linalg.norm(A, 2) ** 2 + ridge
    w = ahead = np.full(A.shape[1], 1.0 / A.shape[1])
    momentum = 1.0
    for _ in range(STEPS):
        moved = onto_simplex(ahead - (A.T @ (A @ ahead - b) + ridge * ahead) / bound)
        following = (1.0 + np.sqrt(1.0 + 4.0 * momentum**2)) / 2.0
        ahead = moved + (momentum - 1.0) / following * (moved - w)
        w, momentum = moved, following
    return w


def weights(
    comparison: Array, treated: Array, pre: int, start: int, zeta: float | None = None
) -> tuple[Array, Array, float]:
    """Unit weights, time weights and zeta of one cohort, `treated` (N_tr, T)."""
    differences = [row[t + 1] - row[t] for row in comparison for t in range(pre - 1)]
    sigma = float(np.std(differences, ddof=1))
    n_post = comparison.shape[1] - start
    zeta = (len(treated) * n_post) ** 0.25 * sigma if zeta is None else zeta
    unit = simplex(comparison[:, :pre].T, treated[:, :pre].mean(axis=0), zeta**2 * pre)
    time = simplex(comparison[:, :pre], comparison[:, start:].mean(axis=1), (1e-6 * sigma) ** 2 * len(comparison))
    return unit, time, zeta


def regression(comparison: Array, treated: Array, unit: Array, time: Array, start: int) -> float:
    """Coefficient of W_it in the weighted two-way regression with dummies; periods without a weight play no part."""
    y = np.vstack([comparison, treated])
    n, periods = y.shape
    omega = np.concatenate([unit, np.full(len(treated), 1.0 / len(treated))])
    lam = np.zeros(periods)
    lam[: len(time)] = time
    lam[start:] = 1.0 / (periods - start)
    rows = [(i, t) for i in range(n) for t in range(periods) if omega[i] * lam[t] > 0.0]
    design = np.zeros((len(rows), n + periods + 1))
    for row, (i, t) in enumerate(rows):
        design[row, i] = design[row, n + t] = 1.0
        design[row, -1] = float(i >= len(comparison) and t >= start)
    root = np.sqrt([omega[i] * lam[t] for i, t in rows])
    out = np.array([y[i, t] for i, t in rows])
    return float(np.linalg.lstsq(design * root[:, None], out * root, rcond=None)[0][-1])


def jackknife_error(comparison: Array, treated: Array, unit: Array, time: Array, start: int) -> float:
    """Algorithm 3, around the estimate, one unit at a time."""
    whole = regression(comparison, treated, unit, time, start)
    left = []
    for i in range(len(comparison)):
        rest = np.delete(unit, i)
        left.append(regression(np.delete(comparison, i, 0), treated, rest / rest.sum(), time, start))
    left += [regression(comparison, np.delete(treated, i, 0), unit, time, start) for i in range(len(treated))]
    n = len(left)
    return float(np.sqrt((n - 1) / n * np.sum((np.array(left) - whole) ** 2)))
