"""The banded factorization against dense matrices, the Kalman filter and statsmodels."""

from __future__ import annotations

import dataclasses
from typing import cast

import numpy as np
import pytest
from scipy import stats
from statsmodels.tsa.statespace.structural import UnobservedComponents

from evalkit.numerics.kalman import one_step
from evalkit.numerics.structural import Shape, Trend, TrendKind, half_cauchy, smoother
from evalkit.numerics.structural_density import log_prior, simulate
from evalkit.numerics.structural_design import prepare, seasonal_columns
from evalkit.numerics.structural_exact import Coefficients, draw_exact
from tests.oracle.structural_series import covariance, restricted

DENSE = 1e-8  # relative: dense inverses of 14 x 14 matrices whose condition reaches 1e7
FLAT = 1e-6  # the filter stands in for flat states with a variance of 1e8
PERIODS = 14
USED = np.array([1, 1, 1, 0, 0, 1, 1, 1, 1, 1, 1, 1, 0, 0], dtype=np.float64)
KINDS = [(kind, errors) for kind in ("local_level", "local_linear", "damped") for errors in (False, True)]


def made(kind: str, autocorrelated: bool, count: int = 3) -> tuple[Trend, Shape]:
    trend = Trend(cast(TrendKind, kind), autocorrelated)
    return trend, trend.shape(np.random.default_rng(0).standard_normal((count, trend.scores)))


@pytest.mark.parametrize(("kind", "autocorrelated"), KINDS)
def test_moments_and_determinant_are_those_of_the_dense_restricted_likelihood(kind: str, autocorrelated: bool) -> None:
    trend, shape = made(kind, autocorrelated)
    series = np.random.default_rng(1).standard_normal((PERIODS, 3)) * USED[:, None]
    seen = USED > 0.0
    for index in range(len(shape)):
        dense, flat = covariance(trend, shape, index, PERIODS)
        expected = restricted(dense[np.ix_(seen, seen)], flat[seen])
        found = smoother(trend, shape, index, USED)
        quadratic = series[seen].T @ expected.precision @ series[seen]
        np.testing.assert_allclose(found.moments(series), quadratic, rtol=DENSE, atol=DENSE * np.abs(quadratic).max())
        assert found.log_det == pytest.approx(expected.log_det, rel=DENSE, abs=DENSE)


@pytest.mark.parametrize(("kind", "autocorrelated"), KINDS)
def test_the_kalman_filter_gives_the_same_likelihood(kind: str, autocorrelated: bool) -> None:
    trend, shape = made(kind, autocorrelated)
    outcome = np.random.default_rng(2).standard_normal(PERIODS)
    residual = np.where(USED > 0.0, outcome, np.nan)[None].repeat(len(shape), axis=0)
    density = one_step(trend, shape, residual).log_density(np.full(len(shape), 0.7))
    assert np.isnan(density[0]).sum() == trend.flat + (USED == 0.0).sum()
    for index in range(len(shape)):
        smooth = smoother(trend, shape, index, USED)
        rows = USED.sum() - trend.flat
        quadratic = float(smooth.moments((outcome * USED)[:, None])[0, 0]) / 0.7**2
        expected = -0.5 * (rows * np.log(2.0 * np.pi * 0.7**2) + smooth.log_det + quadratic)
        assert np.nansum(density[index]) == pytest.approx(expected, rel=FLAT)


def test_forecasts_of_the_level_are_those_of_the_dense_posterior() -> None:
    trend, shape = made("damped", True)
    dense, flat = covariance(trend, shape, 0, PERIODS)
    noiseless = dense - (1.0 - shape.share[0]) * np.eye(PERIODS)
    seen = USED > 0.0
    outcome = np.random.default_rng(3).standard_normal(PERIODS) * USED
    inverse = np.linalg.inv(dense[np.ix_(seen, seen)])
    level = np.linalg.solve(flat[seen].T @ inverse @ flat[seen], flat[seen].T @ inverse @ outcome[seen])
    expected = flat @ level + noiseless[:, seen] @ inverse @ (outcome[seen] - flat[seen] @ level)
    found = smoother(trend, shape, 0, USED).signal(outcome[:, None])[:, 0]
    np.testing.assert_allclose(found, expected, rtol=DENSE, atol=DENSE)


def test_draws_of_the_states_have_the_dense_posterior_covariance() -> None:
    trend, shape = made("local_level", False)
    smooth = smoother(trend, shape, 0, USED)
    root = smooth.noise(np.asfortranarray(np.eye(PERIODS)))
    dense, flat = covariance(trend, shape, 0, PERIODS)
    seen = USED > 0.0
    inverse = np.linalg.inv(dense[np.ix_(seen, seen)])
    signal = dense - np.eye(PERIODS)
    gain = signal[:, seen] @ inverse
    left = flat - gain @ flat[seen]
    expected = signal - gain @ signal[seen] + left @ np.linalg.inv(flat[seen].T @ inverse @ flat[seen]) @ left.T
    np.testing.assert_allclose(root @ root.T, expected, rtol=DENSE, atol=DENSE)


@pytest.mark.parametrize(("kind", "name", "burn"), [("local_level", "llevel", 1), ("local_linear", "lltrend", 2)])
def test_the_likelihood_is_that_of_statsmodels(kind: str, name: str, burn: int) -> None:
    trend, shape = made(kind, False, 1)
    outcome = np.random.default_rng(4).standard_normal(60).cumsum()
    sigma = 0.8
    parameters = [sigma**2, (sigma * shape.level[0]) ** 2, (sigma * shape.slope[0]) ** 2][: burn + 1]
    model = UnobservedComponents(outcome, name, use_exact_diffuse=True)
    expected = float(np.sum(model.loglikeobs(parameters)[burn:]))
    smooth = smoother(trend, shape, 0, np.ones(60))
    density = one_step(trend, shape, outcome[None]).log_density(np.array([sigma]))
    assert np.nansum(density) == pytest.approx(expected, rel=FLAT)
    rows = 60 - burn
    quadratic = float(smooth.moments(outcome[:, None])[0, 0]) / sigma**2
    own = -0.5 * (rows * np.log(2.0 * np.pi * sigma**2) + smooth.log_det + quadratic)
    assert own == pytest.approx(expected, rel=DENSE)


def test_a_slope_that_no_two_periods_tell_is_refused() -> None:
    trend, shape = made("local_linear", False, 1)
    with pytest.raises(FloatingPointError, match="too few periods"):
        smoother(trend, shape, 0, np.array([0.0, 1.0, 0.0]))


def test_half_cauchy_scores_have_the_right_quartiles_and_ends() -> None:
    found = half_cauchy(np.array([-40.0, -0.6744897501960817, 0.6744897501960817, 40.0]), 1.0)
    np.testing.assert_allclose(found, [1e-3, np.tan(np.pi / 8.0), np.tan(3.0 * np.pi / 8.0), 1e3])


def test_change_is_the_variance_of_one_step() -> None:
    """Dense: Var(y_t - y_{t-1}) far from the start of a damped trend with autocorrelated noise."""
    trend, shape = made("damped", True, 1)
    dense, _ = covariance(trend, shape, 0, 40)
    step = dense[39, 39] + dense[38, 38] - 2.0 * dense[39, 38]
    assert float(shape.change[0]) == pytest.approx(step, rel=DENSE)


def test_states_of_a_singular_precision_matrix_cannot_be_drawn() -> None:
    trend, shape = made("local_level", False, 1)
    smooth = dataclasses.replace(smoother(trend, shape, 0, USED), factor=np.zeros((2, PERIODS)))
    with pytest.raises(FloatingPointError, match="precision matrix is singular"):
        smooth.noise(np.asfortranarray(np.eye(PERIODS)))


SERIES = 40_000
"""Simulated, so that a variance has a relative error of sqrt(2 / 40,000), 0.7 %."""


@pytest.mark.parametrize(("kind", "autocorrelated"), [("damped", True), ("damped", False), ("local_linear", False)])
def test_simulated_series_change_from_period_to_period_by_their_states_variances(
    kind: TrendKind, autocorrelated: bool
) -> None:
    """A damped slope and the noise are stationary; a slope that wanders from 0 adds its variance every period."""
    one = Shape(*(np.array([value]) for value in (0.4, 0.3, 0.8, 0.5 if autocorrelated else 0.0, 0.6)))
    trend, sigma = Trend(kind, autocorrelated), 2.0
    if kind == "local_linear":
        one = dataclasses.replace(one, damping=np.ones(1))
    drawn = simulate(
        trend, one.take(np.zeros(SERIES, dtype=np.int64)), np.full(SERIES, sigma), 4, np.random.default_rng(0)
    )
    found = np.diff(drawn, axis=1).var(axis=0)
    expected = np.full(3, sigma**2 * one.change[0])
    if kind == "local_linear":
        expected = sigma**2 * (0.4**2 + 2.0 + 0.3**2 * np.arange(3))
    np.testing.assert_allclose(found, expected, rtol=4.0 * np.sqrt(2.0 / SERIES))


def test_a_slope_adds_its_own_half_cauchy_to_the_prior() -> None:
    prepared = prepare(np.random.default_rng(1).standard_normal(20).cumsum(), np.arange(20) < 16, [])
    drawn = draw_exact(prepared.series, Trend(), Coefficients(), size=50, rng=np.random.default_rng(0))
    slope = np.linspace(0.0, 0.3, 50)
    sloped = dataclasses.replace(drawn, shape=dataclasses.replace(drawn.shape, slope=slope))
    added = log_prior(Trend("local_linear", slope_scale=0.1), sloped) - log_prior(Trend(), sloped)
    law = stats.halfcauchy(scale=0.1)
    np.testing.assert_allclose(added, law.logpdf(slope) - law.logpdf(0.0), atol=DENSE)


def test_a_season_of_even_length_has_no_sine_at_its_shortest_wave() -> None:
    """The wave that changes sign every period is 0 wherever its sine is looked at."""
    names = [column.name for column in seasonal_columns(np.arange(12) % 4, 4, 2)]
    assert names == ["season cos 1", "season sin 1", "season cos 2"]
