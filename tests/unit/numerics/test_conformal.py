"""Conformal p-values by hand, and intervals against a grid."""

from __future__ import annotations

import numpy as np
import pytest

from evalkit.numerics.conformal import conformal_interval, conformal_p
from evalkit.vocabulary import FloatArray

POST = np.arange(20) >= 18


def errors() -> FloatArray:
    return np.random.default_rng(5).normal(size=20)


def residuals(effect: float) -> FloatArray:
    """A known fit: only the effect that is taken off changes."""
    return errors() + (2.0 - effect) * POST


def test_the_p_value_counts_cyclic_shifts() -> None:
    u = np.array([1.0, -2.0, 0.5, 3.0, -1.0])
    post = np.array([False, False, False, True, True])
    sums = [abs(u[(np.arange(3, 5) - shift) % 5].sum()) for shift in range(5)]
    assert conformal_p(u, post) == pytest.approx(np.mean([value >= sums[0] for value in sums]))


def test_the_interval_holds_what_a_grid_holds() -> None:
    found = conformal_interval(residuals, POST, level=0.8, centre=2.0, width=0.5)
    assert found is not None
    grid = np.linspace(-6.0, 10.0, 4_001)
    kept = [effect for effect in grid if conformal_p(residuals(float(effect)), POST) > 0.2]
    assert found == pytest.approx((min(kept), max(kept)), abs=0.01)


def test_too_few_periods_give_no_interval() -> None:
    assert conformal_interval(residuals, POST, level=0.96, centre=2.0, width=0.5) is None


def test_a_fit_that_absorbs_any_effect_gives_no_interval() -> None:
    assert conformal_interval(lambda effect: errors(), POST, level=0.8, centre=0.0, width=1.0) is None


def test_periods_that_stand_out_whatever_the_effect_leave_no_effect() -> None:
    """The residuals after the start are the largest under every effect: each is rejected."""
    assert conformal_interval(lambda effect: errors() + 100.0 * POST, POST, level=0.8, centre=0.0, width=1.0) is None
