"""The propensity score's logit: maximum, weights, separation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize

from evalkit.numerics import logit
from evalkit.numerics.logit import fit_logit, scores

GRADIENT = 1e-10  # per unit of weight, at the maximum


def arms(seed: int, n: int = 120, slope: float = 0.8) -> tuple[np.typing.NDArray[np.float64], ...]:
    rng = np.random.default_rng(seed)
    X = np.column_stack([np.ones(n), rng.standard_normal((n, 2))])
    treated = rng.random(n) < 1.0 / (1.0 + np.exp(-X @ np.array([-0.3, slope, -0.2])))
    weight = rng.uniform(0.5, 2.0, n)
    return X[treated], weight[treated], X[~treated], weight[~treated]


@pytest.mark.parametrize("seed", range(4))
def test_the_fit_maximizes_the_weighted_likelihood(seed: int) -> None:
    X1, w1, X0, w0 = arms(seed)
    fit = fit_logit(X1, w1, X0, w0)
    assert fit is not None
    gradient = X1.T @ (w1 * (1.0 - scores(X1, fit.gamma))) - X0.T @ (w0 * scores(X0, fit.gamma))
    assert np.abs(gradient).max() < GRADIENT * (w1.sum() + w0.sum())

    def deviance(gamma: np.typing.NDArray[np.float64]) -> float:
        return float(w1 @ np.logaddexp(0.0, -X1 @ gamma) + w0 @ np.logaddexp(0.0, X0 @ gamma))

    other = optimize.minimize(deviance, np.zeros(3), method="BFGS", options={"gtol": 1e-8}).x
    np.testing.assert_allclose(fit.gamma, other, atol=1e-5)  # BFGS stops at a gradient of 1e-8


def test_the_information_is_that_of_the_fitted_scores() -> None:
    X1, w1, X0, w0 = arms(5)
    fit = fit_logit(X1, w1, X0, w0)
    assert fit is not None
    X, w = np.vstack([X1, X0]), np.r_[w1, w0]
    p = scores(X, fit.gamma)
    np.testing.assert_allclose(fit.information_inverse @ (X.T @ ((w * p * (1 - p))[:, None] * X)), np.eye(3), atol=1e-9)
    assert fit.largest == pytest.approx(p.max())


def test_a_warm_start_and_units_of_weight_zero_change_nothing() -> None:
    X1, w1, X0, w0 = arms(6)
    cold = fit_logit(X1, w1, X0, w0)
    assert cold is not None
    warm = fit_logit(X1, w1, np.vstack([X0, [[1.0, 900.0, 900.0]]]), np.r_[w0, 0.0], cold.gamma + 0.5)
    assert warm is not None
    np.testing.assert_allclose(warm.gamma, cold.gamma, atol=1e-9)
    assert warm.largest == pytest.approx(cold.largest)


def test_arms_that_can_be_told_apart_have_no_fit_or_scores_of_one() -> None:
    x = np.linspace(-1.0, 1.0, 40)
    X = np.column_stack([np.ones(40), x])
    fit = fit_logit(X[x > 0.0], np.ones(20), X[x < 0.0], np.ones(20))
    assert fit is None or fit.largest > 0.999


def test_scores_far_out_are_zero_and_one_without_warning() -> None:
    assert scores(np.array([[1e5], [-1e5]]), np.array([1.0])).tolist() == [1.0, 0.0]


def test_collinear_covariates_have_no_fit() -> None:
    X1, w1, X0, w0 = arms(7)
    twice1, twice0 = (np.column_stack([X, X[:, 1]]) for X in (X1, X0))
    assert fit_logit(twice1, w1, twice0, w0) is None


def test_a_likelihood_that_does_not_settle_has_no_fit_worth_the_name(monkeypatch: pytest.MonkeyPatch) -> None:
    X1, w1, X0, w0 = arms(8)
    full = fit_logit(X1, w1, X0, w0)
    monkeypatch.setattr(logit, "MAX_STEPS", 0)
    start = fit_logit(X1, w1, X0, w0)
    assert full is not None
    assert start is None or np.ptp(start.gamma[1:]) == 0.0
