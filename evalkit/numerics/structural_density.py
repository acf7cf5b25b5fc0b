"""Replicated data and log densities of a fitted structural series, for the checks of Bayesian models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import stats

from evalkit.numerics.kalman import one_step
from evalkit.numerics.structural import Shape, Trend
from evalkit.numerics.structural_exact import Coefficients, Drawn
from evalkit.numerics.structural_regression import PRIOR_DEGREES, Series
from evalkit.vocabulary import FloatArray, IntArray

REPLICATES: Final = 400
PRIOR_REPLICATES: Final = 200
DENSITY_DRAWS: Final = 1_000
DENSITY_CELLS: Final = 4e5
"""Draws x observations whose density is computed: more would take longer than the fit."""
FEWEST_DENSITY_DRAWS: Final = 200


@dataclass(frozen=True, slots=True)
class Replicated:
    """Of one series, over its n used periods, in the units of the engine.

    Attributes
    ----------
    periods
        (n,) positions.
    replicated
        (R, n) data that the fitted model makes.
    log_likelihood
        (S', n) one step ahead; its sum over periods is the log likelihood with the states integrated out, up to
        the first ones, which start the filter.
    log_prior
        (S',).
    """

    periods: IntArray
    replicated: FloatArray
    log_likelihood: FloatArray
    log_prior: FloatArray


def thinned(draws: int, observations: int) -> IntArray:
    """Positions of the draws whose densities are computed."""
    kept = min(draws, DENSITY_DRAWS, max(int(DENSITY_CELLS / max(observations, 1)), FEWEST_DENSITY_DRAWS))
    return np.linspace(0, draws - 1, kept).astype(np.int64)


def replicate(
    series: Series, trend: Trend, drawn: Drawn, expected: FloatArray, rows: IntArray, rng: np.random.Generator
) -> Replicated:
    """Log densities at the draws in `rows`, and data that the model makes.

    Each period is drawn, and judged, given the periods before it: a level that has seen a period follows it closely,
    and replications around it would look like the data whatever the model. With Student-t noise both are around the
    expected outcome (S, T) all the same, as its filter has no closed form.
    """
    periods = np.flatnonzero(series.used).astype(np.int64)
    drawn_rows = drawn.beta[rows] @ series.columns[periods].T
    scale = (drawn.sigma * np.sqrt(1.0 - drawn.shape.share))[rows, None]
    if drawn.degrees is None:
        residual = np.full((len(rows), series.fitted_periods), np.nan)
        residual[:, periods] = series.outcome[periods] - drawn_rows
        step = one_step(trend, drawn.shape.take(rows), residual)
        density = step.log_density(drawn.sigma[rows])[:, periods]
        mean = (residual - step.error)[:, periods] + drawn_rows
        spread = (np.sqrt(step.variance) * drawn.sigma[rows, None])[:, periods]
        made = mean + spread * rng.standard_normal(mean.shape)
    else:
        mean, degrees = expected[rows][:, periods], drawn.degrees[rows, None]
        density = stats.t.logpdf((series.outcome[periods] - mean) / scale, degrees) - np.log(scale)
        made = mean + scale * rng.standard_t(np.broadcast_to(degrees, mean.shape))
    kept = np.linspace(0, len(rows) - 1, min(REPLICATES, len(rows))).astype(np.int64)
    return Replicated(periods, made[kept], density, log_prior(trend, drawn)[rows])


def log_prior(trend: Trend, drawn: Drawn) -> FloatArray:
    """(S,) log density of ratios, scale, omega^2 and coefficients, up to a constant."""
    variance = drawn.omega**2
    value = -(PRIOR_DEGREES / 2.0 + 1.0) * np.log(variance) - PRIOR_DEGREES / (2.0 * variance)
    value -= np.log1p((drawn.shape.level / trend.level_scale) ** 2)
    if trend.has_slope:
        value -= np.log1p((drawn.shape.slope / trend.slope_scale) ** 2)
    kept = drawn.prior > 0.0
    spread = np.where(kept, drawn.prior * variance[:, None], 1.0)
    value += np.where(kept, -0.5 * np.log(spread) - 0.5 * drawn.beta**2 / spread, 0.0).sum(axis=1)
    return np.asarray(value + drawn.log_hyper)


def prior_draws(
    series: Series, trend: Trend, prior: Coefficients, rng: np.random.Generator, size: int = PRIOR_REPLICATES
) -> FloatArray:
    """(R, T) data drawn from the prior, the level (flat in the model) starting at the series' mean."""
    shape = trend.shape(rng.standard_normal((size, trend.scores)))
    omega = np.sqrt(PRIOR_DEGREES / 2.0 / rng.standard_gamma(PRIOR_DEGREES / 2.0, size))
    learned = series.learned
    scale = prior.scale * np.abs(rng.standard_cauchy(size))
    sd = np.where(learned, scale[:, None], np.sqrt(np.where(learned, 0.0, series.fixed)))
    probability = min(1.0, prior.expected / max(int(learned.sum()), 1))
    sd *= np.where(learned, rng.random(sd.shape) < probability, True)
    beta = omega[:, None] * sd * rng.standard_normal(sd.shape)
    sigma = omega / np.sqrt(shape.change)
    return simulate(trend, shape, sigma, len(series.used), rng) + beta @ series.columns.T


def simulate(trend: Trend, shape: Shape, sigma: FloatArray, periods: int, rng: np.random.Generator) -> FloatArray:
    """(M, T) series with the given parameters, level and slope starting at 0."""
    size = (len(sigma), periods)
    moves = shape.level[:, None] * rng.standard_normal(size)
    noise = np.sqrt(1.0 - shape.share)[:, None] * rng.standard_normal(size)
    if trend.has_slope:
        start = np.zeros(len(sigma))
        if trend.kind == "damped":
            start = shape.slope / np.sqrt(1.0 - shape.damping**2) * rng.standard_normal(len(sigma))
        moves[:, 1:] += _autoregression(shape.damping, shape.slope, start, size, rng)[:, :-1]
    if trend.autocorrelated:
        scale = np.sqrt(shape.share)
        first = scale * rng.standard_normal(len(sigma))
        noise += _autoregression(shape.rho, scale * np.sqrt(1.0 - shape.rho**2), first, size, rng)
    level = np.cumsum(moves, axis=1)
    level += noise - moves[:, :1]
    return np.asarray(sigma[:, None] * level)


def _autoregression(
    memory: FloatArray, scale: FloatArray, first: FloatArray, size: tuple[int, int], rng: np.random.Generator
) -> FloatArray:
    """(M, T) x_t = memory x_{t-1} + scale z_t from the first values on."""
    values = scale[:, None] * rng.standard_normal(size)
    values[:, 0] = first
    for t in range(1, size[1]):
        values[:, t] += memory * values[:, t - 1]
    return values
