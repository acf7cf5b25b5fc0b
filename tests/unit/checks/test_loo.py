"""Leave-one-out names the score, and the observation that rules it."""

from __future__ import annotations

import pytest

from evalkit.checks.loo import IN_A_SERIES, Loo
from tests.posteriors import N_PERIODS, judged_by, normal_mean, series, without


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
