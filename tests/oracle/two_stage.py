"""A slow, plain two-stage difference-in-differences (Gardner 2022): both regressions and the GMM variance written out.

First stage: level and period effects and slopes from untreated rows. Second stage: what it leaves on `design`. With
first-stage columns Z (Z0 where untreated, 0 elsewhere), residuals u and e of the stages,

    V = (X'X)^-1 [sum_c (X_c'e_c - G' Z0_c'u_c)(...)'] (X'X)^-1,    G = (Z0'Z0)^-1 Z'X.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass
class Answer:
    """Second-stage coefficients with their clustered covariance."""

    keys: list[tuple[int, ...]]
    effect: Array
    covariance: Array


def estimate(
    y: Array,
    first: Array,
    second_stage: str,
    *,
    covariates: Array | None = None,
    weight: Array | None = None,
    cluster: Array | None = None,
    level: Array | None = None,
) -> Answer:
    """`second_stage` is ``static``, ``event_time`` or ``cells``; `level` (N,) codes of shared level effects."""
    n, periods = y.shape
    rows = [(i, t) for i in range(n) for t in range(periods) if not np.isnan(y[i, t])]
    unit, period = np.array(rows).T
    out, start = y[unit, period], first[unit]
    w = np.ones(len(rows)) if weight is None else weight[unit, period]
    on = period >= start
    codes = unit if level is None else level[unit]
    columns = [(codes == h).astype(float) for h in np.unique(codes)]
    columns += [(period == t).astype(float) for t in range(periods)]
    columns += [] if covariates is None else list(covariates[unit, period].T)
    Z = np.column_stack(columns)
    Z0 = Z * ~on[:, None]
    bread = np.linalg.pinv((Z0 * w[:, None]).T @ Z0)
    gap = out - Z @ (bread @ (Z0.T @ (w * out)))
    if second_stage == "static":
        keys: list[tuple[int, ...]] = [()]
        X = on[:, None].astype(float)
    elif second_stage == "event_time":
        keys = sorted({(int(t - g),) for g, t in zip(start[on], period[on], strict=True)})
        X = np.column_stack([on & (period - start == e) for (e,) in keys]).astype(float)
    else:
        keys = sorted({(int(g), int(t)) for g, t in zip(start[on], period[on], strict=True)})
        X = np.column_stack([on & (start == g) & (period == t) for g, t in keys]).astype(float)
    outer = np.linalg.inv((X * w[:, None]).T @ X)
    beta = outer @ (X.T @ (w * gap))
    through = bread @ ((Z * w[:, None]).T @ X)
    scores = X * (w * (gap - X @ beta))[:, None] - (Z0 * (w * gap * ~on)[:, None]) @ through
    group = unit if cluster is None else cluster[unit]
    sums = np.array([scores[group == c].sum(axis=0) for c in np.unique(group)])
    return Answer(keys, beta, outer @ (sums.T @ sums) @ outer)
