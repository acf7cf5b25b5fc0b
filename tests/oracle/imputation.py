"""A slow, plain imputation estimator: every weight v_it written out, nothing shared with the package.

Borusyak, Jaravel and Spiess (2024): Theorem 2 for the effects, least-squares weights v, section 4.3
for the conservative clustered variance with averages by cohort and period.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass
class Answer:
    """Effects by cohort and period with their conservative covariance."""

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
    """All cells of an (N, T) outcome, periods 0..T-1, NaN where missing; every treated row can be imputed."""
    n, periods = y.shape
    rows = [(i, t) for i in range(n) for t in range(periods) if not np.isnan(y[i, t])]
    unit, period = np.array(rows).T
    out = y[unit, period]
    w = np.ones(len(rows)) if weight is None else weight[unit, period]
    treated = period >= first[unit] - anticipation
    columns = [(unit == i).astype(float) for i in range(n)] + [(period == t).astype(float) for t in range(periods)]
    if covariates is not None:
        columns += list(covariates[unit, period].T)
    Z = np.column_stack(columns)
    Z0, Z1, w0 = Z[~treated], Z[treated], w[~treated]
    bread = np.linalg.pinv((Z0 * w0[:, None]).T @ Z0)
    beta = bread @ (Z0.T @ (w0 * out[~treated]))
    tau = out[treated] - Z1 @ beta
    cohort_of, period_of = first[unit[treated]], period[treated]
    cells = sorted({(int(g), int(t)) for g, t in zip(cohort_of, period_of, strict=True)})
    group = unit if cluster is None else cluster[unit]
    codes = np.unique(group)
    effect, sums = [], []
    averages = {}
    for g, t in cells:
        own = (cohort_of == g) & (period_of == t)
        v = np.where(own, w[treated], 0.0) / w[treated][own].sum()
        effect.append(v @ tau)
        top = bottom = 0.0
        for c in codes:
            mine = group[treated] == c
            top += v[mine].sum() * (v[mine] @ tau[mine])
            bottom += v[mine].sum() ** 2
        averages[g, t] = top / bottom
    residual = np.empty(len(rows))
    residual[~treated] = out[~treated] - Z0 @ beta
    residual[treated] = tau - [averages[int(g), int(t)] for g, t in zip(cohort_of, period_of, strict=True)]
    for g, t in cells:
        v = np.zeros(len(rows))
        own = (cohort_of == g) & (period_of == t)
        v[treated] = np.where(own, w[treated], 0.0) / w[treated][own].sum()
        v[~treated] = -w0 * (Z0 @ (bread @ (Z1.T @ v[treated])))
        sums.append([(v * residual)[group == c].sum() for c in codes])
    psi = np.array(sums).T
    return Answer(cells, np.array(effect), psi.T @ psi)
