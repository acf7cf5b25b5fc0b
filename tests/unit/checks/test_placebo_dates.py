"""False starts: nothing where nothing happened, something where the trend broke before."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import numpy as np
import pytest

import evalkit as ek
from evalkit.checks.base import CheckContext
from evalkit.checks.placebo_dates import PlaceboDates
from evalkit.data.panel import Panel
from evalkit.errors import DesignRefused
from evalkit.vocabulary import Diagnostic
from tests.monthly_worlds import SeriesWorld, frame, panel
from tests.posteriors import judged_by, normal_mean, series
from tests.simulated import context_of, spec

WORLD = SeriesWorld(months=96, start=72, level=3.0)
LONG = ek.testing.staggered_panel(n_units=40, n_periods=14, cohorts={10: 0.5}, effect=0.1, seed=3)


def run(made: Panel, check: PlaceboDates | None = None, **settings: Any) -> Diagnostic:
    estimator = ek.InterruptedTimeSeries(change="step", **settings)

    def fit(other: Panel) -> ek.Estimate:
        return estimator.fit(other, rng=np.random.default_rng(0))

    return (check or PlaceboDates()).run(CheckContext(spec(), made, fit(made), fit))[0]


def test_a_series_that_broke_once_shows_nothing_before() -> None:
    found = run(panel(frame(WORLD, np.random.default_rng(1))))
    assert found.status == "pass"
    details = dict(found.details)
    assert (details["dates"], details["as_large_as_the_real_one"]) == (12.0, 0.0)
    assert found.exhibit is not None
    assert found.exhibit.table["event_time"][-1] == 0
    assert min(found.exhibit.table["event_time"]) == -60  # type: ignore[type-var]


def test_a_break_before_the_start_is_found() -> None:
    data = frame(WORLD, np.random.default_rng(1))
    data["y"] += 6.0 * (np.arange(96) >= 36)
    found = run(panel(data))
    assert found.status == "fail"
    assert "an effect shows where there was no programme" in found.reading


def test_the_time_after_the_real_start_is_not_used() -> None:
    data = frame(WORLD, np.random.default_rng(1))
    wild = data.assign(y=np.where(np.arange(96) >= 72, 1e6 + np.arange(96.0) ** 2, data["y"]))
    calm, loud = (run(panel(each)) for each in (data, wild))
    assert calm.value == loud.value


def test_a_date_at_which_another_programme_started_is_left_out() -> None:
    data = frame(WORLD, np.random.default_rng(1))
    check = PlaceboDates(dates=1, least=20)
    assert run(panel(data), check).status == "pass"
    other = [{"name": "other", "start": str(data["month"].iloc[52])}]
    assert run(panel(data), check, other_interventions=other).status == "not_run"


def test_a_short_time_before_the_start_is_said_to_be_too_short() -> None:
    made = panel(frame(SeriesWorld(months=40, start=7, season=0.0), np.random.default_rng(1)))
    found = run(made, season="none")
    assert found.status == "not_run"
    assert "7 periods before the start, too few for 4 on both sides" in found.reading


def test_it_does_not_run_on_a_dose() -> None:
    made = panel(frame(WORLD, np.random.default_rng(1)))
    estimator = ek.InterruptedTimeSeries()
    fit = estimator.fit(made, rng=np.random.default_rng(0))
    dosed = dataclasses.replace(made, dose=np.where(made.treated, 0.5, 0.0))
    found = PlaceboDates().run(CheckContext(spec(), dosed, fit, lambda _: fit))[0]
    assert found.status == "not_run"


def test_false_starts_that_cannot_be_estimated_are_said_to_be_none() -> None:
    def refuses(other: Panel) -> ek.Estimate:
        raise DesignRefused("Not these dates.")

    made = context_of(LONG)
    found = PlaceboDates().run(dataclasses.replace(made, fit=refuses))[0]
    assert found.status == "not_run"
    assert "No false start could be estimated" in found.reading


def _same(estimate: ek.Estimate, _: Panel) -> ek.Estimate:
    return estimate


def test_without_an_inference_of_its_own_an_effect_has_the_p_value_of_its_estimate() -> None:
    """Every false start has the same estimate: its p-value, counted once for each."""
    made = context_of(LONG)
    frequentist, bayesian = made, judged_by(normal_mean(series(0.1)))
    bayesian = dataclasses.replace(made, estimate=bayesian.estimate)
    overall = frequentist.estimate.aggregation("overall")
    draws = bayesian.estimate.aggregation("overall").draws
    assert draws is not None
    above = float((draws[:, 0] > 0.0).mean())
    for each, p in ((frequentist, float(overall.p_values()[0])), (bayesian, 2.0 * min(above, 1.0 - above))):
        found = PlaceboDates(dates=2).run(dataclasses.replace(each, fit=functools.partial(_same, each.estimate)))[0]
        assert found.value == pytest.approx(min(1.0, 2.0 * p))
        assert dict(found.details)["dates"] == 2.0
