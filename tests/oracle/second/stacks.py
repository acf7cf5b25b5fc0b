"""Stacked comparisons and local projections by loops over cohorts."""

from __future__ import annotations

import numpy as np

from tests.oracle.panels import Small
from tests.oracle.plain import Answer, Array, Cell, NotIdentified, overall
from tests.oracle.second.cohorts import cell


def figures(
    world: Small,
    *,
    method: str = "stacked",
    event_window: tuple[int, int] = (-2, 1),
    comparison: str = "not_yet_treated",
    weighting: str = "equal",
    base: str = "last_period",
    adjustment: str = "dr",
    anticipation: int = 0,
    shares_known: bool = False,
) -> dict[str, float]:
    """Cells of every stack (or horizon), averaged with the weight of treated units or by variance."""
    y, first, n, periods, d = world.y, world.first, world.n, world.periods, anticipation
    low, high = event_window
    plans: dict[int, list[tuple[int, int, int, tuple[int, ...]]]] = {}
    for g in sorted({int(g) for g in first if 0 < g < periods}):
        reference = g - 1 - d
        if method == "stacked":
            window = tuple(range(g + low, g + high + 1))
            until = (periods - 1 if comparison == "never_treated" else g + high) + d
            if window[0] < 0 or window[-1] >= periods or first.max() <= until:
                continue
            plans[g] = [(t, reference, until, window) for t in window]
            continue
        if reference < 0:
            continue
        rows = []
        for t in range(periods):
            if low <= t - g <= high:
                until = (periods - 1 if comparison == "never_treated" else max(t, reference)) + d
                seen = tuple(sorted({*range(reference + 1), t})) if base == "mean_before" else (reference, t)
                rows.append((t, reference, until, seen))
        if any(t >= g and until < first.max() for t, _, until, _ in rows):
            plans[g] = rows
    if not plans:
        raise NotIdentified("no cohort has a window in the data and somebody to compare with")
    real = {
        g: [row for row in rows if row[0] != row[1] or (base == "mean_before" and row[1] > 0)]
        for g, rows in plans.items()
    }
    latest = min(row[2] for rows in real.values() for row in rows)
    candidates = (np.isin(first, list(plans)) | (first > latest)) & (first > 0)
    used = np.zeros(n, dtype=bool)
    reads = {}
    for g, rows in real.items():
        for t, b, until, seen in rows:
            read = candidates & ~np.isnan(y[:, list(seen)]).any(axis=1) & (world.weights[:, b] > 0.0)
            reads[g, t] = read
            used |= read & ((first == g) | (first > until))
    if not used.any() or not any((used & (first == g)).any() for g in plans):
        raise NotIdentified("no treated unit is seen throughout")
    if len(np.unique(world.codes[used])) < 2:
        raise NotIdentified("one cluster")
    cells: list[Cell] = []
    effect, pulls, w_pulls, masses, zero = [], [], [], [], []
    for g, rows in real.items():
        if not any(t >= g and (used & (first > until) & (first != g)).any() for t, _, until, _ in rows):
            continue
        made_any = False
        for t, b, until, _ in rows:
            inside = used & reads[g, t] & ((first == g) | (first > until))
            before = y[:, : b + 1].mean(axis=1) if base == "mean_before" else y[:, b]
            w = world.weights[inside, b]
            on = first[inside] == g
            made = cell(y[inside, t] - before[inside], on, world.x[inside, b], w, adjustment)
            if made is None:
                continue
            made_any = True
            psi, of_weight = np.zeros(n), np.zeros(n)
            psi[inside] = made[1]
            treated, compared = w[on].sum(), w[~on].sum()
            p = treated / (treated + compared)
            of_weight[inside] = np.where(on, w * (1.0 - p) ** 2, w * p**2)
            cells.append((g, t))
            effect.append(made[0])
            pulls.append(psi)
            masses.append(treated * compared / (treated + compared))
            w_pulls.append(of_weight)  # less their mean over units, which cancels in every average
        if made_any and base != "mean_before":
            zero += [(g, row[1]) for row in plans[g] if row[0] == row[1]]
        elif made_any:
            zero += [(g, row[1]) for row in plans[g] if row not in real[g]]
    if not any(t >= g for g, t in cells):
        raise NotIdentified("no effect after a start")
    count = len(np.unique(world.codes[used]))
    root = np.sqrt(count / (count - 1))
    share, pull = _shares(world, used, cells, real, whole=method == "stacked" or base == "mean_before")
    psi = np.array(pulls).T * root
    known = None if shares_known else {g: values * root for g, values in pull.items()}
    answer = Answer(cells, np.array(effect), psi, share, known, world.codes, float(count - 1), zero)
    if weighting == "equal":
        return answer.figures()
    w_psi = np.zeros_like(psi) if shares_known else np.array(w_pulls).T * root
    return answer.cell_figures() | _by_variance(answer, np.array(masses), w_psi)


def _shares(
    world: Small, used: Array, cells: list[Cell], real: dict[int, list[tuple[int, int, int, tuple[int, ...]]]],
    whole: bool,
) -> tuple[dict[int, float], dict[int, Array]]:  # fmt: skip
    """Shares by the weight of treated units in the reference period, seen throughout the window where that is asked."""
    weight = np.zeros(world.n)
    cohorts = sorted({g for g, _ in cells})
    for g in cohorts:
        t = min(period for h, period in cells if h == g)
        _, b, _, seen = next(row for row in real[g] if row[0] == t)
        own = used & (world.first == g) & ~np.isnan(world.y[:, list(seen if whole else (b,))]).any(axis=1)
        weight[own] = world.weights[own, b]
    weight = np.where(weight > 0.0, weight / weight[weight > 0.0].mean(), 0.0)
    size = int(used.sum())
    share = {g: float(weight[world.first == g].sum() / size) for g in cohorts}
    pull = {g: np.where(used, (weight * (world.first == g) - share[g]) / size, 0.0) for g in cohorts}
    return share, pull


def _by_variance(answer: Answer, mass: Array, w_psi: Array) -> dict[str, float]:
    """Event times by the variance of treatment, overall their plain mean."""
    found: dict[str, float] = {}
    values, errors = [], []
    for e in sorted({t - g for g, t in answer.cells}):
        own = [k for k, (g, t) in enumerate(answer.cells) if t - g == e]
        total = mass[own].sum()
        value = float(mass[own] @ answer.effect[own] / total)
        psi = answer.influence[:, own] @ (mass[own] / total) + w_psi[:, own] @ (answer.effect[own] - value) / total
        found[f"effect at {e}"] = value
        found[f"error at {e}"] = answer.error(psi)
        if e >= 0:
            values.append(value)
            errors.append(psi)
    return found | overall(float(np.mean(values)), answer.error(np.mean(errors, axis=0)), answer.degrees)
