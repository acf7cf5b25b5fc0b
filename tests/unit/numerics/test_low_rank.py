"""Low-rank fits against the plain oracle, and at their limits."""

from __future__ import annotations

import numpy as np
import pytest

from evalkit.numerics.low_rank import additive, factors_of, fit_low_rank, largest_mu
from evalkit.vocabulary import BoolArray, FloatArray
from tests.oracle import interactive_fixed_effects as oracle

ORACLE = 1e-6  # 3,000 plain steps
TIGHT = 1e-8


def world(seed: int, missing: float = 0.15) -> tuple[FloatArray, BoolArray]:
    rng = np.random.default_rng(seed)
    y = rng.standard_normal((14, 1)) + rng.standard_normal((14, 2)) @ rng.standard_normal((2, 10))
    return y + 0.3 * rng.standard_normal(y.shape), rng.random(y.shape) >= missing


@pytest.mark.parametrize("mu", [0.3, 1.0])
@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.promise("second-interactive-fixed-effects")
def test_the_completed_matrix_is_the_oracles(seed: int, mu: float) -> None:
    y, known = world(seed)
    fit = fit_low_rank(y, known, mu=mu)
    assert fit.settled
    np.testing.assert_allclose(fit.fitted, oracle.completed(y, known, mu), atol=ORACLE)


@pytest.mark.parametrize("rank", [1, 2])
def test_a_fit_of_given_rank_is_the_oracles(rank: int) -> None:
    y, known = world(3, missing=0.1)
    fit = fit_low_rank(y, known, rank=rank)
    np.testing.assert_allclose(fit.fitted, oracle.iterated(y, known, rank), atol=ORACLE)
    assert np.linalg.matrix_rank(fit.low_rank, tol=1e-8) == rank


def test_a_complete_panel_needs_no_iteration_and_gives_orthonormal_factors() -> None:
    y, _ = world(4)
    fit = fit_low_rank(y, np.ones_like(y, dtype=bool), rank=2)
    centred = y - y.mean(axis=1, keepdims=True) - y.mean(axis=0) + y.mean()
    left, single, right = np.linalg.svd(centred)
    np.testing.assert_allclose(fit.low_rank, (left[:, :2] * single[:2]) @ right[:2], atol=TIGHT)
    factors = factors_of(fit.low_rank, 2)
    np.testing.assert_allclose(factors.T @ factors, np.eye(2), atol=TIGHT)


def test_the_largest_penalty_leaves_unit_and_period_effects_alone() -> None:
    y, known = world(5)
    top = largest_mu(y, known)
    np.testing.assert_allclose(fit_low_rank(y, known, mu=top).fitted, additive(y, known), atol=ORACLE)
    assert np.abs(fit_low_rank(y, known, mu=0.9 * top).low_rank).max() > 1e-3


def test_another_start_leads_to_the_same_completed_matrix() -> None:
    y, known = world(6)
    one = fit_low_rank(y, known, mu=0.5)
    two = fit_low_rank(y, known, mu=0.5, start=np.random.default_rng(0).standard_normal(y.shape))
    np.testing.assert_allclose(one.fitted, two.fitted, atol=1e-7)


def test_giving_up_early_is_said() -> None:
    y, known = world(7)
    assert not fit_low_rank(y, known, mu=0.3, most_steps=2).settled


def test_long_and_wide_panels_are_one_and_the_same() -> None:
    y, known = world(8)
    np.testing.assert_allclose(
        fit_low_rank(y, known, mu=0.4).fitted, fit_low_rank(y.T, known.T, mu=0.4).fitted.T, atol=1e-7
    )
