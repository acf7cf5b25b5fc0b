"""Data unlike the model's are found by the statistic in which they differ."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from evalkit.checks.posterior_predictive import PosteriorPredictive
from evalkit.checks.registry import BUILT_IN, get
from evalkit.uncertainty import Posterior
from evalkit.vocabulary import Diagnostic
from tests.posteriors import judged_by, normal_mean, series
from tests.simulated import context


def judge(posterior: Posterior) -> Diagnostic:
    return PosteriorPredictive().run(judged_by(posterior))[0]


def test_a_right_model_passes_and_is_judged_by_the_statistic_of_the_effect() -> None:
    found = judge(normal_mean(series()))
    assert found.status == "pass"
    assert dict(found.details)["own_statistic"] == 1.0
    assert found.value == dict(found.details)["p_own"]
    assert "in all 5 respects" in found.reading


def test_errors_with_memory_warn_but_do_not_fail() -> None:
    found = judge(normal_mean(series(rho=0.6, seed=4)))
    details = dict(found.details)
    assert details["p_memory_from_one_period_to_the_next"] < 0.01
    assert 0.05 <= details["p_own"] <= 0.95
    assert (found.status, details["own_statistic"]) == ("warn", 0.0)
    assert "memory from one period to the next, larger in the real data" in found.reading


def test_a_series_that_leaves_the_model_before_the_start_fails() -> None:
    drifting = series() + np.linspace(0.0, 3.0, 80)
    found = judge(normal_mean(drifting))
    assert (found.status, dict(found.details)["own_statistic"]) == ("fail", 1.0)
    assert "what the effect is read from" in found.reading


def test_the_estimators_own_statistic_takes_the_place_of_the_default() -> None:
    posterior = normal_mean(series())
    assert posterior.predictive is not None
    first = np.eye(80)[0] * 1e3 - 1e3 * np.eye(80)[1]
    named = dataclasses.replace(posterior.predictive, contrast=("first less second", first))
    found = judge(dataclasses.replace(posterior, predictive=named))
    assert "first less second" in found.reading


def test_the_figure_has_one_row_a_statistic_and_no_value_of_a_unit() -> None:
    posterior = normal_mean(series() + 1e6, prior_sd=1e8)
    exhibit = judge(posterior).exhibit
    assert exhibit is not None
    assert (exhibit.kind, exhibit.about, len(exhibit.table["statistic"])) == ("predictive_check", "units", 5)
    assert max(abs(float(str(value))) for value in exhibit.table["observed"]) < 20.0


@pytest.mark.parametrize("name", ["posterior_predictive", "prior_predictive", "prior_sensitivity", "loo"])
def test_without_predictive_draws_a_check_says_so_and_does_not_pass(name: str) -> None:
    assert name in BUILT_IN
    posterior = dataclasses.replace(normal_mean(series()), predictive=None)
    found = get(name)().run(judged_by(posterior))[0]
    assert found.status == "not_run"
    assert "keeps no predictive draws" in found.reading
    assert get(name)().run(context())[0].status == "informational"
