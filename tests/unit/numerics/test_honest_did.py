"""Robust confidence sets under relative magnitudes, against linear programmes and in repeated samples."""

from __future__ import annotations

import numpy as np
import pytest

from evalkit.numerics.honest_did import (
    accepted,
    breakdown,
    least_favourable,
    polyhedra,
    robust_interval,
    steps_before,
    truncated_tail,
)
from evalkit.vocabulary import FloatArray
from tests.oracle import honest_did as oracle

ALPHA = 0.05
SOLVER = 1e-7  # HiGHS's feasibility tolerance
DRAWS = 200_000
MONTE_CARLO = 0.03  # four standard errors of the 0.995 quantile of 200,000 draws, in units of its size
SAMPLES = 1_000
COVERAGE_ERROR = 3.0 * np.sqrt(ALPHA * (1.0 - ALPHA) / SAMPLES)
CASES = [
    (2, np.array([1.0])),
    (3, np.array([1.0, 0.0])),
    (2, np.array([0.5, 0.5])),
    (2, np.array([0.2, 0.5, 0.3])),
    (3, np.array([0.0, 0.5, 0.5])),
    (2, np.array([1.0, -2.0, 0.5])),
]


def event_study(n_pre: int, n_post: int, seed: int) -> tuple[FloatArray, FloatArray]:
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(n_pre + n_post, n_pre + n_post))
    covariance = 0.2 * root @ root.T + np.eye(n_pre + n_post)
    return rng.multivariate_normal(np.zeros(n_pre + n_post), covariance), covariance


@pytest.mark.parametrize(("n_pre", "target"), CASES)
@pytest.mark.parametrize("m_bar", [0.4, 1.5])
def test_the_closed_form_gives_the_value_of_the_linear_programme(n_pre: int, target: FloatArray, m_bar: float) -> None:
    effects, covariance = event_study(n_pre, len(target), seed=1)
    sets = polyhedra(effects, covariance, n_pre, target, m_bar)
    for theta in (-3.0, 0.0, 4.0):
        ours = (np.einsum("cjx,cx->cj", sets.vertices, sets.point) - sets.on_theta * theta).max(axis=1)
        for c in range(2 * n_pre):
            found = oracle.moments(effects, covariance, n_pre, target, m_bar, c % n_pre, 1.0 if c < n_pre else -1.0)
            assert ours[c] == pytest.approx(oracle.largest(found, found.y - found.theta * theta)[0], abs=SOLVER)


@pytest.mark.parametrize(("n_pre", "target"), CASES)
def test_every_theta_is_judged_as_the_test_by_linear_programmes_judges_it(n_pre: int, target: FloatArray) -> None:
    effects, covariance = event_study(n_pre, len(target), seed=2)
    m_bar = 0.8
    sets = polyhedra(effects, covariance, n_pre, target, m_bar)
    critical = least_favourable(sets, ALPHA)
    low, high = robust_interval(effects, covariance, n_pre, target, m_bar, ALPHA)
    span = high - low
    # two points just either side of each end, and a few further out and in
    grid = np.array([low - 0.3 * span, low - 1e-3 * span, low + 1e-3 * span, (low + high) / 2, high - 1e-3 * span,
                     high + 1e-3 * span, high + 0.3 * span])  # fmt: skip
    ours = accepted(sets, grid, critical, ALPHA)
    assert list(ours[[0, 1, 2, 4, 5, 6]]) == [False, False, True, True, False, False]
    for theta, kept in zip(grid, ours, strict=True):
        rejected = [
            oracle.rejects(
                oracle.moments(effects, covariance, n_pre, target, m_bar, c % n_pre, 1.0 if c < n_pre else -1.0),
                float(theta), float(critical[c]), ALPHA,
            )
            for c in range(2 * n_pre)
        ]  # fmt: skip
        assert kept == (not all(rejected)), theta


def test_the_least_favourable_value_is_the_quantile_of_simulated_moments() -> None:
    n_pre, target, m_bar = 2, np.array([0.2, 0.5, 0.3]), 1.2
    effects, covariance = event_study(n_pre, 3, seed=3)
    critical = least_favourable(polyhedra(effects, covariance, n_pre, target, m_bar), ALPHA)
    rng = np.random.default_rng(4)
    for c in range(2 * n_pre):
        found = oracle.moments(effects, covariance, n_pre, target, m_bar, c % n_pre, 1.0 if c < n_pre else -1.0)
        corners = oracle.vertices(found)
        law = corners @ found.covariance @ corners.T
        values, vectors = np.linalg.eigh(law)
        draws = rng.standard_normal((DRAWS, len(law))) @ (vectors * np.sqrt(np.clip(values, 0.0, None))).T
        assert critical[c] == pytest.approx(np.quantile(draws.max(axis=1), 1.0 - ALPHA / 10.0), rel=MONTE_CARLO)


@pytest.mark.parametrize("target", [np.array([1.0, 0.0]), np.array([0.5, 0.5])])
def test_the_true_effect_is_covered_at_the_edge_of_the_restriction(target: FloatArray) -> None:
    # one large step before the start; after it every step is as large as allowed, in the worst direction
    delta = np.array([-40.0, -40.0, 40.0, 80.0])
    _, covariance = event_study(2, 2, seed=5)
    truth = delta + np.array([0.0, 0.0, 1.0, 1.0])
    rng = np.random.default_rng(6)
    covered = 0
    for effects in rng.multivariate_normal(truth, covariance, size=SAMPLES):
        sets = polyhedra(effects, covariance, 2, target, m_bar=1.0)
        covered += int(accepted(sets, np.array([1.0]), least_favourable(sets, ALPHA), ALPHA)[0])
    assert covered / SAMPLES >= 1.0 - ALPHA - COVERAGE_ERROR
    # one step dominates, so the union over polyhedra costs nothing and the set is not conservative either
    assert covered / SAMPLES <= 1.0 - ALPHA + COVERAGE_ERROR


def test_intervals_widen_with_m_bar_and_turn_with_the_sign_of_the_effects() -> None:
    effects, covariance = event_study(3, 3, seed=7)
    target = np.full(3, 1.0 / 3.0)
    before = robust_interval(effects, covariance, 3, target, 0.0)
    for m_bar in (0.25, 0.5, 1.0, 2.0):
        low, high = robust_interval(effects, covariance, 3, target, m_bar)
        assert low < before[0] < before[1] < high
        turned = robust_interval(-effects, covariance, 3, target, m_bar)
        np.testing.assert_allclose(turned, (-high, -low), rtol=1e-4)
        before = (low, high)


def test_intervals_scale_with_the_unit_of_the_outcome() -> None:
    effects, covariance = event_study(2, 2, seed=8)
    target = np.array([0.5, 0.5])
    plain = robust_interval(effects, covariance, 2, target, 0.7)
    small = robust_interval(1e-6 * effects, 1e-12 * covariance, 2, target, 0.7)
    np.testing.assert_allclose(np.array(small) * 1e6, plain, rtol=1e-6)


def test_the_breakdown_value_is_where_the_interval_reaches_zero() -> None:
    covariance = 0.01 * np.eye(4)
    effects, target = np.array([0.1, -0.1, 1.0, 1.2]), np.array([0.5, 0.5])
    value = breakdown(effects, covariance, 2, target)
    assert robust_interval(effects, covariance, 2, target, value)[0] <= 0.0
    assert robust_interval(effects, covariance, 2, target, value - 0.01)[0] > 0.0
    assert breakdown(0.01 * effects, covariance, 2, target) == 0.0
    assert breakdown(1000.0 * effects * np.array([0, 0, 1, 1]), covariance, 2, target) == 16.0


def test_a_tail_far_out_keeps_its_digits() -> None:
    far = truncated_tail(np.array(20.1), np.array(20.0), np.array(np.inf))
    # P(Z > x + a | Z > x) tends to exp(-a x - a^2 / 2) times x / (x + a)
    assert float(far) == pytest.approx(np.exp(-0.1 * 20.0 - 0.005) * 20.0 / 20.1, rel=1e-4)
    assert float(truncated_tail(np.array(1.0), np.array(0.0), np.array(1.0))) == 0.0


def test_steps_start_at_the_earliest_period_and_end_at_the_reference() -> None:
    np.testing.assert_array_equal(steps_before(2, 3)[2:], [[1.0, -1.0, 0.0], [0.0, 1.0, 0.0]])


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        polyhedra(np.zeros(3), np.eye(3), 1, np.array([1.0]), 1.0)
    with pytest.raises(ValueError, match="no variance"):
        polyhedra(np.zeros(2), np.zeros((2, 2)), 1, np.array([1.0]), 0.0)
