"""Poisson fixed effects with every unit and period a column; rows that carry no information found by plain rules."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linprog

from tests.oracle.panels import NEVER, Small
from tests.oracle.plain import Array, NotIdentified, by_cluster, by_unit, dummies, fit, independent, overall


@dataclass(frozen=True)
class Made:
    """One regression: kept terms, coefficients, (N, k) pulls, and sizes."""

    kept: list[int]
    beta: Array
    psi: Array
    variance: Array
    rows: Array
    terms: int
    degrees: int


def _alive(y: Array, rows: Array) -> Array:
    """Rows left once units and periods without an event, and units seen once, are gone."""
    kept = rows.copy()
    while True:
        before = kept.sum()
        total = np.where(kept, y, 0.0)
        kept &= ((total.sum(axis=1) > 0.0) & (kept.sum(axis=1) > 1))[:, None]
        kept &= (np.where(kept, y, 0.0).sum(axis=0) > 0.0)[None, :]
        if kept.sum() == before:
            return kept


def separated(X: Array, y: Array) -> Array:
    """Rows without an event that some combination of columns, 0 where there are events, makes negative."""
    none = y == 0.0
    gone = np.zeros(len(y), dtype=bool)
    if not none.any():
        return gone
    while True:
        rest = none & ~gone
        found = linprog(
            X[rest].sum(axis=0), A_ub=X[rest], b_ub=np.zeros(int(rest.sum())), A_eq=X[~none],
            b_eq=np.zeros(int((~none).sum())), bounds=(-1.0, 1.0), method="highs",
        )  # fmt: skip
        more = np.zeros(len(y), dtype=bool)
        more[rest] = X[rest] @ found.x < -1e-6
        if not more.any():
            return gone
        gone |= more


def regress(world: Small, rows: Array, terms: list[Array]) -> Made:
    """Fit the terms, covariates, unit and period dummies."""
    y = np.where(rows, np.nan_to_num(world.y), 0.0)
    gone = np.zeros_like(rows)
    while True:
        used = _alive(y, rows & ~gone)
        unit, period = np.nonzero(used)
        if not len(unit):
            raise NotIdentified("no events")
        columns = [term[unit, period] for term in terms] + [world.x[unit, period, p] for p in range(world.x.shape[2])]
        effects = [*dummies(unit), *dummies(period)]
        more = separated(np.column_stack([*columns, *effects]), y[unit, period])
        if not more.any():
            break
        gone[unit[more], period[more]] = True
    kept = independent(columns, effects)
    shown = [k for k in kept if k < len(terms)]
    X = np.column_stack([*(columns[k] for k in kept), *effects])
    out, w = y[unit, period], world.weights[unit, period]
    m = np.ones(len(out)) if world.exposure is None else world.exposure[unit, period]
    index = np.log((out / m + (w * out).sum() / (w * m).sum()) / 2.0)
    mean = m * np.exp(index)
    index = X @ fit(X, index + (out - mean) / mean, w * mean).beta  # from here on within the columns' span
    for _ in range(300):
        mean = m * np.exp(index)
        new = X @ fit(X, index + (out - mean) / mean, w * mean).beta
        share = 1.0
        while (
            share > 1e-6 and _loss(index + share * (new - index), out, w, m) > _loss(index, out, w, m) + 1e-12 * w.sum()
        ):
            share /= 2.0
        step = share * (new - index)
        index = index + step
        if np.abs(step).max() < 1e-12:
            break
    mean = m * np.exp(index)
    made = fit(X, index, w * mean)
    scores = X * (w * (out - mean))[:, None] @ made.bread
    n, periods = len(out), len(np.unique(period))
    degrees = max(n - len(np.unique(unit)) - periods + 1 - len(kept), 1)
    pearson = float((w * (out - mean) ** 2 / mean).sum())
    place = list(range(len(shown)))
    codes = world.codes
    count = len(np.unique(codes[unit]))
    factor = count / max(count - 1, 1) * (n - 1) / max(n - len(kept) - periods, 1)
    psi = by_unit(scores[:, place], unit, world.n) * np.sqrt(factor)
    variance = pearson / degrees * np.diag(made.bread)[place]
    return Made(shown, made.beta[place], psi, variance, used, len(kept), degrees)


def _loss(index: Array, y: Array, w: Array, m: Array) -> float:
    return float((w * (m * np.exp(np.minimum(index, 300.0)) - y * index)).sum())


def figures(world: Small, *, errors: str = "clustered", anticipation: int = 0) -> dict[str, float]:
    """Log rate ratio and event study."""
    usable = world.weights > 0.0
    t, last = np.arange(world.periods), world.periods - 1
    start = np.where(world.first > last, NEVER, world.first)
    since = np.where(start[:, None] == NEVER, -10_000, t - start[:, None])
    waiting = (since < 0) & (since >= -anticipation)
    static = regress(world, usable & ~waiting, [(since >= 0).astype(float)])
    if not static.kept:
        raise NotIdentified("treatment does not vary where there are events")
    inside = usable & (start > 0)[:, None]
    times = sorted(set(since[inside & (start != NEVER)[:, None]].tolist()))
    if -1 - anticipation not in times:
        raise NotIdentified("no reference")
    times.remove(-1 - anticipation)
    if not ((start == NEVER) & inside.any(axis=1)).any():
        if not times or min(times) >= -1 - anticipation:
            raise NotIdentified("one period before")
        times.remove(min(times))
    dynamic = regress(world, inside, [(since == e).astype(float) for e in times])
    codes = world.codes
    used = (static.rows | dynamic.rows).any(axis=1)
    count = len(np.unique(codes[used]))
    if errors == "clustered" and count < 2:
        raise NotIdentified("one cluster")

    def error(made: Made, k: int) -> float:
        if errors == "quasi":
            return float(np.sqrt(made.variance[k]))
        return float(np.sqrt((by_cluster(made.psi[:, [k]], codes) ** 2).sum()))

    degrees = float(static.degrees if errors == "quasi" else count - 1)
    found = overall(float(static.beta[0]), error(static, 0), degrees)
    for k, place in enumerate(dynamic.kept):
        found[f"effect at {times[place]}"] = float(dynamic.beta[k])
        found[f"error at {times[place]}"] = error(dynamic, k)
    return found
