"""Callaway and Sant'Anna by loops over cells, with plain rules for the cells that cannot be estimated."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linprog

from tests.oracle.callaway_santanna import two_periods
from tests.oracle.panels import Small
from tests.oracle.plain import Answer, Array, NotIdentified, first_weight, independent, rank, shares

OVERLAP = 0.999
"""Fitted scores from here on are no overlap: the rule of R `did`."""


def separable(X: Array, on: Array) -> bool:
    """Whether a hyperplane parts treated from untreated units, in the weak sense: then the logit has no maximum."""
    sign = np.where(on, 1.0, -1.0)[:, None] * X
    size = np.abs(sign).max(axis=0)
    sign = sign / np.where(size > 0.0, size, 1.0)
    found = linprog(-sign.sum(axis=0), A_ub=-sign, b_ub=np.zeros(len(sign)), bounds=(-1.0, 1.0), method="highs")
    return float(found.fun or 0.0) < -1e-7


def cell(change: Array, on: Array, x: Array, w: Array, method: str) -> tuple[float, Array] | None:
    """ATT of one cell and the pull of its units, or None where it cannot be estimated; `x` without the constant."""
    if not on.any() or on.all():
        return None
    one = np.ones((len(change), 1))
    kept = independent(list(x.T), [one[:, 0]])
    X = np.column_stack([one, x[:, kept]])
    if (~on).sum() <= X.shape[1]:
        return None
    if not kept:
        method = "reg"
    if method != "ipw" and rank(X[~on]) < X.shape[1]:
        return None
    if method != "reg":
        if separable(X, on):
            return None
        score = _scores(X, on, w)
        if score.max() >= OVERLAP or not (score[~on] < 0.995).any():
            return None
    size = X.std(axis=0)
    X = np.column_stack([one, (X[:, 1:] - X[:, 1:].mean(axis=0)) / size[1:]]) if kept else X
    effect, psi = two_periods(change, on.astype(float), X, w, method)
    return effect, psi / len(change)


def _scores(X: Array, on: Array, w: Array) -> Array:
    """Fitted propensity scores by Newton's steps, halved where the likelihood falls."""
    X = np.column_stack([X[:, 0], (X[:, 1:] - X[:, 1:].mean(axis=0)) / X[:, 1:].std(axis=0)])
    gamma = np.zeros(X.shape[1])

    def likelihood(at: Array) -> float:
        return float(-(w * np.logaddexp(0.0, np.where(on, -1.0, 1.0) * (X @ at))).sum())

    for _ in range(200):
        p = 1.0 / (1.0 + np.exp(-X @ gamma))
        step = np.linalg.solve(X.T @ ((w * p * (1 - p))[:, None] * X), X.T @ (w * (on - p)))
        while likelihood(gamma + step) < likelihood(gamma) - 1e-12 * w.sum() and np.abs(step).max() > 1e-10:
            step = step / 2.0
        gamma = gamma + step
        if np.abs(step).max() < 1e-10:
            break
    return np.asarray(1.0 / (1.0 + np.exp(-X @ gamma)))


def figures(
    world: Small,
    *,
    comparison: str = "not_yet_treated",
    method: str = "dr",
    base_period: str = "varying",
    anticipation: int = 0,
    unbalanced: str = "within_pairs",
    cohort_shares: str = "weighted",
) -> dict[str, float]:
    """All cells, their averages and errors."""
    y, first, n, periods = world.y, world.first, world.n, world.periods
    kept = first > anticipation
    if unbalanced == "drop_incomplete":
        kept &= ~np.isnan(y).any(axis=1)
    in_window = sorted({int(g) for g in first[kept] if g < periods})
    never = kept & (first > periods - 1 + anticipation)
    if not in_window or (comparison == "never_treated" and not never.any()):
        raise NotIdentified("no cohort, or nobody to compare with")
    if len(np.unique(world.codes[kept])) < 2:
        raise NotIdentified("one cluster")
    cells, effect, pulls = [], [], []
    for g in in_window:
        plan = []
        base = g - anticipation - 1
        for t in range(periods):
            b = t - 1 if base_period == "varying" and t <= base else base
            if b < 0 or b == t:
                continue
            late = periods - 1 if comparison == "never_treated" else max(t, b)
            plan.append((t, b, kept & (first > late + anticipation) & (first != g)))
        if not any(other.any() for t, _, other in plan if t >= g):
            continue
        for t, b, other in plan:
            used = (kept & (first == g)) | other
            used &= ~np.isnan(y[:, t]) & ~np.isnan(y[:, b]) & (world.weights[:, b] > 0.0)
            made = cell(y[used, t] - y[used, b], first[used] == g, world.x[used, b], world.weights[used, b], method)
            if made is None:
                continue
            psi = np.zeros(n)
            psi[used] = made[1]
            cells.append((g, t))
            effect.append(made[0])
            pulls.append(psi)
    if not any(t >= g for g, t in cells):
        raise NotIdentified("no cell after a start")
    weight = first_weight(world.weights, ~np.isnan(y)) if cohort_shares == "weighted" else np.ones(n)
    share, pull = shares(weight, first, kept, sorted({g for g, _ in cells}))
    return Answer(cells, np.array(effect), np.array(pulls).T, share, pull, world.codes).figures()
