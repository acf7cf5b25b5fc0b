"""Weights and effects of one cohort against the plain oracle."""

from __future__ import annotations

import numpy as np
import pytest

from evalkit.numerics.synthetic_did import Weights, Window, effects, fit_weights, noise_level, zeta_of
from evalkit.vocabulary import FloatArray
from tests.oracle import synthetic_did as oracle

ORACLE = 1e-6  # projected gradient stops about here
ALGEBRA = 1e-10


def block(seed: int, n: int = 9, treated: int = 3, periods: int = 10) -> tuple[FloatArray, FloatArray]:
    rng = np.random.default_rng(seed)
    y = rng.standard_normal((n + treated, 1)) + rng.standard_normal((n + treated, periods)).cumsum(axis=1)
    return y[:n], y[n:]


@pytest.mark.parametrize("anticipation", [0, 1])
@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.promise("second-synthetic-did")
def test_weights_are_those_of_the_papers_programmes(seed: int, anticipation: int) -> None:
    comparison, treated = block(seed)
    window = Window(6 - anticipation, 6)
    zeta, sigma = zeta_of(comparison, window, len(treated)), noise_level(comparison, window.pre)
    found = fit_weights(comparison, treated.mean(axis=0), window, zeta, sigma)
    unit, time, expected = oracle.weights(comparison, treated, window.pre, window.start)
    assert zeta == pytest.approx(expected, rel=ALGEBRA)
    np.testing.assert_allclose(found.unit, unit, atol=ORACLE)
    np.testing.assert_allclose(found.time, time, atol=ORACLE)


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.promise("second-synthetic-did")
def test_the_mean_over_treated_periods_is_the_weighted_two_way_coefficient(seed: int) -> None:
    comparison, treated = block(seed)
    window = Window(6, 6)
    found = fit_weights(
        comparison, treated.mean(axis=0), window, zeta_of(comparison, window, 3), noise_level(comparison, 6)
    )
    tau = effects(treated.mean(axis=0) - found.unit @ comparison, found)
    expected = oracle.regression(comparison, treated, found.unit, found.time, 6)
    assert tau[6:].mean() == pytest.approx(expected, abs=ALGEBRA)


def test_time_weighted_effects_before_the_start_are_zero_on_average() -> None:
    found = Weights(np.ones(1), np.array([0.2, 0.3, 0.5]), 0.0)
    tau = effects(np.array([[1.0, 5.0, 2.0, 7.0], [0.0, 1.0, 0.0, 3.0]]), found)
    np.testing.assert_allclose(tau[:, :3] @ found.time, 0.0, atol=ALGEBRA)


def test_a_large_level_costs_no_digits() -> None:
    comparison, treated = block(4)
    window = Window(6, 6)
    zeta, sigma = zeta_of(comparison, window, 3), noise_level(comparison, 6)
    low = fit_weights(comparison, treated.mean(axis=0), window, zeta, sigma)
    high = fit_weights(comparison + 1e8, treated.mean(axis=0) + 1e8, window, zeta, sigma)
    np.testing.assert_allclose(high.unit, low.unit, atol=1e-6)  # 1e8 leaves eight digits of each outcome


def test_one_period_before_the_start_has_no_noise_level() -> None:
    assert noise_level(np.ones((3, 2)), 1) == 0.0
