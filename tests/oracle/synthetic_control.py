"""Slow, plain synthetic control for one treated unit: weights by nonnegative least squares, everything else by loops.

Weights that sum to 1 are found by a trick that shares nothing with the package: the x >= 0 that minimizes
|(A - b 1') x|^2 + (sum x - 1)^2 is, divided by its sum, the simplex solution, because the first term asks for a
direction only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import nnls

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass
class Answer:
    """Of the treated unit and its placebos."""

    weights: Array
    gap: Array
    placebo_gaps: Array
    ratio_rank: int
    mean_rank: int
    std_error: Array


def simplex_weights(A: Array, b: Array) -> Array:
    """(J,) weights; columns of A are donors."""
    scale = np.abs(A - b[:, None]).max()
    rows = np.vstack([(A - b[:, None]) / scale, np.ones((1, A.shape[1]))])
    x = nnls(rows, np.append(np.zeros(len(b)), 1.0), maxiter=10_000)[0]
    return np.asarray(x / x.sum())


def estimate(y: Array, treated: int, start: int) -> Answer:
    """(N, T) outcomes, one treated unit from column `start` on; placebos do not use the treated unit."""
    donors = [j for j in range(len(y)) if j != treated]
    weights = simplex_weights(y[donors, :start].T, y[treated, :start])
    gap = y[treated] - weights @ y[donors]
    gaps = []
    for j in donors:
        others = [k for k in donors if k != j]
        gaps.append(y[j] - simplex_weights(y[others, :start].T, y[j, :start]) @ y[others])
    placebo = np.array(gaps)

    def before(g: Array) -> float:
        return float(np.sqrt(np.mean([value**2 for value in g[:start]])))

    ratio = [np.sqrt(np.mean(g[start:] ** 2)) / before(g) for g in (gap, *placebo)]
    mean = [abs(np.mean(g[start:])) / before(g) for g in (gap, *placebo)]
    scaled = [before(gap) / before(g) * g for g in placebo]
    return Answer(
        weights,
        gap,
        placebo,
        1 + sum(value >= ratio[0] for value in ratio[1:]),
        1 + sum(value >= mean[0] for value in mean[1:]),
        np.sqrt(np.mean(np.square(scaled), axis=0)),
    )


def interval(answer: Answer, start: int, level: float, points: Array) -> tuple[float, float]:
    """First and last of many effects whose rank among the placebos is not too high."""

    def statistic(g: Array, effect: float) -> float:
        return float(abs(np.mean(g[start:]) - effect) / np.sqrt(np.mean(g[:start] ** 2)))

    others = [statistic(g, 0.0) for g in answer.placebo_gaps]
    kept = []
    for effect in points:
        own = statistic(answer.gap, float(effect))
        p = (1 + sum(value >= own for value in others)) / (1 + len(others))
        if p > 1.0 - level + 1e-12:
            kept.append(float(effect))
    return kept[0], kept[-1]


def augmented_weights(A: Array, b: Array, penalty: float) -> Array:
    """Ridge augmented weights, the formula with its inverse written out."""
    w = simplex_weights(A, b)
    centre = A.mean(axis=1)
    X, x = A - centre[:, None], b - centre
    return np.asarray(w + (x - X @ w) @ np.linalg.inv(X @ X.T + penalty * np.eye(len(b))) @ X)
