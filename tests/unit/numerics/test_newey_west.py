"""Newey-West errors against a double loop, statsmodels and simulation."""

from __future__ import annotations

import numpy as np
import pytest

from evalkit.numerics.newey_west import Calibrated, calibrate, moving_sums, usual_lags
from tests.oracle import interrupted_time_series as plain
from tests.unit.numerics.test_autoregression import series

SAME = 1e-9
DRAWS = 1_500
FOUR_ERRORS = 4.0


@pytest.mark.parametrize("lags", [0, 1, 5])
def test_moving_sums_give_the_double_loop_whatever_the_gaps(lags: int) -> None:
    outcome, design, time = series()
    residual = outcome - design @ np.linalg.lstsq(design, outcome)[0]
    sums = moving_sums(design * residual[:, None], time, lags)
    bread = np.linalg.inv(design.T @ design)
    expected = plain.newey_west(residual, design, time, lags)
    np.testing.assert_allclose(bread @ (sums.T @ sums) @ bread, expected, rtol=SAME)


def test_without_gaps_it_is_what_statsmodels_computes() -> None:
    import statsmodels.api as sm

    outcome, design, _ = series()
    fitted = sm.OLS(outcome, design).fit(cov_type="HAC", cov_kwds={"maxlags": 3})
    sums = moving_sums(design * fitted.resid[:, None], np.arange(len(outcome)), 3)
    bread = np.linalg.inv(design.T @ design)
    np.testing.assert_allclose(bread @ (sums.T @ sums) @ bread, fitted.cov_params(), rtol=SAME)


@pytest.mark.parametrize(("n", "lags"), [(10, 2), (50, 3), (100, 4), (108, 4), (300, 5)])
def test_the_usual_number_of_lags(n: int, lags: int) -> None:
    assert usual_lags(n) == lags


def test_the_factor_makes_the_expected_variance_the_true_one() -> None:
    _, design, time = series()
    step, rho, lags = np.eye(4)[2], 0.5, 3
    found = calibrate(design, time, step, lags, rho, information=np.inf)
    bread = np.linalg.inv(design.T @ design)
    true = float(step @ bread @ design.T @ plain.correlation(time, rho) @ design @ bread @ step)
    drawn = plain.simulated_variance(design, time, step, lags, rho, np.random.default_rng(3), DRAWS)
    error = float(drawn.std() / np.sqrt(DRAWS))
    assert abs(found.factor * drawn.mean() - true) < FOUR_ERRORS * found.factor * error
    assert found.degrees == pytest.approx(2.0 * drawn.mean() ** 2 / drawn.var(), rel=0.15)


def test_not_knowing_rho_costs_degrees_of_freedom() -> None:
    _, design, time = series()
    known, guessed = (calibrate(design, time, np.eye(4)[2], 3, 0.5, information) for information in (np.inf, 10.0))
    assert guessed.factor == known.factor
    assert guessed.degrees < known.degrees


def test_the_interval_and_the_p_value_agree() -> None:
    found = Calibrated(factor=2.0, degrees=12.0)
    width = found.half_width(0.3, 0.95)
    assert found.p_value(width, 0.3) == pytest.approx(0.05)
    assert np.isnan(found.p_value(1.0, 0.0))
