"""Leverage-corrected errors in problems whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from evalkit.inference.leverage import leverage

EXACT = 1e-10


def two_means(first: int, second: int) -> tuple[np.ndarray, np.ndarray]:
    """Grams of two groups of clusters with one observation each."""
    return np.array([np.diag([1.0, 0.0]), np.diag([0.0, 1.0])]), np.array([float(first), float(second)])


@pytest.mark.parametrize(("first", "second"), [(2, 40), (3, 6), (10, 10)])
def test_a_difference_of_two_means_has_the_degrees_of_bell_and_mccaffrey(first: int, second: int) -> None:
    grams, count = two_means(first, second)
    found = leverage(grams, count, "cr2").degrees_of_freedom(np.array([[1.0], [-1.0]]))
    # Imbens and Kolesar (2016), section III: (n1 + n0)^2 (n1 - 1)(n0 - 1) / (n1^2 (n1 - 1) + n0^2 (n0 - 1))
    expected = (first + second) ** 2 * (first - 1) * (second - 1) / (first**2 * (first - 1) + second**2 * (second - 1))
    np.testing.assert_allclose(found, expected, rtol=EXACT)


def test_two_treated_clusters_leave_about_one_degree_of_freedom() -> None:
    grams, count = two_means(2, 48)
    assert leverage(grams, count, "cr2").degrees_of_freedom(np.array([[1.0], [-1.0]]))[0] < 1.2


def test_a_direction_that_rests_on_one_cluster_is_named_and_others_are_not() -> None:
    grams, count = two_means(1, 5)
    found = leverage(grams, count, "cr3").undefined(np.array([[1.0, 0.0, 1.0], [0.0, 1.0, -1.0]]))
    assert found.tolist() == [True, False, True]
    for scale in (0.01, 3.0):  # whatever the unit of the contrast
        assert leverage(grams, count, "cr3").undefined(scale * np.eye(2)).tolist() == [True, False]


def test_the_jackknife_moves_by_what_leaving_out_does() -> None:
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((12, 3)), rng.standard_normal(12)
    code = np.repeat(np.arange(4), 3)
    b = np.linalg.lstsq(X, y, rcond=None)[0]
    grams = np.array([X[code == j].T @ X[code == j] for j in range(4)])
    scores = np.array([X[code == j].T @ (y - X @ b)[code == j] for j in range(4)])
    psi = np.einsum("jq,jqk->jk", scores, leverage(grams, np.ones(4), "cr3").adjusted(np.eye(3)))
    for j in range(4):
        without = np.linalg.lstsq(X[code != j], y[code != j], rcond=None)[0]
        np.testing.assert_allclose(psi[j], b - without, atol=EXACT)
