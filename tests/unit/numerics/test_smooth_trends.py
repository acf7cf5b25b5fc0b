"""Shortest fixed-length intervals under smooth differences in trends, against brute force and in simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from evalkit.numerics.smooth_trends import (
    Problem,
    folded_quantile,
    largest_change,
    problem,
    shortest,
    smooth_breakdown,
    smooth_interval,
)
from evalkit.vocabulary import FloatArray
from tests.oracle.smooth_trends import half_length, largest_bias, shortest_half_length

ALPHA = 0.05
EXACT = 1e-8
SEARCHED = 1e-6
"""Relative; what the linear programme and the simplex search of the oracle leave."""


def world(seed: int, n_pre: int, n_post: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    rng = np.random.default_rng(seed)
    size = n_pre + n_post
    root = rng.standard_normal((size, size)) + np.eye(size)
    return rng.standard_normal(size), root @ root.T / size, rng.dirichlet(np.ones(n_post))


def made(seed: int, n_pre: int, n_post: int) -> Problem:
    effects, covariance, target = world(seed, n_pre, n_post)
    return problem(effects, covariance, n_pre, target)


@pytest.mark.parametrize(("n_pre", "n_post"), [(1, 1), (2, 1), (3, 2)])
@pytest.mark.parametrize("m", [0.0, 0.1, 1.0])
def test_no_search_finds_a_shorter_interval(n_pre: int, n_post: int, m: float) -> None:
    effects, covariance, target = world(7, n_pre, n_post)
    weights, half = shortest(problem(effects, covariance, n_pre, target), m, ALPHA)
    assert half == pytest.approx(half_length(weights, covariance, n_pre, m, ALPHA), rel=EXACT)
    if n_pre > 1:
        searched = shortest_half_length(covariance, n_pre, target, m, ALPHA)
        assert half <= searched * (1.0 + SEARCHED)
        assert half == pytest.approx(searched, rel=SEARCHED)


def test_the_bias_in_closed_form_is_that_of_the_linear_programme() -> None:
    effects, covariance, target = world(3, 4, 3)
    given = problem(effects, covariance, 4, target)
    for seed in range(5):
        w = np.random.default_rng(seed).standard_normal(3)
        bias = 0.7 * (given.fixed_bias + np.abs(w).sum())
        assert bias == pytest.approx(largest_bias(given.fixed + given.moving @ w, 4, 0.7), rel=EXACT)


def test_weights_that_leave_a_line_have_no_finite_bias() -> None:
    assert largest_bias(np.array([0.0, 0.0, 1.0]), 2, 0.1) == np.inf


def test_the_solver_is_at_a_minimum_where_weights_of_many_periods_are_free() -> None:
    given = made(5, 12, 6)
    rng = np.random.default_rng(1)
    for m in (0.01, 0.2):
        weights, half = shortest(given, m, ALPHA)
        w = np.linalg.lstsq(given.moving, weights - given.fixed, rcond=None)[0]
        for _ in range(200):
            other = w + rng.standard_normal(w.size) * 10.0 ** rng.uniform(-6, 0)
            bias = m * (given.fixed_bias + float(np.abs(other).sum()))
            s = float(np.linalg.norm(given.root @ (given.fixed + given.moving @ other)))
            assert half <= s * folded_quantile(bias / s, ALPHA) * (1.0 + EXACT)


@pytest.mark.parametrize("t", [0.0, 0.3, 2.0, 40.0])
def test_the_critical_value_is_that_of_the_folded_normal(t: float) -> None:
    expected = np.sqrt(stats.ncx2.isf(ALPHA, 1, t**2)) if t else stats.norm.isf(ALPHA / 2)
    assert folded_quantile(t, ALPHA) == pytest.approx(expected, rel=1e-7)


def test_coverage_holds_at_the_worst_difference_in_trends_and_for_any_line() -> None:
    n_pre, n_post, m = 3, 2, 0.3
    _, covariance, target = world(11, n_pre, n_post)
    given = problem(np.zeros(n_pre + n_post), covariance, n_pre, target)
    weights, half = shortest(given, m, ALPHA)
    event_time = np.delete(np.arange(-n_pre, n_post + 1), n_pre).astype(float)
    rng = np.random.default_rng(0)
    draws = rng.multivariate_normal(np.zeros(n_pre + n_post), covariance, 40_000) @ weights
    bias = largest_bias(weights, n_pre, m)
    for trend in (bias, float(weights @ event_time) * 5.0):
        covered = (np.abs(draws + trend) <= half).mean()
        assert covered >= 1.0 - ALPHA - 0.004  # four Monte Carlo errors of 40,000 draws


def test_intervals_widen_with_m_and_the_breakdown_value_is_where_they_reach_zero() -> None:
    effects, covariance, target = world(2, 3, 2)
    effects[3:] += 8.0
    given = problem(effects, covariance / 20.0, 3, target)
    widths = [high - low for low, high in (smooth_interval(given, m) for m in (0.0, 0.5, 1.0, 2.0))]
    assert widths == sorted(widths)
    value = smooth_breakdown(given, ALPHA, most=100.0, tolerance=0.01)
    assert 0.0 < value < 100.0
    assert smooth_interval(given, value - 0.011)[0] > 0.0
    assert smooth_interval(given, value)[0] <= 0.0
    assert smooth_breakdown(given, ALPHA, most=value / 4.0, tolerance=0.01) == value / 4.0


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="fit together"):
        problem(np.zeros(3), np.eye(3), 3, np.array([1.0]))
    with pytest.raises(ValueError, match="variance"):
        problem(np.zeros(2), np.diag([1.0, 0.0]), 1, np.array([1.0]))


def test_no_bend_can_be_seen_with_one_period_before_the_reference() -> None:
    assert largest_change(np.array([2.0, 5.0]), 1) == 0.0
    assert largest_change(np.array([3.0, 2.0, 1.0, 9.0]), 3) == 0.0
