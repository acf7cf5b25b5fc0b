"""Pooling of estimates with known standard errors, against dense Gaussian algebra and by calibration."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from evalkit.numerics.normal_hierarchy import HierarchyPrior, pool
from evalkit.testing.sbc import sbc_ranks, uniform
from evalkit.vocabulary import FloatArray

ROUNDING = 1e-10


def test_given_tau_mu_has_the_mean_and_variance_of_the_dense_algebra() -> None:
    rng = np.random.default_rng(1)
    y, se = rng.normal(size=5), rng.uniform(0.5, 2.0, 5)
    found = pool(y, se, HierarchyPrior(1.0, 3.0, "half_normal", 1.0))
    for node in (0, 900, 1_500):
        joint = np.diag(se**2 + found.tau[node] ** 2) + 9.0
        gain = 9.0 * np.ones(5) @ np.linalg.inv(joint)
        assert found.mu_mean[node] == pytest.approx(1.0 + gain @ (y - 1.0), rel=1e-6)
        assert found.mu_sd[node] ** 2 == pytest.approx(9.0 - 9.0 * gain.sum(), rel=1e-6)


def test_ratios_of_weights_are_those_of_the_dense_marginal_likelihood() -> None:
    rng = np.random.default_rng(2)
    y, se = rng.normal(size=4), rng.uniform(0.5, 2.0, 4)
    found = pool(y, se, HierarchyPrior(0.0, 2.0, "half_cauchy", 1.5))
    nodes = [1_300, 1_500, 1_550]
    tau = found.tau[nodes]
    dense = [stats.multivariate_normal(np.zeros(4), np.diag(se**2 + t**2) + 4.0).logpdf(y) for t in tau]
    expected = np.array(dense) + stats.halfcauchy.logpdf(tau, scale=1.5) + np.log(tau)
    np.testing.assert_allclose(np.diff(np.log(found.weight[nodes])), np.diff(expected), rtol=1e-8)


def test_units_of_measurement_do_not_matter() -> None:
    y, se = np.array([1.0, 2.0, 4.0]), np.array([1.0, 0.5, 2.0])
    one = pool(y, se, HierarchyPrior(0.0, 5.0, "half_normal", 2.0))
    many = pool(1_000.0 * y, 1_000.0 * se, HierarchyPrior(0.0, 5_000.0, "half_normal", 2_000.0))
    assert many.mean_mu() == pytest.approx(1_000.0 * one.mean_mu(), rel=ROUNDING)
    assert many.mean_tau() == pytest.approx(1_000.0 * one.mean_tau(), rel=ROUNDING)


def test_one_estimate_is_pooled_with_its_prior_alone() -> None:
    found = pool(np.array([3.0]), np.array([1.0]), HierarchyPrior(0.0, 1e6, "half_normal", 1e-6))
    assert found.mean_mu() == pytest.approx(3.0, rel=1e-6)


@pytest.mark.parametrize(
    ("y", "se", "prior", "message"),
    [
        ([1.0, 2.0], [1.0], HierarchyPrior(), "one length"),
        ([1.0, np.nan], [1.0, 1.0], HierarchyPrior(), "finite"),
        ([1.0, 2.0], [1.0, 0.0], HierarchyPrior(), "positive"),
        ([1.0, 2.0], [1.0, 1.0], HierarchyPrior(tau="flat"), "three estimates"),
    ],
)
def test_what_cannot_be_pooled_is_refused(y: list[float], se: list[float], prior: HierarchyPrior, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        pool(np.array(y), np.array(se), prior)


def test_ranks_of_the_truth_are_uniform() -> None:
    errors = np.array([0.5, 1.0, 1.5, 1.0, 0.7, 2.0])
    prior = HierarchyPrior(0.0, 2.0, "half_normal", 1.0)

    def simulate(rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        mu, tau = 2.0 * rng.standard_normal(), abs(rng.standard_normal())
        theta = mu + tau * rng.standard_normal(7)
        return np.array([mu, tau, theta[0], theta[6]]), theta[:6] + errors * rng.standard_normal(6)

    def fit(y: FloatArray, rng: np.random.Generator) -> FloatArray:
        drawn = pool(y, errors, prior).draws(99, rng)
        return np.stack([drawn.mu, drawn.tau, drawn.theta[:, 0], drawn.new], axis=1)

    ranks = sbc_ranks(simulate, fit, n_fits=400, n_draws=99, seed=3)
    uniform(ranks, 99, 0.999, ("mu", "tau", "an effect", "the effect of a new site")).raise_if_not()
