"""Leave-one-out names the score, and the observation that rules it."""

from __future__ import annotations

import dataclasses

import pytest

from evalkit.checks.loo import IN_A_SERIES, Loo
from evalkit.numerics.pareto_smoothing import leave_one_out
from evalkit.uncertainty import SamplerFigures
from tests.posteriors import N_DRAWS, N_PERIODS, judged_by, normal_mean, series, without


def test_a_right_model_has_one_parameter_and_no_ruling_observation() -> None:
    found = Loo().run(judged_by(normal_mean(series())))[0]
    details = dict(found.details)
    assert found.status == "pass"
    assert details["p_loo"] == pytest.approx(1.0, abs=0.5)
    assert details["n_observations"] == N_PERIODS
    assert found.reading.endswith(IN_A_SERIES)


def test_an_observation_far_from_all_others_warns() -> None:
    seen = series()
    seen[40] = 60.0
    found = Loo().run(judged_by(normal_mean(seen)))[0]
    assert found.status == "warn"
    assert found.reading.startswith("1 of the 80 observations")


def test_without_likelihood_terms_nothing_is_left_out() -> None:
    found = Loo().run(judged_by(without(normal_mean(series()), log_likelihood=None)))[0]
    assert found.status == "not_run"


def test_draws_that_follow_each_other_count_for_less_in_the_tail() -> None:
    """Four chains worth 400 independent draws: the share of weights that is smoothed grows by sqrt(10)."""
    posterior = normal_mean(series())
    slow = dataclasses.replace(posterior, sampler=SamplerFigures("nuts", 4, N_DRAWS // 4, 0, 1.0, 400.0, 400.0))
    assert posterior.predictive is not None
    terms = posterior.predictive.log_likelihood
    assert terms is not None
    for each, efficiency in ((posterior, 1.0), (slow, 400.0 / N_DRAWS)):
        found = Loo().run(judged_by(each))[0]
        assert found.value == pytest.approx(float(leave_one_out(terms, efficiency).k.max()))
