"""Nested predictor weights: their gradient, and that no other weights do better."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import approx_fprime

from evalkit.numerics.predictor_weights import _Outer, nested_weights, standardized
from evalkit.numerics.simplex import simplex_least_squares
from evalkit.vocabulary import FloatArray

SLOPE = 1e-4
"""Of finite differences across a kinked function, relative to the largest slope."""


def problem(seed: int, *, predictors: int = 3, donors: int = 9, periods: int = 8) -> tuple[FloatArray, ...]:
    rng = np.random.default_rng(seed)
    hidden = rng.normal(size=(2, donors + 1))
    Z = rng.normal(size=(periods, 2)) @ hidden + 0.1 * rng.normal(size=(periods, donors + 1))
    X = rng.normal(size=(predictors, 2)) @ hidden + 0.5 * rng.normal(size=(predictors, donors + 1))
    X1, X0 = standardized(X[:, 0], X[:, 1:])
    return X1, X0, Z[:, 0], Z[:, 1:]


@pytest.mark.parametrize("seed", range(3))
def test_the_slope_is_that_of_finite_differences(seed: int) -> None:
    outer = _Outer(*problem(seed, predictors=6, donors=5))
    logs = np.random.default_rng(seed).normal(scale=0.3, size=6)
    _, slope = outer.of_logs(logs)

    def loss(point: FloatArray) -> float:
        return outer.of_logs(point)[0]

    numeric = approx_fprime(logs, loss, 1e-6)
    np.testing.assert_allclose(slope, numeric, atol=SLOPE * max(1e-3, float(np.abs(numeric).max())))


@pytest.mark.parametrize("seed", range(3))
def test_no_random_predictor_weights_do_better(seed: int) -> None:
    X1, X0, z1, Z0 = problem(seed)
    found = nested_weights(X1, X0, z1, Z0)
    outer, rng = _Outer(X1, X0, z1, Z0), np.random.default_rng(0)
    others = min(outer.loss(rng.dirichlet(np.full(3, 0.5))) for _ in range(150))
    assert found.loss <= others * (1.0 + 1e-3)
    assert found.importance.sum() == pytest.approx(1.0)
    assert found.importance.min() >= 0.0


def test_the_fit_of_outcomes_alone_bounds_it_from_below() -> None:
    X1, X0, z1, Z0 = problem(7)
    errors = Z0 @ simplex_least_squares(Z0, z1) - z1
    assert nested_weights(X1, X0, z1, Z0).loss >= float(errors @ errors) / len(z1) - 1e-12


def test_predictors_without_variation_count_for_nothing() -> None:
    X1, X0 = standardized(np.array([5.0, 1.0]), np.array([[5.0, 5.0, 5.0], [0.0, 1.0, 3.0]]))
    assert not X0[0].any()
    assert X1[0] == 0.0


def test_a_given_start_is_used_beside_the_equal_one() -> None:
    X1, X0, z1, Z0 = problem(1)
    whole = nested_weights(X1, X0, z1, Z0)
    again = nested_weights(X1, X0, z1, Z0, first=whole.importance)
    assert again.loss <= whole.loss * (1.0 + 1e-6)
