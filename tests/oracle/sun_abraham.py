"""A slow, plain Sun and Abraham: every dummy written out, least squares by lstsq, nothing shared with the package."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass
class Answer:
    """Coefficients of the cells with their CR1 covariance."""

    cells: list[tuple[int, int]]
    effect: Array
    covariance: Array


def estimate(
    y: Array,
    first: Array,
    *,
    covariates: Array | None = None,
    weight: Array | None = None,
    cluster: Array | None = None,
    anticipation: int = 0,
) -> Answer:
    """Regress on unit, period and cell dummies; `y` (N, T) over periods 0..T-1, NaN where missing.

    Units whose first treated period is T or later are the comparison; `covariates` (N, T, p).
    """
    n, periods = y.shape
    rows = [(i, t) for i in range(n) for t in range(periods) if not np.isnan(y[i, t])]
    unit, period = np.array(rows).T
    w = np.ones(len(rows)) if weight is None else weight[unit, period]
    cohorts = sorted({int(g) for g in first if g < periods})
    cells = []
    for g in cohorts:
        seen = sorted({t for i, t in rows if first[i] == g})
        reference = max(t for t in seen if t < g - anticipation)
        cells += [(g, t) for t in seen if t != reference]
    dummies = [((first[unit] == g) & (period == t)).astype(float) for g, t in cells]
    others = [] if covariates is None else list(covariates[unit, period].T)
    units = [(unit == i).astype(float) for i in np.unique(unit)]
    clock = [(period == t).astype(float) for t in np.unique(period)]
    X = np.column_stack([*dummies, *others, *clock, *units])
    root = np.sqrt(w)
    beta = np.linalg.lstsq(X * root[:, None], y[unit, period] * root, rcond=None)[0]
    residual = y[unit, period] - X @ beta
    bread = np.linalg.pinv((X * w[:, None]).T @ X)
    group = unit if cluster is None else cluster[unit]
    codes = np.unique(group)
    sums = np.array([((X * (w * residual)[:, None])[group == c]).sum(axis=0) for c in codes])
    C, N, K = len(codes), len(rows), len(cells) + len(others) + len(clock)
    covariance = bread @ (sums.T @ sums) @ bread * C / (C - 1) * (N - 1) / (N - K)
    m = len(cells)
    return Answer(cells, beta[:m], covariance[:m, :m])
