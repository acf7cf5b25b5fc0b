"""Multipliers: their law, and sums of influence functions times them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from evalkit.uncertainty import (
    DOUBLE_UP_TO,
    MULTIPLIER_BLOCK,
    Bootstrap,
    Multiplier,
    Sampling,
    multiplied,
    multipliers,
    signs,
)
from evalkit.vocabulary import FloatArray, IntArray

SINGLE = 1e-5
"""Relative to a standard error: single precision has 6e-8, and rounding errors of a block add up."""


@pytest.mark.parametrize("kind", ["gaussian", "rademacher", "mammen", "webb"])
def test_multipliers_have_mean_0_and_variance_1(kind: Multiplier) -> None:
    drawn = multipliers(kind, (400, 500), np.random.default_rng(0))
    assert drawn.dtype == np.float64
    assert abs(drawn.mean()) < 5.0 / np.sqrt(drawn.size)
    assert drawn.var() == pytest.approx(1.0, abs=0.02)


def test_signs_are_independent_over_draws_and_clusters() -> None:
    drawn = signs((300, 411), np.random.default_rng(1)).astype(np.float64)
    assert np.unique(drawn).tolist() == [-1.0, 1.0]
    of_clusters = drawn.T @ drawn / 300 - np.eye(411)
    of_draws = drawn @ drawn.T / 411 - np.eye(300)
    # 84,255 and 44,850 correlations: the largest of so many normals stays below 5.5 standard errors
    assert np.abs(of_clusters).max() < 5.5 / np.sqrt(300)
    assert np.abs(of_draws).max() < 5.5 / np.sqrt(411)


def sampling(n: int, unit: float = 1.0) -> tuple[FloatArray, Sampling]:
    psi = unit * np.random.default_rng(2).standard_normal((n, 3)) / n
    psi[: n // 2, 2] = 0.0

    def blocks() -> Iterator[tuple[IntArray, FloatArray]]:
        yield np.array([0, 1]), psi[: n // 2, :2]
        yield np.array([0, 1, 2]), psi[n // 2 :]

    return psi, Sampling(psi.T @ psi, n, lambda: psi, influence_blocks=blocks)


@pytest.mark.parametrize("columns", [1, 5])
def test_sums_over_blocks_are_the_product_with_the_multipliers(columns: int) -> None:
    psi, made = sampling(MULTIPLIER_BLOCK)
    gradient = np.random.default_rng(3).standard_normal((3, columns))
    found = multiplied(made, gradient, Bootstrap("webb", 99), seed=4)
    rng = np.random.default_rng(4)
    half = len(psi) // 2
    drawn = np.hstack([multipliers("webb", (99, half), rng), multipliers("webb", (99, half), rng)])
    np.testing.assert_allclose(found, drawn @ psi @ gradient, atol=1e-12)


@pytest.mark.parametrize("unit", [1.0, 1e-60, 1e60])
def test_signs_of_many_clusters_are_summed_in_single_precision_whatever_the_unit(unit: float) -> None:
    psi, made = sampling(DOUBLE_UP_TO + 100, unit)
    gradient = np.array([[1.0, 0.5], [0.0, 0.5], [0.0, 0.0]])
    found = multiplied(made, gradient, Bootstrap("rademacher", 99), seed=5)
    rng, half, drawn = np.random.default_rng(5), len(psi) // 2, []
    for part in (half, len(psi) - half):
        sizes = [min(MULTIPLIER_BLOCK, part - start) for start in range(0, part, MULTIPLIER_BLOCK)]
        drawn += [signs((99, size), rng) for size in sizes]
    exact = np.hstack(drawn).astype(np.float64) @ psi @ gradient
    error = np.sqrt(np.diag(gradient.T @ made.covariance @ gradient))
    np.testing.assert_allclose(found / error, exact / error, atol=SINGLE)


def test_without_influence_functions_there_is_nothing_to_draw() -> None:
    with pytest.raises(ValueError, match="influence"):
        multiplied(Sampling(np.eye(2), 10), np.eye(2), Bootstrap("rademacher", 99), seed=0)
