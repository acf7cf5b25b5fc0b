"""Interrupted time series find what was put in, and their intervals hold it as often as they say."""

from __future__ import annotations

import numpy as np
import pytest

from evalkit.estimators.interrupted_time_series import InterruptedTimeSeries
from tests.calibrated.measure import Measured
from tests.monthly_worlds import SeriesWorld, frame, panel, truth

LEVEL = 0.90
QUICK, SIZE = 60, 400
FOUR_ERRORS = 4.0
LOWEST, HIGHEST = 0.87, 0.93
"""Where the share of intervals that hold the truth must lie."""
MONTE_CARLO = 1.5
"""Standard errors of the simulation that are allowed on top."""
WORLDS = [(60, 36), (96, 60), (120, 84)]
RHOS = [0.0, 0.4, 0.7]


def simulated(world: SeriesWorld, draws: int, **settings: object) -> tuple[float, float, float]:
    """Mean error of the overall effect, its Monte Carlo error, and how often reported intervals hold the truth."""
    estimator = InterruptedTimeSeries(level=LEVEL, **settings)
    errors, held, true = np.empty(draws), 0, truth(world)
    for draw in range(draws):
        made = panel(frame(world, np.random.default_rng([draw, world.months, round(100 * world.rho)])))
        estimate = estimator.fit(made, rng=np.random.default_rng(0))
        assert estimate.own is not None
        errors[draw] = estimate.aggregation("overall").estimate[0] - true
        held += estimate.own.low <= true <= estimate.own.high
    return float(errors.mean()), float(errors.std(ddof=1) / np.sqrt(draws)), held / draws


@pytest.mark.parametrize("errors", ["ar1", "prais_winsten", "newey_west"])
@pytest.mark.promise("calibration-bias")
def test_the_effect_is_found_without_bias(errors: str) -> None:
    world = SeriesWorld(months=72, start=48, level=-2.0, slope=0.05, rho=0.4)
    bias, error, held = simulated(world, QUICK, errors=errors)
    assert abs(bias) < FOUR_ERRORS * error
    assert held > 0.7


@pytest.mark.calibration
@pytest.mark.parametrize("rho", RHOS)
@pytest.mark.parametrize(("months", "start"), WORLDS)
@pytest.mark.parametrize("errors", ["ar1", "newey_west"])
@pytest.mark.promise("calibration-coverage")
@pytest.mark.calibrates("interrupted_time_series", "hac")
def test_ninety_per_cent_intervals_hold_the_truth(
    errors: str, months: int, start: int, rho: float, measured: Measured
) -> None:
    world = SeriesWorld(months=months, start=start, level=1.0, slope=0.02, rho=rho)
    bias, error, held = simulated(world, SIZE, errors=errors)
    slack = MONTE_CARLO * np.sqrt(LEVEL * (1.0 - LEVEL) / SIZE)
    measured.intervals(
        "interrupted_time_series", f"{months} months, start in {start}, autocorrelation {rho:g}, {errors}", held,
        data_sets=SIZE, rule="hac", level=LEVEL, asked=(LOWEST - slack, HIGHEST + slack), bias=bias, bias_error=error,
    )  # fmt: skip
    assert LOWEST - slack <= held <= HIGHEST + slack, f"{100.0 * held:.1f} % of {SIZE}"
