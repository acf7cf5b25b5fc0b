"""Augmented weights against the formula, and the penalty against leaving out periods by hand."""

from __future__ import annotations

import numpy as np
import pytest

from evalkit.numerics.ridge_augmentation import augmented, choose_penalty
from evalkit.numerics.simplex import simplex_least_squares
from evalkit.vocabulary import FloatArray
from tests.oracle.synthetic_control import augmented_weights

SAME = 1e-7  # an inverse against singular values


def problem(seed: int) -> tuple[FloatArray, FloatArray]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(7, 5)) + 10.0, rng.normal(size=7) + 10.5


@pytest.mark.parametrize("penalty", [0.1, 10.0])
def test_weights_follow_the_formula_and_sum_to_one(penalty: float) -> None:
    X0, x1 = problem(1)
    found = augmented(X0, x1, simplex_least_squares(X0, x1), penalty)
    np.testing.assert_allclose(found, augmented_weights(X0, x1, penalty), atol=SAME)
    assert found.sum() == pytest.approx(1.0, abs=1e-12)


def test_a_smaller_penalty_fits_better() -> None:
    X0, x1 = problem(2)
    w = simplex_least_squares(X0, x1)
    errors = [float(np.linalg.norm(X0 @ augmented(X0, x1, w, penalty) - x1)) for penalty in (100.0, 1.0, 0.01)]
    assert errors == sorted(errors, reverse=True)


def test_errors_are_those_of_leaving_out_one_period_at_a_time() -> None:
    X0, x1 = problem(3)
    chosen = choose_penalty(X0, x1, rule="least_error")
    for place in (0, 8, 20):
        errors = []
        for t in range(7):
            rest = np.arange(7) != t
            gamma = _without_own_centre(X0, x1, rest, float(chosen.tried[place]))
            level = X0[t].mean()
            errors.append(((x1[t] - level) - (X0[t] - level) @ gamma) ** 2)
        assert chosen.error[place] == pytest.approx(float(np.mean(errors)), rel=1e-6)
    assert chosen.chosen == chosen.tried[np.argmin(chosen.error)]


def _without_own_centre(X0: FloatArray, x1: FloatArray, rest: FloatArray, penalty: float) -> FloatArray:
    return augmented_weights(X0[rest.astype(bool)], x1[rest.astype(bool)], penalty)


def test_one_standard_error_allows_a_larger_penalty() -> None:
    X0, x1 = problem(4)
    assert choose_penalty(X0, x1).chosen >= choose_penalty(X0, x1, rule="least_error").chosen


@pytest.mark.parametrize("donors", [1, 3])
def test_donors_that_do_not_differ_leave_nothing_to_regress_on(donors: int) -> None:
    X0, x1 = problem(5)
    alike = np.repeat(X0[:, :1], donors, axis=1)
    w = np.full(donors, 1.0 / donors)
    assert choose_penalty(alike, x1).chosen == 0.0
    np.testing.assert_allclose(augmented(alike, x1, w, 1e-3), w, rtol=0, atol=1e-15)
