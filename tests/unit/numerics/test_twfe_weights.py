"""Weights of effects in the two-way coefficient, against brute force, and their corollary against an optimizer."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize

from evalkit.numerics.static_two_way import fit_static_two_way
from evalkit.numerics.twfe_weights import CellWeights, cell_weights, spread_for_opposite, spread_for_zero
from evalkit.vocabulary import BoolArray, FloatArray

EXACT = 1e-9
SOLVED = 1e-4
"""Relative; what the optimizer leaves."""
START = np.repeat([2, 4, 6, 99], [5, 4, 3, 2])


def world(seed: int, *, holes: bool) -> tuple[FloatArray, BoolArray, FloatArray]:
    rng = np.random.default_rng(seed)
    treated = START[:, None] <= np.arange(9)[None, :]
    weights = rng.uniform(0.5, 2.0, treated.shape)
    if holes:
        weights[rng.random(treated.shape) < 0.15] = 0.0
    return rng.standard_normal(treated.shape), treated, weights


def brute_force(treated: BoolArray, weights: FloatArray) -> FloatArray:
    """Residuals of treatment on a dummy for each unit and period, by least squares."""
    n, t = treated.shape
    unit, period = np.kron(np.eye(n), np.ones((t, 1))), np.kron(np.ones((n, 1)), np.eye(t))
    design, root = np.hstack([unit, period]), np.sqrt(weights.ravel())
    d = treated.astype(float).ravel()
    coefficient = np.linalg.lstsq(design * root[:, None], d * root, rcond=None)[0]
    residual: FloatArray = (d - design @ coefficient).reshape(n, t)
    return residual


@pytest.mark.parametrize("holes", [False, True])
def test_weights_are_those_of_the_residual_regression(holes: bool) -> None:
    _, treated, weights = world(1, holes=holes)
    fit = fit_static_two_way(np.zeros(treated.shape), treated, np.arange(len(START)), weights=weights)
    assert fit is not None
    cohort = np.unique(START, return_inverse=True)[1]
    made = cell_weights(fit.treatment, fit.weights, treated & (fit.weights > 0), cohort)
    residual = brute_force(treated, weights)
    total = (weights * residual)[treated].sum()
    starts = np.unique(START)
    for group, column, share, weight in zip(made.cohort, made.column, made.share, made.weight, strict=True):
        members = starts[group] == START
        assert weight == pytest.approx((weights * residual)[members, column].sum() / total, abs=EXACT)
        assert share == pytest.approx(weights[members, column].sum() / weights[treated].sum(), abs=EXACT)
    assert made.weight.sum() == pytest.approx(1.0, abs=EXACT)
    assert made.share.sum() == pytest.approx(1.0, abs=EXACT)


@pytest.mark.parametrize("holes", [False, True])
def test_the_coefficient_is_the_weighted_sum_of_effects_where_trends_are_parallel(holes: bool) -> None:
    rng = np.random.default_rng(2)
    _, treated, weights = world(2, holes=holes)
    effects = rng.standard_normal((4, 9))
    cohort = np.unique(START, return_inverse=True)[1]
    outcome = rng.standard_normal((len(START), 1)) + rng.standard_normal(9) + effects[cohort] * treated
    fit = fit_static_two_way(outcome, treated, np.arange(len(START)), weights=weights)
    assert fit is not None
    made = cell_weights(fit.treatment, fit.weights, treated & (fit.weights > 0), cohort)
    assert made.weight @ effects[made.cohort, made.column] == pytest.approx(fit.coefficient, abs=EXACT)


def least_spread(coefficient: float, cells: CellWeights, *, opposite: bool) -> float:
    """The least standard deviation of effects with that coefficient whose average is 0, or that are all of one sign."""

    def variance(effects: FloatArray) -> float:
        return float(cells.share @ (effects - cells.share @ effects) ** 2)

    rows = cells.weight[None] if opposite else np.stack([cells.weight, cells.share])
    sums = [coefficient] if opposite else [coefficient, 0.0]
    equal = optimize.LinearConstraint(rows, sums, sums)
    bounds = optimize.Bounds(-np.inf, 0.0 if opposite else np.inf)
    start = (
        coefficient * np.where(opposite, np.minimum(cells.weight, 0.0), cells.weight) / (cells.weight @ cells.weight)
    )
    found = optimize.minimize(
        variance, start, constraints=equal, bounds=bounds, method="SLSQP", options={"maxiter": 2000, "ftol": 1e-14}
    )
    return float(np.sqrt(found.fun))


def test_the_spreads_are_the_least_that_an_optimizer_finds() -> None:
    rng = np.random.default_rng(3)
    for _ in range(5):
        share = rng.dirichlet(np.full(6, 5.0))
        weight = share * rng.normal(1.0, 1.5, 6)
        weight /= weight.sum()
        cells = CellWeights(np.zeros(6, np.int64), np.arange(6, dtype=np.int64), share, weight)
        assert spread_for_zero(0.7, cells) == pytest.approx(least_spread(0.7, cells, opposite=False), rel=SOLVED)
        if (weight < 0).any():
            assert spread_for_opposite(0.7, cells) == pytest.approx(least_spread(0.7, cells, opposite=True), rel=SOLVED)


def test_without_negative_weights_no_spread_turns_all_signs() -> None:
    cells = CellWeights(np.zeros(2, np.int64), np.arange(2, dtype=np.int64), np.array([0.5, 0.5]), np.array([0.4, 0.6]))
    assert spread_for_opposite(1.0, cells) == np.inf
    assert np.isfinite(spread_for_zero(1.0, cells))


def test_weights_like_those_of_the_plain_average_cannot_mislead() -> None:
    half = np.array([0.5, 0.5])
    assert spread_for_zero(1.0, CellWeights(np.zeros(2, np.int64), np.arange(2, dtype=np.int64), half, half)) == np.inf
