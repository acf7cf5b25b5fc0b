"""Rules of inference for the two-way coefficient, as papers write them: loops over signs, roll-outs, clusters."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations, product

import numpy as np
from scipy import stats
from scipy.optimize import nnls

from tests.oracle.panels import NEVER, Small
from tests.oracle.plain import Array, NotIdentified, dummies

TIE = 1e-9
ALPHA = 0.2
DRAWS = 9_999


class Coefficient:
    """The two-way coefficient of a balanced panel with its CR1 error, every dummy a column."""

    def __init__(self, y: Array, first: Array, codes: Array) -> None:
        n, t = y.shape
        unit, period = np.repeat(np.arange(n), t), np.tile(np.arange(t), n)
        self.code = codes[unit]
        self.y = y.ravel()
        on = (np.arange(t) >= first[:, None]).astype(float).ravel()
        effects = np.column_stack([*dummies(unit), *dummies(period)])
        self.maker = np.eye(len(unit)) - effects @ np.linalg.pinv(effects)
        self.d = self.maker @ on
        self.squares = float(self.d @ self.d)
        if self.squares < 1e-9:
            raise NotIdentified("treatment does not vary")
        count, rows = len(np.unique(codes)), len(unit)
        self.factor = count / (count - 1) * (rows - 1) / (rows - 1 - t)
        self.value, self.error = (float(v[0]) for v in self.of(self.y[:, None]))

    def of(self, outcomes: Array) -> tuple[Array, Array]:
        """Coefficients and errors of (rows, B) outcomes."""
        left = self.maker @ outcomes
        value = self.d @ left / self.squares
        score = self.d[:, None] * (left - self.d[:, None] * value)
        sums = np.array([score[self.code == c].sum(axis=0) for c in np.unique(self.code)])
        return value, np.sqrt(self.factor * (sums**2).sum(axis=0)) / self.squares


def _coefficient(world: Small) -> Coefficient:
    return Coefficient(world.y, world.first, world.codes)


def wild(world: Small) -> dict[str, float]:
    """Restricted wild cluster bootstrap with every vector of signs, and its interval by bisection."""
    made = _coefficient(world)
    clusters = np.unique(made.code)
    place = np.searchsorted(clusters, made.code)
    signs = np.array([(1.0, *rest) for rest in product((1.0, -1.0), repeat=len(clusters) - 1)])
    on = (np.arange(world.periods) >= world.first[:, None]).astype(float).ravel()

    def p_value(null: float) -> float:
        restricted = made.maker @ (made.y - null * on)
        fitted = made.y - restricted
        star = fitted[:, None] + signs[:, place].T * restricted[:, None]
        value, error = made.of(star)
        own = abs(made.value - null) / made.error
        return float((np.abs(value - null) >= own * error * (1.0 - TIE)).mean())

    found = {"p-value": p_value(0.0)}
    for side, name in ((-1.0, "low"), (1.0, "high")):
        inside, step = made.value, made.error
        for _ in range(40):
            outside = made.value + side * step
            if p_value(outside) <= ALPHA:
                break
            inside, step = outside, 2.0 * step
        else:
            raise NotIdentified("the interval has no bound")
        for _ in range(45):
            middle = 0.5 * (inside + outside)
            inside, outside = (middle, outside) if p_value(middle) > ALPHA else (inside, middle)
        found[name] = inside
    return found


def roll_outs(world: Small) -> Callable[[float], float]:
    """The p-value of each constant effect over all ways to give the starts to clusters, by t statistics."""
    clusters = np.unique(world.codes)
    starts = [int(world.first[world.codes == c][0]) for c in clusters]
    made = []
    for given in sorted(set(permutations(starts))):
        first = np.array(given)[np.searchsorted(clusters, world.codes)]
        made.append(Coefficient(world.y, first, world.codes))
    happened = _coefficient(world)
    on = (np.arange(world.periods) >= world.first[:, None]).astype(float).ravel()

    def p_value(effect: float) -> float:
        y = (happened.y - effect * on)[:, None]
        ratios = [float(abs(value[0]) / error[0]) for value, error in (each.of(y) for each in made)]
        value, error = happened.of(y)
        own = float(abs(value[0]) / error[0])
        return float(np.mean([ratio >= own * (1.0 - TIE) for ratio in ratios]))

    return p_value


def randomization(world: Small) -> dict[str, float]:
    """The p-value of no effect; bounds are judged one by one (see :func:`bounds_hold`)."""
    count = len(set(permutations([int(world.first[world.codes == c][0]) for c in np.unique(world.codes)])))
    p = roll_outs(world)(0.0)
    return {"p-value": p, "roll-outs": float(count), "low is the first kept": 1.0, "high is the last kept": 1.0}


def bounds_hold(world: Small, low: float, high: float) -> dict[str, float]:
    """1 where a bound has an effect that is kept just inside and one that is rejected just outside."""
    p_value = roll_outs(world)
    by = 1e-6 * _coefficient(world).error
    return {
        "low is the first kept": float(p_value(low + by) > ALPHA >= p_value(low - by)),
        "high is the last kept": float(p_value(high - by) > ALPHA >= p_value(high + by)),
    }


def _paths(world: Small) -> tuple[Array, Array, Array, Array]:
    """(C, T) mean paths, (C, T) weights of each in the coefficient, (C,) starts and sizes."""
    made = _coefficient(world)
    d = made.d.reshape(world.y.shape) / made.squares
    clusters = np.unique(world.codes)
    path = np.array([world.y[world.codes == c].mean(axis=0) for c in clusters])
    weight = np.array([d[world.codes == c].sum(axis=0) for c in clusters])
    start = np.array([world.first[world.codes == c].min() for c in clusters])
    size = np.array([float((world.codes == c).sum()) for c in clusters])
    return path, weight, start, size


def conley_taber(world: Small) -> dict[str, float]:
    """Every way to give residual paths of never-treated clusters to the treated ones."""
    path, weight, start, _ = _paths(world)
    never = start == NEVER
    if never.sum() < 20:
        raise NotIdentified("fewer than 20 never-treated clusters")
    rest = path[never] - path[never].mean(axis=0)
    value = _coefficient(world).value
    drawn = sorted(
        sum(float(w @ rest[k]) for w, k in zip(weight[~never], chosen, strict=True))
        for chosen in product(range(len(rest)), repeat=int((~never).sum()))
    )
    count = len(drawn)
    last = int(np.floor(ALPHA * (1 + count) / 2.0 + 1e-9)) - 1
    near = TIE * max(abs(v) for v in (*drawn, value))
    above, below = sum(v >= value - near for v in drawn), sum(v <= value + near for v in drawn)
    return {
        "p-value": min(1.0, 2.0 * (1 + min(above, below)) / (1 + count)),
        "low": value - drawn[count - 1 - last],
        "high": value - drawn[last],
    }


def ferman_pinto(world: Small, rng: np.random.Generator) -> dict[str, float]:
    """The same with variances A + B / M; draws are those of the generator that the package is given."""
    path, weight, start, size = _paths(world)
    never = start == NEVER
    if never.sum() < 20 or len(set(size)) < 2:
        raise NotIdentified("too few never-treated clusters, or all of one size")
    rest, value = path[never] - path[never].mean(axis=0), _coefficient(world).value
    picked = rng.integers(0, int(never.sum()), (DRAWS, len(start)))
    total = np.zeros(DRAWS)
    for c in range(len(start)):
        taken = rest @ weight[c]
        (a, b), _ = nnls(np.column_stack([np.ones(len(taken)), 1.0 / size[never]]), taken**2)
        if (a + b / size[never]).min() <= 0.0:
            a, b = float((taken**2).mean()), 0.0
        total += (taken / np.sqrt(a + b / size[never]))[picked[:, c]] * np.sqrt(a + b / size[c])
    far = np.sort(np.abs(total))
    width = float(far[min(int(np.ceil((1.0 - ALPHA) * (1 + DRAWS))) - 1, DRAWS - 1)])
    p = (1 + int((far >= abs(value) - TIE * max(far[-1], abs(value))).sum())) / (1 + DRAWS)
    return {"p-value": p, "low": value - width, "high": value + width}


def collapse(world: Small) -> dict[str, float]:
    """One change a cluster and Student's t; with several starts the paths of never-treated clusters."""
    path, weight, start, size = _paths(world)
    value = _coefficient(world).value
    starts = sorted(set(start[start != NEVER].tolist()))
    if len(starts) == 1:
        change = path[:, starts[0] :].mean(axis=1) - path[:, : starts[0]].mean(axis=1)
        on = start != NEVER
        spread = sum(float(((change[arm] - change[arm].mean()) ** 2).sum()) for arm in (on, ~on))
        degrees = len(change) - 2
        if degrees < 1:
            raise NotIdentified("nothing is left to measure by")
        shares = sum(float((size[arm] ** 2).sum() / size[arm].sum() ** 2) for arm in (on, ~on))
        error = float(np.sqrt(spread / degrees * shares))
    else:
        rest = path[start == NEVER] - path[start == NEVER].mean(axis=0)
        degrees = len(rest) - 1
        if degrees < 1:
            raise NotIdentified("nothing is left to measure by")
        omega = rest.T @ rest / degrees
        error = float(np.sqrt(sum(float(w @ omega @ w) for w in weight)))
    return _t_interval(value, error, float(degrees))


def jackknife(world: Small) -> dict[str, float]:
    """CR3: leave out one cluster at a time; Welch's degrees of freedom of the two arms."""
    value = _coefficient(world).value
    clusters = np.unique(world.codes)
    on = np.array([(world.first[world.codes == c] != NEVER).any() for c in clusters])
    if min(on.sum(), (~on).sum()) < 2:
        raise NotIdentified("an arm is one cluster")
    moved = []
    for c in clusters:
        stays = world.codes != c
        moved.append(Coefficient(world.y[stays], world.first[stays], world.codes[stays]).value - value)
    parts = [(len(clusters) - 1) / len(clusters) * float((np.array(moved)[arm] ** 2).sum()) for arm in (on, ~on)]
    degrees = sum(parts) ** 2 / sum(v**2 / (arm.sum() - 1) for v, arm in zip(parts, (on, ~on), strict=True))
    return _t_interval(value, float(np.sqrt(sum(parts))), float(degrees))


def _t_interval(value: float, error: float, degrees: float) -> dict[str, float]:
    law = stats.t(degrees)
    width = float(law.ppf(1.0 - ALPHA / 2.0)) * error
    return {
        "p-value": float(2.0 * law.sf(abs(value) / error)), "error": error, "degrees of freedom": degrees,
        "low": value - width, "high": value + width,
    }  # fmt: skip
