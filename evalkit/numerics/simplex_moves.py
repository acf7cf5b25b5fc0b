"""Moves of many walkers at once on the simplex, each of which leaves the posterior of their weights as it is.

The target of one walker, with the errors' variance integrated out, is

    prod_j w_j^(alpha - 1) (S + beta w' H w)^(-kappa),    w >= 0, sum_j w_j = 1,

a symmetric Dirichlet prior times a likelihood that knows the data only through the J x J matrix H: a move costs O(J),
whatever the number of periods. For alpha < 1 the density has a spike at every face, and the posterior one mode for
each set of donors that fits; gradient samplers do not cross between them. Two moves do:

`exchange` shifts weight between two donors. `follow_ridge` changes one donor and lets the largest others answer
with the change that keeps the fit best, so that a walker goes from one set of donors to another in one step.

Either way the target on the line is drawn from by iterated importance resampling (Tjelmeland 2004; Andrieu, Lee and
Vihola 2018): K candidates from half the prior and half a Cauchy law around the likelihood's peak, the current point
among them, one chosen by its importance weight. No tuning, and no candidate can be stuck behind a rejection.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from scipy import special

from evalkit.vocabulary import BoolArray, FloatArray, IntArray

FLOOR: Final = 1e-300
"""Least weight: a sparse prior draws weights that no double can hold."""
FLAT: Final = 1e-100
"""Least curvature: along a line on which the fit does not change, rounding must not send the peak to infinity."""
CANDIDATES: Final = 6
FOLLOWERS: Final = 3
"""Donors that answer in `follow_ridge`."""
LEAST_FOLLOWER: Final = (-2.3, -0.8)
"""Log10 of the weight below which a donor does not answer, drawn anew each time: a small one would block the line."""
RIDGE: Final = 1e-9
Choice = Literal["uniform", "by_size_then_uniform", "by_size"]


@dataclass(slots=True)
class Walkers:
    """The state of W walkers; moves change it in place.

    Attributes
    ----------
    forms
        (P, J, J) matrices H.
    form_of
        (W,) which of them each walker has.
    concentration
        (W,) alpha.
    heat
        (W,) beta, 0 for the prior and 1 for the posterior.
    exponent
        (W,) kappa.
    scale
        (W,) S.
    weights, product
        (W, J) w and H w.
    misfit
        (W,) w' H w.
    """

    forms: FloatArray
    form_of: IntArray
    concentration: FloatArray
    heat: FloatArray
    exponent: FloatArray
    scale: FloatArray
    weights: FloatArray
    product: FloatArray
    misfit: FloatArray


@dataclass(frozen=True, slots=True)
class _Line:
    """The likelihood on a segment [0, length] of each walker's line, where w' H w = floor + curvature (x - peak)^2."""

    length: FloatArray
    curvature: FloatArray
    peak: FloatArray
    floor: FloatArray
    centre: FloatArray
    width: FloatArray
    angle: FloatArray
    angles: FloatArray

    @classmethod
    def through(
        cls, walkers: Walkers, at: FloatArray, length: FloatArray, slope: FloatArray, curvature: FloatArray
    ) -> _Line:
        """The line through the current point, which stands at `at`; `slope` is half the derivative of w' H w there."""
        length, curvature = np.maximum(length, FLOOR), np.maximum(curvature, FLAT)
        # (w' H d)^2 <= w' H w d' H d: past that a slope is rounding, which on a flat line is no misfit to speak of.
        steepest = np.sqrt(np.maximum(walkers.misfit, 0.0) * curvature)
        slope = np.minimum(np.maximum(slope, -steepest), steepest)
        peak = at - slope / curvature
        floor = np.maximum(walkers.misfit - slope * slope / curvature, 0.0)
        centre = np.minimum(np.maximum(peak, 0.0), length)
        beyond = np.abs(centre - peak)
        information = np.maximum(2.0 * walkers.exponent * walkers.heat * curvature, FLOOR)
        variance = (walkers.scale + walkers.heat * (floor + curvature * beyond**2)) / information
        variance = np.minimum(variance, 1e200)  # where the likelihood is flat
        # Where the peak lies outside, the likelihood falls off like an exponential from the nearer end.
        width = np.minimum(variance / np.maximum(beyond, np.sqrt(variance)), 1e6 * length) + 1e-14 * length
        angle = np.arctan(-centre / width)
        angles = np.maximum(np.arctan((length - centre) / width) - angle, FLOOR)
        return cls(length, curvature, peak, floor, centre, width, angle, angles)

    def near_peak(self, rng: np.random.Generator) -> FloatArray:
        """(W, K) points from the truncated Cauchy law."""
        turn = self.angle[:, None] + rng.random((len(self.length), CANDIDATES)) * self.angles[:, None]
        points = self.centre[:, None] + self.width[:, None] * np.tan(turn)
        return np.minimum(np.maximum(points, FLOOR), self.length[:, None])

    def log_near_peak(self, points: FloatArray) -> FloatArray:
        """Log density of that law."""
        from_centre = (points - self.centre[:, None]) / self.width[:, None]
        return -(np.log(self.width) + np.log(self.angles))[:, None] - np.log1p(from_centre * from_centre)

    def misfit(self, points: FloatArray) -> FloatArray:
        """(W, K) w' H w at points of the line."""
        return self.floor[:, None] + self.curvature[:, None] * (points - self.peak[:, None]) ** 2


def exchange(walkers: Walkers, choice: Choice, rng: np.random.Generator) -> None:
    """Redraw how two donors share what they have together.

    Choosing a donor with probability w_j makes the move see the large ones; the density on the line then gains a
    factor w_j, because the choice is part of what is left invariant.

    Parameters
    ----------
    walkers
        Changed in place.
    choice
        How the two are chosen: both ``uniform``, the first or both ``by_size``.
    rng
        Source of randomness.
    """
    weights = walkers.weights
    count, donors = weights.shape
    row = np.arange(count)
    cumulated = np.cumsum(weights, axis=1) if choice != "uniform" else np.empty((0, 0))
    first = np.asarray(rng.integers(0, donors, count)) if choice == "uniform" else _by_size(cumulated, rng)
    second = _by_size(cumulated, rng) if choice == "by_size" else _another(first, donors, rng)
    one, other = (walkers.concentration + (choice != "uniform"), walkers.concentration + (choice == "by_size"))
    difference = walkers.forms[walkers.form_of, first] - walkers.forms[walkers.form_of, second]
    mine, theirs = weights[row, first], weights[row, second]
    both = mine + theirs
    line = _Line.through(
        walkers,
        at=mine,
        length=both,
        slope=walkers.product[row, first] - walkers.product[row, second],
        curvature=difference[row, first] - difference[row, second],
    )
    share, rest = _shares(line, (mine, theirs), (one, other), rng)
    points = both[:, None] * share
    log_prior = (one - 1.0)[:, None] * np.log(share) + (other - 1.0)[:, None] * np.log(rest)
    log_prior -= special.betaln(one, other)[:, None]
    log_peak = line.log_near_peak(points) + np.log(line.length)[:, None]
    misfit = line.misfit(points)
    log_weight = _log_likelihood(walkers, misfit) - np.logaddexp(0.0, log_peak - log_prior)
    chosen = _choose(log_weight, rng)
    moved = first != second
    chosen[~moved] = 0
    new_mine, new_theirs = both * share[row, chosen], both * rest[row, chosen]
    weights[row, first] = np.where(moved, np.maximum(new_mine, FLOOR), mine)
    weights[row, second] = np.where(moved, np.maximum(new_theirs, FLOOR), theirs)
    walkers.product += np.where(moved, new_mine - mine, 0.0)[:, None] * difference
    walkers.misfit = np.where(moved, misfit[row, chosen], walkers.misfit)


def _shares(
    line: _Line, now: tuple[FloatArray, FloatArray], shape: tuple[FloatArray, FloatArray], rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """(W, 1 + K) shares of the first donor and of the second, the current ones first.

    Both are kept: for a sparse prior one minus the other would be rounded to 0.
    """
    size = (len(line.length), CANDIDATES)
    gamma = [rng.standard_gamma(np.broadcast_to(one[:, None], size)) + FLOOR for one in shape]
    total = gamma[0] + gamma[1]
    near = line.near_peak(rng) / line.length[:, None]
    from_prior = rng.random(size) < 0.5
    drawn = (np.where(from_prior, gamma[0] / total, near), np.where(from_prior, gamma[1] / total, 1.0 - near))
    first, second = (
        np.maximum(np.hstack([(old / line.length)[:, None], new]), FLOOR) for old, new in zip(now, drawn, strict=True)
    )
    return first, second


def follow_ridge(walkers: Walkers, rng: np.random.Generator) -> None:
    """Redraw one donor's weight while the largest others answer so that the fit stays as good as it can be.

    The line's direction depends on which donors answer and on H alone. Those that answer are the largest others above
    a bound, and they stay above it on the whole segment: the move back has the same line.
    """
    weights = walkers.weights
    count, donors = weights.shape
    row = np.arange(count)
    moving = np.asarray(rng.integers(0, donors, count))
    mine = weights[row, moving]
    answering, large, bound = _largest_others(weights, moving, rng)
    active = large > bound[:, None]
    answer = _best_answer(walkers, moving, answering, active)
    direction = np.zeros_like(weights)
    direction[row[:, None], answering] = answer
    direction[row, moving] = 1.0
    turned = _times_form(walkers, direction)
    room = large - bound[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        up = np.where(answer < 0.0, room / -answer, np.inf).min(axis=1)
        down = np.minimum(np.where(answer > 0.0, room / answer, np.inf).min(axis=1), mine)
    possible = active.any(axis=1) & np.isfinite(up) & (np.abs(direction.sum(axis=1)) < 1e-8)
    up, down = np.where(possible, up, 1.0), np.where(possible, down, mine)
    line = _Line.through(
        walkers,
        at=down,
        length=up + down,
        slope=np.einsum("wj,wj->w", walkers.product, direction),
        curvature=np.einsum("wj,wj->w", turned, direction),
    )
    # Down to 0 the prior has its spike; where another donor ends the segment first, it is smooth.
    power = np.where(mine - down <= 0.0, walkers.concentration, 1.0)[:, None]
    size = (count, CANDIDATES)
    spike = line.length[:, None] * rng.random(size) ** (1.0 / power)
    points = np.where(rng.random(size) < 0.5, spike, line.near_peak(rng))
    points = np.maximum(np.hstack([down[:, None], points]), FLOOR)
    lowest = np.maximum(mine - down, 0.0)
    moved_to = np.maximum(points + lowest[:, None], FLOOR)
    shift = points - down[:, None]
    product = moved_to  # those that answer stay above a hundredth: their product cannot underflow
    for follower in range(answering.shape[1]):
        there = np.maximum(large[:, follower, None] + shift * answer[:, follower, None], FLOOR)
        product = product * np.where(active[:, follower, None], there, 1.0)
    log_prior = (walkers.concentration - 1.0)[:, None] * np.log(np.maximum(product, FLOOR))
    log_spike = np.log(power) + (power - 1.0) * np.log(points / line.length[:, None]) - np.log(line.length)[:, None]
    misfit = line.misfit(points)
    log_weight = _log_likelihood(walkers, misfit) + log_prior
    log_weight -= np.logaddexp(log_spike, line.log_near_peak(points))
    chosen = _choose(log_weight, rng)
    moved = possible & (chosen > 0)
    answered = np.maximum(large + shift[row, chosen][:, None] * answer, FLOOR)
    weights[row[:, None], answering] = np.where(active & moved[:, None], answered, large)
    weights[row, moving] = np.where(moved, moved_to[row, chosen], mine)
    walkers.product += np.where(moved, points[row, chosen] - down, 0.0)[:, None] * turned
    walkers.misfit = np.where(moved, misfit[row, chosen], walkers.misfit)


def _largest_others(
    weights: FloatArray, moving: IntArray, rng: np.random.Generator
) -> tuple[IntArray, FloatArray, FloatArray]:
    """The largest donors but one: who (W, R), their weights, and the weight (W,) above which they answer."""
    count, donors = weights.shape
    row = np.arange(count)
    followers = min(FOLLOWERS, donors - 1)
    others = weights.copy()
    others[row, moving] = -1.0
    bound = 10.0 ** rng.uniform(*LEAST_FOLLOWER, count)
    kept = min(followers + 1, donors - 1)
    top = np.argpartition(-others, kept - 1, axis=1)[:, :kept] if kept < donors else np.argsort(-others, axis=1)
    size = np.take_along_axis(others, top, axis=1)
    order = np.argsort(-size, axis=1)
    top, size = np.take_along_axis(top, order, axis=1), np.take_along_axis(size, order, axis=1)
    if kept > followers:
        bound = np.maximum(bound, size[:, followers])
    return top[:, :followers], size[:, :followers], bound


def _best_answer(walkers: Walkers, moving: IntArray, answering: IntArray, active: BoolArray) -> FloatArray:
    """(W, R) change of those that answer, per unit of the moving donor: least w' H w, sum -1, 0 where not active."""
    form = walkers.form_of[:, None]
    among = walkers.forms[form[:, :, None], answering[:, :, None], answering[:, None, :]].copy()
    place = np.arange(answering.shape[1])
    largest = among[:, place, place].max(axis=1)[:, None]
    largest = np.where(largest > FLAT, largest, 1.0)  # without data every answer fits alike
    among[~(active[:, :, None] & active[:, None, :])] = 0.0
    among[:, place, place] += np.where(active, RIDGE * largest, largest)
    ones = active.astype(np.float64)
    sides = np.stack([ones, walkers.forms[form, answering, moving[:, None]] * ones], axis=2)
    solved = np.linalg.solve(among, sides)
    constant, pull = solved[:, :, 0] * ones, solved[:, :, 1] * ones
    share = (pull.sum(axis=1) - 1.0) / np.maximum(constant.sum(axis=1), FLOOR)
    return np.asarray(share[:, None] * constant - pull)


def _times_form(walkers: Walkers, direction: FloatArray) -> FloatArray:
    """(W, J) H d: by problem where all walkers of one stand together."""
    forms = walkers.forms
    if len(forms) == 1:
        product: FloatArray = direction @ forms[0]
        return product
    product = np.empty_like(direction)
    for form in np.unique(walkers.form_of):
        mine = walkers.form_of == form
        product[mine] = direction[mine] @ forms[form]
    return product


def _log_likelihood(walkers: Walkers, misfit: FloatArray) -> FloatArray:
    return -walkers.exponent[:, None] * np.log(walkers.scale[:, None] + walkers.heat[:, None] * misfit)


def _choose(log_weight: FloatArray, rng: np.random.Generator) -> IntArray:
    """(W,) column drawn by weight."""
    cumulated = np.cumsum(np.exp(log_weight - log_weight.max(axis=1, keepdims=True)), axis=1)
    return _by_size(cumulated, rng)


def _by_size(cumulated: FloatArray, rng: np.random.Generator) -> IntArray:
    """(W,) column drawn with probability proportional to its increment."""
    below = cumulated < (rng.random(len(cumulated)) * cumulated[:, -1])[:, None]
    return np.asarray(np.minimum(below.sum(axis=1), cumulated.shape[1] - 1))


def _another(first: IntArray, donors: int, rng: np.random.Generator) -> IntArray:
    """(W,) any donor but the first."""
    second = rng.integers(0, donors - 1, len(first))
    return second + (second >= first)
