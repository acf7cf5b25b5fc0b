"""Scaling the prior finds the answer that hangs on it, and leaves alone the one that does not."""

from __future__ import annotations

import numpy as np
import pytest

from evalkit.checks.prior_sensitivity import PriorSensitivity
from evalkit.uncertainty import Posterior
from evalkit.vocabulary import Diagnostic
from tests.posteriors import N_PERIODS, judged_by, normal_mean, series, without


def judge(posterior: Posterior, *, findings: bool = True) -> Diagnostic:
    return PriorSensitivity().run(judged_by(posterior, findings=findings))[0]


def test_a_wide_prior_passes_and_the_finding_stays() -> None:
    found = judge(normal_mean(series(0.5)))
    assert (found.status, dict(found.details)["finding_changes"]) == ("pass", 0.0)
    assert found.reading.endswith("the finding stays favourable.")


def test_a_prior_that_decides_the_finding_fails() -> None:
    seen = series(0.0) - series(0.0).mean() + 0.15
    posterior = normal_mean(seen, prior_mean=0.4, prior_sd=0.13)
    lower, upper = (p.mean() for p in np.array_split(np.sort(posterior.draws[:, 0]), 2))
    assert lower > 0.0 < upper
    found = judge(posterior)
    details = dict(found.details)
    assert details["shift_prior_1.25"] > 0.0 > details["shift_prior_0.8"]
    assert found.status in ("fail", "warn")
    assert found.value is not None
    assert found.value > 0.05


def test_a_finding_that_turns_is_a_failure_with_both_findings_named() -> None:
    seen = series(0.0) - series(0.0).mean() + 0.2105  # its interval includes 0 by a hair under a flat prior
    found = judge(normal_mean(seen, prior_mean=0.3, prior_sd=0.5))
    details = dict(found.details)
    assert details["finding_changes"] == 1.0
    assert found.status == "fail"
    assert "the finding changes" in found.reading


def test_the_shift_is_that_of_the_conjugate_posterior() -> None:
    seen = series(0.5)
    found = dict(judge(normal_mean(seen, prior_sd=0.2)).details)
    precision = N_PERIODS + 25.0
    expected = (seen.sum() / (N_PERIODS + 1.25 * 25.0) - seen.sum() / precision) * np.sqrt(precision)
    assert found["shift_prior_1.25"] == pytest.approx(expected, abs=0.1)  # Monte Carlo error of 4,000 draws


def test_the_finding_is_left_open_where_nobody_judges_it() -> None:
    found = judge(normal_mean(series()), findings=False)
    assert "finding_changes" not in dict(found.details)
    assert found.status == "pass"


def test_a_prior_that_is_the_whole_answer_is_called_so() -> None:
    posterior = normal_mean(series(0.0), prior_mean=2.0, prior_sd=0.02)
    found = judge(posterior)
    assert found.status in ("warn", "not_run")


def test_the_figure_has_a_row_for_each_power_of_prior_and_data() -> None:
    exhibit = judge(normal_mean(series())).exhibit
    assert exhibit is not None
    assert exhibit.table["component"] == ("as analysed", "the prior", "the prior", "the data", "the data")
    only = judge(without(normal_mean(series()), log_likelihood=None)).exhibit
    assert only is not None
    assert only.table["power"] == (1.0, 0.8, 1.25)


def test_without_a_density_of_the_prior_nothing_is_scaled() -> None:
    assert judge(without(normal_mean(series()), log_prior=None)).status == "not_run"


def test_a_prior_whose_powers_lie_too_far_from_the_draws_is_not_scaled() -> None:
    posterior = normal_mean(series(0.5))
    wild = 50.0 * np.random.default_rng(0).standard_t(2.0, len(posterior.draws))
    found = judge(without(posterior, log_prior=wild))
    assert found.status == "not_run"
    assert "(Pareto k" in found.reading
    assert "finding_changes" not in dict(found.details)


def test_a_prior_that_weighs_beside_data_that_do_not_is_said_so() -> None:
    posterior = normal_mean(series(0.0) - series(0.0).mean() + 0.15, prior_mean=0.4, prior_sd=0.13)
    assert posterior.predictive is not None
    assert posterior.predictive.log_likelihood is not None
    silent = np.zeros_like(posterior.predictive.log_likelihood)
    assert "more or less weight on the data hardly moves it" in judge(without(posterior, log_likelihood=silent)).reading
    assert "hardly moves it" not in judge(posterior).reading
