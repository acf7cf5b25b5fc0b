"""What the pre-trend test could have missed: slopes, biases, what passing leaves, and the words for it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy import stats

from evalkit.checks.base import CheckContext
from evalkit.checks.pre_trend_power import PreTrendPower
from evalkit.checks.pre_trends import PreTrends
from evalkit.estimators.bayesian_did import BayesianDid
from evalkit.estimators.callaway_santanna import CallawaySantAnna
from evalkit.evidence.disclosure import Policy
from evalkit.evidence.lint import lint
from evalkit.evidence.standard import shipped
from evalkit.evidence.withhold import in_text
from evalkit.vocabulary import Diagnostic
from tests.simulated import context, spec

SAME = 1e-9
SIMULATED = 0.05  # of a standard error: 100,000 draws of which half pass


def run(made: CheckContext, **settings: object) -> Diagnostic:
    return PreTrendPower(**settings).run(made)[0]


def test_the_bias_at_80_percent_power_is_that_of_the_pre_trend_test() -> None:
    made = context(CallawaySantAnna(comparison="never_treated"))
    joint = dict(PreTrends().run(made)[0].details)["detectable_at_80"]
    assert run(made).value == pytest.approx(joint, rel=SAME)
    assert PreTrends().run(made)[0].reading.split(". ")[1].rstrip(".") in run(made).reading


def test_half_the_power_needs_a_smaller_slope_and_the_bias_is_in_proportion() -> None:
    for test in ("joint", "individual"):
        details = dict(run(context(), test=test).details)
        assert 0.0 < details["slope_at_50"] < details["slope_at_80"]
        ratio = details["slope_at_50"] / details["slope_at_80"]
        assert details["bias_at_50"] == pytest.approx(ratio * (run(context(), test=test).value or 0.0), rel=SAME)


def test_what_passes_is_as_simulated_from_the_joint_law_of_leads_and_overall_effect() -> None:
    made = context(CallawaySantAnna(comparison="never_treated", base_period="universal"), cohorts={5: 0.4})
    details = dict(run(made).details)
    study, overall = made.estimate.aggregation("event_study"), made.estimate.aggregation("overall")
    window = made.spec.design.event_window
    leads = (study.labels < -1) & (study.labels >= window[0])
    after = study.labels >= 0
    # one cohort: the overall effect is the plain mean of the effects after the start
    maps = np.vstack([np.eye(len(study.labels))[leads], after / after.sum()])
    assert maps[-1] @ study.estimate == pytest.approx(float(overall.estimate[0]), rel=SAME)
    slope = np.sign(overall.estimate[0]) * details["slope_at_80"]
    mean = maps @ (slope * (study.labels + 1.0))
    draws = np.random.default_rng(2).multivariate_normal(mean, maps @ study.covariance @ maps.T, 100_000)
    precision = np.linalg.inv(study.covariance[np.ix_(leads, leads)])
    wald = np.einsum("si,ij,sj->s", draws[:, :-1], precision, draws[:, :-1])
    passed = wald <= stats.chi2.isf(0.05, int(leads.sum()))
    assert passed.mean() == pytest.approx(0.2, abs=0.006)  # four Monte Carlo errors
    simulated = float(draws[passed, -1].mean())
    assert details["expected_at_80"] == pytest.approx(simulated, abs=SIMULATED * float(overall.std_error[0]))


def test_it_warns_where_the_unseen_bias_matters_and_never_fails() -> None:
    assert run(context(effect=90.0, noise=0.1)).status == "pass"
    assert run(context(effect=0.1)).status == "warn"
    assert run(context(effect=3.0), share=1e6).status == "pass"


def test_without_leads_or_with_a_posterior_it_says_that_it_did_not_run() -> None:
    assert run(context(cohorts={2: 0.4})).status == "not_run"
    assert "frequentist" in run(context(BayesianDid(engine="exact"))).reading


def test_its_figure_is_the_event_study_of_the_window_with_the_trend() -> None:
    made = context(CallawaySantAnna(comparison="never_treated", base_period="universal"))
    made = dataclasses.replace(made, spec=spec(design={"event_window": [-3, 1]}))
    found = run(made)
    exhibit = found.exhibit
    assert exhibit is not None
    assert exhibit.about == "cohorts"
    times = np.array(exhibit.table["event_time"])
    first, last = made.spec.design.event_window
    assert first <= times.min() < 0 <= times.max() <= last
    trend = np.array(exhibit.table["trend"])
    np.testing.assert_allclose(np.abs(np.diff(trend)), dict(found.details)["slope_at_80"], rtol=1e-6)
    assert trend[times == -1] == pytest.approx(0.0, abs=1e-9)


def test_a_varying_base_shows_the_trend_as_steps() -> None:
    exhibit = run(context(CallawaySantAnna(comparison="never_treated"))).exhibit
    assert exhibit is not None
    times, trend = np.array(exhibit.table["event_time"]), np.array(exhibit.table["trend"])
    assert np.ptp(trend[times < 0]) < 1e-9
    assert np.ptp(trend[times >= 0]) > 0.0


@pytest.mark.parametrize("effect", [0.1, 3.0, 90.0])
def test_readings_pass_the_linter_and_count_nobody(effect: float) -> None:
    reading = run(context(effect=effect)).reading
    assert lint(reading, shipped().prose, bayesian=False, very_low=True, digits=False) == reading
    assert in_text(reading, Policy("persons", 11, "")) == reading
