"""Exact posterior of the normal-normal hierarchical model (Rubin 1981): pool J estimates by one-dimensional quadrature.

    estimate_j ~ N(theta_j, std_error_j^2),   theta_j ~ N(mu, tau^2),   mu ~ N(mean, sd^2) or flat

Given tau all is normal, and p(tau | y) is known up to a constant (Gelman et al., Bayesian Data Analysis, 3rd ed., eq.
5.21). On a grid of tau that follows its posterior, draws are independent: nothing has to converge. It serves sites of
one study and studies of a portfolio alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats

from evalkit.vocabulary import FloatArray

TauPrior = Literal["half_normal", "half_cauchy", "flat"]
NODES = 2_001
"""Of the grid, in equal steps of log tau: the posterior mean of tau keeps five digits on eight schools."""
SMALLEST, LARGEST = 1e-7, 1e4
"""Ends of the grid, in units of the estimates' own scale."""


@dataclass(frozen=True, slots=True)
class HierarchyPrior:
    """Prior of the mean and the spread of the effects.

    Attributes
    ----------
    mean, sd
        Of mu; an infinite sd is a flat prior.
    tau
        ``half_normal`` or ``half_cauchy`` with `tau_scale`, or ``flat`` on tau > 0 (proper posterior from 3 estimates).
    tau_scale
        In the unit of the estimates.
    """

    mean: float = 0.0
    sd: float = np.inf
    tau: TauPrior = "half_normal"
    tau_scale: float = 1.0

    def log_tau(self, tau: FloatArray) -> FloatArray:
        """Log density of tau, up to a constant."""
        if self.tau == "flat":
            return np.zeros_like(tau)
        law = stats.halfnorm if self.tau == "half_normal" else stats.halfcauchy
        return np.asarray(law.logpdf(tau, scale=self.tau_scale))


@dataclass(frozen=True, slots=True)
class HierarchyDraws:
    """S independent draws.

    Attributes
    ----------
    mu, tau
        (S,).
    theta
        (S, J) the estimates' own effects, shrunk towards mu.
    new
        (S,) effect of one more site from the same population.
    """

    mu: FloatArray
    tau: FloatArray
    theta: FloatArray
    new: FloatArray


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """Posterior on a grid of tau.

    Attributes
    ----------
    tau, weight
        (M,) nodes and their posterior probabilities, which sum to 1.
    mu_mean, mu_sd
        (M,) of mu given tau.
    log_marginal
        Log of p(y), up to constants that do not depend on the data; for a flat prior only ratios mean anything.
    estimates, std_errors
        (J,) as given.
    """

    tau: FloatArray
    weight: FloatArray
    mu_mean: FloatArray
    mu_sd: FloatArray
    log_marginal: float
    estimates: FloatArray
    std_errors: FloatArray

    def mean_mu(self) -> float:
        """E[mu | y]."""
        return float(self.weight @ self.mu_mean)

    def sd_mu(self) -> float:
        """Sd of mu given y."""
        second = self.weight @ (self.mu_sd**2 + self.mu_mean**2)
        return float(np.sqrt(second - self.mean_mu() ** 2))

    def mean_tau(self) -> float:
        """E[tau | y]."""
        return float(self.weight @ self.tau)

    def mean_theta(self) -> FloatArray:
        """(J,) posterior means of the effects."""
        own, towards = _shrinkage(self.tau[:, None], self.std_errors)
        return np.asarray(self.weight @ (own * self.estimates + towards * self.mu_mean[:, None]))

    def draws(self, size: int, rng: np.random.Generator) -> HierarchyDraws:
        """Independent draws of mu, tau, theta and the effect of a new site."""
        node = rng.choice(len(self.tau), size=size, p=self.weight)
        # tau anywhere in its node's interval, so that draws do not sit on a lattice
        step = np.log(self.tau[1] / self.tau[0])
        tau = self.tau[node] * np.exp(step * (rng.random(size) - 0.5))
        mu = self.mu_mean[node] + self.mu_sd[node] * rng.standard_normal(size)
        own, towards = _shrinkage(tau[:, None], self.std_errors)
        spread = tau[:, None] * np.sqrt(towards)
        theta = own * self.estimates + towards * mu[:, None] + spread * rng.standard_normal((size, len(self.estimates)))
        return HierarchyDraws(mu, tau, theta, mu + tau * rng.standard_normal(size))


def pool(estimates: FloatArray, std_errors: FloatArray, prior: HierarchyPrior | None = None) -> Hierarchy:
    """Pool J estimates with known standard errors.

    Parameters
    ----------
    estimates, std_errors
        (J,) finite; standard errors positive.
    prior
        Flat on mu and half-normal(1) on tau by default.

    Raises
    ------
    ValueError
        For wrong shapes or values, or where a flat prior leaves the posterior improper (fewer than 3 estimates).

    Examples
    --------
    Eight schools (Rubin 1981) with mu ~ N(0, 5^2), tau ~ half-Cauchy(5):

    >>> y = np.array([28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0])
    >>> se = np.array([15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0])
    >>> pooled = pool(y, se, HierarchyPrior(0.0, 5.0, "half_cauchy", 5.0))
    >>> round(pooled.mean_mu(), 3), round(pooled.sd_mu(), 3), round(pooled.mean_tau(), 3)
    (4.397, 3.318, 3.598)
    """
    prior = prior or HierarchyPrior()
    y, se = np.asarray(estimates, dtype=np.float64), np.asarray(std_errors, dtype=np.float64)
    if y.ndim != 1 or y.shape != se.shape or not len(y):
        raise ValueError(f"estimates and std_errors must be (J,) of one length; got {y.shape} and {se.shape}")
    if not (np.isfinite(y).all() and np.isfinite(se).all() and (se > 0.0).all()):
        raise ValueError("estimates must be finite, std_errors finite and positive")
    if prior.tau == "flat" and len(y) < 3:
        raise ValueError("a flat prior on tau needs three estimates; fewer leave its posterior improper")
    scale = max(float(np.ptp(y)), float(np.median(se)))
    tau = scale * np.geomspace(SMALLEST, LARGEST, NODES)
    precision = 1.0 / (se**2 + tau[:, None] ** 2)
    prior_precision = 0.0 if np.isinf(prior.sd) else 1.0 / prior.sd**2
    total = precision.sum(axis=1) + prior_precision
    mean = (precision @ y + prior_precision * prior.mean) / total
    squares = (precision * (y - mean[:, None]) ** 2).sum(axis=1) + prior_precision * (prior.mean - mean) ** 2
    log_density = 0.5 * np.log(precision).sum(axis=1) - 0.5 * np.log(total) - 0.5 * squares + prior.log_tau(tau)
    log_weight = log_density + np.log(tau)  # equal steps in log tau
    largest = float(log_weight.max())
    weight = np.exp(log_weight - largest)
    step = float(np.log(tau[1] / tau[0]))
    log_marginal = largest + float(np.log(weight.sum() * step)) + 0.5 * (np.log(prior_precision or 1.0))
    return Hierarchy(tau, weight / weight.sum(), mean, np.sqrt(1.0 / total), log_marginal, y, se)


def _shrinkage(tau: FloatArray, std_errors: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Weights of an effect's own estimate and of mu, which sum to 1."""
    own = tau**2 / (tau**2 + std_errors**2)
    return own, 1.0 - own
