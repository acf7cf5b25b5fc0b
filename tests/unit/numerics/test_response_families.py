"""Densities of counts and shares against SciPy, their derivatives against differences."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special, stats

from evalkit.numerics.response_families import (
    ResponseFamily,
    log_density,
    percentage_points,
    replicate,
    slope_and_weight,
    starting_index,
)

FAMILIES: list[ResponseFamily] = ["poisson", "negative_binomial", "binomial"]
INDEX = np.array([-1.2, 0.3, 1.5])
OUTCOME = np.array([0.0, 2.0, 5.0])
TRIALS = np.array([4.0, 6.0, 9.0])
DISPERSION = 0.7
STEP = 1e-5
MCSE = 4.5  # Monte Carlo standard errors that the largest of several fixed-seed means may stray


def test_densities_are_those_of_scipy() -> None:
    mean, size = np.exp(INDEX), DISPERSION**-2
    expected = {
        "poisson": stats.poisson.logpmf(OUTCOME, mean),
        "negative_binomial": stats.nbinom.logpmf(OUTCOME, size, size / (size + mean)),
        "binomial": stats.binom.logpmf(OUTCOME, TRIALS, special.expit(INDEX)),
    }
    for family in FAMILIES:
        found = log_density(family, OUTCOME, INDEX, TRIALS, DISPERSION)
        np.testing.assert_allclose(found, expected[family], rtol=1e-10)


@pytest.mark.parametrize("family", FAMILIES)
def test_slopes_and_weights_are_derivatives(family: ResponseFamily) -> None:
    low, middle, high = (log_density(family, OUTCOME, INDEX + s, TRIALS, DISPERSION) for s in (-STEP, 0.0, STEP))
    slope, weight = slope_and_weight(family, OUTCOME, INDEX, TRIALS, DISPERSION)
    np.testing.assert_allclose(slope, (high - low) / (2.0 * STEP), rtol=1e-6)
    np.testing.assert_allclose(weight, -(high - 2.0 * middle + low) / STEP**2, rtol=1e-3)
    assert (weight > 0.0).all()


@pytest.mark.parametrize("family", FAMILIES)
def test_replicated_outcomes_have_the_mean_and_variance_of_their_law(family: ResponseFamily) -> None:
    size = 40_000
    drawn = replicate(
        family, np.tile(INDEX, (size, 1)), TRIALS, np.full(size, DISPERSION), np.random.default_rng(1)
    )  # fmt: skip
    share, mean = special.expit(INDEX), np.exp(INDEX)
    expected = TRIALS * share if family == "binomial" else mean
    variance = {
        "poisson": mean,
        "negative_binomial": mean + DISPERSION**2 * mean**2,
        "binomial": TRIALS * share * (1.0 - share),
    }[family]
    assert (np.abs(drawn.mean(axis=0) - expected) < MCSE * np.sqrt(variance / size)).all()
    np.testing.assert_allclose(drawn.var(axis=0), variance, rtol=0.1)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_starting_index_is_finite_at_the_ends(family: ResponseFamily) -> None:
    assert np.isfinite(starting_index(family, np.array([0.0, 4.0]), np.array([4.0, 4.0]))).all()


def test_an_effect_of_0_changes_no_share() -> None:
    assert percentage_points(INDEX, np.zeros(3)).tolist() == [0.0, 0.0, 0.0]
