"""Switching treatment and triple differences, each an oracle's loops under the package's rules for who takes part."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.oracle import switching_did as switching
from tests.oracle import triple_difference as triples
from tests.oracle.panels import NEVER, Small
from tests.oracle.plain import Answer, Array, Cell, NotIdentified, by_cluster, first_weight, overall, shares

FEWEST = 5
"""Clusters that a comparison cohort's subgroups need for weights of least variance."""


def _estimate(*data: Array, **settings: Any) -> switching.Answer:
    try:
        return switching.estimate(*data, **settings)
    except ZeroDivisionError:  # no cell is left to be divided by
        raise NotIdentified("nobody has a comparison") from None


def doses(world: Small, *, comparison: str, anticipation: int, normalized: bool, switchers: str) -> dict[str, float]:
    """De Chaisemartin and D'Haultfoeuille: cells, event times and the average total effect."""
    dose = world.dose
    if dose is None:
        dose = (np.arange(world.periods) >= world.first[:, None]).astype(float)
    y = np.where(world.weights > 0.0, world.y, np.nan)
    moved = [np.flatnonzero(row != row[0]) for row in dose]
    start = np.array([m[0] if len(m) else world.periods for m in moved])
    late = np.zeros(world.n, dtype=bool)
    if world.dose is None:
        late = (start == world.periods) & (world.first != NEVER)
    if not (start < world.periods).any():
        raise NotIdentified("nobody changes the dose")
    answer = _estimate(
        y, dose, weight=world.weight, cluster=world.cluster, anticipation=anticipation, normalized=normalized,
        switchers={"all": 0, "in": 1, "out": -1}[switchers], never=comparison == "never_treated",
        reacts=np.where(late, np.minimum(world.first - anticipation, world.periods), -1),
    )  # fmt: skip
    after = [key for key in answer.cells if key[1] >= key[0]]
    if not after:
        raise NotIdentified("nobody has a comparison")
    found: dict[str, float] = {}
    for (g, t), value in answer.cells.items():
        found[f"effect of cohort {g} in {t}"] = value
    error = np.sqrt(np.diag(answer.covariance))
    for k, e in enumerate(answer.labels):
        found[f"effect at {e}"], found[f"error at {e}"] = float(answer.effect[k]), float(error[k])
    return found | overall(float(answer.effect[-1]), float(error[-1]), None)


def triple_difference(
    world: Small, *, comparison: str, method: str, base_period: str, anticipation: int, combination: str
) -> dict[str, float]:
    """Ortiz-Villavicencio and Sant'Anna: every comparison cohort by itself, then averaged by size or least variance."""
    assert world.eligible is not None
    d, first, y, last = anticipation, world.first, world.y, world.periods - 1
    who = world.eligible.astype(bool)
    kept = first > d
    group = np.where(first > last + d, NEVER, first)
    cohorts = sorted({int(g) for g in group[kept] if g <= last})
    if len(np.unique(world.codes[kept])) < 2 or not cohorts:
        raise NotIdentified("one cluster, or no cohort")

    def whole(g: int) -> bool:
        return all((kept & (group == g) & (who == q)).any() for q in (True, False))

    if not all(whole(g) for g in [*cohorts, *([NEVER] if comparison == "never_treated" else [])]):
        raise NotIdentified("a subgroup is empty")
    weight = first_weight(world.weights, ~np.isnan(y))
    cells: list[Cell] = []
    effect, pulls = [], []
    zero: list[Cell] = []
    for g in cohorts:
        base = g - d - 1
        any_cell = False
        for t in range(world.periods):
            b = t - 1 if base_period == "varying" and t <= base else base
            if b < 0 or b == t:
                continue
            if comparison == "never_treated":
                others = [NEVER]
            else:
                others = [int(c) for c in np.unique(group[kept]) if c > max(t, b) + d and c != g]
            found = [made for c in others if (made := _one(world, who, group, kept, (g, t, b), c, method)) is not None]
            if not found:
                continue
            any_cell = True
            size = np.array([float(np.where(kept & (group == c), weight, 0.0).sum()) for c, _, _ in found])
            share = size / size.sum()
            if combination == "gmm" and len(found) > 1:
                share = _least_variance(world, kept, group, who, weight, found, share)
            cells.append((g, t))
            effect.append(float(share @ [value for _, value, _ in found]))
            pulls.append(np.array([psi for _, _, psi in found]).T @ share)
        if any_cell and base_period == "universal":
            zero.append((g, base))
    if not any(t >= g for g, t in cells):
        raise NotIdentified("no effect after a start")
    own = sorted({g for g, _ in cells})
    subgroup = np.where(who, first, -NEVER)
    share_of, pull = shares(weight, subgroup, kept, own)
    return Answer(cells, np.array(effect), np.array(pulls).T, share_of, pull, world.codes, None, zero).figures()


def _least_variance(
    world: Small, kept: Array, group: Array, who: Array, weight: Array, found: list[tuple[int, float, Array]],
    by_size: Array,
) -> Array:  # fmt: skip
    """Omega^-1 1 / (1' Omega^-1 1), or by size where it is singular or a cohort has fewer than five clusters."""
    for c, _, _ in found:
        for q in (True, False):
            own = kept & (group == c) & (who == q) & (weight > 0.0)
            if len(np.unique(world.codes[own])) < FEWEST:
                return by_size
    psi = by_cluster(np.array([psi for _, _, psi in found]).T, world.codes)
    omega = psi.T @ psi
    roots = np.linalg.eigvalsh(omega)
    if roots[0] <= 1e-10 * roots[-1]:
        return by_size
    solved = np.linalg.solve(omega, np.ones(len(found)))
    return np.asarray(solved / solved.sum())


def _one(
    world: Small, who: Array, group: Array, kept: Array, cell: tuple[int, int, int], c: int, method: str
) -> tuple[int, float, Array] | None:
    """Against one cohort: effect and pulls, or None where a subgroup has too few units seen in both periods."""
    g, t, b = cell
    y = np.where(kept[:, None], world.y, np.nan)
    w = np.where(kept & ~np.isnan(y[:, t] - y[:, b]), world.weights[:, b], 0.0)
    y = np.where((w > 0.0)[:, None], y, np.nan)
    for cohort, q in ((g, True), (g, False), (c, True), (c, False)):
        count = int(((group == cohort) & (who == q) & (w > 0.0)).sum())
        if count < (1 if (cohort, q) == (g, True) else 2):
            return None
    x = np.ones((world.n, 1))

    def value(weight: Array) -> float:
        return triples.triple(y, group, who, x, weight, cell, c, method)

    return c, value(w), triples.influence(value, w)
