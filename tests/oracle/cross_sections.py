"""A slow, plain Callaway and Sant'Anna for repeated cross-sections: one cell at a time, formulas as printed.

Two-period formulas follow Sant'Anna and Zhao (2020), eqs. 3.7 to 3.12, point estimates alone. Influence functions are
found by moving one person's weight at a time (the infinitesimal jackknife), so that no algebra is shared.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
NEVER = 10**9
STEP = 1e-5


def line(X: Array, y: Array, w: Array) -> Array:
    return np.asarray(np.linalg.solve(X.T @ (w[:, None] * X), X.T @ (w * y)))


def logit(D: Array, X: Array, w: Array) -> Array:
    gamma = np.zeros(X.shape[1])
    for _ in range(60):
        p = 1.0 / (1.0 + np.exp(-X @ gamma))
        gamma = gamma + np.linalg.solve(X.T @ ((w * p * (1 - p))[:, None] * X), X.T @ (w * (D - p)))
    return np.asarray(1.0 / (1.0 + np.exp(-X @ gamma)))


def two_periods(y: Array, D: Array, post: Array, X: Array, w: Array, method: str) -> float:
    """ATT of one cell; every array over the persons of its four samples."""
    m = {}
    for d in (0, 1):
        for t in (0, 1):
            rows = (d == D) & (post == t)
            m[d, t] = X @ line(X[rows], y[rows], w[rows])
    p = logit(D, X, w)
    odds = np.where(p < 0.995, w * p / (1 - p), 0.0)
    own = np.where(post == 1, m[0, 1], m[0, 0])

    def mean(values: Array, weights: Array) -> float:
        return float((values * weights).sum() / weights.sum())

    def change(values: Array, weights: Array) -> float:
        return mean(values, weights * post) - mean(values, weights * (1 - post))

    if method == "reg":
        return change(y, w * D) - mean(m[0, 1] - m[0, 0], w * D)
    if method == "ipw":
        return change(y, w * D) - change(y, odds * (1 - D))
    traditional = change(y - own, w * D) - change(y - own, odds * (1 - D))
    if method == "traditional":
        return traditional
    after, before = m[1, 1] - m[0, 1], m[1, 0] - m[0, 0]
    more = mean(after, w * D) - mean(after, w * D * post) - mean(before, w * D) + mean(before, w * D * (1 - post))
    return traditional + more


def all_cells(
    y: Array, start: Array, time: Array, X: Array, w: Array, *, method: str, comparison: str, anticipation: int = 0
) -> dict[tuple[int, int], float]:
    """ATT(g, t) with a varying base; `start` is NEVER for never-treated."""
    found = {}
    periods = sorted(set(time.tolist()))
    for g in sorted(set(start.tolist()) - {NEVER}):
        earlier = [t for t in periods if t < g - anticipation]
        if not earlier or g > periods[-1]:
            continue
        for number, t in enumerate(periods[1:], start=1):
            base = periods[number - 1] if t <= earlier[-1] else earlier[-1]
            late = periods[-1] if comparison == "never_treated" else max(t, base)
            other = (start > late + anticipation) & (start != g)
            rows = ((start == g) | other) & ((time == t) | (time == base))
            if not (other & (time == t)).any():
                continue
            found[g, t] = two_periods(
                y[rows], (start[rows] == g).astype(float), (time[rows] == t).astype(float), X[rows], w[rows], method
            )
    return found


def jackknife(statistic: Callable[[Array], Array], w: Array) -> Array:
    """(n, k) influence functions of a statistic of weights: what each person's weight pulls."""
    rows = []
    for person in range(len(w)):
        up, down = w.copy(), w.copy()
        up[person] *= 1 + STEP
        down[person] *= 1 - STEP
        rows.append((statistic(up) - statistic(down)) / (2 * STEP))
    return np.array(rows)
