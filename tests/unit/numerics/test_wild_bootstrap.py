"""The closed form over draws against a loop that regresses every bootstrap sample."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import evalkit as ek
from evalkit.numerics.static_two_way import StaticTwoWay, fit_static_two_way
from evalkit.numerics.wild_bootstrap import WildBootstrap, every_sign, wild_bootstrap
from evalkit.testing.simulate import staggered_panel
from evalkit.uncertainty import multipliers
from evalkit.vocabulary import FloatArray

SAME = 1e-9
"""Relative: two exact solutions of one least-squares problem."""


def panel(name: str) -> ek.Panel:
    made = staggered_panel(
        n_units=24, n_periods=6, cohorts={3: 0.2, 5: 0.2}, effect=0.4, seed=9, missing=0.15 if name == "gaps" else 0.0
    )
    rng = np.random.default_rng(3)
    if name == "weights and clusters":
        weight = rng.uniform(0.5, 2.0, made.outcome.shape)
        return dataclasses.replace(made, weight=weight, cluster=np.arange(24, dtype=np.int64) % 9)
    return made


def fitted(made: ek.Panel) -> StaticTwoWay:
    fit = fit_static_two_way(made.outcome, made.treated, made.cluster_codes, weights=made.weight)
    assert fit is not None
    return fit


def slow_t(made: ek.Panel, v: FloatArray, null: float) -> tuple[float, float]:
    """(t*, t) by regressing on unit and period dummies, one sample at a time."""
    rows = np.nonzero(made.observed)
    n, t = made.outcome.shape
    root = np.ones(len(rows[0])) if made.weight is None else np.sqrt(made.weight[rows])
    effects = np.hstack([np.eye(n)[rows[0]], np.eye(t)[rows[1]]])
    d, y, codes = made.treated[rows].astype(float), made.outcome[rows], made.cluster_codes[rows[0]]

    def t_statistic(outcome: FloatArray) -> float:
        x = np.column_stack([d, effects]) * root[:, None]
        coefficient, *_ = np.linalg.lstsq(x, outcome * root, rcond=None)
        residual = outcome * root - x @ coefficient
        bread = np.linalg.pinv(x.T @ x)
        sums = np.stack([x[codes == g].T @ residual[codes == g] for g in np.unique(codes)])
        return float((coefficient[0] - null) / np.sqrt((bread @ sums.T @ sums @ bread)[0, 0]))

    restricted, *_ = np.linalg.lstsq(effects * root[:, None], (y - null * d) * root, rcond=None)
    residual = y - null * d - effects @ restricted
    sample = null * d + effects @ restricted + residual * v[codes]
    return t_statistic(sample), t_statistic(y)


def fast_t(boot: WildBootstrap, null: float) -> FloatArray:
    moved = np.abs(boot.deviation[0] + null * boot.deviation[1])
    result: FloatArray = moved / np.sqrt(boot.squares[0] + null * boot.squares[1] + null**2 * boot.squares[2])
    return result


@pytest.mark.parametrize("name", ["balanced", "gaps", "weights and clusters"])
@pytest.mark.parametrize("null", [0.0, 0.7])
def test_each_draw_is_that_of_a_regression_on_its_bootstrap_sample(name: str, null: float) -> None:
    made, rng = panel(name), np.random.default_rng(6)
    fit = fitted(made)
    draws = multipliers("webb", (12, fit.n_clusters), rng)
    boot = wild_bootstrap(fit, [draws[:5], draws[5:]], exact=False)
    slow = [slow_t(made, v, null) for v in draws]
    expected = np.abs([star for star, _ in slow])
    # slow_t has no small-sample correction, which cancels in p; coefficients are scaled by the squares of d alike
    squares = float((fit.weights * fit.treatment**2).sum())
    assert fast_t(boot, null) * squares == pytest.approx(expected, rel=SAME)
    beyond = int((expected >= abs(slow[0][1])).sum())
    assert boot.p_value(null) == (1 + beyond) / 13


def test_signs_are_all_there_once_up_to_the_mirror_image() -> None:
    signs = np.concatenate(list(every_sign(14)))
    assert signs.shape == (2**13, 14)
    assert len(np.unique(signs, axis=0)) == 2**13
    assert (signs[:, 0] == 1.0).all()
    assert (signs[0] == 1.0).all()


def test_half_the_signs_give_the_p_value_of_all() -> None:
    fit = fitted(panel("weights and clusters"))
    half = np.concatenate(list(every_sign(9)))
    exact = wild_bootstrap(fit, [half], exact=True)
    both = wild_bootstrap(fit, [half, -half], exact=True)
    assert exact.p_value() == both.p_value()
    assert exact.smallest_p == 2.0 / 2**9


def test_the_interval_holds_the_nulls_that_are_not_rejected() -> None:
    fit = fitted(panel("balanced"))
    boot = wild_bootstrap(fit, [multipliers("rademacher", (1_999, 24), np.random.default_rng(1))], exact=False)
    low, high = boot.interval(0.05)
    assert low < fit.coefficient < high
    width = high - low
    for inside, outside in ((low + 1e-6 * width, low - 1e-6 * width), (high - 1e-6 * width, high + 1e-6 * width)):
        assert boot.p_value(inside) > 0.05 >= boot.p_value(outside)
    assert boot.p_value(fit.coefficient) == 1.0


def test_an_interval_without_bound_is_infinite() -> None:
    """Three clusters have four sign pairs: no p-value goes below one in four."""
    made = panel("balanced")
    fit = fitted(dataclasses.replace(made, cluster=np.arange(24, dtype=np.int64) % 3))
    boot = wild_bootstrap(fit, every_sign(3), exact=True)
    assert boot.smallest_p == 0.25
    assert boot.interval(0.05) == (-np.inf, np.inf)


def test_shifting_the_outcome_by_the_treatment_shifts_the_interval() -> None:
    made = panel("balanced")
    moved = dataclasses.replace(made, outcome=made.outcome + 5.0 * made.treated)
    draws = multipliers("rademacher", (999, 24), np.random.default_rng(1))
    first, second = (wild_bootstrap(fitted(p), [draws], exact=False) for p in (made, moved))
    assert second.interval(0.1) == pytest.approx(np.array(first.interval(0.1)) + 5.0, rel=1e-7)
    assert second.p_value(5.0) == first.p_value(0.0)


def test_draws_that_follow_every_null_reject_none() -> None:
    """Each bootstrap deviation is the null itself, as far out as the estimate of 0 is from it."""
    nothing, ones = np.zeros(99), np.ones(99)
    boot = WildBootstrap(0.0, 1.0, 1.0, np.stack([nothing, ones]), np.stack([ones, nothing, nothing]), exact=False)
    assert (boot.smallest_p, boot.p_value(1e6)) == (0.01, 1.0)
    assert boot.interval(0.05) == (-np.inf, np.inf)
