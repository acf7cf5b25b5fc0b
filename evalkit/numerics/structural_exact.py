"""Exact posterior of a Gaussian structural series: nothing is sampled by a chain.

Given the ratios of the variance components everything else is conjugate, so that the marginal likelihood of the
ratios is a closed form. A level alone has one ratio: it is integrated by quadrature. A slope or an AR(1) adds one to
four: they are sampled by importance. Coefficients' common scale and their selection are sums over a grid and over all
subsets. Draws are independent either way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from evalkit.numerics.importance import sample_posterior
from evalkit.numerics.structural import Shape, Trend, half_cauchy, smoother
from evalkit.numerics.structural_regression import Series, conjugate, log_marginals, selections
from evalkit.vocabulary import FloatArray, IntArray

FARTHEST: Final = 3.7
"""Normal scores beyond this hold 2 in 10,000 of a prior."""
COARSE_NODES, FINE_NODES, MAX_REFINEMENTS = 15, 25, 5
LOG_RANGE: Final = 16.0
"""Log density below the mode at which the quadrature ends: 1e-7 of it."""
SCALE_NODES: Final = 17
POINTS_PER_DRAW: Final = 1
MOST_SELECTABLE: Final = 8
"""Columns whose subsets are all tried (256); with more the Gibbs sampler draws them."""


@dataclass(frozen=True, slots=True)
class Coefficients:
    """Prior of the learned coefficients.

    sqrt(g) ~ HalfCauchy(scale), beta_j ~ N(0, omega^2 g) where selected, 0 elsewhere.

    Attributes
    ----------
    scale
        Of the half-Cauchy law of sqrt(g).
    expected
        Columns expected to matter; infinite for no selection.
    """

    scale: float = 1.0
    expected: float = np.inf


@dataclass(frozen=True, slots=True)
class Drawn:
    """S draws of the parameters of one series, in units of w.

    Attributes
    ----------
    shape
        Ratios of each draw.
    scores
        (S, D) their standard normal scores.
    point
        (S,) which of the distinct parameter values each draw has; draws of one value share a factorization.
    sigma
        (S,) sd of the passing noise.
    beta
        (S, k).
    prior
        (S, k) v_j of each draw; 0 where a column is left out.
    scale
        (S,) sqrt(g).
    log_hyper
        (S,) log prior density of selection and scales, up to a constant.
    effective_size
        Of independent draws, at most S; NaN for chains.
    weights, degrees
        Student-t noise: (S, T') weights of the fitted periods, which divide the variance of e_t, and (S,) degrees of
        freedom. None for Gaussian noise.
    """

    shape: Shape
    scores: FloatArray
    point: IntArray
    sigma: FloatArray
    beta: FloatArray
    prior: FloatArray
    scale: FloatArray
    log_hyper: FloatArray
    effective_size: float
    weights: FloatArray | None = None
    degrees: FloatArray | None = None

    def __len__(self) -> int:
        return len(self.sigma)

    @property
    def omega(self) -> FloatArray:
        """(S,) sd of the unexplained change from one period to the next."""
        return np.asarray(self.sigma * np.sqrt(self.shape.change))


def draw_exact(series: Series, trend: Trend, prior: Coefficients, *, size: int, rng: np.random.Generator) -> Drawn:
    """Draw from the joint posterior of ratios, scale, selection, coefficients and noise.

    Parameters
    ----------
    series
        What is fitted.
    trend
        States of the series.
    prior
        Of the learned coefficients.
    size
        S draws.
    rng
        Source of randomness.

    Raises
    ------
    FloatingPointError
        When the used periods cannot tell the states.
    """
    posterior = _Posterior(series, trend, prior)
    if trend.scores == 1:
        scores = posterior.nodes()
        weights, effective = posterior.weights_of(scores), float(size)
    else:
        sample = sample_posterior(posterior.log_likelihood, trend.scores, POINTS_PER_DRAW * size, rng)
        kept = sample.resample(size, rng)
        point, index = np.unique(kept, return_inverse=True)
        scores, effective = sample.points[point], min(sample.effective_size, float(size))
        weights = posterior.weights_of(scores, counts=np.bincount(index))
    return posterior.draw(scores, weights, size, effective, rng)


class _Posterior:
    """Closed forms at given scores."""

    def __init__(self, series: Series, trend: Trend, prior: Coefficients) -> None:
        self.series, self.trend = series, trend
        self.periods = series.fitted_periods
        self.joined = series.joined(self.periods)
        self.used = series.used[: self.periods]
        self.rows = int(self.used.sum()) - trend.flat
        self.last: tuple[FloatArray, tuple[FloatArray, FloatArray, Shape]] | None = None
        learned = series.learned
        width = int(learned.sum())
        self.chosen, self.log_chosen = selections(width, prior.expected)
        nodes = np.linspace(-FARTHEST, FARTHEST, SCALE_NODES) if width else np.zeros(1)
        self.scales = half_cauchy(nodes, prior.scale) ** 2
        self.log_half_cauchy = -np.log1p(self.scales / prior.scale**2) if width else np.zeros(1)
        mass = np.exp(-0.5 * nodes**2)
        self.log_scale = np.log(mass / mass.sum())
        self.prior = np.empty((len(nodes), len(self.chosen), len(series.fixed)))
        self.prior[:] = np.where(learned, 0.0, series.fixed)
        self.prior[:, :, learned] = self.scales[:, None, None] * self.chosen[None]

    def moments(self, scores: FloatArray) -> tuple[FloatArray, FloatArray, Shape]:
        """(M, k + 1, k + 1) moments and (M,) log determinants; those of the last call are kept."""
        if self.last is not None and self.last[0] is scores:
            return self.last[1]
        shape = self.trend.shape(scores)
        width = self.joined.shape[1]
        found, log_det = np.empty((len(scores), width, width)), np.empty(len(scores))
        for m in range(len(scores)):
            smooth = smoother(self.trend, shape, m, self.used)
            found[m], log_det[m] = smooth.moments(self.joined), smooth.log_det
        self.last = (scores, (found, log_det, shape))
        return found, log_det, shape

    def log_joint(self, scores: FloatArray) -> FloatArray:
        """(M, J, N) log of marginal likelihood x prior of scale and selection."""
        found, log_det, shape = self.moments(scores)
        value = log_marginals(found, log_det, shape.change, self.series.fixed, self.scales, self.chosen, self.rows)
        return np.asarray(value + self.log_scale[:, None] + self.log_chosen)

    def log_likelihood(self, scores: FloatArray) -> FloatArray:
        """(M,) scale and selection summed out."""
        value = self.log_joint(scores).reshape(len(scores), -1)
        top = value.max(axis=1)
        return np.asarray(top + np.log(np.exp(value - top[:, None]).sum(axis=1)))

    def nodes(self) -> FloatArray:
        """(M, 1) equally spaced scores that span the posterior of a single ratio."""
        low, high = -FARTHEST, FARTHEST
        for _ in range(MAX_REFINEMENTS):
            scores = np.linspace(low, high, COARSE_NODES)
            value = self.log_likelihood(scores[:, None]) - 0.5 * scores**2
            inside = np.flatnonzero(value > value.max() - LOG_RANGE)
            low, high = scores[max(inside[0] - 1, 0)], scores[min(inside[-1] + 1, COARSE_NODES - 1)]
            if len(inside) >= COARSE_NODES // 2:
                break
        return np.linspace(low, high, FINE_NODES)[:, None]

    def weights_of(self, scores: FloatArray, counts: IntArray | None = None) -> FloatArray:
        """(M, J, N) posterior mass; with `counts` the mass of each point is given."""
        value = self.log_joint(scores)
        if counts is None:
            value = value - 0.5 * (scores**2).sum(axis=1)[:, None, None]
            mass = np.exp(value - value.max())
            return np.asarray(mass / mass.sum())
        mass = np.exp(value - value.max(axis=(1, 2), keepdims=True))
        return np.asarray(mass / mass.sum(axis=(1, 2), keepdims=True) * (counts / counts.sum())[:, None, None])

    def draw(
        self, scores: FloatArray, weights: FloatArray, size: int, effective: float, rng: np.random.Generator
    ) -> Drawn:
        """Points by stratified resampling, in random order; then the conjugate part.

        One uniform for all strata would give every point of an importance sample the same quantile of its own grid.
        """
        cumulative = np.cumsum(weights.ravel())
        position = np.searchsorted(
            cumulative / cumulative[-1], (np.arange(size) + rng.random(size)) / size, side="right"
        )
        position = rng.permutation(np.minimum(position, weights.size - 1))
        point, scale, choice = np.unravel_index(position, weights.shape)
        kept, point = np.unique(point, return_inverse=True)
        found, log_det, shape = self.moments(scores)
        prior = self.prior[scale, choice]
        node = kept[point]
        drawn = conjugate(found[node], log_det[node], shape.change[node], prior, self.rows)
        variance, beta = drawn.draw(rng)
        return Drawn(
            shape.take(node),
            scores[node],
            point.astype(np.int64),
            np.sqrt(variance),
            beta,
            prior,
            np.sqrt(self.scales[scale]),
            self.log_half_cauchy[scale] + self.log_chosen[choice],
            effective,
        )
