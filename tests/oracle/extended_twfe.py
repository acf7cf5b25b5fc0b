"""A slow, plain extended two-way regression: every dummy and interaction a column, nothing shared with the package.

Wooldridge (2021, 2023): pooled quasi-likelihood with cohort and period dummies, covariates by cohort and by period, and
a dummy for each treated cell with covariates of its own. Effects are averages over treated rows of the fitted mean with
the cell's dummy on less off; errors by the delta method with numeric derivatives.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
MEANS: dict[str, Callable[[Array], Array]] = {
    "linear": lambda e: e,
    "poisson": np.exp,
    "logit": lambda e: 1.0 / (1.0 + np.exp(-e)),
}
SLOPES: dict[str, Callable[[Array], Array]] = {
    "linear": np.ones_like,
    "poisson": np.exp,
    "logit": lambda e: MEANS["logit"](e) * (1.0 - MEANS["logit"](e)),
}


@dataclass
class Answer:
    """Effects by cohort and period with their clustered covariance, correction included."""

    cells: list[tuple[int, int]]
    effect: Array
    covariance: Array


def estimate(
    y: Array,
    first: Array,
    *,
    family: str = "linear",
    ratio: bool = False,
    never_treated: bool = False,
    covariates: Array | None = None,
    weight: Array | None = None,
    cluster: Array | None = None,
    exposure: Array | None = None,
    anticipation: int = 0,
    means_known: bool = False,
) -> Answer:
    """All effects of an (N, T) outcome, periods 0..T-1, first treated 99 for never, NaN where missing."""
    n, periods = y.shape
    rows = [(i, t) for i in range(n) for t in range(periods) if not np.isnan(y[i, t])]
    unit, period = np.array(rows).T
    out, cohort = y[unit, period], first[unit]
    w = np.ones(len(rows)) if weight is None else weight[unit, period]
    m = np.ones(len(rows)) if exposure is None else exposure[unit, period]
    x = np.empty((len(rows), 0)) if covariates is None else covariates[unit, period]
    start = cohort - anticipation
    own_cell = (cohort != 99) & ((period != start - 1) if never_treated else (period >= start))
    cells = sorted({(int(g), int(t)) for g, t in zip(cohort[own_cell], period[own_cell], strict=True)})
    z = np.column_stack([np.ones(len(rows)), x])
    base = [z * (period == t)[:, None] for t in range(periods)]
    base += [z * (cohort == g)[:, None] for g in np.unique(cohort) if g != cohort.max()]
    untreated = np.column_stack(base)
    blocks = [z * ((cohort == g) & (period == t))[:, None] for g, t in cells]
    every = np.column_stack([untreated, *blocks])
    beta = _fit(every, out, w, m, family)
    width, q = untreated.shape[1], z.shape[1]

    def effects(coefficients: Array) -> Array:
        found = []
        for place, (g, t) in enumerate(cells):
            rows_in = (cohort == g) & (period == t)
            off = untreated[rows_in] @ coefficients[:width]
            on = off + z[rows_in] @ coefficients[width + place * q : width + (place + 1) * q]
            with_it = (w * m)[rows_in] @ MEANS[family](on)
            without = (w * m)[rows_in] @ MEANS[family](off)
            found.append(np.log(with_it / without) if ratio else (with_it - without) / w[rows_in].sum())
        return np.array(found)

    point = effects(beta)
    step = 1e-5
    gradient = np.column_stack(
        [(effects(beta + step * e) - effects(beta - step * e)) / (2.0 * step) for e in np.eye(len(beta))]
    )
    index = every @ beta
    residual = w * (out - m * MEANS[family](index))
    bread = np.linalg.pinv((every * (w * m * SLOPES[family](index))[:, None]).T @ every)
    psi = residual[:, None] * every @ bread @ gradient.T
    if not means_known:
        for place, (g, t) in enumerate(cells):
            rows_in = (cohort == g) & (period == t)
            on = (w * m)[rows_in] * MEANS[family](index[rows_in])
            off = (w * m)[rows_in] * MEANS[family](untreated[rows_in] @ beta[:width])
            if ratio:
                psi[rows_in, place] += on / on.sum() - off / off.sum()
            else:
                psi[rows_in, place] += (on - off - w[rows_in] * point[place]) / w[rows_in].sum()
    group = unit if cluster is None else cluster[unit]
    codes = np.unique(group)
    sums = np.stack([psi[group == c].sum(axis=0) for c in codes])
    rank = np.linalg.matrix_rank(every)
    correction = len(codes) / (len(codes) - 1) * (len(rows) - 1) / (len(rows) - rank)
    return Answer(cells, point, correction * sums.T @ sums)


def _fit(X: Array, y: Array, w: Array, m: Array, family: str) -> Array:
    """Iterated weighted least squares on the working outcome."""
    mean = (
        np.full(len(y), np.average(y, weights=w)) if family == "linear" else (y + (w * y).sum() / (w * m).sum() * m) / 2
    )
    if family == "logit":
        mean = np.clip((y + 0.5) / 2.0, 0.01, 0.99)
    index = {"linear": lambda v: v, "poisson": lambda v: np.log(v / m), "logit": lambda v: np.log(v / (1 - v))}[family](
        mean
    )
    beta = np.zeros(X.shape[1])
    for _ in range(200):
        slope = m * SLOPES[family](index)
        working = index + (y - m * MEANS[family](index)) / slope
        root = np.sqrt(w * slope)
        new: Array = np.linalg.lstsq(X * root[:, None], working * root, rcond=1e-11)[0]
        index = X @ new
        if np.abs(new - beta).max() < 1e-13:
            break
        beta = new
    return new
