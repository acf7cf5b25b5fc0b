"""From which effect on a placebo panel would be declared an effect: one number each way, for every test.

All tests here reject a constant effect c > 0 from some threshold on, so a panel is summed up by two thresholds,
one for rises and one for falls. Power at c is the share of panels whose threshold lies below c, and the minimum
detectable effect is a quantile of the thresholds: nothing is estimated again for another effect size.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.optimize import brentq

from evalkit.data.panel import Panel
from evalkit.estimate import Estimate
from evalkit.inference.collapse import collapse
from evalkit.inference.contrasts import Contrasts
from evalkit.inference.reported import Interval
from evalkit.numerics.reassignment import roll_out
from evalkit.power.history import Placebo
from evalkit.power.kernel import Kernel
from evalkit.power.schedule import Schedule
from evalkit.uncertainty import Reported
from evalkit.vocabulary import FloatArray, IntArray

REASSIGNED: Final = 999
"""Random roll-outs of a permutation test, where there are too many to use all."""
SEARCHED: Final = 5e-3
"""Relative precision of a threshold that has to be searched: far below its Monte Carlo error."""
SECANTS: Final = 8
"""Steps of the secant rule, which needs two or three, before a bracket is sought."""
DOUBLINGS: Final = 6
"""Times that a bracket is doubled before an effect counts as never detected."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Smallest rise and smallest fall, as positive sizes, that would be detected in each of R placebo panels.

    Attributes
    ----------
    rise, fall
        (R,) below 0 where the test rejects without any effect; infinite where no effect would be detected.
    estimate, std_error
        (R,) of the placebo panels, without an effect; errors are NaN where the test needs none.
    """

    rise: FloatArray
    fall: FloatArray
    estimate: FloatArray
    std_error: FloatArray


def interval_thresholds(estimate: Estimate, level: float) -> tuple[float, float, float, float]:
    """Rise, fall, estimate and error of a linear estimate: with y + c D, its interval moves by c."""
    overall = estimate.aggregation("overall", level=level)
    return -float(overall.low[0]), float(overall.high[0]), float(overall.estimate[0]), float(overall.std_error[0])


def permutation_thresholds(
    kernel: Kernel, placebo: Placebo, reassigned: IntArray, *, exact: bool, alpha: float
) -> tuple[float, float, float, float]:
    """Rise and fall from which the permutation test rejects, in closed form.

    With e_b the estimate under roll-out b of the placebo panel and a_b that of the true roll-out's own treatment
    dummy, the statistic under effect c is e_b + c a_b; the observed one is e + c. For c > 0 roll-out b is less far
    from 0 from c_b = max((e_b - e) / (1 - a_b), -(e_b + e) / (1 + a_b)) on, as abs(a_b) < 1 for every other
    roll-out. The test rejects when at most floor(alpha M) - 1 others are at least as far, so at the next largest
    c_b. Falls are the same with e_b and e of the other sign.

    Parameters
    ----------
    kernel
        The estimator as weights.
    placebo
        Panel and true roll-out.
    reassigned
        (B, N) groups under the other roll-outs.
    exact
        Whether these are all, the true one among them.
    alpha
        Level of the test.
    """
    by_group = placebo.panel.outcome @ kernel.weights.T
    rows = np.arange(len(by_group))
    observed = float(by_group[rows, placebo.groups].sum())
    others = by_group[rows, reassigned].sum(axis=1)
    own = kernel.on_treatment[placebo.groups, reassigned].sum(axis=1)
    count = len(reassigned) if exact else 1 + len(reassigned)
    if exact:
        same = (reassigned == placebo.groups).all(axis=1)
        others, own = others[~same], own[~same]
    allowed = int(np.floor(alpha * count * (1.0 + 1e-12))) - 1
    if allowed < 0:
        return np.inf, np.inf, observed, np.nan
    rise, fall = (_passed(sign * observed, sign * others, own, allowed) for sign in (1.0, -1.0))
    return rise, fall, observed, np.nan


def collapsed_thresholds(kernel: Kernel, placebo: Placebo, alpha: float) -> tuple[float, float, float, float]:
    """Rise and fall from which the t test of one change a place rejects: its interval moves with a constant effect.

    Raises
    ------
    NotComputable
        As :func:`evalkit.inference.collapse.collapse` does.
    """
    panel = placebo.panel
    weights = kernel.weights[placebo.groups]
    contrasts = Contrasts(
        value=float((weights * panel.outcome).sum()),
        weights=weights,
        paths=panel.outcome,
        observed=panel.observed,
        treated=placebo.groups > 0,
        never=placebo.groups == 0,
        starts=panel.first_treated,
        sizes=np.ones(panel.n_units),
        n_refits=0,
    )
    return reported_thresholds(contrasts.value, collapse(contrasts, alpha=alpha))


def reported_thresholds(estimate: float, found: Interval | Reported) -> tuple[float, float, float, float]:
    """Rise and fall of an interval that moves with a constant effect."""
    return -found.low, found.high, estimate, np.nan


def _passed(observed: float, others: FloatArray, own: FloatArray, allowed: int) -> float:
    """The effect from which at most `allowed` others are at least as far from 0."""
    if allowed >= len(others):
        return -np.inf
    with np.errstate(divide="ignore", invalid="ignore"):
        above = np.where(own < 1.0, (others - observed) / (1.0 - own), np.inf)
        below = np.where(own > -1.0, -(others + observed) / (1.0 + own), np.inf)
    passed = np.maximum(above, below)
    return float(np.partition(passed, len(passed) - 1 - allowed)[len(passed) - 1 - allowed])


def reassignments(
    schedule: Schedule, draws: int = REASSIGNED
) -> tuple[Callable[[np.random.Generator], IntArray], bool]:
    """A source of other roll-outs, and whether it gives all of them.

    Returns
    -------
    callable, bool
        The callable returns (B, total) groups: the same, all distinct ones where there are at most `draws` + 1,
        else `draws` random ones.
    """
    groups = schedule.groups
    if schedule.distinct <= draws + 1:
        made = roll_out(groups, np.arange(len(groups)), np.zeros(len(groups), dtype=np.bool_))
        every = np.array(list(made.every()) if made is not None else [groups])
        return (lambda rng: every), True
    treated = schedule.treated

    def drawn(rng: np.random.Generator) -> IntArray:
        keys = rng.random((draws, len(groups)))
        chosen = np.argpartition(keys, treated - 1, axis=1)[:, :treated]
        # the order within a partition is not random: put the chosen in that of their keys
        order = np.argsort(np.take_along_axis(keys, chosen, axis=1), axis=1)
        found = np.zeros((draws, len(groups)), dtype=np.int64)
        np.put_along_axis(found, np.take_along_axis(chosen, order, axis=1), groups[:treated][None, :], axis=1)
        return found

    return drawn, False


def placebo_thresholds(estimate: FloatArray, std_error: FloatArray, distinct: int, alpha: float) -> Thresholds:
    """Thresholds against the placebo estimates themselves, where roll-outs cannot be swapped cheaply.

    An estimate counts as an effect when it is further from 0 than all but a share alpha of the placebo
    estimates; never where the roll-outs of one panel are too few for such a p-value.
    """
    count = 1 + len(estimate)
    allowed = int(np.floor(alpha * count)) - 1
    if allowed < 0 or 1.0 / distinct > alpha:
        never = np.full(len(estimate), np.inf)
        return Thresholds(never, never, estimate, std_error)
    critical = float(np.sort(np.abs(estimate))[::-1][allowed])
    return Thresholds(critical - estimate, critical + estimate, estimate, std_error)


def searched(
    fit: Callable[[Panel], Estimate], placebo: Placebo, found: tuple[float, float], level: float, log_link: bool
) -> tuple[float, float]:
    """Rise and fall where an effect does not simply move the interval: effects are put in and estimated again.

    Parameters
    ----------
    fit
        Fits the estimator.
    placebo
        The panel that effects are put into.
    found
        Rise and fall if the interval moved with the effect (minus its distance from 0): where the search starts.
    level
        Of the test.
    log_link
        Effects multiply the outcome by exp(c) instead of being added to it.
    """

    def threshold(sign: float, guess: float) -> float:
        known = {0.0: -guess}

        def margin(effect: float) -> float:
            if effect not in known:
                panel = placebo.shifted(sign * effect, multiply=log_link)
                overall = fit(panel).aggregation("overall", level=1.0 - level)
                known[effect] = float(overall.low[0]) if sign > 0.0 else -float(overall.high[0])
            return known[effect]

        if guess <= 0.0:
            return guess
        quick = _secant(margin, guess)
        if quick is not None:
            return quick
        high = guess
        for _ in range(DOUBLINGS):
            if margin(high) > 0.0:
                return float(brentq(margin, 0.0, high, xtol=SEARCHED * guess))
            high *= 2.0
        return float("inf")

    return threshold(1.0, found[0]), threshold(-1.0, found[1])


def _secant(margin: Callable[[float], float], guess: float) -> float | None:
    """Where a nearly straight margin passes 0; None where the secant rule does not settle on a positive effect."""
    before, here = 0.0, guess
    at_before = margin(before)
    for _ in range(SECANTS):
        at_here = margin(here)
        if at_here == at_before:
            return None
        ahead = here - at_here * (here - before) / (at_here - at_before)
        if not ahead > 0.0:
            return None
        # Far from the point before, the line may be so steep that the step is small while the margin is not.
        if abs(ahead - here) <= SEARCHED * here and abs(at_here) <= 2.0 * SEARCHED * guess:
            return ahead
        before, at_before, here = here, at_here, ahead
    return None
