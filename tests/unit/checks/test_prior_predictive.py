"""A prior that rules the data out, or speaks of another scale, is told."""

from __future__ import annotations

import numpy as np
import pytest

from evalkit.checks.base import CheckContext
from evalkit.checks.prior_predictive import PriorPredictive
from evalkit.data.panel import Panel
from evalkit.estimate import Estimate
from evalkit.estimators.bayesian_time_series import BayesianTimeSeries
from evalkit.uncertainty import Posterior
from evalkit.vocabulary import Diagnostic
from tests.monthly_worlds import SeriesWorld, frame, panel
from tests.posteriors import judged_by, normal_mean, series, without
from tests.simulated import spec


def judge(posterior: Posterior) -> Diagnostic:
    return PriorPredictive().run(judged_by(posterior))[0]


def test_a_prior_under_which_the_data_are_possible_passes() -> None:
    found = judge(normal_mean(series(), prior_sd=1.0))
    assert (found.status, found.value) == ("pass", 1.0)
    assert "possible in all 3 respects" in found.reading
    assert "spread about as wide as they do." in found.reading


def test_a_prior_that_rules_out_the_level_fails_and_names_it() -> None:
    found = judge(normal_mean(series(30.0), prior_sd=1.0))
    assert found.status == "fail"
    assert found.value == pytest.approx(1.0 / 3.0)
    assert "(mean larger, largest value larger than it expected)" in found.reading


def test_a_prior_that_rules_out_most_of_the_data_fails() -> None:
    found = judge(normal_mean(20.0 * series(5.0, rho=0.9), prior_sd=1.0))
    assert found.status == "fail"
    assert "hardly possible in" in found.reading


def test_data_that_spread_less_than_a_wide_prior_expected_are_no_conflict() -> None:
    found = judge(normal_mean(0.05 * series(), prior_sd=1.0))
    assert found.status == "pass"
    assert dict(found.details)["spread_ratio"] > 10.0


@pytest.mark.parametrize("season", [0.0, 1.5, 5.0])
def test_seasons_and_trends_that_the_model_is_given_are_no_conflict(season: float) -> None:
    world = SeriesWorld(months=96, start=72, season=season, trend=0.1)
    made = panel(frame(world, np.random.default_rng(0)))

    def fit(other: Panel) -> Estimate:
        return BayesianTimeSeries(draws=100).fit(other, rng=np.random.default_rng(0))

    assert PriorPredictive().run(CheckContext(spec(), made, fit(made), fit))[0].status == "pass"


def test_a_prior_on_another_scale_warns() -> None:
    posterior = normal_mean(0.001 * series(), prior_sd=1.0)
    found = judge(posterior)
    assert dict(found.details)["spread_ratio"] > 100.0
    assert "which is no plausible scale" in found.reading
    assert found.status in ("warn", "fail")


def test_a_flat_prior_makes_no_data_to_compare() -> None:
    found = judge(without(normal_mean(series()), prior_replicated=None))
    assert found.status == "not_run"
    assert "flat" in found.reading
