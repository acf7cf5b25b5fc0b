"""Cross-products, collinearity and inverses on some columns."""

from __future__ import annotations

import numpy as np
import pytest

from evalkit.numerics.blocks import BLOCK_ROWS
from evalkit.numerics.least_squares import cross_products, independent_columns, inverse_on, solve_positive

EXACT = 1e-12


def design(n: int, seed: int = 0) -> np.typing.NDArray[np.float64]:
    x = np.random.default_rng(seed).standard_normal((n, 2))
    return np.column_stack([np.ones(n), x])


def test_cross_products_in_blocks_equal_the_whole() -> None:
    rng = np.random.default_rng(1)
    X, n = design(2 * BLOCK_ROWS + 5), 2 * BLOCK_ROWS + 5
    weight, Y = rng.uniform(0.0, 2.0, n), rng.standard_normal((n, 3))
    gram, moment = cross_products(X, weight, Y)
    np.testing.assert_allclose(gram, X.T @ (weight[:, None] * X), rtol=EXACT, atol=1e-9)
    np.testing.assert_allclose(moment, X.T @ (weight[:, None] * Y), rtol=EXACT, atol=1e-9)


def test_the_later_of_two_collinear_columns_goes() -> None:
    X = design(50)
    X = np.column_stack([X, X[:, 1] - 3.0 * X[:, 2] + 2.0, np.full(50, 7.0), np.zeros(50)])
    assert independent_columns(X.T @ X).tolist() == [True, True, True, False, False, False]


def test_a_nearly_collinear_column_stays() -> None:
    X = design(400)
    X[:, 2] = X[:, 1] + 1e-4 * X[:, 2]
    assert independent_columns(X.T @ X).all()


def test_the_inverse_on_some_columns_gives_their_coefficients() -> None:
    X = design(60)
    y = np.random.default_rng(2).standard_normal(60)
    keep = np.array([True, False, True])
    coefficients = inverse_on(X.T @ X, keep) @ (X.T @ y)
    assert coefficients[1] == 0.0
    np.testing.assert_allclose(coefficients[keep], np.linalg.lstsq(X[:, keep], y, rcond=None)[0], rtol=1e-10)


def test_collinear_columns_cannot_be_inverted() -> None:
    with pytest.raises(np.linalg.LinAlgError):
        inverse_on(np.array([[1.0, 2.0], [2.0, 4.0]]) * 3.0 - np.diag([0.0, 1e-9]), np.array([True, True]))


@pytest.mark.parametrize("columns", [1, 3])
def test_positive_definite_systems_are_solved(columns: int) -> None:
    X = design(30)
    right = np.random.default_rng(4).standard_normal((3, columns))
    found = solve_positive(X.T @ X, right)
    assert found.shape == right.shape
    np.testing.assert_allclose(found, np.linalg.solve(X.T @ X, right), rtol=1e-10)


def test_nothing_is_solved_by_nothing() -> None:
    assert solve_positive(np.empty((0, 0)), np.empty((0, 2))).shape == (0, 2)


@pytest.mark.parametrize("matrix", [np.array([[1.0, 2.0], [2.0, 1.0]]), np.full((2, 2), np.nan)])
def test_what_is_not_positive_definite_is_refused(matrix: np.typing.NDArray[np.float64]) -> None:
    with pytest.raises(np.linalg.LinAlgError):
        solve_positive(matrix, np.ones(2))


def test_a_constant_of_no_weight_is_no_column() -> None:
    assert independent_columns(np.array([[0.0]])).tolist() == [False]
    assert independent_columns(np.array([[3.0]])).tolist() == [True]
