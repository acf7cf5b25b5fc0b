from __future__ import annotations

import numpy as np
import pytest

from evalkit.numerics.effect_pooling import move_to, pool

SIZE = 40_000


def test_a_spread_near_zero_gives_every_unit_the_weighted_mean() -> None:
    drawn = pool(np.array([1.0, 3.0]), np.array([1.0, 0.25]), 1e-6, SIZE, np.random.default_rng(0))
    weighted = (1.0 + 3.0 * 4.0) / 5.0
    np.testing.assert_allclose(drawn.effects.mean(axis=0), weighted, atol=4.0 * np.sqrt(0.2 / SIZE))
    assert drawn.mean.var() == pytest.approx(0.2, rel=0.05)


def test_a_very_large_spread_leaves_units_alone() -> None:
    drawn = pool(np.array([1.0, 30.0, -20.0]), np.array([1.0, 1.0, 1.0]), 1e6, SIZE, np.random.default_rng(0))
    np.testing.assert_allclose(drawn.effects.mean(axis=0), [1.0, 30.0, -20.0], atol=0.1)
    np.testing.assert_allclose(drawn.effects.std(axis=0), 1.0, rtol=0.03)


def test_tau_follows_its_marginal_posterior() -> None:
    """By quadrature over tau on another grid: density times the likelihood with mu integrated out."""
    d, v = np.array([0.0, 2.0, 5.0]), np.array([1.0, 2.0, 0.5])
    tau = np.linspace(1e-4, 200.0, 400_000)
    total = v[:, None] + tau**2
    information = (1.0 / total).sum(axis=0)
    centre = (d[:, None] / total).sum(axis=0) / information
    log = -0.5 * (np.log(total).sum(axis=0) + np.log(information) + ((d[:, None] - centre) ** 2 / total).sum(axis=0))
    density = np.exp(log) / (1.0 + (tau / 2.0) ** 2)
    expected = (density * (tau < 2.0)).sum() / density.sum()
    drawn = pool(d, v, 2.0, SIZE, np.random.default_rng(0))
    assert (drawn.spread < 2.0).mean() == pytest.approx(expected, abs=0.012)


def test_paths_move_with_their_mean_and_keep_what_is_independent_of_it() -> None:
    rng = np.random.default_rng(0)
    paths = rng.standard_normal((SIZE, 3)) * np.array([1.0, 2.0, 0.5])
    over = np.full(3, 1.0 / 3.0)
    target = 4.0 + 0.1 * rng.standard_normal(SIZE)
    moved = move_to(paths, over, target)
    np.testing.assert_allclose(moved @ over, target, atol=1e-9)
    shift = moved.mean(axis=0) / 4.0
    np.testing.assert_allclose(shift, 3.0 * np.array([1.0, 4.0, 0.25]) / 5.25, atol=0.05)
