"""The pre-trend test: its p-value, what it could have detected, and when it cannot run."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy import stats

from evalkit.checks.base import CheckContext
from evalkit.checks.pre_trends import PreTrends
from evalkit.vocabulary import Diagnostic
from tests.simulated import context
from tests.unit.evidence import made as made_by_hand

POWER_TOLERANCE = 0.03  # 2,000 simulated tests: three standard errors
SIMULATIONS = 2_000


def run(made: CheckContext) -> Diagnostic:
    return PreTrends().run(made)[0]


def test_parallel_trends_pass_and_a_steep_trend_fails() -> None:
    assert run(context(trend_gap=0.0)).status == "pass"
    steep = run(context(trend_gap=0.6))
    assert steep.status == "fail"
    assert steep.passed is False


def test_the_statistic_is_the_wald_statistic_of_the_pre_periods_in_the_window() -> None:
    made = context()
    found = run(made)
    rows = made.estimate.aggregation("event_study")
    keep = (rows.labels < 0) & ~rows.is_reference & (rows.labels >= made.spec.design.event_window[0])
    effects = rows.estimate[keep]
    wald = effects @ np.linalg.solve(rows.covariance[np.ix_(keep, keep)], effects)
    degrees = rows.degrees_of_freedom
    assert degrees is not None
    details = dict(found.details)
    np.testing.assert_allclose(details["wald"], wald, rtol=1e-8)
    assert found.value == pytest.approx(float(stats.f.sf(wald / keep.sum(), keep.sum(), degrees)), rel=1e-8)
    assert details["n_pre_periods"] == keep.sum()


def test_a_trend_of_the_detectable_size_is_found_with_the_declared_power() -> None:
    made = context()
    rows = made.estimate.aggregation("event_study")
    details = dict(run(made).details)
    keep = (rows.labels < 0) & ~rows.is_reference & (rows.labels >= made.spec.design.event_window[0])
    # two-way fixed effects report pooled cells: the distance is weighted by the treated units behind each
    after = rows.labels >= 0
    distance = float(np.average(rows.labels[after] + 1.0, weights=rows.n_treated[after]))
    slope = details["detectable_at_80"] / distance
    mean = slope * (rows.labels[keep] + 1.0)
    covariance = rows.covariance[np.ix_(keep, keep)]
    draws = np.random.default_rng(1).multivariate_normal(mean, covariance, size=SIMULATIONS)
    wald = np.einsum("si,ij,sj->s", draws, np.linalg.inv(covariance), draws)
    power = float((wald > stats.chi2.isf(0.05, int(keep.sum()))).mean())
    assert abs(power - 0.8) < POWER_TOLERANCE


def test_without_pre_periods_it_says_that_it_did_not_run() -> None:
    found = run(context(cohorts={2: 0.4}))
    assert found.status == "not_run"
    assert found.passed is None


def test_the_reading_never_claims_that_parallel_trends_hold() -> None:
    reading = run(context()).reading
    assert "No pre-trend detected" in reading
    assert "would detect" in reading
    assert "hold" not in reading


def test_a_varying_base_shows_a_trend_as_one_step_and_so_detects_less() -> None:
    made = context()
    varying = dataclasses.replace(made, estimate=dataclasses.replace(made.estimate, leads_from="previous"))
    assert dict(run(varying).details)["detectable_at_80"] > dict(run(made).details)["detectable_at_80"]


def test_an_estimate_without_event_time_has_nothing_to_test() -> None:
    found = run(dataclasses.replace(context(), estimate=made_by_hand.estimate(-2.0)))
    assert found.status == "not_run"
    assert "The estimate has no event study" in found.reading
