"""Adaptive importance sampling, against targets with known moments."""

from __future__ import annotations

import numpy as np
import pytest

from evalkit.numerics.importance import WeightedSample, adapt_from_mode, at_mode, pareto_shape, sample_posterior
from evalkit.vocabulary import FloatArray

MCSE = 4.0  # Monte Carlo standard errors that a fixed-seed mean may stray
SIZE = 8_000


def gaussian(centre: FloatArray, sd: float) -> FloatArray:
    """Posterior mean under the prior N(0, I)."""
    return np.asarray(centre / (1.0 + sd**2))


@pytest.mark.parametrize(("centre", "sd"), [(0.0, 1.0), (2.0, 0.3), (-5.0, 0.02)])
@pytest.mark.parametrize("dim", [1, 4])
def test_a_normal_likelihood_gives_the_conjugate_posterior(dim: int, centre: float, sd: float) -> None:
    target = np.full(dim, centre)
    sample = sample_posterior(
        lambda u: -0.5 * np.sum((u - target) ** 2, axis=1) / sd**2, dim, SIZE, np.random.default_rng(1)
    )
    spread = sd / np.sqrt(1.0 + sd**2)
    error = (sample.weights @ sample.points - gaussian(target, sd)) / (spread / np.sqrt(sample.effective_size))
    assert np.abs(error).max() < MCSE
    variance = sample.weights @ (sample.points - gaussian(target, sd)) ** 2
    np.testing.assert_allclose(variance, spread**2, rtol=0.1)
    assert sample.effective_size > 0.3 * SIZE


def two_modes(u: FloatArray) -> FloatArray:
    return np.asarray(np.logaddexp(-50.0 * (u[:, 0] - 1.5) ** 2, -50.0 * (u[:, 0] + 1.5) ** 2))


def test_two_separate_modes_are_both_found() -> None:
    sample = sample_posterior(two_modes, 1, SIZE, np.random.default_rng(2))
    assert sample.weights[sample.points[:, 0] > 0.0].sum() == pytest.approx(0.5, abs=0.05)


def test_a_search_that_begins_in_one_mode_spreads_over_both() -> None:
    """The prior's share of every round sees the other mode; the fit is then as wide as both lie apart."""
    proposal = adapt_from_mode(two_modes, 1, np.random.default_rng(2), 400)
    assert abs(proposal.mean[0]) < 0.5
    assert proposal.covariance[0, 0] > 1.5


@pytest.mark.parametrize(("centre", "sd"), [(0.0, 1.0), (2.0, 0.3), (-5.0, 0.02)])
def test_the_mode_and_curvature_of_a_normal_likelihood_are_the_conjugate_ones(centre: float, sd: float) -> None:
    target = np.array([centre, -centre, centre])
    found = at_mode(lambda u: -0.5 * np.sum((u - target) ** 2, axis=1) / sd**2, 3)
    np.testing.assert_allclose(found.mean, gaussian(target, sd), atol=0.05 * sd)
    np.testing.assert_allclose(found.covariance, np.eye(3) * sd**2 / (1.0 + sd**2), rtol=1e-3, atol=1e-3 * sd**2)


def test_where_the_likelihood_bends_the_other_way_the_proposal_stays_proper() -> None:
    found = at_mode(lambda u: 5.0 * u[:, 0] ** 2 * np.exp(-(u[:, 0] ** 2)), 2)
    assert np.linalg.eigvalsh(found.covariance).min() > 0.0
    assert np.linalg.eigvalsh(found.covariance).max() <= 2.0 + 1e-9


def test_from_the_mode_a_normal_target_takes_one_round() -> None:
    calls = []

    def likelihood(u: FloatArray) -> FloatArray:
        calls.append(len(u))
        return np.asarray(-0.5 * np.sum((u - 1.0) ** 2, axis=1) / 0.05**2)

    adapt_from_mode(likelihood, 4, np.random.default_rng(0), 400)
    assert calls.count(400) == 1


def test_a_flat_likelihood_returns_the_prior() -> None:
    sample = sample_posterior(lambda u: np.zeros(len(u)), 2, SIZE, np.random.default_rng(3))
    assert np.abs(sample.weights @ sample.points).max() < MCSE / np.sqrt(sample.effective_size)
    np.testing.assert_allclose(sample.weights @ sample.points**2, 1.0, atol=0.1)


def test_the_effective_size_counts_equal_weights_fully_and_one_weight_once() -> None:
    points = np.zeros((4, 1))
    assert WeightedSample(points, np.full(4, 0.25)).effective_size == pytest.approx(4.0)
    assert WeightedSample(points, np.array([1.0, 0.0, 0.0, 0.0])).effective_size == pytest.approx(1.0)


def test_resampling_gives_each_point_its_share_to_within_one() -> None:
    weights = np.array([0.5, 0.3, 0.15, 0.05, 0.0])
    chosen = WeightedSample(np.zeros((5, 1)), weights).resample(1_000, np.random.default_rng(0))
    assert np.abs(np.bincount(chosen, minlength=5) - 1_000 * weights).max() <= 1.0


def test_the_same_seed_gives_the_same_sample_to_the_bit() -> None:
    first, second = (sample_posterior(lambda u: -(u[:, 0] ** 2), 1, 500, np.random.default_rng(9)) for _ in range(2))
    np.testing.assert_array_equal(first.points, second.points)
    np.testing.assert_array_equal(first.weights, second.weights)


def test_weights_without_a_tail_have_the_lightest_shape() -> None:
    assert pareto_shape(np.full(4000, 0.5)) == -np.inf
    assert pareto_shape(np.arange(1.0, 21.0)) == -np.inf, "four weights are no tail to fit"
