"""The Kalman filter of many parameter values at once: how well each period is foretold by those before it.

The engines get by without it (:mod:`evalkit.numerics.structural`). One-step-ahead densities need the order of time;
here the loop runs over periods and each step over all parameter values together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from evalkit.numerics.structural import Shape, Trend
from evalkit.vocabulary import FloatArray

FLAT: Final = 1e8
"""Variance that stands for a flat prior, in units of sigma^2: leaves eight digits to the others."""


@dataclass(frozen=True, slots=True)
class OneStep:
    """Errors of foretelling each period from those before it.

    Attributes
    ----------
    error
        (M, T) y_t less its forecast, in the outcome's unit; NaN where y_t is not used.
    variance
        (M, T) variance of the error over sigma^2.
    """

    error: FloatArray
    variance: FloatArray

    def log_density(self, sigma: FloatArray) -> FloatArray:
        """(M, T) log density of each y_t given those before it; periods that only start the filter have NaN."""
        variance = self.variance * sigma[:, None] ** 2
        value = -0.5 * (np.log(2.0 * np.pi * variance) + self.error**2 / variance)
        return np.where(self.variance < np.sqrt(FLAT), value, np.nan)

    def standardized(self, sigma: FloatArray) -> FloatArray:
        """(M, T) errors in units of their own sd; NaN as in `log_density`."""
        value = self.error / (np.sqrt(self.variance) * sigma[:, None])
        return np.where(self.variance < np.sqrt(FLAT), value, np.nan)


def one_step(trend: Trend, shape: Shape, residual: FloatArray) -> OneStep:
    """Filter M series, each with parameters of its own (Durbin and Koopman 2012, section 4.3).

    Parameters
    ----------
    trend
        Which states there are.
    shape
        Parameters of M models.
    residual
        (M, T) outcome less regression; NaN where not used.
    """
    return _level_only(shape, residual) if trend.states == 1 else _all_states(trend, shape, residual)


def _level_only(shape: Shape, residual: FloatArray) -> OneStep:
    """One state: all matrices are numbers."""
    series = np.ascontiguousarray(residual.T)
    error, variance = np.full_like(series, np.nan), np.full_like(series, np.nan)
    level = np.zeros(len(shape))
    spread = np.full(len(shape), FLAT)
    moves = shape.level**2
    known = ~np.isnan(series[:, 0])
    for t in range(len(series)):
        if known[t]:
            surprise = series[t] - level
            total = spread + 1.0
            error[t], variance[t] = surprise, total
            gain = spread / total
            level = level + gain * surprise
            spread = gain  # P - P^2 / (P + 1) = P / (P + 1)
        spread = spread + moves
    return OneStep(error.T, variance.T)


def _all_states(trend: Trend, shape: Shape, residual: FloatArray) -> OneStep:
    """Level, slope and autocorrelated noise."""
    count, periods = residual.shape
    states = trend.states
    move, noise, spread = _system(trend, shape)
    seen = np.zeros(states)
    seen[0] = 1.0
    if trend.autocorrelated:
        seen[-1] = 1.0
    error, variance = np.full((count, periods), np.nan), np.full((count, periods), np.nan)
    mean = np.zeros((count, states))
    passing = 1.0 - shape.share
    for t in range(periods):
        if not np.isnan(residual[0, t]):
            surprise = residual[:, t] - mean @ seen
            cross = spread @ seen
            total = cross @ seen + passing
            error[:, t], variance[:, t] = surprise, total
            gain = cross / total[:, None]
            mean = mean + gain * surprise[:, None]
            spread = spread - gain[:, :, None] * cross[:, None, :]
        mean = np.matmul(move, mean[:, :, None])[:, :, 0]
        spread = np.matmul(np.matmul(move, spread), np.swapaxes(move, 1, 2)) + noise
    return OneStep(error, variance)


def _system(trend: Trend, shape: Shape) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Transition, its noise and the first covariance, (M, d, d) each."""
    count, states = len(shape), trend.states
    move, noise, first = (np.zeros((count, states, states)) for _ in range(3))
    move[:, 0, 0], noise[:, 0, 0], first[:, 0, 0] = 1.0, shape.level**2, FLAT
    if trend.has_slope:
        move[:, 0, 1], move[:, 1, 1], noise[:, 1, 1] = 1.0, shape.damping, shape.slope**2
        first[:, 1, 1] = FLAT if trend.kind == "local_linear" else shape.slope**2 / (1.0 - shape.damping**2)
    if trend.autocorrelated:
        move[:, -1, -1], first[:, -1, -1] = shape.rho, shape.share
        noise[:, -1, -1] = shape.share * (1.0 - shape.rho**2)
    return move, noise, first
