"""A slow, plain Poisson regression with every unit and period a column; nothing shared with the package."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass
class Answer:
    """Coefficients of the terms of interest, their clustered covariance without correction, and the dispersion."""

    coefficient: Array
    covariance: Array
    information_inverse: Array
    dispersion: float


def estimate(
    y: Array,
    terms: Array,
    *,
    weight: Array | None = None,
    exposure: Array | None = None,
    cluster: Array | None = None,
) -> Answer:
    """Fit an (N, T) count, NaN where a row is not used, to (k, N, T) terms, unit and period dummies."""
    unit, period = np.nonzero(~np.isnan(y))
    out = y[unit, period]
    w = np.ones(len(out)) if weight is None else weight[unit, period]
    m = np.ones(len(out)) if exposure is None else exposure[unit, period]
    columns = [*(term[unit, period] for term in terms)]
    columns += [(unit == i).astype(float) for i in np.unique(unit)]
    columns += [(period == t).astype(float) for t in np.unique(period)[1:]]
    X = np.column_stack(columns)
    mean = (out + m * out.sum() / m.sum()) / 2.0
    index = np.log(mean / m)
    for _ in range(300):
        working = index + (out - mean) / mean
        root = np.sqrt(w * mean)
        index_new = X @ np.linalg.lstsq(X * root[:, None], working * root, rcond=1e-12)[0]
        step = np.abs(index_new - index).max()
        index, mean = index_new, m * np.exp(index_new)
        if step < 1e-13:
            break
    beta = np.linalg.lstsq(X, index, rcond=1e-12)[0]
    inverse = np.linalg.pinv((X * (w * mean)[:, None]).T @ X)
    scores = X * (w * (out - mean))[:, None]
    group = unit if cluster is None else cluster[unit]
    sums = np.stack([scores[group == c].sum(axis=0) for c in np.unique(group)])
    psi = sums @ inverse
    k = len(terms)
    pearson = float((w * (out - mean) ** 2 / mean).sum())
    degrees = len(out) - np.linalg.matrix_rank(X)
    return Answer(beta[:k], (psi.T @ psi)[:k, :k], inverse[:k, :k], pearson / float(degrees))
