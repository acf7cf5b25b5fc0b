"""Robust confidence sets when trends may differ: relative magnitudes of Rambachan and Roth (2023).

An event study measures beta = tau + delta: the effects, zero before the start, and the difference
in trends, which is not zero as parallel trends would have it. Delta^RM(M) lets every step of delta
after the start be up to M times the largest step before it. It is a union of polyhedra, one for
each step s before the start that may be the largest and for each sign of it (section 2.4.1),

    |delta_{t+1} - delta_t| <= M v_s' delta   for t at or after the reference,   v_s' delta = +-(delta_{s+1} - delta_s),

and a confidence set for theta = l'tau is the union of one for each polyhedron, each tested by the
conditional least-favourable hybrid of Andrews, Roth and Pakes (2023). Their test solves a linear
programme at each theta; here its dual has at most P + 2 vertices (P periods after the reference),
known in closed form, so the set is exact and needs neither a solver nor random draws.

Derivation. With D the first differences after the reference, gamma_U and gamma_L the multipliers of
the upper and lower bounds, the dual's feasible set {gamma >= 0, gamma'sd = 1, gamma'A_post in the
span of l'} asks for (gamma_U - gamma_L)_t = c w_t, w = D'^-1 l (w_t the sum of l from t on). Its
extreme rays are c > 0 and c < 0 with no slack, and c = 0 with gamma_U = gamma_L in one t. The
first two bound theta from either side; a ray of the third kind says that v_s'delta is not negative.
Every statistic is thus a function of two normals: the estimate l'beta and the step v_s'beta.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import log_ndtr

from evalkit.errors import Reason
from evalkit.vocabulary import BoolArray, FloatArray

FIRST_STAGE: Final = 0.1
"""Share of alpha spent on the least-favourable stage: kappa = alpha/10, the default of R HonestDiD."""
ANGLES: Final = 1_440
"""Directions over which the least-favourable tail is integrated: its critical value is then exact to 1e-6."""
GRID: Final = 401
"""Points of theta tested before the ends are refined."""
WIDEN: Final = 6
"""Times the grid may double until its ends are rejected."""
REFINE: Final = 3
"""Rounds that cut the cell around an end into 32: it ends up exact to 1 / 30,000 of a grid step."""
NEGLIGIBLE: Final = 1e-10
"""A variance, or a gap of a slope from 1, this small relative to its scale is zero."""


@dataclass(frozen=True, slots=True)
class Polyhedra:
    """The J = 4 dual vertices of each of C = 2 n_pre polyhedra, in terms of x = (l'beta, v_s'beta).

    Attributes
    ----------
    point
        (C, 2) estimates of x.
    spread
        (C, 2, 2) covariance of x.
    vertices
        (C, J, 2) statistic j of polyhedron c at theta is ``vertices[c, j] @ x - on_theta[c, j] theta``.
    on_theta
        (C, J).
    """

    point: FloatArray
    spread: FloatArray
    vertices: FloatArray
    on_theta: FloatArray


def steps_before(n_pre: int, size: int) -> FloatArray:
    """(2 n_pre, size) maps from effects to each step before the start, then to its negative.

    The effect in the reference period is 0 and not among the `size` effects.

    Examples
    --------
    >>> steps_before(2, 3).tolist()[:2]
    [[-1.0, 1.0, 0.0], [0.0, -1.0, 0.0]]
    """
    step = np.zeros((n_pre, size))
    row = np.arange(n_pre)
    step[row, row] = -1.0
    step[row[:-1], row[:-1] + 1] = 1.0
    return np.vstack([step, -step])


def polyhedra(effects: FloatArray, covariance: FloatArray, n_pre: int, target: FloatArray, m_bar: float) -> Polyhedra:
    """The polyhedra of Delta^RM(m_bar).

    Parameters
    ----------
    effects
        (n_pre + P,) event study in order of event time, the reference left out.
    covariance
        Of the effects.
    n_pre
        Effects before the reference, one or more.
    target
        (P,) weights l of theta = l'tau; not all zero.
    m_bar
        How many times the largest step before the start a later step may be.

    Raises
    ------
    ValueError
        When shapes do not fit or a step after the reference has no variance.
    """
    n_post = len(effects) - n_pre
    if n_pre < 1 or n_post < 1 or target.shape != (n_post,) or covariance.shape != (len(effects),) * 2:
        raise ValueError("effects, covariance, n_pre and target do not fit together")
    before = steps_before(n_pre, len(effects))
    after = np.hstack([np.zeros((n_post, n_pre)), np.eye(n_post) - np.eye(n_post, k=-1)])
    upper = after[None, :, :] - m_bar * before[:, None, :]
    lower = -after[None, :, :] - m_bar * before[:, None, :]
    sd_upper, sd_lower = _deviation(upper, covariance), _deviation(lower, covariance)
    if not (np.minimum(sd_upper, sd_lower) > 0.0).all():
        raise ValueError(Reason("a step after the reference has no variance"))
    remaining = np.cumsum(target[::-1])[::-1]
    rises, falls, length = np.maximum(remaining, 0.0), np.maximum(-remaining, 0.0), float(np.abs(remaining).sum())
    above, below = sd_upper @ rises + sd_lower @ falls, sd_lower @ rises + sd_upper @ falls
    # of the vertices 2 M v'beta / (sd_U + sd_L)_t only the extremes can be the largest, or bind
    slack = sd_upper + sd_lower
    zero = np.zeros(len(before))
    vertices = np.stack(
        [
            np.stack([1.0 / above, -m_bar * length / above], axis=1),
            np.stack([-1.0 / below, -m_bar * length / below], axis=1),
            np.stack([zero, -2.0 * m_bar / slack.min(axis=1)], axis=1),
            np.stack([zero, -2.0 * m_bar / slack.max(axis=1)], axis=1),
        ],
        axis=1,
    )
    contrast = np.concatenate([np.zeros(n_pre), target])
    maps = np.stack([np.broadcast_to(contrast, before.shape), before], axis=1)
    on_theta = np.stack([1.0 / above, -1.0 / below, zero, zero], axis=1)
    return Polyhedra(maps @ effects, maps @ covariance @ maps.transpose(0, 2, 1), vertices, on_theta)


def accepted(sets: Polyhedra, theta: FloatArray, critical: FloatArray, alpha: float) -> BoolArray:
    """(G,) whether each theta lies in the confidence set of some polyhedron.

    Parameters
    ----------
    sets
        From :func:`polyhedra`.
    theta
        (G,) values tested.
    critical
        (C,) least-favourable critical values, from :func:`least_favourable`.
    alpha
        Level of the whole test, both stages together.
    """
    level = alpha * (1.0 - FIRST_STAGE) / (1.0 - alpha * FIRST_STAGE)
    gram = sets.vertices @ sets.spread @ sets.vertices.transpose(0, 2, 1)
    value = (sets.vertices @ sets.point[:, :, None]) - sets.on_theta[:, :, None] * theta
    largest = value.argmax(axis=1)
    eta = np.take_along_axis(value, largest[:, None, :], axis=1)[:, 0]
    rows = np.arange(len(gram))[:, None]
    variance = gram[rows, largest, largest]
    certain = variance <= NEGLIGIBLE * np.diagonal(gram, axis1=1, axis2=2).max(axis=1)[:, None]
    scale = np.where(certain, 1.0, variance)
    slope = gram[rows, largest].transpose(0, 2, 1) / scale[:, None, :]
    low, high = _truncation(value, eta, slope)
    high = np.minimum(high, critical[:, None])
    deviation = np.sqrt(scale)
    tail = truncated_tail(eta / deviation, low / deviation, high / deviation)
    rejected = (eta > critical[:, None]) | (eta > 0.0) & (certain | (tail < level))
    return np.asarray((~rejected).any(axis=0))


def _truncation(value: FloatArray, eta: FloatArray, slope: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(C, G) range of the largest statistic over which its vertex stays the largest.

    Given what is independent of eta, S = value - slope eta, vertex j stays below while
    S_j + slope_j eta <= eta: the conditioning event of Andrews, Roth and Pakes (2023), in dual form.
    """
    gap = 1.0 - slope
    with np.errstate(divide="ignore", invalid="ignore"):
        bound = (value - slope * eta[:, None, :]) / gap
    low = np.where(gap > NEGLIGIBLE, bound, -np.inf).max(axis=1)
    high = np.where(gap < -NEGLIGIBLE, bound, np.inf).min(axis=1)
    return np.minimum(low, eta), np.maximum(high, eta)


def truncated_tail(z: FloatArray, low: FloatArray, high: FloatArray) -> FloatArray:
    """P(Z > z | low < Z < high) of a standard normal Z, on the log scale so that far tails keep their digits.

    Examples
    --------
    >>> round(float(truncated_tail(np.array(1.959964), np.array(-np.inf), np.array(np.inf))), 6)
    0.025
    """
    top = log_ndtr(-high)
    with np.errstate(divide="ignore", invalid="ignore"):
        beyond = log_ndtr(-z) + np.log1p(-np.exp(np.minimum(top - log_ndtr(-z), 0.0)))
        within = log_ndtr(-low) + np.log1p(-np.exp(np.minimum(top - log_ndtr(-low), 0.0)))
        # an empty range (z at its upper end) leaves no tail
        return np.where(np.isfinite(beyond), np.exp(np.minimum(beyond - within, 0.0)), 0.0)


def least_favourable(sets: Polyhedra, alpha: float) -> FloatArray:
    """(C,) critical value that the largest statistic exceeds with chance alpha/10 when every moment binds.

    Each statistic is linear in a normal of two dimensions. In direction phi their largest is m(phi) r,
    with r^2 chi-squared (2), so P(largest > c) = 1/(2 pi) integral exp(-c^2 / (2 m(phi)^2)) over m > 0.
    """
    root = np.linalg.cholesky(sets.spread + _jitter(sets.spread))
    angle = 2.0 * np.pi * np.arange(ANGLES) / ANGLES
    direction = np.stack([np.cos(angle), np.sin(angle)])
    reach = (sets.vertices @ root @ direction).max(axis=1)
    reach = np.maximum(reach, 0.0)
    high = reach.max(axis=1) * np.sqrt(-2.0 * np.log(alpha * FIRST_STAGE)) + NEGLIGIBLE
    low: FloatArray = np.zeros_like(high)
    with np.errstate(divide="ignore"):
        half_inverse = 0.5 / reach**2
    for _ in range(50):
        middle = (low + high) / 2.0
        share = np.exp(-(middle**2)[:, None] * half_inverse).mean(axis=1)
        too_low = share > alpha * FIRST_STAGE
        low, high = np.where(too_low, middle, low), np.where(too_low, high, middle)
    return np.asarray(high, dtype=np.float64)


def robust_interval(
    effects: FloatArray, covariance: FloatArray, n_pre: int, target: FloatArray, m_bar: float, alpha: float = 0.05
) -> tuple[float, float]:
    """Smallest interval around the confidence set of theta = target'tau under Delta^RM(m_bar).

    Parameters
    ----------
    effects, covariance, n_pre, target, m_bar
        As in :func:`polyhedra`.
    alpha
        1 minus the level.

    Returns
    -------
    tuple of float
        Lowest and highest theta that are not rejected, in the unit of the effects. Infinite where
        no end was found within 64 times the width that the estimates suggest.

    Examples
    --------
    With parallel trends imposed (m_bar = 0) this is the usual interval, up to the split of alpha.

    >>> effects, covariance = np.array([0.1, 2.0]), np.eye(2)
    >>> low, high = robust_interval(effects, covariance, 1, np.array([1.0]), m_bar=0.0)
    >>> round(low, 2), round(high, 2)
    (0.04, 3.96)
    """
    sets = polyhedra(effects, covariance, n_pre, target, m_bar)
    critical = least_favourable(sets, alpha)
    centre, deviation = float(sets.point[0, 0]), float(np.sqrt(sets.spread[0, 0, 0]))
    length = float(np.abs(np.cumsum(target[::-1])).sum())
    step_size = np.abs(sets.point[:, 1]) + 3.0 * np.sqrt(sets.spread[:, 1, 1])
    half = 4.0 * deviation + m_bar * length * float(step_size.max())
    for _ in range(WIDEN):
        theta = np.linspace(centre - half, centre + half, GRID)
        inside = accepted(sets, theta, critical, alpha)
        if not inside[0] and not inside[-1]:
            break
        half *= 2.0
    kept = np.flatnonzero(inside)
    if kept.size == 0:
        return centre, centre
    low = -np.inf if kept[0] == 0 else _end(sets, theta[kept[0] - 1], theta[kept[0]], critical, alpha)
    high = np.inf if kept[-1] == GRID - 1 else _end(sets, theta[kept[-1] + 1], theta[kept[-1]], critical, alpha)
    return float(low), float(high)


def breakdown(
    effects: FloatArray,
    covariance: FloatArray,
    n_pre: int,
    target: FloatArray,
    alpha: float = 0.05,
    *,
    most: float = 16.0,
    tolerance: float = 0.005,
) -> float:
    """Smallest m_bar at which the interval of theta holds 0.

    Returns
    -------
    float
        0 where it holds 0 even under parallel trends; `most` where it still excludes 0 there.
    """

    def holds_zero(m_bar: float) -> bool:
        low, high = robust_interval(effects, covariance, n_pre, target, m_bar, alpha)
        return low <= 0.0 <= high

    if holds_zero(0.0):
        return 0.0
    low, high = 0.0, 0.5
    while not holds_zero(high):
        low, high = high, 2.0 * high
        if low >= most:
            return most
    while high - low > tolerance:
        middle = (low + high) / 2.0
        low, high = (low, middle) if holds_zero(middle) else (middle, high)
    return high


def _end(sets: Polyhedra, outside: float, inside: float, critical: FloatArray, alpha: float) -> float:
    """End of the set between a rejected and an accepted theta."""
    for _ in range(REFINE):
        theta = np.linspace(outside, inside, 33)
        first = int(np.argmax(accepted(sets, theta, critical, alpha)))
        outside, inside = float(theta[max(first - 1, 0)]), float(theta[first])
    return inside


def _deviation(maps: FloatArray, covariance: FloatArray) -> FloatArray:
    """Standard deviation of each map (last axis) of the effects."""
    variance: FloatArray = np.einsum("...i,ij,...j->...", maps, covariance, maps, optimize=True)
    return np.sqrt(np.clip(variance, 0.0, None))


def _jitter(spread: FloatArray) -> FloatArray:
    """A ridge that keeps a singular 2 x 2 covariance factorizable."""
    size = np.trace(spread, axis1=1, axis2=2)[:, None, None]
    return np.asarray(1e-12 * size * np.eye(2))
