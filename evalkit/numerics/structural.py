"""Structural time series with the states marginalized by banded factorizations.

The model of Harvey (1989), sections 2.3 and 4.1, in units of the passing noise's sd sigma, over consecutive periods:

    y_t = mu_t + u_t + e_t                            e_t ~ N(0, (1 - s) sigma^2)
    mu_t = mu_{t-1} + nu_{t-1} + eta_t                eta_t ~ N(0, r^2 sigma^2), mu_1 flat
    nu_t = phi nu_{t-1} + zeta_t                      zeta_t ~ N(0, k^2 sigma^2)
    u_t = rho u_{t-1} + w_t                           u_t ~ N(0, s sigma^2)

Given y, the states of all periods are Gaussian with a banded precision matrix (Rue and Held 2005, section 2.4;
Chan and Jeliazkov 2009). One banded Cholesky factorization does the work of the Kalman filter and the smoother,
and LAPACK runs over time instead of Python.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final, Literal

import numpy as np
from scipy import special
from scipy.linalg import lapack

from evalkit.errors import Reason
from evalkit.vocabulary import FloatArray

TrendKind = Literal["local_level", "local_linear", "damped"]
LEAST_RATIO: Final = 1e-3
"""Ratio of a state's sd to the noise's below which it cannot be told from 0, and would spoil the factorization."""
MOST_RATIO: Final = 1e3
FARTHEST: Final = 30.0
"""Scores beyond this have a tail probability near the least that floating point holds."""
LEAST_DAMPING: Final = 0.5
"""A slope that halves within a period is noise in the level."""
MOST_SHARE: Final = 0.999
LARGEST_RHO: Final = 0.99


@dataclass(frozen=True, slots=True)
class Trend:
    """Which states a series has, and how far they may move before the data speak.

    Attributes
    ----------
    kind
        ``local_level``: the level wanders; ``local_linear``: its slope wanders too; ``damped``: the
        slope dies out.
    autocorrelated
        Whether part of the noise is an AR(1).
    level_scale, slope_scale
        Scales of the half-Cauchy priors of r and k.
    """

    kind: TrendKind = "local_level"
    autocorrelated: bool = False
    level_scale: float = 0.3
    slope_scale: float = 0.03

    @property
    def has_slope(self) -> bool:
        """Whether there is a slope."""
        return self.kind != "local_level"

    @property
    def states(self) -> int:
        """States a period."""
        return 1 + int(self.has_slope) + int(self.autocorrelated)

    @property
    def flat(self) -> int:
        """Initial states with a flat prior: the level, and the slope that does not die out."""
        return 1 + int(self.kind == "local_linear")

    @property
    def scores(self) -> int:
        """Parameters, each the map of a standard normal score."""
        return 1 + int(self.has_slope) + int(self.kind == "damped") + 2 * int(self.autocorrelated)

    def shape(self, scores: FloatArray) -> Shape:
        """Map (M, D) standard normal scores to the parameters that they stand for."""
        size = len(scores)
        level = half_cauchy(scores[:, 0], self.level_scale)
        slope, damping = np.zeros(size), np.ones(size)
        share, rho = np.zeros(size), np.zeros(size)
        column = 1
        if self.has_slope:
            slope = half_cauchy(scores[:, column], self.slope_scale)
            column += 1
        if self.kind == "damped":
            damping = LEAST_DAMPING + (1.0 - LEAST_DAMPING) * np.minimum(special.ndtr(scores[:, column]), MOST_SHARE)
            column += 1
        if self.autocorrelated:
            share = np.clip(special.ndtr(scores[:, column]), 1.0 - MOST_SHARE, MOST_SHARE)
            rho = LARGEST_RHO * (2.0 * special.ndtr(scores[:, column + 1]) - 1.0)
        return Shape(level, slope, damping, share, rho)


@dataclass(frozen=True, slots=True)
class Shape:
    """Parameters of M models: r, k, phi, s and rho, (M,) each."""

    level: FloatArray
    slope: FloatArray
    damping: FloatArray
    share: FloatArray
    rho: FloatArray

    def __len__(self) -> int:
        return len(self.level)

    def take(self, rows: np.typing.NDArray[np.int64]) -> Shape:
        """The models at these positions."""
        return Shape(*(getattr(self, each.name)[rows] for each in fields(self)))

    @property
    def change(self) -> FloatArray:
        """(M,) variance of the change from one period to the next over sigma^2."""
        spread = np.where(self.damping < 1.0, 1.0 / np.maximum(1.0 - self.damping**2, 1e-9), 1.0)
        passing = 2.0 * (1.0 - self.share) + 2.0 * self.share * (1.0 - self.rho)
        return np.asarray(self.level**2 + self.slope**2 * spread + passing)


def half_cauchy(scores: FloatArray, scale: float) -> FloatArray:
    """Map standard normal scores to a half-Cauchy law, cut off where a ratio means nothing more.

    Examples
    --------
    >>> half_cauchy(np.array([0.0]), 2.0).round(6).tolist()
    [2.0]
    """
    scores = np.clip(scores, -FARTHEST, FARTHEST)
    low = np.tan(0.5 * np.pi * special.ndtr(np.minimum(scores, 0.0)))
    high = 1.0 / np.tan(0.5 * np.pi * special.ndtr(-np.maximum(scores, 0.0)))
    return np.asarray(np.clip(scale * np.where(scores < 0.0, low, high), LEAST_RATIO, MOST_RATIO))


@dataclass(frozen=True, slots=True)
class Smoother:
    """The states of one series given its parameters, as a banded Cholesky factor.

    Attributes
    ----------
    factor
        Lower factor L of the precision matrix, in LAPACK's band storage; states of a period side by side.
    weight
        (T,) 1 over the variance of e_t in units of sigma^2; 0 where y_t is not used.
    log_det
        log |V|, the covariance of the used y with flat states taken out (restricted likelihood).
    trend
        Which states there are.
    """

    factor: FloatArray
    weight: FloatArray
    log_det: float
    trend: Trend

    def signal(self, series: FloatArray) -> FloatArray:
        """(T, c) mean of mu + u given the used rows of each column of `series` (T, c)."""
        return self.observe(self._solve(self._spread(self.weight[:, None] * series)))

    def moments(self, series: FloatArray) -> FloatArray:
        """(c, c) products Z' V^-1 Z of the columns of `series` (T, c), 0 where not used."""
        residual = self.weight[:, None] * (series - self.signal(series))
        product = series.T @ residual
        return np.asarray((product + product.T) / 2.0)

    def noise(self, normal: FloatArray) -> FloatArray:
        """(T, S) draws of mu + u around their mean, sigma = 1, from standard normals (T x states, S).

        Normals in Fortran's order are overwritten.
        """
        drawn, info = lapack.dtbtrs(self.factor, normal, uplo="L", trans="T", overwrite_b=True)
        if info:
            raise FloatingPointError(Reason("the states cannot be drawn: their precision matrix is singular"))
        return self.observe(np.asarray(drawn))

    def observe(self, states: FloatArray) -> FloatArray:
        """Mu + u of states (T x states, c)."""
        step = self.trend.states
        level = states[0::step]
        return np.asarray(level + states[step - 1 :: step] if self.trend.autocorrelated else level)

    def _spread(self, series: FloatArray) -> FloatArray:
        step = self.trend.states
        if step == 1:
            return series
        states = np.zeros((len(series) * step, series.shape[1]))
        states[0::step] = series
        if self.trend.autocorrelated:
            states[step - 1 :: step] = series
        return states

    def _solve(self, right: FloatArray) -> FloatArray:
        solved, _ = lapack.dpbtrs(self.factor, right, lower=1)  # refuses wrong shapes alone: the factor is given
        return np.asarray(solved)


def smoother(trend: Trend, shape: Shape, index: int, used: FloatArray) -> Smoother:
    """Factor the precision of the states of one series.

    Parameters
    ----------
    trend
        Which states there are.
    shape, index
        Parameters of M models, and which of them.
    used
        (T,) 1 where y_t is used, 0 where it is missing or left out; other weights divide the noise's variance.

    Raises
    ------
    FloatingPointError
        When too few periods are used to tell the flat states.
    """
    bands, log_prior = prior_bands(trend, shape, index, len(used))
    passing = 1.0 - float(shape.share[index])
    weight = used / passing
    factor = observed_factor(trend, bands, weight)
    log_det = 2.0 * np.log(factor[0]).sum() - log_prior - np.log(weight[weight > 0.0]).sum()
    return Smoother(factor, weight, float(log_det), trend)


def observed_factor(trend: Trend, bands: FloatArray, weight: FloatArray) -> FloatArray:
    """Cholesky factor of prior precision + weights of the observations."""
    step = trend.states
    precision = bands.copy()
    precision[0, 0::step] += weight
    if trend.autocorrelated:
        precision[0, step - 1 :: step] += weight
        precision[step - 1, 0::step] += weight
    factor, info = lapack.dpbtrf(precision, lower=1)
    if info:
        raise FloatingPointError(Reason("too few periods are used to tell the level and its slope"))
    return np.asarray(factor)


def prior_bands(trend: Trend, shape: Shape, index: int, length: int) -> tuple[FloatArray, float]:
    """Precision of the states before data, in band storage, and its log determinant without flat states."""
    step, size = trend.states, length
    bands = np.zeros((step + 1, step * size))
    moves = 1.0 / float(shape.level[index]) ** 2
    level = bands[0, 0::step]
    level[1:] += moves
    level[:-1] += moves
    bands[step, 0 : -step if size > 1 else 0 : step] -= moves
    log_det = (size - 1) * np.log(moves)
    if trend.has_slope:
        log_det += _add_slope(bands, trend, shape, index, moves)
    if trend.autocorrelated:
        share, rho = float(shape.share[index]), float(shape.rho[index])
        log_det += _add_autoregression(bands[:, step - 1 :: step], step, share, rho)
    return bands, float(log_det)


def _add_slope(bands: FloatArray, trend: Trend, shape: Shape, index: int, moves: float) -> float:
    """Add nu_{t-1} to the move of the level, and the moves of nu."""
    step = trend.states
    slope, damping = bands[:, 1::step], float(shape.damping[index])
    slope[0, :-1] += moves
    bands[1, 0::step][:-1] += moves
    slope[step - 1, :-1] -= moves
    turns = 1.0 / float(shape.slope[index]) ** 2
    slope[0, 1:] += turns
    slope[0, :-1] += damping**2 * turns
    slope[step, :-1] -= damping * turns
    size = slope.shape[1]
    log_det = (size - 1) * np.log(turns)
    if trend.kind == "damped":
        start = (1.0 - damping**2) * turns
        slope[0, 0] += start
        log_det += np.log(start)
    return float(log_det)


def _add_autoregression(bands: FloatArray, step: int, share: float, rho: float) -> float:
    """Add the precision of a stationary AR(1) of variance `share`; return its log determinant."""
    moves = 1.0 / (share * (1.0 - rho**2))
    bands[0] += moves
    bands[0, 1:-1] += rho**2 * moves
    bands[step, :-1] -= rho * moves
    size = bands.shape[1]
    return float((size - 1) * np.log(moves) - np.log(share))
