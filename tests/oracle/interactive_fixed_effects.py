"""Slow, plain interactive fixed effects and matrix completion; nothing shared with the package.

Xu (2017), section 3: Bai's iteration for factors of the comparison units, least squares for each treated unit.
Athey et al. (2021), section 4: soft-thresholded singular values, effects by dummies.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


def generalized(comparison: Array, treated: Array, pre: int, rank: int) -> Array:
    """(N_tr, T) gaps between treated units and their counterfactuals."""
    n, periods = comparison.shape
    unit, period = comparison.mean(axis=1) - comparison.mean(), comparison.mean(axis=0)
    left, single, right = np.linalg.svd(comparison - unit[:, None] - period, full_matrices=False)
    factors = right[:rank].T * np.sqrt(periods)
    design = np.column_stack([np.ones(periods), factors])
    gaps = []
    for row in treated:
        coefficients = np.linalg.lstsq(design[:pre], (row - period)[:pre], rcond=None)[0]
        gaps.append(row - period - design @ coefficients)
    del n, left, single
    return np.array(gaps)


def left_out_error(comparison: Array, treated: Array, pre: int, rank: int) -> float:
    """Algorithm 1: each period before the start left out of the loadings in turn."""
    periods = comparison.shape[1]
    period = comparison.mean(axis=0)
    centred = comparison - comparison.mean(axis=1, keepdims=True) - period + comparison.mean()
    factors = np.linalg.svd(centred, full_matrices=False)[2][:rank].T
    design = np.column_stack([np.ones(periods), factors])
    errors = []
    for row in treated:
        for s in range(pre):
            keep = [t for t in range(pre) if t != s]
            coefficients = np.linalg.lstsq(design[keep], (row - period)[keep], rcond=None)[0]
            errors.append(row[s] - period[s] - design[s] @ coefficients)
    return float(np.mean(np.square(errors)))


def _effects(y: Array, known: Array) -> Array:
    """Unit and period effects by dummies, in every cell."""
    n, periods = y.shape
    rows = np.argwhere(known)
    design = np.zeros((len(rows), n + periods))
    design[np.arange(len(rows)), rows[:, 0]] = 1.0
    design[np.arange(len(rows)), n + rows[:, 1]] = 1.0
    found = np.linalg.lstsq(design, y[known], rcond=None)[0]
    return np.asarray(found[:n, None] + found[n:])


def completed(y: Array, known: Array, mu: float, steps: int = 3_000) -> Array:
    """(N, T) fit of 1/2 squared errors + mu nuclear norm."""
    low = np.zeros_like(y)
    effects = low
    for _ in range(steps):
        effects = _effects(y - low, known)
        left, single, right = np.linalg.svd(np.where(known, y - effects, low), full_matrices=False)
        low = (left * np.maximum(single - mu, 0.0)) @ right
    return effects + low


def iterated(y: Array, known: Array, rank: int, steps: int = 3_000) -> Array:
    """(N, T) fit with a matrix of the given rank, by filling."""
    low = np.zeros_like(y)
    effects = low
    for _ in range(steps):
        effects = _effects(y - low, known)
        left, single, right = np.linalg.svd(np.where(known, y - effects, low), full_matrices=False)
        low = (left[:, :rank] * single[:rank]) @ right[:rank]
    return effects + low
