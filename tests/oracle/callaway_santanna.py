"""A slow, plain Callaway and Sant'Anna: one cell at a time, formulas as printed, nothing shared with the package.

Two-period formulas follow Sant'Anna and Zhao (2020) as R `DRDID` writes them (``drdid_panel``,
``std_ipw_did_panel``, ``reg_did_panel``); cells and aggregation follow Callaway and Sant'Anna (2021) as R `did`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
NEVER = 10**9


@dataclass
class Answer:
    """Cells in the order of cohort and period, with (n, K) influence functions in R's scale."""

    cells: list[tuple[int, int]]
    att: Array
    influence: Array
    shares: dict[int, float]
    weight: Array
    first: Array


def logit(D: Array, X: Array, w: Array) -> Array:
    gamma = np.zeros(X.shape[1])
    for _ in range(100):
        p = 1.0 / (1.0 + np.exp(-X @ gamma))
        W = w * p * (1.0 - p)
        gamma = gamma + np.linalg.solve(X.T @ (W[:, None] * X), X.T @ (w * (D - p)))
    return gamma


def two_periods(dy: Array, D: Array, X: Array, w: Array, method: str) -> tuple[float, Array]:
    """ATT and influence function of one cell; all units of the two groups."""
    n = len(dy)
    w = w / w.mean()
    one = np.ones((n, 1))
    if method != "reg":
        gamma = logit(D, X, w)
        p = 1.0 / (1.0 + np.exp(-X @ gamma))
        hessian = np.linalg.inv(X.T @ ((w * p * (1.0 - p))[:, None] * X)) * n
        alr_ps = ((w * (D - p))[:, None] * X) @ hessian
        trim = np.where(D == 0, p < 0.995, True)
    if method != "ipw":
        c = D == 0
        beta = np.linalg.solve(X[c].T @ (w[c, None] * X[c]), X[c].T @ (w[c] * dy[c]))
        m = X @ beta
        bread = np.linalg.inv(((w * (1 - D))[:, None] * X).T @ X / n)
        alr_ols = ((w * (1 - D) * (dy - m))[:, None] * X) @ bread
    if method == "reg":
        wt = w * D
        eta_t, eta_c = (wt * dy).mean() / wt.mean(), (wt * m).mean() / wt.mean()
        inf_t = wt * (dy - eta_t) / wt.mean()
        inf_c = (wt * (m - eta_c) + alr_ols @ (wt[:, None] * X).mean(axis=0)) / wt.mean()
        return float(eta_t - eta_c), inf_t - inf_c
    w_t, w_c = trim * w * D, trim * w * p * (1 - D) / (1 - p)
    r = dy - m if method == "dr" else dy * one[:, 0]
    eta_t, eta_c = (w_t * r).mean() / w_t.mean(), (w_c * r).mean() / w_c.mean()
    inf_t = w_t * (r - eta_t)
    inf_c = w_c * (r - eta_c) + alr_ps @ ((w_c * (r - eta_c))[:, None] * X).mean(axis=0)
    if method == "dr":
        inf_t = inf_t - alr_ols @ (w_t[:, None] * X).mean(axis=0)
        inf_c = inf_c - alr_ols @ (w_c[:, None] * X).mean(axis=0)
    return float(eta_t - eta_c), inf_t / w_t.mean() - inf_c / w_c.mean()


def estimate(
    y: Array,
    first: Array,
    *,
    comparison: str,
    method: str,
    base_period: str = "varying",
    anticipation: int = 0,
    covariates: Array | None = None,
    weight: Array | None = None,
) -> Answer:
    """All cells of an (N, T) outcome, periods 0..T-1, NaN where missing; covariates (N, T, p); weight (N, T)."""
    n, periods = y.shape
    weight = np.ones_like(y) if weight is None else weight
    cells, att, influence = [], [], []
    for g in sorted(set(first[(first > anticipation) & (first < periods)].tolist())):
        base = g - anticipation - 1
        for t in range(periods):
            b = t - 1 if base_period == "varying" and t <= base else base
            if b < 0 or b == t:
                continue
            if comparison == "never_treated":
                other = first >= periods + anticipation
            else:
                other = (first > max(t, b) + anticipation) & (first != g)
            if not other.any():
                continue
            used = ((first == g) | other) & ~np.isnan(y[:, t]) & ~np.isnan(y[:, b])
            X = np.ones((n, 1)) if covariates is None else np.column_stack([np.ones(n), covariates[:, b, :]])
            effect, psi = two_periods(
                y[used, t] - y[used, b], (first[used] == g).astype(float), X[used], weight[used, b], method
            )
            scattered = np.zeros(n)
            scattered[used] = psi * n / used.sum()
            cells.append((g, t))
            att.append(effect)
            influence.append(scattered)
    share_weight = np.array([row[~np.isnan(out)][0] for row, out in zip(weight, y, strict=True)])
    share_weight = share_weight / share_weight.mean()
    shares = {g: float((share_weight * (first == g)).mean()) for g, _ in cells}
    return Answer(cells, np.array(att), np.array(influence).T, shares, share_weight, first)


def overall(answer: Answer, cluster: Array | None = None) -> tuple[float, float]:
    """The "simple" average over treated cells and its error, R `did`'s ``wif`` term included."""
    keep = [k for k, (g, t) in enumerate(answer.cells) if t >= g]
    p = np.array([answer.shares[answer.cells[k][0]] for k in keep])
    effect = float((answer.att[keep] * p).sum() / p.sum())
    indicator = np.array([answer.weight * (answer.first == answer.cells[k][0]) for k in keep]).T
    wif = (indicator - p) / p.sum() - np.outer((indicator - p).sum(axis=1), p / p.sum() ** 2)
    psi = answer.influence[:, keep] @ (p / p.sum()) + wif @ answer.att[keep]
    return effect, float(np.sqrt((sums(psi[:, None], cluster) ** 2).sum()) / len(psi))


def std_errors(answer: Answer, cluster: Array | None = None) -> Array:
    """(K,) errors of the cells."""
    n = len(answer.influence)
    return np.asarray(np.sqrt((sums(answer.influence, cluster) ** 2).sum(axis=0)) / n)


def sums(psi: Array, cluster: Array | None) -> Array:
    """Influence functions summed, not averaged, within clusters."""
    if cluster is None:
        return psi
    return np.array([psi[cluster == code].sum(axis=0) for code in np.unique(cluster)])
