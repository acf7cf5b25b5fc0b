"""Structural series of counts: a log rate that wanders, seen through Poisson or negative binomial noise.

    y_t ~ Poisson(E_t exp(eta_t))  or  NegativeBinomial(mean E_t exp(eta_t), variance mean + alpha mean^2)
    eta_t = mu_t + x_t' beta

Given the few parameters, states and coefficients have a log-concave posterior whose Gaussian approximation at the mode
(Durbin and Koopman 1997; Rue, Martino and Chopin 2009) comes from the banded factorization of
:mod:`evalkit.numerics.structural`. Parameters are sampled by importance from that approximation, states and
coefficients from the Gaussian; weights then correct both, so that the draws are of the exact posterior and their
effective size says how good the approximation was.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
from scipy import special

from evalkit.errors import Reason
from evalkit.numerics.importance import sample_posterior
from evalkit.numerics.structural import Shape, Smoother, Trend, half_cauchy, observed_factor, prior_bands
from evalkit.numerics.structural_regression import Series
from evalkit.vocabulary import FloatArray

CountFamily = Literal["poisson", "negative_binomial"]
MOST_STEPS: Final = 120
WHOLE_STEPS: Final = 12
"""Steps of Newton's method that go all the way; later ones go half, then a quarter: far from the mode it may circle."""
CONVERGED: Final = 1e-6
LONGEST_STEP: Final = 3.0
"""On the log scale."""
MOST_TIMES: Final = 100.0
"""Forecasts end at this multiple of the largest rate seen: the mean of an exponential of a heavy tail has no end."""
LARGEST_DISPERSION: Final = 10.0
LARGEST_MOVE: Final = 2.0
"""Sd of the log rate's move in a period beyond which no series of counts is worth forecasting: a factor of seven."""
LARGEST_INDEX: Final = 690.0
"""Log mean beyond which its exponential would overflow."""
LATENTS: Final = 2
"""States drawn for each draw that is kept, before the weights choose among them."""


@dataclass(frozen=True, slots=True)
class Counts:
    """A series of counts ready for the engine.

    Attributes
    ----------
    series
        Regressors, and the log rate in `outcome`, centred, from which the search for the mode starts. Scales are of the
        log rate itself.
    count
        (T,) 0 where not used.
    offset
        (T,) log exposure plus the centre of the log rate.
    unit
        First guess of the sd of the unexplained change of the log rate: the unit of all priors.
    """

    series: Series
    count: FloatArray
    offset: FloatArray
    unit: float


@dataclass(frozen=True, slots=True)
class CountDraws:
    """S draws.

    Attributes
    ----------
    index
        (S, T) log of the expected count in all periods.
    level_sd
        (S,) sd by which the log rate moves in a period.
    slope_sd
        (S,) of its slope; 0 without one.
    dispersion
        (S,) alpha; 0 for Poisson.
    beta
        (S, k) coefficients of the scaled columns.
    log_prior
        (S,) log density of parameters and coefficients, up to a constant.
    effective_size
        Of the weights behind the draws, at most S.
    """

    index: FloatArray
    level_sd: FloatArray
    slope_sd: FloatArray
    dispersion: FloatArray
    beta: FloatArray
    log_prior: FloatArray
    effective_size: float

    def predict(self, rng: np.random.Generator) -> FloatArray:
        """(S, T) counts drawn from the model."""
        mean = np.exp(self.index)
        alpha = np.maximum(self.dispersion, 1e-12)[:, None]
        mixed = rng.standard_gamma(np.broadcast_to(1.0 / alpha, mean.shape)) * alpha if self.dispersion.any() else 1.0
        return rng.poisson(np.minimum(mean * mixed, 1e15)).astype(np.float64)


def log_likelihood(count: FloatArray, index: FloatArray, dispersion: FloatArray | float) -> FloatArray:
    """Log probability of counts with log mean `index`; a dispersion of 0 is Poisson."""
    alpha = np.maximum(np.asarray(dispersion, dtype=np.float64), 1e-12)
    size = 1.0 / alpha
    index = np.minimum(index, LARGEST_INDEX)
    poisson = count * index - np.exp(index) - special.gammaln(count + 1.0)
    binomial = (
        special.gammaln(count + size) - special.gammaln(size) - special.gammaln(count + 1.0)
        + count * (index + np.log(alpha)) - (count + size) * np.log1p(alpha * np.exp(index))
    )  # fmt: skip
    return np.asarray(np.where(alpha <= 1e-9, poisson, binomial))


def draw_counts(
    counts: Counts, trend: Trend, family: CountFamily, scale: float, *, size: int, rng: np.random.Generator
) -> CountDraws:
    """Draw from the posterior.

    Parameters
    ----------
    counts, trend, family
        The model; `trend` holds the scales of the half-Cauchy priors of its sds, in units of `counts.unit`.
    scale
        Of the half-Cauchy prior of the coefficients' common sd, in the same unit.
    size
        S.
    rng
        Source of randomness.

    Raises
    ------
    FloatingPointError
        When no mode is found.
    """
    model = _Model(counts, trend, family, scale)
    sample = sample_posterior(model.log_likelihood, model.dim, size, rng)
    kept = np.sort(sample.resample(LATENTS * size, rng))
    index, beta, log_weight = model.latents(sample.points[kept], rng)
    weight = np.exp(log_weight - log_weight.max())
    weight /= weight.sum()
    positions = (np.arange(size) + rng.random()) / size
    chosen = rng.permutation(np.minimum(np.searchsorted(np.cumsum(weight), positions), len(weight) - 1))
    effective = min(float(size), sample.effective_size, float(1.0 / np.sum(weight**2)))
    return model.draws(sample.points[kept][chosen], index[chosen], beta[chosen], effective)


@dataclass(frozen=True, slots=True)
class _Mode:
    """Gaussian approximation of states and coefficients at their mode."""

    smooth: Smoother
    working: FloatArray
    index: FloatArray
    beta: FloatArray
    root: FloatArray
    log_constant: float
    prior_sd: FloatArray


class _Model:
    """Laplace approximations at given scores: level, slope, damping, coefficients' scale, dispersion."""

    def __init__(self, counts: Counts, trend: Trend, family: CountFamily, scale: float) -> None:
        self.counts, self.trend, self.scale = counts, trend, scale
        self.overdispersed = family == "negative_binomial"
        self.learned = counts.series.learned
        self.dim = trend.scores + int(self.learned.any()) + int(self.overdispersed)
        self.used = counts.series.used > 0.0
        self.start = counts.series.outcome.copy()

    def parameters(self, scores: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(M,) common sd of the coefficients, in units, and dispersion."""
        column = self.trend.scores
        common = np.ones(len(scores))
        if self.learned.any():
            common = half_cauchy(scores[:, column], self.scale)
            column += 1
        dispersion = np.zeros(len(scores))
        if self.overdispersed:
            root = half_cauchy(scores[:, column], 1.0) * self.counts.unit
            dispersion = np.minimum(root**2, LARGEST_DISPERSION)
        return common, dispersion

    def log_likelihood(self, scores: FloatArray) -> FloatArray:
        """(M,) Laplace approximation of the log marginal likelihood."""
        value = np.empty(len(scores))
        common, dispersion = self.parameters(scores)
        until = self.counts.series.fitted_periods
        for m in range(len(scores)):
            mode = self._mode(scores[m : m + 1], common[m], dispersion[m], until)
            value[m] = mode.log_constant + self._correction(mode, mode.index[:, None], dispersion[m])[0]
        return value

    def latents(self, scores: FloatArray, rng: np.random.Generator) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Log expected counts (M, T), coefficients (M, k) and log weights (M,) at sorted scores."""
        common, dispersion = self.parameters(scores)
        periods, width = self.counts.series.columns.shape
        index, beta, weight = np.empty((len(scores), periods)), np.empty((len(scores), width)), np.empty(len(scores))
        starts = np.flatnonzero(np.any(np.diff(scores, axis=0, prepend=np.nan) != 0.0, axis=1))
        for rows in np.split(np.arange(len(scores)), starts[1:]):
            m = int(rows[0])
            mode = self._mode(scores[m : m + 1], common[m], dispersion[m], periods)
            drawn = mode.beta[:, None] + mode.prior_sd[:, None] * np.linalg.solve(
                mode.root.T, rng.standard_normal((width, len(rows)))
            )
            signal = mode.smooth.signal(np.column_stack([self.counts.series.columns, mode.working]))
            path = signal[:, -1:] + (self.counts.series.columns - signal[:, :-1]) @ drawn
            path += mode.smooth.noise(rng.standard_normal((len(rows), periods * self.trend.states)).T)
            top = self._correction(mode, mode.index[:, None], dispersion[m])[0]
            weight[rows] = self._correction(mode, path, dispersion[m]) - top
            index[rows], beta[rows] = (path + self.counts.offset[:, None]).T, drawn.T
        return index, beta, weight

    def draws(self, scores: FloatArray, index: FloatArray, beta: FloatArray, effective: float) -> CountDraws:
        """The draws that the weights chose."""
        common, dispersion = self.parameters(scores)
        shape, unit = self._shape(scores), self.counts.unit
        value = -np.log1p((shape.level / self.trend.level_scale) ** 2)
        if self.trend.has_slope:
            value -= np.log1p((shape.slope / self.trend.slope_scale) ** 2)
        if self.overdispersed:
            value -= np.log1p(dispersion / unit**2)
        if self.learned.any():
            value -= np.log1p((common / self.scale) ** 2)
        sd = self._prior_sd(common[:, None])
        value += (-np.log(sd) - 0.5 * (beta / sd) ** 2).sum(axis=1)
        seen = np.max(self.start[self.used]) + np.log(MOST_TIMES)
        index = np.minimum(index, seen + self.counts.offset)
        return CountDraws(index, shape.level * unit, shape.slope * unit, dispersion, beta, value, effective)

    def _shape(self, scores: FloatArray) -> Shape:
        """Ratios, cut off where a period would change the rate beyond measure."""
        shape, most = self.trend.shape(scores), LARGEST_MOVE / self.counts.unit
        return replace(shape, level=np.minimum(shape.level, most), slope=np.minimum(shape.slope, most))

    def _prior_sd(self, common: FloatArray | float) -> FloatArray:
        """(..., k) prior sds of the coefficients."""
        fixed = np.sqrt(np.where(self.learned, 1.0, self.counts.series.fixed))
        return np.asarray(np.where(self.learned, common, fixed) * self.counts.unit)

    def _mode(self, scores: FloatArray, common: float, dispersion: float, periods: int) -> _Mode:
        """Newton's method; each step is a weighted regression with states."""
        shape = self._shape(scores)
        bands, log_states = prior_bands(self.trend, shape, 0, periods)
        bands = bands / self.counts.unit**2
        flat = self.trend.flat
        log_states -= 2.0 * (periods * (1 + int(self.trend.has_slope)) - flat) * np.log(self.counts.unit)
        columns, offset = self.counts.series.columns[:periods], self.counts.offset[:periods]
        count, used = self.counts.count[:periods], self.used[:periods]
        sd = self._prior_sd(common)
        index = self.start[:periods].copy()
        for turn in range(MOST_STEPS):
            slope, weight = derivatives(count, index + offset, dispersion)
            weight = np.where(used, weight, 0.0)
            working = np.where(used, index + slope / np.maximum(weight, 1e-300), 0.0)
            factor = observed_factor(self.trend, bands, weight)
            smooth = Smoother(factor, weight, 0.0, self.trend)
            moments = smooth.moments(np.column_stack([columns, working]))
            root = np.linalg.cholesky(np.eye(len(sd)) + moments[:-1, :-1] * np.outer(sd, sd))
            half = np.linalg.solve(root, sd * moments[:-1, -1])
            beta = sd * np.linalg.solve(root.T, half)
            fitted = columns @ beta
            step = smooth.signal((working - fitted)[:, None])[:, 0] + fitted - index
            if np.abs(step[used]).max() < CONVERGED:
                break
            share = 1.0 if turn < WHOLE_STEPS else 0.5 if turn < 3 * WHOLE_STEPS else 0.25
            index = index + share * np.clip(step, -LONGEST_STEP, LONGEST_STEP)
        else:
            raise FloatingPointError(Reason("no mode of the log rate was found"))
        self.start[:periods] = index
        log_constant = 0.5 * log_states - np.log(factor[0]).sum() - np.log(np.diag(root)).sum()
        log_constant -= 0.5 * (moments[-1, -1] - half @ half)
        return _Mode(smooth, working, index + step, beta, np.asarray(root), float(log_constant), sd)

    def _correction(self, mode: _Mode, index: FloatArray, dispersion: float) -> FloatArray:
        """(c,) log likelihood less its Gaussian approximation, at the log rates in the columns of `index`."""
        used = np.flatnonzero(self.used[: len(index)])
        log_rate = index[used] + self.counts.offset[used, None]
        exact = log_likelihood(self.counts.count[used, None], log_rate, dispersion)
        distance = mode.smooth.weight[used, None] * (mode.working[used, None] - index[used]) ** 2
        return np.asarray((exact + 0.5 * distance).sum(axis=0))


def derivatives(count: FloatArray, index: FloatArray, dispersion: float) -> tuple[FloatArray, FloatArray]:
    """First derivative of the log probability in the log mean, and minus the second."""
    mean = np.exp(np.minimum(index, 50.0))
    inner = 1.0 + dispersion * mean
    return (count - mean) / inner, mean * (1.0 + dispersion * count) / inner**2


def first_index(count: FloatArray, exposure: FloatArray) -> FloatArray:
    """(T,) log rate that a count suggests, 0 counts included."""
    return np.asarray(np.log((count + 0.5) / exposure))
