"""Fixed-length confidence intervals when the difference in trends is nearly a straight line: Delta^SD(M).

Rambachan and Roth (2023, sections 2.4.2 and 4.1). An event study measures beta = tau + delta, tau 0 before the
start; delta, the difference in trends, may change its slope by at most M from one period to the next,

    |(delta_{t+1} - delta_t) - (delta_t - delta_{t-1})| <= M,   delta = 0 in the reference period.

M = 0 lets it be any straight line. For theta = l'tau, the interval (v_pre, l)'beta-hat +- chi has the right
coverage for every delta if chi = s cv(b / s), with s the standard deviation of (v_pre, l)'beta-hat, b its
largest bias over Delta^SD(M), and cv(t) the 1 - alpha quantile of |N(t, 1)|; v_pre is chosen so that chi is
least, which does not depend on the estimates (Donoho 1994; Armstrong and Kolesar 2018).

The largest bias in closed form. Write delta by its slope s_0 after the reference and its second differences,
kappa_0 the one at the reference, kappa_k after it, kappa_{-k} before it:

    delta_t = t s_0 + sum_{0 < k < t} (t - k) kappa_k,      delta_{-j} = -j s_0 + sum_{0 <= k < j} (j - k) kappa_{-k}.

So the bias is finite if and only if w_0 = sum_t t l_t, where w_k = sum_{j > k} (j - k) v_{-j}, and then it is
M (sum_k |sum_{t > k} (t - k) l_t| + sum_k |w_k|): least length is a smooth convex problem in w_1, ..., w_{n-1} once
each is split into its positive and negative part. (cv is convex, since cv'(t) = tanh(t cv(t)) rises in t; s cv(b/s) is
its perspective.) It is solved by sequential quadratic programming (SLSQP) with exact gradients, to rounding error.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import optimize
from scipy.special import ndtr, ndtri

from evalkit.vocabulary import FloatArray

ITERATIONS: Final = 1_000
SOLVED: Final = 1e-15
"""Change of the length, relative to the least standard deviation, at which the solver stops: rounding error."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Everything about an event study that the interval of theta depends on.

    Attributes
    ----------
    effects
        (n + P,) estimates in order of event time, the reference left out.
    root
        (n + P, n + P) R with R'R the covariance.
    fixed, moving
        (n + P,) and (n + P, n - 1): the weights on the effects are ``fixed + moving @ w``.
    fixed_bias
        Largest bias at M = 1 that no choice of w takes away.
    """

    effects: FloatArray
    root: FloatArray
    fixed: FloatArray
    moving: FloatArray
    fixed_bias: float


def problem(effects: FloatArray, covariance: FloatArray, n_pre: int, target: FloatArray) -> Problem:
    """Set the problem up.

    Parameters
    ----------
    effects
        (n_pre + P,) event study in order of event time, the reference left out, without gaps.
    covariance
        Of the effects.
    n_pre
        Effects before the reference, one or more.
    target
        (P,) weights l of theta = l'tau.

    Raises
    ------
    ValueError
        When shapes do not fit or the effect asked for has no variance.
    """
    n_post = len(effects) - n_pre
    if n_pre < 1 or n_post < 1 or target.shape != (n_post,) or covariance.shape != (len(effects),) * 2:
        raise ValueError("effects, covariance, n_pre and target do not fit together")
    values, vectors = np.linalg.eigh(covariance)
    root = np.sqrt(np.clip(values, 0.0, None))[:, None] * vectors.T
    if not float(np.linalg.norm(root[:, n_pre:] @ target)) > 0.0:
        raise ValueError("the effect has no variance")
    steps = np.arange(1, n_post + 1)
    late = [float(np.clip(steps - k, 0, None) @ target) for k in range(1, n_post)]
    # w_k = sum over j > k of (j - k) v_{-j}, j the distance from the reference; v_{-n} is the first of the effects
    distance = np.arange(1, n_pre + 1)
    to_w = np.clip(distance[None, :] - np.arange(n_pre)[:, None], 0, None).astype(np.float64)
    to_v = np.linalg.inv(to_w)[::-1]
    fixed, moving = np.zeros(len(effects)), np.zeros((len(effects), n_pre - 1))
    first = float(steps @ target)
    fixed[:n_pre], fixed[n_pre:], moving[:n_pre] = to_v[:, 0] * first, target, to_v[:, 1:]
    return Problem(effects, root, fixed, moving, abs(first) + float(np.abs(late).sum()))


def folded_quantile(t: float, alpha: float) -> float:
    """cv(t), the 1 - alpha quantile of |N(t, 1)|.

    Examples
    --------
    >>> round(folded_quantile(0.0, 0.05), 6), round(folded_quantile(5.0, 0.05), 6)
    (1.959964, 6.644854)
    """
    high = t - float(ndtri(alpha / 2.0))
    return float(optimize.brentq(lambda c: ndtr(t - c) + ndtr(-c - t) - alpha, max(t - 1.0, 0.0), high, xtol=1e-14))


def smooth_interval(given: Problem, m: float, alpha: float = 0.05) -> tuple[float, float]:
    """Shortest fixed-length interval of theta under Delta^SD(m).

    Parameters
    ----------
    given
        From :func:`problem`.
    m
        Largest change of slope from one period to the next, in the unit of the effects.
    alpha
        1 minus the level.

    Examples
    --------
    With one period before the reference, an effect net of the straight line through both:

    >>> given = problem(np.array([-0.5, 2.0]), np.eye(2), 1, np.array([1.0]))
    >>> low, high = smooth_interval(given, m=0.0)
    >>> round((low + high) / 2, 6), round((high - low) / 2 / 2 ** 0.5, 4)
    (1.5, 1.96)
    """
    weights, half = shortest(given, m, alpha)
    centre = float(weights @ given.effects)
    return centre - half, centre + half


def shortest(given: Problem, m: float, alpha: float) -> tuple[FloatArray, float]:
    """Weights on the effects, and the half-length chi."""
    size = given.moving.shape[1]
    if size == 0:
        return given.fixed, _half_length(given, np.empty(0), m, alpha)[0]
    least = _least_variance(given)
    scale = float(np.linalg.norm(given.root @ (given.fixed + given.moving @ least)))

    def objective(parts: FloatArray) -> tuple[float, FloatArray]:
        value, slope, push = _half_length(given, parts[:size] - parts[size:], m, alpha, parts)
        return value / scale, np.concatenate([slope + push, push - slope]) / scale

    found = optimize.minimize(
        objective,
        np.concatenate([np.maximum(least, 0.0), np.maximum(-least, 0.0)]),
        jac=True,
        method="SLSQP",
        bounds=optimize.Bounds(0.0, np.inf),
        options={"maxiter": ITERATIONS, "ftol": SOLVED},
    )
    parts = np.asarray(found.x, dtype=np.float64)
    w = parts[:size] - parts[size:]
    return given.fixed + given.moving @ w, _half_length(given, w, m, alpha)[0]


def _least_variance(given: Problem) -> FloatArray:
    """W of the estimator with least variance: the answer at m = 0."""
    return np.asarray(np.linalg.lstsq(given.root @ given.moving, -given.root @ given.fixed, rcond=None)[0])


def _half_length(
    given: Problem, w: FloatArray, m: float, alpha: float, parts: FloatArray | None = None
) -> tuple[float, FloatArray, float]:
    """S cv(b / s), its gradient through s, and its derivative in each |w|."""
    deviation = given.root @ (given.fixed + given.moving @ w)
    s = float(np.linalg.norm(deviation))
    bias = m * (given.fixed_bias + float(np.abs(w).sum() if parts is None else parts.sum()))
    t = bias / s
    c = folded_quantile(t, alpha)
    tilt = float(np.tanh(c * t))
    through_s = (c - t * tilt) / s * (given.moving.T @ (given.root.T @ deviation))
    return s * c, through_s, tilt * m


def largest_change(effects: FloatArray, n_pre: int) -> float:
    """Largest change of slope seen up to the reference; 0 where fewer than two periods lie before it.

    Examples
    --------
    >>> largest_change(np.array([1.0, 3.0, 9.0]), 2)
    5.0
    """
    before = np.append(effects[:n_pre], 0.0)
    return float(np.abs(np.diff(before, n=2)).max(initial=0.0))


def smooth_breakdown(given: Problem, alpha: float, *, most: float, tolerance: float) -> float:
    """Smallest m at which the interval of theta holds 0.

    Parameters
    ----------
    given
        From :func:`problem`.
    alpha
        1 minus the level.
    most
        Where the search ends.
    tolerance
        How exactly it is found, in the unit of the effects.

    Returns
    -------
    float
        0 where a straight line is enough; `most` where the interval still excludes 0 there.
    """

    def holds_zero(m: float) -> bool:
        low, high = smooth_interval(given, m, alpha)
        return low <= 0.0 <= high

    if holds_zero(0.0):
        return 0.0
    low, high = 0.0, 8.0 * tolerance
    while not holds_zero(high):
        low, high = high, 2.0 * high
        if low >= most:
            return most
    while high - low > tolerance:
        middle = (low + high) / 2.0
        low, high = (low, middle) if holds_zero(middle) else (middle, high)
    return high
