"""Power of pre-trend tests and the mean of what passes them, against simulation and against a quadrature."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from evalkit.numerics.pretest import detectable_slope, passing_individual, passing_joint
from evalkit.vocabulary import FloatArray

DRAWS = 200_000
SHARE = 0.005  # four Monte Carlo errors of a share
MEAN = 0.02  # of a mean, in standard deviations, where half of the draws pass or more


def world(k: int) -> tuple[FloatArray, FloatArray]:
    rng = np.random.default_rng(k)
    root = rng.standard_normal((k, k)) + 2.0 * np.eye(k)
    covariance = root @ root.T / 4.0
    shape = rng.uniform(0.2, 1.5, k)
    return shape * 1.5 / float(np.sqrt(shape @ np.linalg.solve(covariance, shape))), covariance


@pytest.mark.parametrize("k", [1, 2, 5])
def test_passing_the_joint_test_is_as_simulated(k: int) -> None:
    mean, covariance = world(k)
    draws = np.random.default_rng(1).multivariate_normal(mean, covariance, DRAWS)
    wald = np.einsum("si,ij,sj->s", draws, np.linalg.inv(covariance), draws)
    kept = draws[wald <= stats.chi2.isf(0.05, k)]
    found = passing_joint(mean, covariance, 0.05)
    assert found.share == pytest.approx(len(kept) / DRAWS, abs=SHARE)
    np.testing.assert_allclose(found.mean, kept.mean(axis=0), atol=MEAN)


@pytest.mark.parametrize("k", [1, 2, 5])
def test_passing_each_single_test_is_as_simulated(k: int) -> None:
    mean, covariance = world(k)
    draws = np.random.default_rng(1).multivariate_normal(mean, covariance, DRAWS)
    kept = draws[(np.abs(draws) <= stats.norm.isf(0.025) * np.sqrt(np.diag(covariance))).all(axis=1)]
    found = passing_individual(mean, covariance, 0.05)
    assert found.share == pytest.approx(len(kept) / DRAWS, abs=SHARE)
    np.testing.assert_allclose(found.mean, kept.mean(axis=0), atol=MEAN)


def test_the_box_of_two_periods_is_integrated_to_four_digits() -> None:
    mean, covariance = world(2)
    half = stats.norm.isf(0.025) * np.sqrt(np.diag(covariance))
    law = stats.multivariate_normal(mean, covariance)
    exact = float(law.cdf(half, lower_limit=-half))
    assert passing_individual(mean, covariance, 0.05).share == pytest.approx(exact, abs=1e-4)


def test_runs_repeat_to_the_last_digit() -> None:
    mean, covariance = world(4)
    first, again = (passing_individual(mean, covariance, 0.05) for _ in range(2))
    assert first.share == again.share
    assert (first.mean == again.mean).all()


@pytest.mark.parametrize("passing", [passing_joint, passing_individual])
def test_the_detectable_slope_has_the_power_asked_for(passing: object) -> None:
    test = passing_joint if passing is passing_joint else passing_individual
    shape, covariance = np.array([-3.0, -2.0, -1.0]), world(3)[1]
    for power in (0.5, 0.8):
        slope = detectable_slope(test, shape, covariance, alpha=0.05, power=power)
        assert 1.0 - test(slope * shape, covariance, 0.05).share == pytest.approx(power, abs=1e-7)


def test_a_test_that_finds_something_often_enough_without_a_trend_needs_none() -> None:
    assert detectable_slope(passing_joint, np.ones(2), np.eye(2), alpha=0.4, power=0.3) == 0.0


def test_a_singular_covariance_counts_its_rank_only() -> None:
    twice = passing_joint(np.array([1.0, 1.0]), np.ones((2, 2)), 0.05)
    assert twice.share == pytest.approx(passing_joint(np.array([1.0]), np.eye(1), 0.05).share, abs=1e-12)
