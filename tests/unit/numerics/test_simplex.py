"""Simplex least squares against every support tried in turn, and what weights must keep."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from evalkit.numerics.simplex import simplex_fit, simplex_least_squares
from evalkit.vocabulary import FloatArray

SUM = 1e-12
"""How near to 1 weights must sum."""
SAME = 1e-9
"""Two routes to one optimum, relative to the outcome's size: sums of squares in another order."""


def random_problem(seed: int, *, m: int, n: int, noise: float = 1.0) -> tuple[FloatArray, FloatArray]:
    """Columns with a common level, and a target near their hull."""
    rng = np.random.default_rng(seed)
    A = rng.normal(size=(m, n)) + 5.0 * rng.normal(size=(m, 1)) + 100.0
    return A, A @ rng.dirichlet(np.full(n, 0.3)) + noise * rng.normal(size=m)


def best_support(A: FloatArray, b: FloatArray, ridge: float) -> float:
    """The least objective over all supports, each solved by its KKT system: slow and plain."""
    n, best = A.shape[1], np.inf
    for size in range(1, n + 1):
        for support in combinations(range(n), size):
            S = A[:, support]
            system = np.block(
                [[S.T @ S + ridge * np.eye(size), np.ones((size, 1))], [np.ones((1, size)), np.zeros((1, 1))]]
            )
            w = np.linalg.lstsq(system, np.append(S.T @ b, 1.0), rcond=None)[0][:size]
            if w.min() >= -1e-12:
                errors = S @ w - b
                best = min(best, float(errors @ errors + ridge * w @ w))
    return best


@pytest.mark.parametrize("ridge", [0.0, 0.5])
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.promise("second-synthetic-control")
def test_no_support_reaches_a_lower_objective(seed: int, ridge: float) -> None:
    A, b = random_problem(seed, m=9, n=6)
    A, b = A - 100.0, b - 100.0
    fit = simplex_fit(A, b, ridge=ridge)
    objective = fit.loss + ridge * fit.weights @ fit.weights
    assert objective == pytest.approx(best_support(A, b, ridge), rel=SAME)


@pytest.mark.parametrize("upper", [1.0, 0.4])
@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize("shape", [(4, 12), (15, 8), (30, 40), (3, 3)])
@pytest.mark.promise("law-donor-weights")
def test_weights_are_exact_and_optimal_by_their_own_certificate(
    shape: tuple[int, int], intercept: bool, upper: float
) -> None:
    A, b = random_problem(sum(shape), m=shape[0], n=shape[1])
    fit = simplex_fit(A, b, intercept=intercept, upper=upper)
    assert abs(fit.weights.sum() - 1.0) < SUM
    assert fit.weights.min() >= 0.0
    assert fit.weights.max() <= upper
    assert fit.gap <= 1e-10 * float(((A - b[:, None]) ** 2).sum(axis=0).max())
    errors = b - fit.intercept - A @ fit.weights
    assert errors @ errors == pytest.approx(fit.loss, rel=SAME, abs=1e-18)


@pytest.mark.parametrize(("m", "n", "noise"), [(4, 20, 0.0), (12, 20, 0.0), (12, 20, 1.0)])
@pytest.mark.promise("law-donor-order")
def test_the_order_of_columns_does_not_matter_even_where_many_weights_fit(m: int, n: int, noise: float) -> None:
    A, b = random_problem(3, m=m, n=n, noise=noise)
    order = np.random.default_rng(0).permutation(n)
    np.testing.assert_allclose(simplex_least_squares(A[:, order], b), simplex_least_squares(A, b)[order], atol=SAME)


def test_among_perfect_fits_the_weights_of_least_norm_are_taken() -> None:
    A = np.array([[0.0, 2.0, 0.0, 2.0], [0.0, 0.0, 2.0, 2.0]])
    np.testing.assert_allclose(simplex_least_squares(A, np.ones(2)), np.full(4, 0.25), atol=SAME)


def test_two_equal_columns_share_their_weight() -> None:
    A, b = random_problem(5, m=12, n=5)
    alone = simplex_least_squares(A, b)
    twice = simplex_least_squares(np.column_stack([A, A[:, 0]]), b)
    np.testing.assert_allclose(twice[1:5], alone[1:], atol=1e-7)
    np.testing.assert_allclose([twice[0], twice[5]], [alone[0] / 2.0] * 2, atol=1e-7)


def test_a_level_shared_by_all_columns_changes_nothing() -> None:
    A, b = random_problem(8, m=12, n=6)
    shift = 1e6 * np.arange(12.0)
    np.testing.assert_allclose(
        simplex_least_squares(A + shift[:, None], b + shift), simplex_least_squares(A, b), atol=1e-6
    )


def test_an_intercept_takes_up_a_constant_distance() -> None:
    A, b = random_problem(11, m=14, n=5, noise=0.1)
    plain = simplex_fit(A, b, intercept=True)
    moved = simplex_fit(A, b + 50.0, intercept=True)
    np.testing.assert_allclose(moved.weights, plain.weights, atol=SAME)
    assert moved.intercept == pytest.approx(plain.intercept + 50.0, rel=SAME)


def test_a_strong_ridge_gives_equal_weights() -> None:
    A, b = random_problem(2, m=9, n=5)
    np.testing.assert_allclose(simplex_least_squares(A, b, ridge=1e12), np.full(5, 0.2), atol=1e-6)


def test_a_row_of_weight_two_equals_the_row_twice() -> None:
    A, b = random_problem(4, m=7, n=5)
    v = np.array([2.0, 1, 1, 1, 1, 1, 0])
    twice = simplex_least_squares(np.vstack([A[:6], A[:1]]), np.append(b[:6], b[0]))
    np.testing.assert_allclose(simplex_least_squares(A, b, row_weights=v), twice, atol=SAME)


def test_one_donor_takes_all() -> None:
    assert simplex_least_squares(np.ones((3, 1)), np.zeros(3)).tolist() == [1.0]


def test_donors_that_all_fit_exactly_share_equally() -> None:
    fit = simplex_fit(np.ones((3, 4)), np.ones(3))
    assert fit.weights.tolist() == [0.25] * 4
    assert fit.loss == 0.0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"b": np.zeros(2)}, "must be"),
        ({"b": np.array([0.0, np.nan, 0.0])}, "finite"),
        ({"ridge": -1.0}, "finite"),
        ({"upper": 0.2}, "upper must lie between"),
        ({"row_weights": np.zeros(3)}, "row_weights"),
    ],
)
def test_wrong_input_is_refused(changes: dict[str, object], message: str) -> None:
    arguments: dict[str, object] = {"A": np.ones((3, 4)), "b": np.zeros(3)} | changes
    with pytest.raises(ValueError, match=message):
        simplex_fit(**arguments)  # type: ignore[arg-type]


def test_where_all_weights_rest_on_a_bound_the_best_columns_are_full() -> None:
    """Nothing lies beyond the two highest columns, each of which may have half."""
    fit = simplex_fit(np.array([[3.0, 2.0, 1.0, 0.0]]), np.array([10.0]), upper=0.5)
    np.testing.assert_allclose(fit.weights, [0.5, 0.5, 0.0, 0.0], atol=SAME)
    assert fit.loss == pytest.approx(7.5**2, rel=SAME)
