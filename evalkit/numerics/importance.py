"""Adaptive importance sampling of a few parameters whose prior is standard normal.

The proposal is a multivariate t fitted to the target in tempered rounds (Cappé et al. 2008), mixed with the
prior. As the likelihood is bounded, so are the weights under that mixture (Hesterberg 1995): the
estimates have finite variance whatever the fit of the t, and 1 / sum of squared weights is an honest
effective sample size.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln

from evalkit.vocabulary import FloatArray, IntArray

LogLikelihood = Callable[[FloatArray], FloatArray]
PRIOR_SHARE = 0.15
"""Share of the prior in the proposal: bounds the weights at the price of about that share of the sample."""
DEGREES = 5.0
"""Of the t component: heavier tails than the target."""
ROUND_SIZE = 400
MAX_ROUNDS = 12
TEMPERED_SHARE = 0.15
"""Effective share of a round that its temperature must leave, so that the next fit rests on enough points."""
GOOD_SHARE = 0.4
"""Effective share at which the proposal is good enough."""
INFLATION = 1.2
"""Factor on the fitted covariance: too wide costs little, too narrow costs the tails."""


@dataclass(frozen=True, slots=True)
class WeightedSample:
    """M points and their normalized weights.

    Attributes
    ----------
    points
        (M, d).
    weights
        (M,) sum to 1.
    """

    points: FloatArray
    weights: FloatArray

    @property
    def effective_size(self) -> float:
        """1 / sum of squared weights."""
        return float(1.0 / np.sum(self.weights**2))

    def resample(self, size: int, rng: np.random.Generator) -> IntArray:
        """(size,) positions drawn systematically with these weights, in random order."""
        positions = (np.arange(size) + rng.random()) / size
        cumulative = np.cumsum(self.weights)
        chosen = np.searchsorted(cumulative / cumulative[-1], positions, side="right")
        return rng.permutation(np.minimum(chosen, len(self.weights) - 1)).astype(np.int64)


def sample_posterior(log_likelihood: LogLikelihood, dim: int, size: int, rng: np.random.Generator) -> WeightedSample:
    """Sample a posterior with prior N(0, I) in `dim` dimensions.

    Parameters
    ----------
    log_likelihood
        Maps (M, d) points to (M,) values, up to a constant.
    dim
        d.
    size
        M, points of the final round; earlier rounds only fit the proposal.
    rng
        Source of randomness.

    Examples
    --------
    >>> sample = sample_posterior(lambda u: -2.0 * (u[:, 0] - 1.0) ** 2, 1, 4000, np.random.default_rng(0))
    >>> round(float(sample.weights @ sample.points[:, 0]), 1)
    0.8
    """
    mean, covariance = np.zeros(dim), np.eye(dim)
    for _ in range(MAX_ROUNDS):
        points, log_weights = _propose(log_likelihood, mean, covariance, ROUND_SIZE, rng)
        temperature = _temperature(log_weights)
        weights = _normalize(temperature * log_weights)
        mean = weights @ points
        centred = points - mean
        covariance = INFLATION * (centred.T * weights) @ centred + 1e-8 * np.eye(dim)
        if temperature == 1.0 and 1.0 / np.sum(weights**2) > GOOD_SHARE * ROUND_SIZE:
            break
    points, log_weights = _propose(log_likelihood, mean, covariance, size, rng)
    return WeightedSample(points, _normalize(log_weights))


def _propose(
    log_likelihood: LogLikelihood, mean: FloatArray, covariance: FloatArray, size: int, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Draw from the mixture; return points and log weights. The prior's share is stratified."""
    dim = len(mean)
    root = np.linalg.cholesky(covariance)
    from_prior = round(PRIOR_SHARE * size)
    normal = rng.standard_normal((size, dim))
    radius = np.sqrt(DEGREES / rng.chisquare(DEGREES, size))
    points = np.where(np.arange(size)[:, None] < from_prior, normal, mean + radius[:, None] * normal @ root.T)
    prior = -0.5 * np.sum(points**2, axis=1) - 0.5 * dim * np.log(2.0 * np.pi)
    distance = np.sum(np.linalg.solve(root, (points - mean).T) ** 2, axis=0)
    student = (
        gammaln((DEGREES + dim) / 2.0)
        - gammaln(DEGREES / 2.0)
        - 0.5 * dim * np.log(DEGREES * np.pi)
        - np.log(np.diag(root)).sum()
        - 0.5 * (DEGREES + dim) * np.log1p(distance / DEGREES)
    )
    proposal = np.logaddexp(np.log(PRIOR_SHARE) + prior, np.log1p(-PRIOR_SHARE) + student)
    return points, log_likelihood(points) + prior - proposal


def _temperature(log_weights: FloatArray) -> float:
    """Largest power of the weights, at most 1, that leaves the effective share of a round."""
    target = TEMPERED_SHARE * len(log_weights)

    def effective(power: float) -> float:
        return float(1.0 / np.sum(_normalize(power * log_weights) ** 2))

    if effective(1.0) >= target:
        return 1.0
    low, high = 0.0, 1.0
    for _ in range(40):
        middle = (low + high) / 2.0
        low, high = (middle, high) if effective(middle) >= target else (low, middle)
    return low


def _normalize(log_weights: FloatArray) -> FloatArray:
    weights = np.exp(log_weights - log_weights.max())
    return np.asarray(weights / weights.sum())
