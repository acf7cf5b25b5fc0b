"""Slow, plain triple differences: two-by-two comparisons by Newton's steps and lstsq, errors by numerical derivative.

Nothing is shared with the package. The estimate is a function of the units' weights; its influence function is the
derivative with respect to each unit's weight, found by moving the weight a little and estimating again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


def two_by_two(change: Array, x: Array, weight: Array, treated: Array, against: Array, method: str) -> float:
    """ATT of `treated` against `against` units; `x` (N, p) with the constant."""
    w = np.where(treated | against, weight, 0.0)
    on, off = np.where(treated, w, 0.0), np.where(against, w, 0.0)
    fitted = np.zeros(len(change))
    if method != "ipw":
        root = np.sqrt(off)
        fitted = x @ np.linalg.lstsq(x * root[:, None], change * root, rcond=None)[0]
    odds = np.ones(len(change))
    if method != "reg":
        gamma = np.zeros(x.shape[1])
        for _ in range(30):  # Newton's steps to the last digit: the difference quotient divides by a small number
            p = 1.0 / (1.0 + np.exp(-x @ gamma))
            gamma = gamma + np.linalg.solve((x * (w * p * (1.0 - p))[:, None]).T @ x, x.T @ (on - w * p))
        odds = np.exp(x @ gamma)
    rest = change - fitted
    reweighted = off * odds
    return float(on @ rest / on.sum() - reweighted @ rest / reweighted.sum())


def triple(
    y: Array, first: Array, eligible: Array, x: Array, weight: Array, cell: tuple[int, int, int], c: int, method: str
) -> float:
    """ATT of (cohort, period, base) against comparison cohort `c`, units not observed in both periods left out."""
    g, t, b = cell
    seen = ~np.isnan(y[:, t] - y[:, b])
    change = np.where(seen, y[:, t] - y[:, b], 0.0)
    treated = seen & (first == g) & eligible
    arms = {"own": (first == g) & ~eligible, "on": (first == c) & eligible, "off": (first == c) & ~eligible}
    did = {name: two_by_two(change, x, weight, treated, seen & arm, method) for name, arm in arms.items()}
    return did["own"] + did["on"] - did["off"]


def influence(estimate: Callable[[Array], float], weight: Array, step: float = 1e-4) -> Array:
    """(N,) derivative of an estimate with respect to each unit's weight, times the weight."""
    psi = np.zeros(len(weight))
    for i in np.flatnonzero(weight):
        up, down = weight.copy(), weight.copy()
        up[i] *= 1.0 + step
        down[i] *= 1.0 - step
        psi[i] = (estimate(up) - estimate(down)) / (2.0 * step)
    return psi
