"""Autocorrelation of a series: found where the errors do not allow for it, and only there."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pandas as pd
import pytest

import evalkit as ek
from evalkit.checks.base import CheckContext
from evalkit.checks.residual_autocorrelation import ResidualAutocorrelation
from evalkit.data.panel import Panel
from evalkit.vocabulary import NEVER, Diagnostic
from tests.monthly_worlds import SeriesWorld, frame, panel
from tests.simulated import context, spec


def run(made: Panel, **settings: Any) -> Diagnostic:
    estimator = ek.InterruptedTimeSeries(**settings)
    fit = estimator.fit(made, rng=np.random.default_rng(0))
    context = CheckContext(spec(), made, fit, lambda other: estimator.fit(other, rng=np.random.default_rng(0)))
    return ResidualAutocorrelation().run(context)[0]


def series(rho: float, months: int = 120, seed: int = 1) -> Panel:
    world = SeriesWorld(months=months, start=months * 2 // 3, rho=rho)
    return panel(frame(world, np.random.default_rng(seed)))


def test_errors_that_carry_over_are_found_where_they_are_taken_to_be_independent() -> None:
    found = run(series(0.7), errors="independent")
    assert found.status == "fail"
    assert "the interval may be too narrow" in found.reading
    assert dict(found.details)["durbin_watson"] < 1.2
    assert found.exhibit is not None
    assert len(found.exhibit.table["lag"]) == 24


@pytest.mark.parametrize("errors", ["ar1", "prais_winsten"])
def test_autoregressive_errors_take_them_out(errors: str) -> None:
    found = run(series(0.7), errors=errors)
    assert found.status == "pass"
    assert "No autocorrelation detected in what the autoregressive errors leave over" in found.reading


def test_newey_west_errors_are_asked_only_beyond_their_lags() -> None:
    found = run(series(0.4), errors="newey_west", lags=6)
    assert found.status == "pass"
    assert "beyond the 6 lags" in found.reading
    assert found.exhibit is not None
    assert sum(bool(each) for each in found.exhibit.table["allowed_for"]) == 6


def test_a_season_that_was_left_out_is_found_whatever_the_errors() -> None:
    for errors in ("independent", "ar1", "newey_west"):
        assert run(series(0.0), errors=errors, season="none").status == "fail"


def test_of_several_places_the_furthest_counts() -> None:
    world = SeriesWorld(months=96, start=60)
    places = [
        frame(world if place else SeriesWorld(months=96, start=60, rho=0.8), np.random.default_rng(place)).assign(
            city=f"city {place}"
        )
        for place in range(3)
    ]
    found = run(panel(pd.concat(places)), errors="independent")
    assert found.status == "fail"
    assert "in 'city 0', the furthest of 3 places" in found.reading
    assert found.exhibit is None


def test_it_does_not_run_on_estimators_that_fit_no_series() -> None:
    made = ek.testing.staggered_panel(n_units=40, n_periods=6, seed=1)
    estimator = ek.Imputation()
    fit = estimator.fit(made, rng=np.random.default_rng(0))
    context = CheckContext(spec(), made, fit, lambda other: estimator.fit(other, rng=np.random.default_rng(0)))
    assert ResidualAutocorrelation().run(context)[0].status == "not_run"


def test_a_posterior_is_judged_by_its_predictive_checks_instead() -> None:
    (found,) = ResidualAutocorrelation().run(context(ek.BayesianDid(draws=200)))
    assert found.status == "informational"
    assert "predictive checks" in found.reading


def test_residuals_that_cannot_be_had_and_series_that_are_too_short_are_said_so() -> None:
    made = series(0.0)
    estimator = ek.InterruptedTimeSeries(season="none")
    fit = estimator.fit(made, rng=np.random.default_rng(0))
    nobody = dataclasses.replace(made, first_treated=np.full(1, NEVER))
    (found,) = ResidualAutocorrelation().run(CheckContext(spec(), nobody, fit, lambda _: fit))
    assert found.status == "not_run"
    assert "No unit starts within the window" in found.reading
    short = run(panel(frame(SeriesWorld(months=11, start=7, season=0.0), np.random.default_rng(1))), season="none")
    assert short.status == "not_run"
    assert "No series has 12 periods" in short.reading
