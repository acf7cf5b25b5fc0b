"""Sun and Abraham, and imputation with its leads, by regressions with every dummy written out."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.oracle.panels import Small
from tests.oracle.plain import (
    Answer,
    Array,
    NotIdentified,
    by_cluster,
    by_unit,
    dummies,
    first_weight,
    fit,
    independent,
    shares,
)


def _usable(world: Small) -> Array:
    """Rows with weight of units that have two of them."""
    usable = world.weights > 0.0
    return np.asarray(usable & (usable.sum(axis=1) >= 2)[:, None])


def _columns(world: Small, unit: Array, period: Array) -> tuple[list[Array], list[Array]]:
    """Unit and period dummies, and the covariates that they do not take in."""
    effects = [*dummies(unit), *dummies(period)]
    every = [world.x[unit, period, p] for p in range(world.x.shape[2])]
    return effects, [every[place] for place in independent(every, effects)]


def sun_abraham(
    world: Small, *, comparison: str = "auto", anticipation: int = 0, shares_known: bool = False
) -> dict[str, float]:
    """Effects by cohort and period against one comparison group, CR1, t(C - 1)."""
    n = world.n
    usable = _usable(world)
    groups = _groups(world, usable, comparison, anticipation)
    if groups[3] < world.periods:
        usable[:, groups[3] :] = False
        usable &= (usable.sum(axis=1) >= 2)[:, None]
        again = _groups(world, usable, comparison, anticipation)
        if again[3] != groups[3]:
            raise NotIdentified("the last cohort is no longer seen")
        groups = again
    cohorts, treated, other, _ = groups
    rows = usable & (treated | other)[:, None]
    unit, period = np.nonzero(rows)
    g_of = world.first[unit]
    effects, covariates = _columns(world, unit, period)
    keys = []
    reference = {}
    for g in cohorts:
        seen = sorted(set(period[g_of == g].tolist()))
        before = [t for t in seen if t < g - anticipation]
        if before:
            reference[g] = before[-1]
            keys += [(g, t) for t in seen if t != before[-1]]
    extra = [g for g in cohorts if g not in reference]
    cells = [((g_of == g) & (period == t)).astype(float) for g, t in keys]
    cells += [((g_of == g) & (period == t)).astype(float) for g in extra for t in set(period[g_of == g].tolist())]
    effects, covariates = _columns(world, unit, period)
    kept = independent(covariates, [*effects, *cells])
    design = np.column_stack([*cells, *(covariates[p] for p in kept), *effects])
    made = fit(design, world.y[unit, period], world.weights[unit, period])
    eye = np.eye(design.shape[1])
    shown = [k for k in range(len(keys)) if made.identifies(eye[k])]
    if not any(keys[k][1] >= keys[k][0] for k in shown):
        raise NotIdentified("no effect after the start")
    codes = world.codes[np.unique(unit)]
    count, size = len(np.unique(codes)), len(unit)
    if count < 2:
        raise NotIdentified("one cluster")
    parameters = len(shown) + len(kept) + len(np.unique(period))
    factor = count / (count - 1) * (size - 1) / max(size - parameters, 1)
    psi = by_unit(made.influence(eye[:, shown]), unit, n) * np.sqrt(factor)
    used = np.zeros(n, dtype=bool)
    used[unit] = True
    own = sorted(reference)
    share, pull = shares(first_weight(world.weights, usable), world.first, used, own)
    return Answer(
        [keys[k] for k in shown], made.beta[shown], psi, share, None if shares_known else pull, world.codes,
        float(count - 1), list(reference.items()),
    ).figures()  # fmt: skip


def _groups(world: Small, usable: Array, comparison: str, d: int) -> tuple[list[int], Array, Array, int]:
    """Cohorts, treated units, comparison units and the number of periods."""
    last, seen = world.periods - 1, usable.any(axis=1)
    never = seen & (world.first > last + d)
    eventually = seen & (world.first > d) & ~never
    if comparison == "never_treated" or (comparison == "auto" and never.any()):
        treated, other, periods = eventually & (world.first <= last), never, world.periods
    else:
        if not eventually.any():
            raise NotIdentified("nobody is treated")
        final = int(world.first[eventually].max())
        other = eventually & (world.first == final)
        treated, periods = eventually & ~other, min(max(final - d, 0), world.periods)
    if not other.any() or not treated.any():
        raise NotIdentified("nobody to compare with")
    return sorted({int(g) for g in world.first[treated]}), treated, other, periods


def imputation(
    world: Small,
    *,
    variance: str = "borusyak_jaravel_spiess",
    effects_by: str = "unit",
    anticipation: int = 0,
    leads: bool = True,
    shares_known: bool | None = None,
) -> dict[str, float]:
    """Effects from untreated rows alone, leads from a regression of their own; conservative or two-stage errors."""
    n, last = world.n, world.periods - 1
    usable, d = _usable(world), anticipation
    t = np.arange(world.periods)
    on = t >= world.first[:, None] - d
    never = world.first > last
    usable &= ~(on & never[:, None])
    usable &= (never | (usable & ~on).any(axis=1))[:, None] & (never | (world.first - d > 0))[:, None]
    usable &= (usable & ~on).any(axis=0)
    unit, period = np.nonzero(usable)
    treated = on[unit, period]
    if not (treated & (period >= world.first[unit])).any():
        raise NotIdentified("no treated row")
    level = world.codes if effects_by == "cluster" else np.arange(n)
    w, y = world.weights[unit, period], world.y[unit, period]
    every = np.arange(world.periods)
    effects = [(level[unit] == h).astype(float) for h in np.unique(level[unit])]
    effects += [(period == s).astype(float) for s in every]
    covariates = [world.x[unit, period, p] for p in range(world.x.shape[2])]
    kept = independent([c[~treated] for c in covariates], [c[~treated] for c in effects])
    Z = np.column_stack([*effects, *(covariates[p] for p in kept)])
    made = fit(Z[~treated], y[~treated], w[~treated])
    without = Z.copy()
    without[:, len(effects) :] = 0.0
    can = np.array([not on_it or made.identifies(row) for on_it, row in zip(treated, without, strict=True)])
    unit, period, treated, w, y, Z = (a[can] for a in (unit, period, treated, w, y, Z))
    gap = y - Z @ made.beta
    start = world.first[unit]
    cells = sorted({(int(g), int(s)) for g, s in zip(start[treated], period[treated], strict=True)})
    if not any(s >= g for g, s in cells):
        raise NotIdentified("no treated row can be imputed")
    effect, psi = [], []
    for g, s in cells:
        own = treated & (start == g) & (period == s)
        v = np.where(own, w, 0.0) / w[own].sum()
        effect.append(float(v @ gap))
        centre = effect[-1] if variance == "gardner" else _centre(v, gap, world.codes[unit])
        row = np.where(own, v * (gap - centre), 0.0)
        row[~treated] -= (w * gap * (Z @ (made.bread @ (Z.T @ v))))[~treated]
        psi.append(row)
    pulls = by_unit(np.array(psi).T, unit, n)
    used = np.zeros(n, dtype=bool)
    used[np.nonzero(usable)[0]] = True
    if leads and effects_by == "unit":
        more = _leads(world, usable & ~on)
        cells = [*cells, *more[0]]
        effect += more[1]
        pulls = np.hstack([pulls, more[2]])
    if len(np.unique(world.codes[used])) < 2:
        raise NotIdentified("one cluster")
    own = sorted({g for g, _ in cells})
    share, pull = shares(first_weight(world.weights, world.weights > 0.0), world.first, used, own)
    known = variance != "gardner" if shares_known is None else shares_known
    return Answer(cells, np.array(effect), pulls, share, None if known else pull, world.codes).figures()


def _centre(v: Array, gap: Array, codes: Array) -> float:
    """What the conservative variance measures effects from: sum_c v_c (v tau)_c / sum_c v_c^2."""
    table = by_cluster(np.column_stack([v, v * gap]), codes)
    return float((table[:, 0] * table[:, 1]).sum() / (table[:, 0] ** 2).sum())


def _leads(world: Small, rows: Array) -> tuple[list[Any], list[float], Array]:
    """Untreated cells of each cohort, each measured from the mean of those that can be compared with its last one."""
    unit, period = np.nonzero(rows)
    start = np.where(world.first > world.periods - 1, 99, world.first)[unit]
    groups = sorted(set(start.tolist()))
    treated = groups[:-1]
    if not treated:
        return [], [], np.empty((world.n, 0))
    keys = sorted({(int(g), int(t)) for g, t in zip(start, period, strict=True) if g in treated})
    cells = [((start == g) & (period == t)).astype(float) for g, t in keys]
    effects = [*dummies(unit), *dummies(period)]
    covariates = [world.x[unit, period, p] for p in range(world.x.shape[2])]
    kept = independent(covariates, [*cells, *effects])
    design = np.column_stack([*cells, *(covariates[p] for p in kept), *effects])
    made = fit(design, world.y[unit, period], world.weights[unit, period])
    eye = np.eye(design.shape[1])
    shown, contrasts = [], []
    for g in treated:
        own = [k for k, key in enumerate(keys) if key[0] == g]
        linked = [k for k in own if made.identifies(eye[k] - eye[own[-1]])]
        if len(linked) < 2:
            continue
        shown += [keys[k] for k in linked]
        contrasts += [eye[k] - eye[linked].mean(axis=0) for k in linked]
    if not contrasts:
        return [], [], np.empty((world.n, 0))
    c = np.array(contrasts).T
    return shown, list(made.beta @ c), by_unit(made.influence(c), unit, world.n)
