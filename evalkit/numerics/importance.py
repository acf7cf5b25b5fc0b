"""Adaptive importance sampling of a few parameters whose prior is standard normal.

The proposal is a multivariate t fitted to the target in tempered rounds (Cappé et al. 2008), mixed with the
prior. As the likelihood is bounded, so are the weights under that mixture (Hesterberg 1995): the
estimates have finite variance whatever the fit of the t, and 1 / sum of squared weights is an honest
effective sample size.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy import optimize
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
MOST_BATCHES = 3
INFLATION = 1.2
"""Factor on the fitted covariance: too wide costs little, too narrow costs the tails."""
POOLED_PER_DIM = 30.0
"""Effective points per dimension of all rounds together at which a fit to them cannot be made much better."""
STEP = 0.2
"""Of the differences that give the curvature at the mode, in prior sds: wide, so that it is that of the whole."""
LEAST_CURVATURE = 0.5
"""Half of what the prior alone has: where the likelihood bends the other way the proposal is no wider than this."""


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


@dataclass(frozen=True, slots=True)
class Proposal:
    """A multivariate t mixed with the prior."""

    mean: FloatArray
    covariance: FloatArray

    def draw(self, size: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        """(M, d) points and (M,) log of prior over proposal; the prior's share is stratified."""
        dim = len(self.mean)
        root = np.linalg.cholesky(self.covariance)
        from_prior = round(PRIOR_SHARE * size)
        normal = rng.standard_normal((size, dim))
        radius = np.sqrt(DEGREES / rng.chisquare(DEGREES, size))
        points = np.where(np.arange(size)[:, None] < from_prior, normal, self.mean + radius[:, None] * normal @ root.T)
        prior = -0.5 * np.sum(points**2, axis=1) - 0.5 * dim * np.log(2.0 * np.pi)
        distance = np.sum(np.linalg.solve(root, (points - self.mean).T) ** 2, axis=0)
        student = (
            gammaln((DEGREES + dim) / 2.0)
            - gammaln(DEGREES / 2.0)
            - 0.5 * dim * np.log(DEGREES * np.pi)
            - np.log(np.diag(root)).sum()
            - 0.5 * (DEGREES + dim) * np.log1p(distance / DEGREES)
        )
        return points, prior - np.logaddexp(np.log(PRIOR_SHARE) + prior, np.log1p(-PRIOR_SHARE) + student)


def adapt(log_likelihood: LogLikelihood, dim: int, rng: np.random.Generator, round_size: int = ROUND_SIZE) -> Proposal:
    """Fit the proposal to the posterior in tempered rounds."""
    proposal = Proposal(np.zeros(dim), np.eye(dim))
    for _ in range(MAX_ROUNDS):
        points, log_weights = proposal.draw(round_size, rng)
        log_weights = log_weights + log_likelihood(points)
        temperature = _temperature(log_weights)
        weights = _normalize(temperature * log_weights)
        proposal = _fitted(points, weights)
        if temperature == 1.0 and 1.0 / np.sum(weights**2) > GOOD_SHARE * round_size:
            break
    return proposal


def adapt_from_mode(
    log_likelihood: LogLikelihood, dim: int, rng: np.random.Generator, round_size: int = ROUND_SIZE
) -> Proposal:
    """The same where each evaluation is dear: begin at the mode, and fit to all rounds that need no tempering.

    Each round is weighted against the proposal that it came from, so rounds add up (Cornuet, Marin, Mira and Robert
    2012, without their mixture in the denominator).
    """
    proposal = at_mode(log_likelihood, dim)
    pooled_points, pooled_weights = np.empty((0, dim)), np.empty(0)
    for _ in range(MAX_ROUNDS):
        points, log_weights = proposal.draw(round_size, rng)
        log_weights = log_weights + log_likelihood(points)
        temperature = _temperature(log_weights)
        if temperature < 1.0:
            proposal = _fitted(points, _normalize(temperature * log_weights))
            continue
        pooled_points = np.vstack([pooled_points, points])
        pooled_weights = np.append(pooled_weights, log_weights)
        weights = _normalize(pooled_weights)
        proposal = _fitted(pooled_points, weights)
        good = 1.0 / np.sum(_normalize(log_weights) ** 2) > GOOD_SHARE * round_size
        if good or 1.0 / np.sum(weights**2) > POOLED_PER_DIM * dim:
            break
    return proposal


def at_mode(log_likelihood: LogLikelihood, dim: int) -> Proposal:
    """A t around the mode of prior times likelihood, with the inverse of the curvature there.

    Examples
    --------
    >>> found = at_mode(lambda u: -2.0 * (u[:, 0] - 1.0) ** 2, 1)
    >>> found.mean.round(3).tolist(), found.covariance.round(3).tolist()
    ([0.8], [[0.2]])
    """

    def height(points: FloatArray) -> FloatArray:
        return np.asarray(log_likelihood(points) - 0.5 * np.sum(points**2, axis=1))

    def loss(point: FloatArray) -> tuple[float, FloatArray]:
        ends = height(point + STEP / 10.0 * np.vstack([np.zeros(dim), np.eye(dim), -np.eye(dim)]))
        return -float(ends[0]), -(ends[1 : dim + 1] - ends[dim + 1 :]) / (STEP / 5.0)

    mode = optimize.minimize(loss, np.zeros(dim), jac=True, method="L-BFGS-B", options={"maxiter": 30, "ftol": 1e-6}).x
    curvature = _curvature(height, mode)
    values, vectors = np.linalg.eigh(curvature)
    return Proposal(mode, (vectors / np.maximum(values, LEAST_CURVATURE)) @ vectors.T)


def _curvature(height: LogLikelihood, mode: FloatArray) -> FloatArray:
    """(d, d) of minus `height` by central differences; even where a pair of them is in use twice."""
    dim = len(mode)
    steps = STEP * np.eye(dim)
    first, second = np.triu_indices(dim)
    shifts = np.concatenate(
        [sign * steps[first] + other * steps[second] for sign in (1.0, -1.0) for other in (1.0, -1.0)]
    )  # fmt: skip
    both, one, two, none = height(mode + shifts).reshape(4, -1)
    curvature = np.zeros((dim, dim))
    curvature[first, second] = curvature[second, first] = -(both - one - two + none) / (4.0 * STEP**2)
    return curvature


def _fitted(points: FloatArray, weights: FloatArray) -> Proposal:
    mean = weights @ points
    centred = points - mean
    covariance = INFLATION * (centred.T * weights) @ centred + 1e-8 * np.eye(points.shape[1])
    return Proposal(mean, covariance)


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
    points, log_ratio = adapt(log_likelihood, dim, rng).draw(size, rng)
    return WeightedSample(points, _normalize(log_likelihood(points) + log_ratio))


class LatentModel(Protocol):
    """A model whose few hyperparameters are sampled by importance and whose other parameters are drawn given them."""

    @property
    def dim(self) -> int:
        """Hyperparameters, each with prior N(0, 1)."""
        ...

    def log_marginal(self, points: FloatArray) -> FloatArray:
        """(M,) log likelihood of (M, d) hyperparameters, the others integrated out, perhaps approximately."""
        ...

    def draw(
        self, points: FloatArray, each: int, rng: np.random.Generator
    ) -> tuple[FloatArray, FloatArray, dict[str, FloatArray]]:
        """(M,) log marginal, (M, E) what each draw's log weight adds to it, and E draws at each point by name.

        The addition is 0 where the others are drawn from their exact conditional posterior; where they are drawn from
        an approximation of it, it is the log of the ratio that makes up for that.
        """
        ...


@dataclass(frozen=True, slots=True)
class LatentDraws:
    """S draws by name, each (S, ...), and what they are worth.

    Attributes
    ----------
    effective_size
        1 / sum of squared weights, of the points or of the draws, whichever is less.
    tail_shape
        Pareto k of the largest weights (Vehtari, Simpson, Gelman, Yao and Gabry 2024): above 0.7 the
        effective size cannot be relied on.
    """

    values: dict[str, FloatArray]
    effective_size: float
    tail_shape: float


def sample_latent(
    model: LatentModel,
    *,
    size: int,
    points: int,
    each: int,
    rng: np.random.Generator,
    round_size: int = ROUND_SIZE,
    wanted: float = 0.0,
) -> LatentDraws:
    """Draw hyperparameters by adaptive importance, the other parameters given each of them, and resample.

    Parameters
    ----------
    model
        The model.
    size
        S draws returned.
    points, each
        M points of the hyperparameters, and draws at each.
    rng
        Source of randomness.
    round_size
        Points of each round that fits the proposal.
    wanted
        Effective size below which M more points are drawn, at most `MOST_BATCHES` times M in all.
    """
    proposal = adapt_from_mode(model.log_marginal, model.dim, rng, round_size)
    batches: list[dict[str, FloatArray]] = []
    log_weights, effective = np.empty((0, each)), 0.0
    while not batches or (effective < wanted and len(batches) < MOST_BATCHES):
        u, log_ratio = proposal.draw(points, rng)
        log_marginal, addition, values = model.draw(u, each, rng)
        batches.append(values)
        log_weights = np.vstack([log_weights, (log_marginal + log_ratio)[:, None] + addition])
        weights = _normalize(log_weights)
        effective = float(min(1.0 / np.sum(weights.sum(axis=1) ** 2), 1.0 / np.sum(weights**2), size))
    flat = weights.reshape(-1)
    chosen = WeightedSample(np.empty((0, 0)), flat).resample(size, rng)
    drawn = {name: _taken([batch[name] for batch in batches], chosen) for name in batches[0]}
    return LatentDraws(drawn, effective, pareto_shape(flat))


def _taken(batches: list[FloatArray], chosen: IntArray) -> FloatArray:
    values = np.concatenate(batches)
    return np.asarray(values.reshape(values.shape[0] * values.shape[1], *values.shape[2:])[chosen])


def pareto_shape(weights: FloatArray) -> float:
    """Shape k of the generalized Pareto law of the largest weights (Zhang and Stephens 2009, eq. 6 to 8).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> pareto_shape(rng.random(4000)) < 0.1, 0.7 < pareto_shape(rng.pareto(1.0, 4000)) < 1.3
    (True, True)
    """
    count = len(weights)
    tail = int(min(0.2 * count, 3.0 * np.sqrt(count)))
    ordered = np.sort(weights)
    excess = ordered[-tail:] - ordered[-tail - 1]
    if tail < 5 or excess[-1] <= 0.0:
        return -np.inf
    grid = 30 + int(np.sqrt(tail))
    quartile = max(float(excess[int(tail / 4.0 + 0.5) - 1]), 1e-12 * float(excess[-1]))
    theta = 1.0 / excess[-1] + (1.0 - np.sqrt(grid / (np.arange(1, grid + 1) - 0.5))) / (3.0 * quartile)
    k = np.log1p(-theta[:, None] * excess).mean(axis=1)
    profile = tail * (np.log(np.where(theta == 0.0, 1.0, -theta / np.where(k == 0.0, 1.0, k))) - k - 1.0)
    mean = _normalize(profile) @ theta
    shape = float(np.log1p(-mean * excess).mean())
    return float((tail * shape + 5.0) / (tail + 10.0))  # the weak prior of Vehtari et al. (2024), appendix C


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
