"""Standardized differences and the overlap of propensity scores, against plain loops and known cases."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm

from evalkit.evidence.effect_sizes import hedges_g
from evalkit.numerics.balance import (
    overlap,
    pooled_sd,
    small_sample_factor,
    standardized_difference,
    unit_means,
    unit_slopes,
)

EXACT = 1e-12
FITTED = 1e-6


def test_the_difference_is_hedges_g_of_the_two_samples() -> None:
    rng = np.random.default_rng(1)
    treated, comparison = rng.normal(1.0, 2.0, 13), rng.normal(0.0, 1.0, 20)
    found = standardized_difference(treated, comparison)
    gap = float(treated.mean() - comparison.mean())
    expected = hedges_g(gap, 13, 20, float(treated.std(ddof=1)), float(comparison.std(ddof=1)))
    assert found == pytest.approx(expected, rel=EXACT)


def test_weights_move_the_mean_and_not_the_spread() -> None:
    treated, comparison = np.array([2.0, 4.0]), np.array([0.0, 2.0, 4.0])
    plain = standardized_difference(treated, comparison)
    one = standardized_difference(treated, comparison, np.array([0.0, 1.0, 0.0]))
    assert plain is not None
    assert one == pytest.approx(plain, rel=EXACT)
    none = standardized_difference(treated, comparison, np.array([0.0, 1.0, 1.0]))
    assert none == pytest.approx(0.0, abs=EXACT)


def test_what_cannot_be_compared_has_no_difference() -> None:
    assert standardized_difference(np.array([1.0]), np.array([1.0, 2.0])) is None
    assert standardized_difference(np.ones(3), np.ones(3)) is None
    with pytest.raises(ValueError, match="more than 3"):
        small_sample_factor(3.0)
    assert pooled_sd(2, 2, 1.0, 1.0) == 1.0


def test_means_and_slopes_use_the_observed_periods_of_each_unit() -> None:
    rng = np.random.default_rng(2)
    values = rng.standard_normal((30, 7))
    values[rng.random(values.shape) < 0.4] = np.nan
    values[0] = np.nan
    time = np.array([0.0, 1.0, 2.0, 4.0, 5.0, 6.0, 9.0])
    means, slopes = unit_means(values), unit_slopes(values, time)
    for row in range(len(values)):
        known = ~np.isnan(values[row])
        if not known.any():
            assert np.isnan(means[row])
            assert np.isnan(slopes[row])
            continue
        assert means[row] == pytest.approx(values[row, known].mean(), rel=1e-9)
        if known.sum() > 1:
            assert slopes[row] == pytest.approx(np.polyfit(time[known], values[row, known], 1)[0], rel=1e-6, abs=1e-9)
        else:
            assert np.isnan(slopes[row])


def test_weights_are_the_odds_of_a_logit_fitted_elsewhere() -> None:
    rng = np.random.default_rng(3)
    treated, comparison = rng.normal(0.6, 1.0, (40, 2)), rng.normal(0.0, 1.0, (70, 2))
    found = overlap(treated, comparison)
    design = sm.add_constant(np.vstack([treated, comparison]))
    p = sm.Logit(np.repeat([1.0, 0.0], [40, 70]), design).fit(disp=0).predict(design)
    odds = p[40:] / (1.0 - p[40:])
    np.testing.assert_allclose(found.weights, odds / odds.sum(), rtol=FITTED)
    assert found.effective == pytest.approx(odds.sum() ** 2 / (odds**2).sum(), rel=FITTED)
    assert found.largest_score == pytest.approx(p.max(), rel=FITTED)


def test_odds_weights_balance_the_covariates() -> None:
    rng = np.random.default_rng(4)
    treated, comparison = rng.normal(0.4, 1.0, (60, 2)), rng.normal(0.0, 1.0, (200, 2))
    found = overlap(treated, comparison)
    for column in range(2):
        plain = standardized_difference(treated[:, column], comparison[:, column])
        weighted = standardized_difference(treated[:, column], comparison[:, column], found.weights)
        assert plain is not None
        assert weighted is not None
        assert abs(weighted) < abs(plain) / 2.0


def test_constant_and_repeated_covariates_play_no_part() -> None:
    rng = np.random.default_rng(5)
    treated, comparison = rng.normal(0.5, 1.0, (30, 1)), rng.normal(0.0, 1.0, (30, 1))
    padded = [np.hstack([arm, 2.0 * arm, np.ones_like(arm)]) for arm in (treated, comparison)]
    np.testing.assert_allclose(overlap(*padded).weights, overlap(treated, comparison).weights, rtol=FITTED)


def test_arms_that_can_be_told_apart_have_no_weights() -> None:
    found = overlap(np.linspace(5.0, 6.0, 8)[:, None], np.linspace(0.0, 1.0, 8)[:, None])
    assert found.weights.size == 0
    assert found.largest_score == 1.0
