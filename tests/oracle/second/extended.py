"""The extended two-way regression as estimating equations: columns by period and by cohort, sandwich by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linprog

from tests.oracle.extended_twfe import MEANS, SLOPES
from tests.oracle.panels import NEVER, Small
from tests.oracle.plain import MAY_BE_REFUSED, Answer, Array, Cell, NotIdentified, by_unit, first_weight, rank, shares
from tests.oracle.plain import fit as least_squares
from tests.oracle.second.counts import separated

Fitted = tuple[Array, Array, Array, Array, int, bool]
"""Coefficients, projector, bread, fitted means, number of coefficients, and whether rows had to go."""


Part = tuple[list[Cell], list[float], Array, int, int, bool]
"""Cells, effects, (rows, K) pulls, rows, coefficients, and whether some rows had to go for want of a maximum."""


@dataclass(frozen=True)
class Rows:
    """Rows of the regression."""

    unit: Array
    period: Array
    cohort: Array
    y: Array
    w: Array
    m: Array
    z: Array
    by_period: Array
    by_cohort: Array


def _glm(X: Array, y: Array, w: Array, m: Array, family: str, index0: Array | float = 0.0) -> Fitted:
    """Maximum quasi-likelihood by iterated least squares; `index0` is an offset of the index."""
    rest = np.ones(len(y), dtype=bool)
    if family == "poisson":
        rest = ~separated(X, y)  # rows that some combination of columns sends to 0 say nothing of the others
        if not rest.any():
            raise NotIdentified("no row is left")
    elif family == "logit":
        _refuse_separated(X, y)
    offset = index0 if np.ndim(index0) == 0 else np.asarray(index0)[rest]
    mean = np.zeros(len(y))
    try:
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            beta, span, bread, mean[rest] = _iterated(X[rest], y[rest], w[rest], m[rest], family, offset)
    except np.linalg.LinAlgError:  # weights a million times each other: no step changes the likelihood's digits
        raise NotIdentified("the likelihood is flat") from None
    return beta, span, bread, mean, rank(X[rest]), not rest.all()


def _iterated(
    X: Array, y: Array, w: Array, m: Array, family: str, index0: Array | float
) -> tuple[Array, Array, Array, Array]:
    mean: Callable[[Array], Array] = MEANS[family]
    offset = np.broadcast_to(index0, y.shape)
    level = (w * y).sum() / (w * m).sum()
    links: dict[str, Callable[[float], float]] = {
        "linear": lambda v: v, "poisson": lambda v: float(np.log(v)), "logit": lambda v: float(np.log(v / (1.0 - v)))
    }  # fmt: skip
    start = links[family]
    index = np.full(len(y), start(level)) if np.ndim(index0) == 0 else offset.astype(float)

    def loss(at: Array) -> float:
        if family == "poisson":
            return float((w * (m * np.exp(np.minimum(at, 300.0)) - y * at)).sum())
        if family == "logit":
            return float((w * m * (np.logaddexp(0.0, at) - y * at)).sum())
        return float((w * (y - at) ** 2).sum())

    for _ in range(300):
        slope = np.maximum(m * SLOPES[family](index), 1e-300)
        working = index - offset + (y - m * mean(index)) / slope
        made = least_squares(X, working, w * slope)
        new = X @ made.beta + offset
        share = 1.0
        while share > 1e-9 and not loss(index + share * (new - index)) <= loss(index) + 1e-9 * abs(loss(index)):
            share /= 2.0
        step = share * (new - index)
        index = index + step
        if np.abs(step).max() < 1e-12:
            break
    slope = m * SLOPES[family](index)
    made = least_squares(X, index - offset, w * slope)
    return made.beta, made.span, made.bread, m * mean(index)


def _refuse_separated(X: Array, y: Array) -> None:
    """No maximum where a combination of columns tells rows with events from rows without."""
    inner = (y > 0.0) & (y < 1.0)
    A = (np.where(y >= 1.0, -1.0, 1.0)[:, None] * X)[~inner]
    found = linprog(
        A.sum(axis=0), A_ub=A, b_ub=np.zeros(len(A)), A_eq=X[inner] if inner.any() else None,
        b_eq=np.zeros(int(inner.sum())) if inner.any() else None, bounds=(-1, 1), method="highs",
    )  # fmt: skip
    if found.status == 0 and float(found.fun or 0.0) < -1e-7:
        raise NotIdentified("the likelihood has no maximum")


def figures(
    world: Small,
    *,
    family: str = "linear",
    scale: str = "natural",
    comparison: str = "not_yet_treated",
    anticipation: int = 0,
    leads: bool = True,
    shares_known: bool = False,
) -> dict[str, float]:
    """Effects by cohort and period, CR1, t(C - 1)."""
    n, last, d = world.n, world.periods - 1, anticipation
    usable = world.weights > 0.0
    t = np.arange(world.periods)
    on, never = t >= world.first[:, None] - d, world.first > last
    usable &= ~(on & never[:, None])
    usable &= (never | ((usable & ~on).any(axis=1) & (world.first - d > 0)))[:, None]
    usable &= (usable & ~on).any(axis=0)
    unit, period = np.nonzero(usable)
    cohort = np.where(never, NEVER, world.first)[unit]
    cohorts = sorted(set(cohort.tolist()) - {NEVER})
    treated = (cohort != NEVER) & (period >= cohort - d)
    if not (treated & (period >= cohort)).any():
        raise NotIdentified("nobody is treated while somebody is not")
    z = np.column_stack([np.ones(len(unit)), world.x[unit, period]])
    size = np.abs(z).max(axis=0)
    groups = [*cohorts, *([NEVER] if (cohort == NEVER).any() else [])]
    rows = Rows(
        unit, period, cohort, world.y[unit, period], world.weights[unit, period],
        np.ones(len(unit)) if world.exposure is None else world.exposure[unit, period], z / size,
        np.column_stack([z / size * (period == s)[:, None] for s in t]),
        np.column_stack([z / size * (cohort == g)[:, None] for g in groups]),
    )  # fmt: skip
    other = groups[-1]
    parts = []
    zero: list[Cell] = []
    if comparison == "not_yet_treated":
        parts.append(_part(rows, ~treated, None, treated, family, scale, shares_known))
        if leads:
            counts = {g: len(set(period[~treated & (cohort == g)].tolist())) for g in groups}
            shown = ~treated & (cohort != other) & np.array([counts[g] > 1 for g in cohort.tolist()])
            parts.append(_leads(rows, ~treated, other, shown, family, scale, shares_known))
    else:
        if other != NEVER:
            raise NotIdentified("no never-treated unit")
        reference = {g: int(period[(cohort == g) & ~treated].max()) for g in cohorts}
        at = np.array([g != NEVER and s == reference[g] for g, s in zip(cohort.tolist(), period, strict=True)])
        shown = (cohort != NEVER) & ~at & (treated | leads)
        parts.append(_part(rows, at | (cohort == NEVER), NEVER, shown, family, scale, shares_known))
        if parts[0] is not None and leads:
            zero = [(g, reference[g]) for g in sorted({g for g, _ in parts[0][0]})]
    if parts[0] is None or not any(s >= g for g, s in parts[0][0]):
        raise NotIdentified("no effect after a start")
    used = np.zeros(n, dtype=bool)
    used[unit] = True
    count = len(np.unique(world.codes[used]))
    if count < 2:
        raise NotIdentified("one cluster")
    cells: list[Cell] = []
    effect: list[float] = []
    pulls = []
    doubtful = False
    for part in parts:
        if part is None:
            continue
        found, values, psi, size_of, parameters, gone = part
        doubtful = doubtful or gone
        factor = count / (count - 1) * (size_of - 1) / max(size_of - parameters, 1)
        cells, effect = [*cells, *found], [*effect, *values]
        pulls.append(by_unit(psi, unit, n) * np.sqrt(factor))
    own = sorted({g for g, _ in cells})
    share, pull = shares(first_weight(world.weights, world.weights > 0.0), world.first, used, own)
    answer = Answer(
        cells, np.array(effect), np.hstack(pulls), share, None if shares_known else pull, world.codes,
        float(count - 1), zero,
    )  # fmt: skip
    return answer.figures() | ({MAY_BE_REFUSED: 1.0} if doubtful else {})


def _leads(rows: Rows, fitted: Array, other: int, shown: Array, family: str, scale: str, known: bool) -> Part | None:
    """Effects before the start, from a regression of their own: where it has no maximum there are none."""
    try:
        found = _part(rows, fitted, other, shown, family, scale, known) if shown.any() else None
    except NotIdentified:
        return None
    return None if found is None or found[-1] else found


def _part(
    rows: Rows, fitted: Array, against: int | None, shown: Array, family: str, scale: str, known: bool
) -> Part | None:
    """Fit some rows, measure others: cells, effects, (rows, K) pulls, rows and coefficients."""
    bounded = fitted
    if family != "linear":
        bounded = _with_events(rows, fitted, against, family)
    elif against is not None:
        bounded = fitted & np.isin(rows.period, rows.period[fitted & (rows.cohort == against)])
    informs = bounded if against is None else bounded & (rows.cohort == against)
    if not bounded.any() or not informs.any():
        return None
    Xf, Xa, q = rows.by_period, rows.by_cohort, rows.z.shape[1]
    if against is None:
        every = np.column_stack([Xf, Xa])
        beta, span, bread, mean, parameters, gone = _glm(
            every[bounded], rows.y[bounded], rows.w[bounded], rows.m[bounded], family
        )
        psi = np.zeros((len(rows.y), every.shape[1]))
        psi[bounded] = every[bounded] * (rows.w[bounded] * (rows.y[bounded] - mean))[:, None] @ bread

        def leaves(c: Array) -> Array:
            return np.asarray(c - span @ c)

    else:
        first, second = informs, bounded & ~informs
        if not second.any():
            return None
        f, span_f, bread_f, mean_f, of_periods, gone_f = _glm(
            Xf[first], rows.y[first], rows.w[first], rows.m[first], family
        )
        if gone_f:
            raise NotIdentified("the likelihood of the comparison has no maximum")
        a, span_a, bread_a, mean_a, of_cohorts, gone_a = _glm(
            Xa[second], rows.y[second], rows.w[second], rows.m[second], family, Xf[second] @ f
        )
        beta = np.concatenate([f, a])
        every = np.column_stack([Xf, Xa])
        psi_f, psi_a = np.zeros((len(rows.y), Xf.shape[1])), np.zeros((len(rows.y), Xa.shape[1]))
        psi_f[first] = Xf[first] * (rows.w[first] * (rows.y[first] - mean_f))[:, None] @ bread_f
        psi_a[second] = Xa[second] * (rows.w[second] * (rows.y[second] - mean_a))[:, None] @ bread_a
        index = Xf[second] @ f + Xa[second] @ a
        slope = rows.w[second] * rows.m[second] * SLOPES[family](index)
        through = Xf[second].T @ (Xa[second] * slope[:, None]) @ bread_a
        psi_a -= psi_f @ through
        psi = np.hstack([psi_f, psi_a])
        if gone_a:
            raise NotIdentified("a cohort's likelihood has no maximum")
        parameters, gone = of_periods + of_cohorts, False

        def leaves(c: Array) -> Array:
            of_period, of_cohort = c[: Xf.shape[1]], c[Xf.shape[1] :]
            net = of_period - through @ of_cohort  # a cohort's level moves with the periods' that it is measured from
            return np.concatenate([net - span_f @ net, of_cohort - span_a @ of_cohort])

    cells: list[Cell] = []
    effect: list[float] = []
    pulls = []
    touched = bounded.copy()
    for g, s in sorted({(int(g), int(s)) for g, s in zip(rows.cohort[shown], rows.period[shown], strict=True)}):
        own = shown & (rows.cohort == g) & (rows.period == s)
        if not (bounded & (rows.cohort == g)).any() or not (informs & (rows.period == s)).any():
            continue
        off = every[own] @ beta
        w, m, y = rows.w[own], rows.m[own], rows.y[own]
        gradient = -((w * m * SLOPES[family](off))[:, None] * every[own]).sum(axis=0)
        if np.linalg.norm(leaves(gradient)) > 1e-7 * np.linalg.norm(gradient):
            continue
        with_it, without = float((w * y).sum()), float((w * m * MEANS[family](off)).sum())
        if scale == "ratio" and with_it <= 0.0:
            if s >= g:
                raise NotIdentified("a treated cell without events has no ratio")
            continue
        divisor = w.sum() if scale == "natural" else without
        value = (with_it - without) / divisor if scale == "natural" else float(np.log(with_it / without))
        row = psi @ (gradient / divisor)
        within = y - _own_mean(rows, own, family) if known else None
        if within is not None:
            part = w * within * (np.exp(-value) if scale == "ratio" else 1.0)
        elif scale == "natural":
            part = w * (y - m * MEANS[family](off) - value)
        else:
            part = w * (y * np.exp(-value) - m * MEANS[family](off))
        row[own] += part / divisor
        touched |= own
        cells.append((g, s))
        effect.append(value)
        pulls.append(row)
    if not cells:
        return None
    return cells, effect, np.array(pulls).T, int(touched.sum()), parameters + len(cells) * q, gone


def _own_mean(rows: Rows, own: Array, family: str) -> Array:
    """(n,) means that the cell's own regression on covariates fits."""
    w, m, y = rows.w[own], rows.m[own], rows.y[own]
    if rows.z.shape[1] == 1:
        return np.asarray(m * (w * y).sum() / (w * m).sum())
    return _glm(rows.z[own], y, w, m, family)[3]


def _with_events(rows: Rows, fitted: Array, against: int | None, family: str) -> Array:
    """Rows whose cohort and period hold events and, for shares, their absence."""
    kept = fitted.copy()
    informs = np.ones(len(kept), dtype=bool) if against is None else rows.cohort == against

    def good(mask: Array) -> bool:
        total, most = (rows.w * rows.y)[mask].sum(), (rows.w * rows.m)[mask].sum()
        return bool(total > 1e-12 * most and (family == "poisson" or total < most * (1.0 - 1e-12)))

    while True:
        before = kept.copy()
        for s in np.unique(rows.period):
            if not good(kept & informs & (rows.period == s)):
                kept &= rows.period != s
        for g in np.unique(rows.cohort):
            if (against is None or g != against) and not good(kept & (rows.cohort == g)):
                kept &= rows.cohort != g
        if np.array_equal(before, kept):
            return kept
