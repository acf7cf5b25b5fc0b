"""A slow, plain estimator of switching treatment: loops over units, nothing shared with the package.

De Chaisemartin and D'Haultfoeuille (2024): DID_{g,l} of eq. 3, DID_l of eq. 5, section 3.3 for the average total
effect, web appendix 3.7.3 for the variance with the authors' programs' degrees of freedom.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass
class Unit:
    """One unit's treatment, as the paper writes it."""

    first_dose: float
    start: int  # F_g; T where the dose never changes
    sign: int
    reached: float
    change: list[float]  # S_g (D_{g,t} - D_{g,1})
    outcome: list[float]  # NaN where left out


@dataclass
class Answer:
    """Effects by event time, the average total effect last, with their covariance."""

    labels: list[int]
    effect: Array
    covariance: Array
    cells: dict[tuple[int, int], float]


def read_unit(dose: Array, outcome: Array) -> Unit:
    """Treatment of a unit whose dose is known in every period."""
    first = float(dose[0])
    start = next((t for t in range(len(dose)) if dose[t] != first), len(dose))
    values = [float(v) for v in outcome]
    if start == len(dose):
        return Unit(first, start, 0, np.nan, [0.0] * len(dose), values)
    sign = 1 if dose[start] > first else -1
    change = [sign * (float(d) - first) for d in dose]
    for t in range(len(dose)):
        if any(c < 0 for c in change[: t + 1]):
            values[t] = np.nan
    return Unit(first, start, sign, float(dose[start]), change, values)


def estimate(
    y: Array,
    dose: Array,
    *,
    weight: Array | None = None,
    cluster: Array | None = None,
    anticipation: int = 0,
    effects: int | None = None,
    normalized: bool = False,
    switchers: int = 0,
    covariates: Array | None = None,
    never: bool = False,
    reacts: Array | None = None,
) -> Answer:
    """All event times of an (N, T) outcome whose dose is known throughout.

    `reacts` (N,) are first periods in which units that start after the window may react; -1 for all others.
    """
    n, periods = y.shape
    units = [read_unit(dose[i], y[i]) for i in range(n)]
    w = np.ones((n, periods)) if weight is None else weight
    code = np.arange(n) if cluster is None else cluster
    after = np.full(n, -1) if reacts is None else reacts
    reaction = [u.start - anticipation if u.start < periods else periods for u in units]
    reaction = [int(late) if late >= 0 else r for r, late in zip(reaction, after, strict=True)]
    slopes: dict[float, tuple[Array, Array]] = {}
    if covariates is not None:
        slopes = fit_slopes(units, [r if r == periods or not never else 0 for r in reaction], covariates, w)
        for i, u in enumerate(units):
            u.outcome = [u.outcome[t] - float(covariates[i, t] @ slopes[u.first_dose][0]) for t in range(periods)]
    total: dict[tuple[int, int], float] = {}
    mass: dict[tuple[int, int], float] = {}
    doses: dict[tuple[int, int], float] = {}
    cumulative: dict[tuple[int, int], float] = {}
    error: dict[tuple[int, int], Array] = {}
    for cohort in sorted({u.start for u in units if u.start < periods}):
        base = cohort - anticipation - 1
        if base < 0:
            continue
        for t in range(periods):
            target = t if t > base else 2 * base - t
            exposure = target - cohort + 1
            if t == base or target >= periods or (t > base and effects is not None and exposure > effects):
                continue

            def usable(i: int, t: int = t, base: int = base, target: int = target) -> bool:
                return not any(np.isnan(units[i].outcome[s]) for s in (t, base, target))

            gap = [units[i].outcome[t] - units[i].outcome[base] for i in range(n)]
            changed = [
                i for i in range(n)
                if units[i].start == cohort and usable(i) and (switchers in (0, units[i].sign))
            ]  # fmt: skip
            until = periods - 1 if never else target
            compared = {i: [j for j in range(n) if units[j].first_dose == units[i].first_dose
                            and reaction[j] > until and usable(j)] for i in changed}  # fmt: skip
            changed = [i for i in changed if compared[i]]
            if not changed:
                continue
            key = (cohort, t)
            total[key] = mass[key] = doses[key] = cumulative[key] = 0.0
            error[key] = np.zeros(n)
            for i in changed:
                others = compared[i]
                of_others = sum(w[j, target] for j in others)
                mean = sum(w[j, target] * gap[j] for j in others) / of_others
                weighted = w[i, target] * units[i].sign
                total[key] += weighted * (gap[i] - mean)
                mass[key] += w[i, target]
                doses[key] += w[i, target] * units[i].change[target]
                cumulative[key] += w[i, target] * sum(units[i].change[base + 1 : target + 1])
                own = [k for k in changed if units[k].first_dose == units[i].first_dose
                       and units[k].reached == units[i].reached]  # fmt: skip
                alike = [k for k in changed if units[k].first_dose == units[i].first_dose
                         and units[k].sign == units[i].sign]  # fmt: skip
                both = others + alike
                error[key][i] += weighted * deviation(i, own, both, gap, w[:, target], code)
                for j in others:
                    share = w[j, target] / of_others
                    error[key][j] -= weighted * share * deviation(j, others, both, gap, w[:, target], code)
                if covariates is not None:
                    x = covariates[:, t] - covariates[:, base]
                    of_x = x[i] - sum(w[j, target] * x[j] for j in others) / of_others
                    error[key] -= weighted * (slopes[units[i].first_dose][1] @ of_x)
    return _collect(total, mass, doses, cumulative, error, code, anticipation, normalized)


def fit_slopes(units: list[Unit], reacts: list[int], x: Array, w: Array) -> dict[float, tuple[Array, Array]]:
    """By first dose: least squares of changes with a dummy a period; (N, p) each unit's contribution to the error."""
    found = {}
    n, periods, p = x.shape
    for first in sorted({u.first_dose for u in units}):
        rows = [
            (i, t) for i in range(n) for t in range(1, periods)
            if units[i].first_dose == first and t < reacts[i]
            and not np.isnan(units[i].outcome[t]) and not np.isnan(units[i].outcome[t - 1])
        ]  # fmt: skip
        design = np.array([
            [*(x[i, t] - x[i, t - 1]), *(float(t == s) for s in range(1, periods))] for i, t in rows
        ])  # fmt: skip
        change = np.array([units[i].outcome[t] - units[i].outcome[t - 1] for i, t in rows])
        weight = np.array([w[i, t] for i, t in rows])
        bread = np.linalg.pinv((design * weight[:, None]).T @ design)
        slope = bread @ (design.T @ (weight * change))
        left = weight * (change - design @ slope)
        own = np.zeros((n, p))
        for row, (i, _) in enumerate(rows):
            own[i] += (bread @ design[row])[:p] * left[row]
        found[first] = (slope[:p], own)
    return found


def deviation(i: int, own: list[int], both: list[int], gap: list[float], w: Array, code: Array) -> float:
    """Distance from the mean of one's group, or of the pooled units where the group is one cluster, scaled."""
    for group in (own, both):
        size = len({code[k] for k in group})
        if size >= 2:
            mean = sum(w[k] * gap[k] for k in group) / sum(w[k] for k in group)
            return float(np.sqrt(size / (size - 1)) * (gap[i] - mean))
    return gap[i]


def _collect(
    total: dict[tuple[int, int], float],
    mass: dict[tuple[int, int], float],
    doses: dict[tuple[int, int], float],
    cumulative: dict[tuple[int, int], float],
    error: dict[tuple[int, int], Array],
    code: Array,
    anticipation: int,
    normalized: bool,
) -> Answer:
    events = sorted({t - cohort for cohort, t in total})
    rows, psi = [], []
    for e in events:
        keys = [key for key in total if key[1] - key[0] == e]
        size = sum((cumulative if normalized else mass)[key] for key in keys)
        rows.append(sum(total[key] for key in keys) / size)
        psi.append(sum((error[key] for key in keys), np.zeros(len(code))) / size)
    after = [key for key in total if key[1] >= key[0]]
    size = sum(doses[key] for key in after)
    rows.append(sum(total[key] for key in after) / size)
    psi.append(sum((error[key] for key in after), np.zeros(len(code))) / size)
    summed = np.array([[column[code == c].sum() for column in psi] for c in np.unique(code)])
    cells = {key: total[key] / (cumulative if normalized else mass)[key] for key in total}
    return Answer(events, np.array(rows), summed.T @ summed, cells)
