"""Synthetic controls, synthetic difference-in-differences and factor models by plain loops over units and placebos."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations, product

import numpy as np

from tests.oracle import interactive_fixed_effects as factors
from tests.oracle import synthetic_control as plain_control
from tests.oracle import synthetic_did as plain_sdid
from tests.oracle.panels import NEVER, Small
from tests.oracle.plain import Answer, Array, NotIdentified, overall

Path = Callable[[Array, Array, int], tuple[Array, Array]]
"""Donors (J, P), own series (P,), periods fitted -> weights and the series without the programme."""


def simplex_path(donors: Array, own: Array, pre: int) -> tuple[Array, Array]:
    """Weights of at least 0 that sum to 1."""
    w = plain_control.simplex_weights(donors[:, :pre].T, own[:pre])
    return w, w @ donors


def simplex_path_with_intercept(donors: Array, own: Array, pre: int) -> tuple[Array, Array]:
    """The same, on distances from each unit's mean before the start."""
    level = donors[:, :pre].mean(axis=1)
    w = plain_control.simplex_weights((donors[:, :pre] - level[:, None]).T, own[:pre] - own[:pre].mean())
    return w, w @ donors + own[:pre].mean() - w @ level


def ridge_path(penalty: float) -> Path:
    """Ridge augmented weights."""

    def path(donors: Array, own: Array, pre: int) -> tuple[Array, Array]:
        w = plain_control.augmented_weights(donors[:, :pre].T, own[:pre], penalty)
        return w, w @ donors

    return path


def control(world: Small, path: Path, *, level: float) -> dict[str, float]:
    """Every treated unit by its donors, donors in their place; errors and the interval from these placebos."""
    y, last = world.y, world.periods - 1
    units = []
    for i in np.flatnonzero((world.first > 0) & (world.first <= last)):
        seen = ~np.isnan(y[i])
        pool = [j for j in np.flatnonzero(world.first > last) if not np.isnan(y[j, seen]).any()]
        pre = int((seen & (np.arange(world.periods) < world.first[i])).sum())
        if len(pool) < 2:
            raise NotIdentified("fewer than two donors")
        donors, own = y[np.ix_(pool, np.flatnonzero(seen))], y[i, seen]
        weights, fitted = path(donors, own, pre)
        gaps = []
        for k in range(len(pool)):
            others = np.delete(donors, k, axis=0)
            gaps.append(donors[k] - path(others, donors[k], pre)[1])
        everyone = np.zeros(world.n)
        everyone[pool] = weights
        units.append((pre, own - fitted, np.array(gaps), everyone))
    if not units:
        raise NotIdentified("nobody is treated")
    errors = [_rms(gap[:pre]) for pre, gap, _, _ in units]
    total = [gap[pre:] for pre, gap, _, _ in units]
    count = sum(len(after) for after in total)
    effect = sum(after.sum() for after in total) / count
    together = np.eye(len(units))
    for a, (_, _, _, one) in enumerate(units):
        for b, (_, _, _, other) in enumerate(units):
            together[a, b] = (float(a == b) + one @ other) / np.sqrt((1.0 + one @ one) * (1.0 + other @ other))
    noise = [
        np.array([g[pre:].sum() * error / _rms(g[:pre]) for g in gaps]) / np.sqrt(len(gaps)) / count
        for (pre, _, gaps, _), error in zip(units, errors, strict=True)
    ]
    variance = sum(together[a, b] * float(noise[a] @ noise[b]) for a in range(len(units)) for b in range(len(units)))
    found = overall(float(effect), float(np.sqrt(variance)), float(max(1, min(len(u[2]) for u in units))))
    return found | _interval(units, errors, together, float(effect), level)


def _rms(values: Array) -> float:
    return float(np.sqrt(np.mean(values**2)))


def _interval(
    units: list[tuple[int, Array, Array, Array]], errors: list[float], together: Array, effect: float, level: float
) -> dict[str, float]:
    """Rank of the mean gap over the error before the start among donors put in the place of all treated at once."""
    share = np.array([float(len(gap) - pre) for pre, gap, _, _ in units])
    share /= share.sum()
    size = share * np.array(errors)
    wider = float(np.sqrt(size @ together @ size / (size @ size)))
    others = []
    for chosen in product(*(range(len(gaps)) for _, _, gaps, _ in units)):
        mean, square = 0.0, 0.0
        for s, k, (pre, _, gaps, _) in zip(share, chosen, units, strict=True):
            mean += s * float(gaps[k][pre:].mean())
            square += (s * _rms(gaps[k][:pre])) ** 2
        others.append(abs(mean) / np.sqrt(square) * wider)
    scale = float(np.sqrt((size**2).sum()))
    rank = 1 + sum(other >= abs(effect) / scale * (1.0 - 1e-9) for other in others)
    found = {"p-value by placebos": rank / (1 + len(others))}
    allowed = int(np.floor((1.0 - level) * (1 + len(others)) + 1e-9))
    if allowed >= 1:
        reach = sorted(others)[-allowed] * scale
        found |= {"low": effect - reach, "high": effect + reach}
    return found


Fit = Callable[[Array, list[Array], list[int], list[int]], list[Array]]
"""Comparison units, treated units by cohort, fitted periods and starts -> (T,) effects of each cohort."""


def _windows(world: Small, rows: Array, d: int, least: int) -> tuple[list[int], list[Array], Array]:
    """Starts, units by cohort and comparison units, of rows without a gap."""
    last = world.periods - 1
    never = np.flatnonzero(rows & (world.first > last))
    inside = rows & (world.first > 0) & (world.first <= last) & (world.first - d >= least)
    starts = sorted({int(g) for g in world.first[inside]})
    if len(never) < 2 or not starts:
        raise NotIdentified("too few units")
    return starts, [np.flatnonzero(inside & (world.first == g)) for g in starts], never


def replicated(
    world: Small, fit: Fit, fixed: Fit, *, anticipation: int, least: int, spare: int, weights_move: bool
) -> dict[str, float]:
    """Effects and their errors: the jackknife with ten treated clusters or more, else placebos, else the jackknife."""
    rows = np.asarray(~np.isnan(world.y).any(axis=1))
    starts, cohorts, never = _windows(world, rows, anticipation, least)
    pre = [g - anticipation for g in starts]
    y, codes = world.y, world.codes
    used = np.sort(np.concatenate([never, *cohorts]))
    whole = fit(y[never], [y[c] for c in cohorts], pre, starts)
    sizes = np.array([len(c) for c in cohorts])
    treated = np.concatenate(cohorts)
    many = len(np.unique(codes[treated])) >= 10
    grouped = len(np.unique(codes[used])) < len(used)
    room = len(never) - len(treated)
    placebo = not grouped and room >= spare and not (weights_move and room == 1 and len(treated) > 1)
    jackknife = min(len(np.unique(codes[c])) for c in cohorts) >= 2
    if not placebo and not jackknife:
        raise NotIdentified("no error is defined")
    if placebo and not (many and jackknife):
        found = []
        for chosen in _placements(len(never), sizes.tolist()):
            groups = [never[list(group)] for group in chosen]
            rest = np.setdiff1d(never, np.concatenate(groups))
            found.append(np.concatenate(fixed(y[rest], [y[g] for g in groups], pre, starts)))
        table = np.array(found)
        deviation = (table - table.mean(axis=0)) / np.sqrt(len(table))
        pull = np.zeros((len(table), len(starts)))
        degrees = len(never) - 1.0
    else:
        found, shares = [], []
        for code in np.unique(codes[used]):
            groups = [c[codes[c] != code] for c in cohorts]
            rest = never[codes[never] != code]
            found.append(np.concatenate(_left_out(world, fit, rest, never, groups, pre, starts, weights_move)))
            shares.append([len(g) / int((codes[used] != code).sum()) for g in groups])
        n = len(found)
        deviation = np.sqrt((n - 1) / n) * (np.array(found) - np.concatenate(whole))
        pull = np.sqrt((n - 1) / n) * (np.array(shares) - sizes / len(used))
        degrees = len(np.unique(codes[treated])) - 1.0
    cells = [(g, t) for g in starts for t in range(world.periods)]
    share = {g: float(s / len(used)) for g, s in zip(starts, sizes, strict=True)}
    pulls = {g: pull[:, k] for k, g in enumerate(starts)}
    rows_of = np.arange(len(deviation))
    return Answer(cells, np.concatenate(whole), deviation, share, pulls, rows_of, degrees).figures()


def _left_out(
    world: Small, fit: Fit, rest: Array, never: Array, groups: list[Array], pre: list[int], starts: list[int],
    weights_move: bool,
) -> list[Array]:  # fmt: skip
    """Effects without a cluster: weights of comparison units as they were, scaled to 1, or everything fitted again."""
    y = world.y
    if not weights_move:
        return fit(y[rest], [y[g] for g in groups], pre, starts)
    whole = [np.flatnonzero(world.first == g) for g in starts]
    whole = [c[~np.isnan(y[c]).any(axis=1)] for c in whole]
    found = []
    for group, every, before, start in zip(groups, whole, pre, starts, strict=True):
        unit, time = sdid_weights(y[never], y[every], before, start)
        stays = np.isin(never, rest)
        if unit[stays].sum() < 1e-9:
            raise NotIdentified("one cluster holds all the weight")
        scaled = unit[stays] / unit[stays].sum()
        gap = y[group].mean(axis=0) - scaled @ y[rest]
        found.append(gap - gap[:before] @ time)
    return found


def _placements(n: int, sizes: list[int]) -> list[list[tuple[int, ...]]]:
    """All ways to give each cohort its number of comparison units."""
    found: list[list[tuple[int, ...]]] = [[]]
    for size in sizes:
        found = [
            [*before, chosen]
            for before in found
            for chosen in combinations([k for k in range(n) if k not in {u for g in before for u in g}], size)
        ]
    return found


def sdid_weights(
    comparison: Array, treated: Array, pre: int, start: int, zeta: float | None = None
) -> tuple[Array, Array]:
    """Unit and time weights by nonnegative least squares on centred rows, the ridge as further rows."""
    differences = np.concatenate([np.diff(row[:pre]) for row in comparison])
    sigma = float(np.std(differences, ddof=1))
    if zeta is None:
        zeta = (len(treated) * (comparison.shape[1] - start)) ** 0.25 * sigma
    unit = _ridged(comparison[:, :pre].T, treated[:, :pre].mean(axis=0), zeta * np.sqrt(pre))
    time = _ridged(comparison[:, :pre], comparison[:, start:].mean(axis=1), 1e-6 * sigma * np.sqrt(len(comparison)))
    return unit, time


def _ridged(A: Array, b: Array, root: float) -> Array:
    """argmin |b - a - A w|^2 + root^2 |w|^2 over w of at least 0 that sum to 1."""
    rows = np.vstack([A - A.mean(axis=0), root * np.eye(A.shape[1])])
    return plain_control.simplex_weights(rows, np.concatenate([b - b.mean(), np.zeros(A.shape[1])]))


def sdid(zetas: Sequence[float] | None = None) -> Fit:
    """Synthetic difference-in-differences of each cohort; checked against the weighted regression of eq. 1."""

    def fit(comparison: Array, treated: list[Array], pre: list[int], starts: list[int]) -> list[Array]:
        found = []
        for place, (own, before, start) in enumerate(zip(treated, pre, starts, strict=True)):
            zeta = None if zetas is None else zetas[place]
            unit, time = sdid_weights(comparison, own, before, start, zeta)
            gap = own.mean(axis=0) - unit @ comparison
            effects = gap - gap[:before] @ time
            written = plain_sdid.regression(comparison, own, unit, time, start)
            if before == start and abs(effects[start:].mean() - written) > 1e-8 * max(1.0, abs(written)):
                raise AssertionError("the mean effect is not the coefficient of eq. 1")
            found.append(effects)
        return found

    return fit


def synthetic_did(world: Small, *, anticipation: int) -> dict[str, float]:
    """All of it; placebos keep the ridge of the treated."""
    rows = np.asarray(~np.isnan(world.y).any(axis=1))
    starts, cohorts, never = _windows(world, rows, anticipation, 2)
    zetas = []
    for g, c in zip(starts, cohorts, strict=True):
        differences = np.concatenate([np.diff(row[: g - anticipation]) for row in world.y[never]])
        zetas.append((len(c) * (world.periods - g)) ** 0.25 * float(np.std(differences, ddof=1)))
    return replicated(world, sdid(), sdid(zetas), anticipation=anticipation, least=2, spare=1, weights_move=True)


def interactive(world: Small, *, n_factors: int, anticipation: int) -> dict[str, float]:
    """Factors of comparison units, loadings of each treated unit."""

    def fit(comparison: Array, treated: list[Array], pre: list[int], starts: list[int]) -> list[Array]:
        return [
            factors.generalized(comparison, own, before, n_factors).mean(axis=0)
            for own, before in zip(treated, pre, strict=True)
        ]

    return replicated(world, fit, fit, anticipation=anticipation, least=3, spare=n_factors + 2, weights_move=False)


def completed(world: Small, *, penalty: float) -> dict[str, float]:
    """Effects of matrix completion alone: its errors are refits."""
    first = np.where(world.first > world.periods - 1, NEVER, world.first)
    rows = np.flatnonzero(first > 0)
    y = world.y[rows]
    known = (np.arange(world.periods) < first[rows][:, None]) & ~np.isnan(y)
    found = factors.completed(np.where(known, y, 0.0), known, penalty * known.sum() / 2.0, steps=1_200)
    effects: dict[str, float] = {}
    total: list[float] = []
    for g in sorted(set(first[rows].tolist()) - {NEVER}):
        gap = (y - found)[first[rows] == g]
        for t in range(world.periods):
            effects[f"effect of cohort {g} in {t}"] = float(np.nanmean(gap[:, t]))
        total += gap[:, g:].ravel().tolist()
    return effects | {"overall effect": float(np.mean(total))}
