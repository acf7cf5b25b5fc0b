"""Pooling on the eight schools (Rubin 1981), the data that ArviZ ships as `centered_eight`.

Sources of the figures: adaptive quadrature over tau, computed here from the definition of the model; rounded, the
posterior means that every textbook treatment finds: mu 4.4 under N(0, 5) and half-Cauchy(5), mu 7.9 under flat priors.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.integrate import quad

from evalkit.numerics.normal_hierarchy import Hierarchy, HierarchyPrior, pool
from evalkit.vocabulary import FloatArray

ESTIMATES = np.array([28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0])
ERRORS = np.array([15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0])
REGULAR = HierarchyPrior(0.0, 5.0, "half_cauchy", 5.0)
FLAT = HierarchyPrior(tau="flat")
QUADRATURE = 2e-5  # relative: two quadratures of one integral
DRAWS = 40_000
MCSE = 4.0  # Monte Carlo standard errors that a fixed-seed mean may stray


def schools(prior: HierarchyPrior) -> Hierarchy:
    return pool(ESTIMATES, ERRORS, prior)


def by_quadrature(prior: HierarchyPrior) -> tuple[float, float, float]:
    """Posterior mean and sd of mu, posterior mean of tau."""
    precision = 0.0 if np.isinf(prior.sd) else prior.sd**-2

    def mean(tau: float) -> tuple[float, float, float]:
        weight = 1.0 / (ERRORS**2 + tau**2)
        total = weight.sum() + precision
        center = weight @ ESTIMATES / total
        squares = weight @ (ESTIMATES - center) ** 2 + precision * center**2
        density = np.exp(0.5 * np.log(weight).sum() - 0.5 * np.log(total) - 0.5 * squares + 25.0)
        return float(density * np.exp(prior.log_tau(np.array([tau]))[0])), float(center), float(1.0 / total)

    def integral(value: Callable[[float], float]) -> float:
        return float(quad(value, 0.0, np.inf, epsabs=0.0, epsrel=1e-10, limit=500)[0])

    whole = integral(lambda tau: mean(tau)[0])
    first = integral(lambda tau: mean(tau)[0] * mean(tau)[1]) / whole
    second = integral(lambda tau: mean(tau)[0] * (mean(tau)[1] ** 2 + mean(tau)[2])) / whole
    return first, float(np.sqrt(second - first**2)), integral(lambda tau: mean(tau)[0] * tau) / whole


@pytest.mark.parametrize("prior", [REGULAR, FLAT])
def test_the_grid_gives_what_adaptive_quadrature_gives(prior: HierarchyPrior) -> None:
    found = schools(prior)
    assert (found.mean_mu(), found.sd_mu(), found.mean_tau()) == pytest.approx(by_quadrature(prior), rel=QUADRATURE)


@pytest.mark.parametrize(
    ("prior", "mu", "sd", "tau"), [(REGULAR, 4.397, 3.318, 3.598), (FLAT, 7.932, 5.178, 6.575)], ids=["proper", "flat"]
)
def test_published_figures_are_met(prior: HierarchyPrior, mu: float, sd: float, tau: float) -> None:
    found = schools(prior)
    assert found.mean_mu() == pytest.approx(mu, abs=6e-4)
    assert found.sd_mu() == pytest.approx(sd, abs=6e-4)
    assert found.mean_tau() == pytest.approx(tau, abs=6e-4)


def test_the_data_are_those_that_arviz_ships() -> None:
    import arviz

    az: Any = arviz  # ships no types
    observed: FloatArray = az.load_arviz_data("centered_eight").observed_data["obs"].to_numpy()
    np.testing.assert_array_equal(observed, ESTIMATES)


def test_draws_agree_with_the_quadrature_and_shrink_each_school_towards_the_mean() -> None:
    found = schools(REGULAR)
    drawn = found.draws(DRAWS, np.random.default_rng(1))
    for draws, mean in ((drawn.mu, found.mean_mu()), (drawn.tau, found.mean_tau()), (drawn.new, found.mean_mu())):
        assert abs(draws.mean() - mean) < MCSE * draws.std() / np.sqrt(DRAWS)
    theta = found.mean_theta()
    np.testing.assert_array_less(np.abs(drawn.theta.mean(axis=0) - theta), MCSE * drawn.theta.std(axis=0) / DRAWS**0.5)
    assert (np.argsort(theta)[[0, -1]] == [4, 6]).all()  # the most precise of the lowest and of the highest
    assert np.ptp(theta) < 0.1 * np.ptp(ESTIMATES)
