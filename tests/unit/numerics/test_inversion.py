"""Bounds solved from polynomials against a search over a grid, and the cases without a bound."""

from __future__ import annotations

import numpy as np
import pytest

from evalkit.numerics.inversion import Family

GRID = 40_001
EDGE = 1e-6
"""Relative distance by which a point is moved off a bound to see which side it is on."""


def family(seed: int, *, studentized: bool, count: int = 60) -> Family:
    """Random statistics; the observed assignment recovers a constant effect, the others less of it."""
    rng = np.random.default_rng(seed)
    shift, slope = rng.normal(0.0, 1.5, count), rng.uniform(-0.6, 0.6, count)
    shift[0], slope[0] = 0.3, -1.0
    root = rng.normal(0.0, 0.4, count)
    base = rng.uniform(0.4, 2.0, count)
    variance = np.stack([base + root**2, 2.0 * root * slope, slope**2], axis=1)
    variance[0] = base[0], 0.0, 0.0
    return Family(shift, slope, variance if studentized else None, True)


def brute(made: Family, low: float, high: float, alpha: float) -> tuple[float, float]:
    """First and last point of a fine grid with a p-value above alpha."""
    grid = np.linspace(low, high, GRID)
    kept = grid[[made.p_value(point) > alpha for point in grid]]
    return float(kept[0]), float(kept[-1])


@pytest.mark.parametrize("studentized", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_exact_bounds_are_those_of_a_fine_grid(seed: int, studentized: bool) -> None:
    made = family(seed, studentized=studentized)
    low, high = made.interval(0.05)
    step = 4.0 * (high - low) / (GRID - 1)
    found = brute(made, low - 1.5 * (high - low), high + 1.5 * (high - low), 0.05)
    assert found == pytest.approx((low, high), abs=step)


@pytest.mark.parametrize("studentized", [False, True])
@pytest.mark.parametrize("alpha", [0.05, 0.1, 0.3])
def test_the_p_value_crosses_alpha_at_the_bounds(studentized: bool, alpha: float) -> None:
    made = family(7, studentized=studentized)
    low, high = made.interval(alpha)
    size = EDGE * max(abs(low), abs(high))
    assert min(made.p_value(low + size), made.p_value(high - size)) > alpha
    assert max(made.p_value(low - size), made.p_value(high + size)) <= alpha


def test_a_share_of_exactly_alpha_rejects() -> None:
    shift = np.array([10.0, *np.linspace(-1.0, 1.0, 19)])
    slope = np.array([-1.0, *np.zeros(19)])
    made = Family(shift, slope, None, True)
    assert made.p_value(0.0) == 0.05
    assert made.interval(1.0 - 0.95) == pytest.approx((9.0, 11.0))


def test_mirrored_assignments_leave_the_smallest_p_at_two_shares() -> None:
    shift = np.array([2.0, -2.0, 0.3, -0.3])
    slope = np.array([-1.0, 1.0, 1 / 3, -1 / 3])
    made = Family(shift, slope, None, True)
    assert made.smallest_p == 0.5
    assert made.interval(0.4) == (-np.inf, np.inf)


def test_an_assignment_without_an_estimate_counts_as_at_least_as_far() -> None:
    made = family(1, studentized=True)
    shift, slope = made.shift.copy(), made.slope.copy()
    shift[5] = slope[5] = np.nan
    holed = Family(shift, slope, made.variance, True)
    assert holed.p_value(1e6) == pytest.approx(2 / 60)
    assert holed.smallest_p == pytest.approx(2 / 60)


def test_the_interval_does_not_depend_on_the_unit_of_the_effect() -> None:
    made = family(3, studentized=True)
    assert made.variance is not None
    scaled = Family(made.shift, made.slope * 1e4, made.variance * np.array([1.0, 1e4, 1e8]), True)
    assert np.array(scaled.interval(0.05)) * 1e4 == pytest.approx(made.interval(0.05), rel=1e-7)


def test_one_assignment_rejects_nothing_below_the_level_of_certainty() -> None:
    alone = Family(np.array([2.0]), np.array([-1.0]), None, True)
    assert alone.p_value(5.0) == alone.smallest_p == 1.0
    assert alone.interval(0.05) == (-np.inf, np.inf)
    assert np.isnan(alone.interval(1.0)).all(), "a p-value of 1 is not above 1"


def test_no_effect_has_a_p_value_above_one() -> None:
    made = family(2, studentized=False)
    assert np.isnan(made.interval(1.0)).all()


def test_bounds_count_an_assignment_without_an_estimate_as_far_out() -> None:
    made = family(1, studentized=True)
    shift, slope = made.shift.copy(), made.slope.copy()
    shift[5] = slope[5] = np.nan
    holed = Family(shift, slope, made.variance, True)
    low, high = holed.interval(0.1)
    size = EDGE * max(abs(low), abs(high))
    assert min(holed.p_value(low + size), holed.p_value(high - size)) > 0.1
    assert max(holed.p_value(low - size), holed.p_value(high + size)) <= 0.1
