from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from evalkit.numerics.donor_model import Batch, Draws, ErrorModel, Series, gaps_of, prior_predictive
from evalkit.vocabulary import FloatArray
from tests.oracle.donor_weights import correlation

ROUNDING = 1e-9


def series(before: int = 9, after: int = 3, predictors: int = 0) -> Series:
    rng = np.random.default_rng(0)
    time = np.delete(np.arange(before + after + 1), 4)  # one period is missing
    donors = rng.standard_normal((len(time), 3)).cumsum(axis=0)
    own = donors @ np.array([0.5, 0.2, 0.3]) + 0.3 * rng.standard_normal(len(time))
    return Series(own, donors, time, np.arange(len(time)) < before, rng.standard_normal((predictors, 4)))


def draws(weights: FloatArray, sigma: float, rho: int, size: int) -> Draws:
    return Draws(np.tile(weights, (size, 1)), np.full(size, sigma), np.full(size, rho))


@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize("node", [0, 7, 24])
def test_the_misfit_is_the_dense_generalized_sum_of_squares(intercept: bool, node: int) -> None:
    one, errors = series(predictors=1), ErrorModel.of(autoregressive=True, intercept=intercept)
    batch = Batch.of([one], errors, sigma_scale=2.0)
    weights = np.array([0.1, 0.6, 0.3])
    inverse = np.linalg.inv(correlation(one.time[one.fit].astype(float), float(errors.rhos[node])))
    residual = (one.own - one.donors @ weights)[one.fit]
    if intercept:
        residual = residual - (inverse.sum(axis=0) @ residual) / inverse.sum()
    extra = one.predictors[0, 1:] @ weights - one.predictors[0, 0]
    expected = (residual @ inverse @ residual + extra**2) / (2.0 * one.unit_sd) ** 2
    ordered = weights[batch.order[0]]
    assert ordered @ batch.problems.forms[0, node] @ ordered == pytest.approx(expected, rel=ROUNDING)
    assert batch.problems.rows[0] == 9 + 1 - intercept


def test_weights_return_to_the_donors_own_order() -> None:
    batch = Batch.of([series()], ErrorModel.of(autoregressive=False, intercept=False), sigma_scale=1.0)
    ordered = np.array([0.1, 0.6, 0.3])[batch.order[0]]
    np.testing.assert_array_equal(batch.restored(ordered[None, None, None])[0, 0, 0], [0.1, 0.6, 0.3])


def test_the_log_likelihood_is_that_of_the_joint_normal_density() -> None:
    one, errors = series(), ErrorModel.of(autoregressive=True, intercept=False)
    weights, sigma, node = np.array([0.5, 0.2, 0.3]), 0.4, 20
    found = gaps_of(one, errors, draws(weights, sigma, node, 2), np.random.default_rng(0))
    omega = correlation(one.time[one.fit].astype(float), float(errors.rhos[node]))
    residual = (one.own - one.donors @ weights)[one.fit]
    joint = stats.multivariate_normal(np.zeros(9), sigma**2 * omega).logpdf(residual)
    assert found.log_likelihood[0].sum() == pytest.approx(joint, rel=ROUNDING)


def test_forecasts_continue_from_the_last_error_and_spread_as_ar1_does() -> None:
    one, errors = series(), ErrorModel.of(autoregressive=True, intercept=False)
    weights, sigma, node, size = np.array([0.5, 0.2, 0.3]), 0.4, 20, 40_000
    rho = float(errors.rhos[node])
    found = gaps_of(one, errors, draws(weights, sigma, node, size), np.random.default_rng(0))
    last = (one.own - one.donors @ weights)[one.fit][-1]
    carried = found.expected[:, -3:] - found.effect[:, -3:]
    for step in (1, 2, 3):
        spread = sigma * np.sqrt(sum(rho ** (2 * k) for k in range(step)))
        error = 4.0 * spread / np.sqrt(size)
        assert carried[:, step - 1].mean() == pytest.approx(rho**step * last, abs=error)
        assert carried[:, step - 1].std() == pytest.approx(spread, rel=0.03)


def test_replicated_data_before_the_start_vary_as_the_model_says() -> None:
    one, errors = series(), ErrorModel.of(autoregressive=True, intercept=False)
    found = gaps_of(one, errors, draws(np.array([0.5, 0.2, 0.3]), 0.4, 20, 40_000), np.random.default_rng(0))
    omega = correlation(one.time[one.fit].astype(float), float(errors.rhos[20]))
    np.testing.assert_allclose(np.cov(found.replicated, rowvar=False), 0.16 * omega, atol=0.05 * 0.16 * omega.max())


def test_the_intercept_is_drawn_around_the_weighted_mean_gap() -> None:
    one, errors = series(), ErrorModel.of(autoregressive=False, intercept=True)
    weights, size = np.array([0.5, 0.2, 0.3]), 40_000
    found = gaps_of(one, errors, draws(weights, 0.4, 0, size), np.random.default_rng(0))
    gap = (one.own - one.donors @ weights)[one.fit]
    assert found.intercept.mean() == pytest.approx(gap.mean(), abs=4.0 * 0.4 / 3.0 / np.sqrt(size))
    assert found.intercept.std() == pytest.approx(0.4 / 3.0, rel=0.03)


def test_the_scale_of_the_errors_knows_no_level_and_no_common_shock() -> None:
    one = series()
    shock = np.random.default_rng(1).standard_normal(len(one.own))
    other = Series(one.own + shock + 7.0, one.donors + shock[:, None], one.time, one.fit, one.predictors)
    assert other.unit_sd == pytest.approx(one.unit_sd, rel=ROUNDING)


def test_the_prior_predictive_has_the_donors_mean_and_exists_without_intercept_only() -> None:
    one, rng = series(), np.random.default_rng(0)
    iid = ErrorModel.of(autoregressive=False, intercept=False)
    found = prior_predictive(one, iid, 1.0, 1e-6, 20_000, rng)
    assert found is not None
    np.testing.assert_allclose(np.median(found, axis=0), one.donors[one.fit].mean(axis=1), atol=0.1)
    assert prior_predictive(one, ErrorModel.of(autoregressive=False, intercept=True), 1.0, 1.0, 5, rng) is None
