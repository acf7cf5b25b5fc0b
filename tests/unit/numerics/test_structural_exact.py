"""The exact engine against sums over a fine grid of dense matrices, and against the Gibbs sampler."""

from __future__ import annotations

import numpy as np
import pytest

from evalkit.numerics.chain_figures import bulk_ess
from evalkit.numerics.structural import Trend
from evalkit.numerics.structural_design import Column, Prepared, prepare
from evalkit.numerics.structural_exact import Coefficients, Drawn, draw_exact
from evalkit.numerics.structural_gibbs import Plan, draw_gibbs
from evalkit.numerics.structural_paths import draw_expected
from evalkit.vocabulary import FloatArray
from tests.oracle.structural_series import mean_effect

MCSE = 4.0
DRAWS = 8_000


def world(periods: int = 20, fitted: int = 14, regressors: int = 1, seed: int = 0) -> tuple[FloatArray, Prepared]:
    rng = np.random.default_rng(seed)
    columns = np.cumsum(rng.standard_normal((periods, regressors)), axis=0)
    outcome = 5.0 + columns[:, 0] + np.cumsum(0.3 * rng.standard_normal(periods)) + rng.standard_normal(periods)
    used = np.arange(periods) < fitted
    return outcome, prepare(outcome, used, [Column(f"x{j}", column) for j, column in enumerate(columns.T)])


def gaps(outcome: FloatArray, prepared: Prepared, trend: Trend, drawn: Drawn, seed: int = 0) -> FloatArray:
    """(S,) average gap after the fitted periods, without noise."""
    normal = np.random.default_rng(seed).standard_normal((len(drawn), len(outcome) * trend.states))
    expected = draw_expected(prepared.series, trend, drawn, normal)
    after = prepared.series.fitted_periods
    return np.asarray(((outcome - prepared.center) / prepared.unit - expected)[:, after:].mean(axis=1))


def test_the_effect_is_that_of_dense_matrices_summed_over_a_grid() -> None:
    outcome, prepared = world()
    trend = Trend(level_scale=0.3)
    drawn = draw_exact(prepared.series, trend, Coefficients(1.0), size=DRAWS, rng=np.random.default_rng(0))
    found = gaps(outcome, prepared, trend, drawn)
    mean, sd = mean_effect(
        (outcome - prepared.center) / prepared.unit,
        prepared.series.columns[:, 0],
        prepared.series.fitted_periods,
        level_scale=0.3,
        coefficient_scale=1.0,
    )
    assert abs(found.mean() - mean) < MCSE * sd / np.sqrt(DRAWS)
    assert found.std() == pytest.approx(sd, rel=0.05)  # heavy tails: the sd of 8,000 draws strays by 2 %


@pytest.mark.parametrize(
    ("trend", "expected"),
    [
        (Trend(), 1.0),
        pytest.param(Trend(), np.inf, marks=pytest.mark.calibration),
        pytest.param(Trend("local_linear"), np.inf, marks=pytest.mark.calibration),
        pytest.param(Trend("damped", autocorrelated=True), 1.0, marks=pytest.mark.calibration),
    ],
)
def test_gibbs_draws_from_the_same_posterior(trend: Trend, expected: float) -> None:
    outcome, prepared = world(regressors=3)
    prior = Coefficients(1.0, expected)
    exact = draw_exact(prepared.series, trend, prior, size=2_000, rng=np.random.default_rng(0))
    plan = Plan("spike_and_slab", False, draws=500, tune=200, chains=2)
    chained = draw_gibbs(prepared.series, trend, prior, plan, rng=np.random.default_rng(1))
    for first, second in [
        (gaps(outcome, prepared, trend, exact), gaps(outcome, prepared, trend, chained)),
        (exact.beta[:, 0], chained.beta[:, 0]),
        (np.log(exact.sigma), np.log(chained.sigma)),
        (np.log(exact.shape.level), np.log(chained.shape.level)),
        ((exact.prior > 0.0).mean(axis=1), (chained.prior > 0.0).mean(axis=1)),
    ]:
        independent = max(bulk_ess(second.reshape(2, -1)), 1.0) if np.ptp(second) > 0.0 else 1.0
        error = np.hypot(first.std() / np.sqrt(exact.effective_size), second.std() / np.sqrt(independent))
        assert abs(first.mean() - second.mean()) <= MCSE * error


def test_a_regressor_that_matters_is_kept_and_one_that_does_not_is_dropped() -> None:
    rng = np.random.default_rng(3)
    columns = np.cumsum(rng.standard_normal((120, 5)), axis=0)
    outcome = 2.0 * columns[:, 0] + rng.standard_normal(120)
    prepared = prepare(outcome, np.arange(120) < 90, [Column(f"x{j}", column) for j, column in enumerate(columns.T)])
    drawn = draw_exact(prepared.series, Trend(), Coefficients(1.0, 1.0), size=1_000, rng=rng)
    included = (drawn.prior > 0.0).mean(axis=0)
    assert included[0] > 0.99
    assert (included[1:] < 0.35).all()


def test_draws_that_share_a_ratio_share_a_factorization() -> None:
    _, prepared = world()
    drawn = draw_exact(prepared.series, Trend(), Coefficients(), size=500, rng=np.random.default_rng(0))
    assert len(np.unique(drawn.point)) == len(np.unique(drawn.scores)) <= 33
