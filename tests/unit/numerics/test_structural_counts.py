"""The engine for counts: its densities, its mode, and a Gaussian limit."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from evalkit.numerics.structural import Trend
from evalkit.numerics.structural_counts import (
    CountFamily,
    Counts,
    derivatives,
    draw_counts,
    first_index,
    log_likelihood,
)
from evalkit.numerics.structural_design import prepare
from evalkit.vocabulary import FloatArray

SAME = 1e-8
STEP = 1e-5  # of the numerical derivative, whose own error is about STEP^2
MCSE = 4.0


def series(count: FloatArray, fitted: int) -> Counts:
    start = first_index(count, np.ones(len(count)))
    prepared = prepare(start, np.arange(len(count)) < fitted, [])
    used = prepared.series.used > 0.0
    outcome = np.where(used, start - prepared.center, 0.0)
    scaled = type(prepared.series)(outcome, prepared.series.used, prepared.series.columns, prepared.series.fixed)
    return Counts(scaled, np.where(used, count, 0.0), np.full(len(count), prepared.center), prepared.unit)


@pytest.mark.parametrize("dispersion", [0.0, 0.4])
def test_log_probabilities_and_their_derivatives(dispersion: float) -> None:
    count, index = np.array([0.0, 3.0, 40.0]), np.array([-0.5, 1.0, 3.4])
    mean = np.exp(index)
    law = stats.poisson(mean) if dispersion == 0.0 else stats.nbinom(1.0 / dispersion, 1.0 / (1.0 + dispersion * mean))
    np.testing.assert_allclose(log_likelihood(count, index, dispersion), law.logpmf(count), rtol=SAME)
    slope, bend = derivatives(count, index, dispersion)
    above, below = (log_likelihood(count, index + step, dispersion) for step in (STEP, -STEP))
    np.testing.assert_allclose(slope, (above - below) / (2.0 * STEP), rtol=1e-5)
    middle = log_likelihood(count, index, dispersion)
    np.testing.assert_allclose(bend, -(above - 2.0 * middle + below) / STEP**2, rtol=1e-3)


def test_a_steady_rate_has_the_gamma_posterior() -> None:
    """With a level that hardly moves and a flat start the rate is Gamma(sum y, n) in its logarithm's flat prior."""
    count = np.random.default_rng(0).poisson(6.0, 20).astype(np.float64)
    drawn = draw_counts(
        series(count, 20), Trend(level_scale=1e-9), "poisson", 1.0, size=1_000, rng=np.random.default_rng(1)
    )
    rate = np.exp(drawn.index[:, 10])
    law = stats.gamma(count.sum(), scale=1.0 / 20.0)
    assert abs(rate.mean() - law.mean()) < MCSE * law.std() / np.sqrt(drawn.effective_size)
    assert rate.std() == pytest.approx(law.std(), rel=0.1)


@pytest.mark.parametrize("family", ["poisson", "negative_binomial"])
def test_forecasts_hold_steady_counts_to_come(family: CountFamily) -> None:
    count = np.random.default_rng(2).poisson(30.0, 60).astype(np.float64)
    drawn = draw_counts(series(count, 48), Trend(), family, 1.0, size=500, rng=np.random.default_rng(1))
    predicted = drawn.predict(np.random.default_rng(2))[:, 48:].mean(axis=1)
    low, high = np.quantile(predicted, [0.005, 0.995])
    assert low < count[48:].mean() < high
    assert high - low < 30.0
    assert drawn.effective_size > 200.0
    assert (drawn.dispersion.max() > 0.0) == (family == "negative_binomial")


def test_zeros_throughout_are_no_obstacle() -> None:
    count = np.zeros(30)
    count[[4, 9]] = 1.0
    drawn = draw_counts(series(count, 24), Trend(), "poisson", 1.0, size=300, rng=np.random.default_rng(0))
    assert np.isfinite(drawn.index).all()
    assert np.exp(drawn.index[:, 24:]).mean() < 1.0
