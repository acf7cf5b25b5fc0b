"""What a pre-trend test sees, and what it leaves of an estimate that passed it (Roth 2022).

The pre-period effects are beta ~ N(gamma s, Sigma), with s what a difference in trends of one unit a period adds to
each of them. Two tests: the joint Wald test, and "none of them differs from 0 by itself" (no individually
significant coefficient, the test of R pretrends). Passing selects: an estimate theta that is correlated with
beta has mean

    E[theta | pass] = E[theta] + Cov(theta, beta) Sigma^-1 (E[beta | pass] - E[beta])      (proposition 1).

For the Wald test both power and E[beta | pass] have a closed form: of a k-dimensional Z ~ N(mu, I), the mean within a
ball is mu P(chi2_{k+2}(mu'mu) <= c) / P(chi2_k(mu'mu) <= c). For the box of the other test they are integrals,
taken by the separation of variables of Genz (1992) on a fixed Sobol sequence, so that runs repeat.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import optimize, stats
from scipy.special import ndtr, ndtri
from scipy.stats import qmc

from evalkit.vocabulary import FloatArray

POINTS: Final = 13
"""Two to this power points of the integral: power is then right to about 1e-4."""
STEEP: Final = 1e4
"""Largest noncentrality looked at."""


@dataclass(frozen=True, slots=True)
class Passing:
    """The pre-period effects among results that pass the test.

    Attributes
    ----------
    share
        How often the test passes: 1 minus its power.
    mean
        (k,) their mean.
    """

    share: float
    mean: FloatArray


def passing_joint(mean: FloatArray, covariance: FloatArray, alpha: float) -> Passing:
    """Results that the Wald test does not reject.

    Examples
    --------
    Without a trend it passes in 1 - alpha of all cases, and the effects are centred on 0:

    >>> found = passing_joint(np.zeros(2), np.eye(2), 0.05)
    >>> round(found.share, 9), found.mean.tolist()
    (0.95, [0.0, 0.0])
    """
    rank = int(np.linalg.matrix_rank(covariance, hermitian=True))
    noncentrality = float(mean @ np.linalg.pinv(covariance, hermitian=True) @ mean)
    critical = float(stats.chi2.isf(alpha, rank))
    share = _chi2_cdf(critical, rank, noncentrality)
    inside = _chi2_cdf(critical, rank + 2, noncentrality)
    return Passing(share, mean * (inside / share if share > 0.0 else 0.0))


def passing_individual(mean: FloatArray, covariance: FloatArray, alpha: float) -> Passing:
    """Results of which no single effect differs from 0 at level alpha.

    Examples
    --------
    >>> round(passing_individual(np.zeros(1), np.eye(1), 0.05).share, 6)
    0.95
    """
    k = len(mean)
    deviation = np.sqrt(np.diag(covariance))
    half = -float(ndtri(alpha / 2.0)) * deviation
    root = np.linalg.cholesky(covariance + 1e-12 * np.diag(deviation**2))
    # a fixed sequence: its points are shifted off 0, where the normal quantile is infinite
    uniform = qmc.Sobol(k, scramble=True, rng=np.random.default_rng(0)).random_base2(POINTS)
    z, weight = np.zeros_like(uniform), np.ones(len(uniform))
    for i in range(k):
        centre = mean[i] + z[:, :i] @ root[i, :i]
        low, high = ndtr((-half[i] - centre) / root[i, i]), ndtr((half[i] - centre) / root[i, i])
        weight *= high - low
        z[:, i] = ndtri(np.clip(low + uniform[:, i] * (high - low), 1e-300, 1.0 - 1e-16))
    share = float(weight.mean())
    inside = mean + (weight @ z / weight.sum()) @ root.T if share > 0.0 else np.sign(mean) * half
    return Passing(share, inside)


def detectable_slope(
    passing: Callable[[FloatArray, FloatArray, float], Passing],
    shape: FloatArray,
    covariance: FloatArray,
    *,
    alpha: float,
    power: float,
) -> float:
    """Smallest slope gamma > 0 that the test finds with the given power.

    Parameters
    ----------
    passing
        :func:`passing_joint` or :func:`passing_individual`.
    shape
        (k,) what a slope of 1 adds to each pre-period effect.
    covariance
        (k, k).
    alpha
        Level of the test, or of each of its parts.
    power
        Between the test's size and 1; 0 is returned where its size is above that.

    Examples
    --------
    >>> round(detectable_slope(passing_joint, np.array([1.0]), np.eye(1), alpha=0.05, power=0.8), 3)
    2.802
    """
    unit = 1.0 / float(np.sqrt(shape @ np.linalg.pinv(covariance, hermitian=True) @ shape))

    def short(slope: float) -> float:
        return 1.0 - passing(slope * shape, covariance, alpha).share - power

    if short(0.0) >= 0.0:
        return 0.0
    high = unit
    while short(high) < 0.0 and high < STEEP * unit:
        high *= 2.0
    return float(optimize.brentq(short, 0.0, high, xtol=1e-9 * unit, rtol=1e-10))


def _chi2_cdf(value: float, degrees: int, noncentrality: float) -> float:
    law = stats.ncx2(degrees, noncentrality) if noncentrality > 0.0 else stats.chi2(degrees)
    return float(law.cdf(value))
