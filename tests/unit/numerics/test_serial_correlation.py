"""Tests of autocorrelation against statsmodels and by their size."""

from __future__ import annotations

import numpy as np
import pytest

from evalkit.numerics.serial_correlation import autocorrelations, beyond, durbin_watson, ljung_box
from tests.monthly_worlds import ar1

SAME = 1e-12
WORLDS = 300


def test_autocorrelations_and_ljung_box_are_those_of_statsmodels() -> None:
    from statsmodels.stats.diagnostic import acorr_ljungbox
    from statsmodels.stats.stattools import durbin_watson as other
    from statsmodels.tsa.stattools import acf

    values = ar1(np.random.default_rng(2), 80, 0.4)
    values -= values.mean()
    found = autocorrelations(values, np.arange(80), 8)
    np.testing.assert_allclose(found, acf(values, nlags=8, fft=False)[1:], atol=SAME)
    table = acorr_ljungbox(values, lags=[8], model_df=1)
    statistic, p = ljung_box(found, 80, 1)
    assert statistic == pytest.approx(float(table["lb_stat"].iloc[0]))
    assert p == pytest.approx(float(table["lb_pvalue"].iloc[0]))
    assert durbin_watson(values, np.arange(80)) == pytest.approx(float(other(values)))


def test_periods_apart_are_counted_in_time_and_not_in_rows() -> None:
    values, time = np.array([1.0, 2.0, 3.0]), np.array([0, 2, 3])
    np.testing.assert_allclose(autocorrelations(values, time, 3) * 14.0, [6.0, 2.0, 3.0])
    assert durbin_watson(values, time) == pytest.approx(1.0 / 14.0)


def test_beyond_the_lags_of_a_moving_average_the_test_keeps_its_size() -> None:
    rng = np.random.default_rng(5)
    rejected = 0
    for _ in range(WORLDS):
        noise = rng.standard_normal(203)
        values = noise[3:] + 0.8 * noise[2:-1] + 0.5 * noise[1:-2]
        found = autocorrelations(values - values.mean(), np.arange(200), 12)
        rejected += beyond(found, 200, 2)[1] < 0.05
    assert rejected / WORLDS < 0.10


def test_beyond_finds_a_season_that_the_lags_leave_out() -> None:
    rng = np.random.default_rng(6)
    values = rng.standard_normal(240) + 1.5 * np.cos(2.0 * np.pi * np.arange(240) / 12.0)
    assert beyond(autocorrelations(values, np.arange(240), 24), 240, 4)[1] < 1e-6


def test_a_residual_of_zeros_has_no_correlation() -> None:
    assert autocorrelations(np.zeros(5), np.arange(5), 2).tolist() == [0.0, 0.0]
    assert np.isnan(durbin_watson(np.zeros(5), np.arange(5)))
