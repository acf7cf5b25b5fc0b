"""Each rule about results and diagnostics: a case that triggers it, one that does not, and what it says without."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import pytest

from evalkit.errors import DesignRefused
from evalkit.evidence import rules_results as rules
from evalkit.evidence.facts import PRIMARY_OUTCOME, Facts
from evalkit.evidence.schema_plan import Deviation
from evalkit.evidence.standard import shipped
from evalkit.evidence.values import Flag, Words
from evalkit.evidence.verdict import Verdict
from evalkit.vocabulary import Diagnostic, Domain
from tests.unit.evidence import made

TABLE = shipped().rules
NOTHING: frozenset[Domain] = frozenset()


def judge(name: str, facts: Facts) -> Verdict:
    verdict: Verdict = getattr(rules, name)(facts, TABLE[name])
    return verdict


def with_checks(*checks: Diagnostic, value: float = -2.0, error: float = 0.1, **changes: Any) -> Facts:
    return made.facts(made.estimate(value, error), made.spec(**changes), diagnostics=checks)


def test_pre_trends_are_charged_when_found_or_when_they_could_not_be_seen() -> None:
    seen = judge("pre_trends", with_checks(made.diagnostic("pre_trends", "fail", 0.04, detectable_at_80=0.01)))
    assert (seen.state, seen.variant) == ("applied", "found")
    blind = judge("pre_trends", with_checks(made.diagnostic("pre_trends", "pass", 0.5, detectable_at_80=1.0)))
    assert (blind.state, blind.variant) == ("applied", "weak")
    sharp = judge("pre_trends", with_checks(made.diagnostic("pre_trends", "pass", 0.5, detectable_at_80=0.99)))
    assert sharp.state == "not_triggered"


def test_pre_trends_without_the_test_or_its_power_are_not_run() -> None:
    assert judge("pre_trends", with_checks()).state == "not_run"
    assert judge("pre_trends", with_checks(made.diagnostic("pre_trends", "not_run", None))).state == "not_run"
    assert judge("pre_trends", with_checks(made.diagnostic("pre_trends", "pass", 0.5))).state == "not_run"


@pytest.mark.parametrize(
    ("breakdown", "excludes", "state"),
    [(0.4, 1.0, "applied"), (0.7, 1.0, "not_triggered"), (0.4, 0.0, "not_applicable")],
)
def test_honest_sensitivity_counts_where_the_interval_excluded_zero(
    breakdown: float, excludes: float, state: str
) -> None:
    check = made.diagnostic("honest", "pass", breakdown, excludes_zero=excludes)
    assert judge("honest", with_checks(check)).state == state


def test_honest_sensitivity_that_did_not_run_is_not_a_pass() -> None:
    assert judge("honest", with_checks()).state == "not_run"


def test_spillover_counts_beyond_a_quarter() -> None:
    for change, state in ((-0.3, "applied"), (0.2, "not_triggered")):
        assert judge("spillover", with_checks(made.diagnostic("spillover", relative_change=change))).state == state
    assert judge("spillover", with_checks()).state == "not_run"


@pytest.mark.parametrize(
    ("value", "error", "state", "severe"),
    [
        (-2.0, 0.1, "not_triggered", False),
        (-0.5, 0.5, "applied", False),  # -1.48 to 0.48
        (0.0, 1.0, "applied", True),  # -1.96 to 1.96
        (0.5, 0.5, "not_triggered", False),  # -0.48 to 1.48: the wanted change is ruled out
    ],
)
def test_imprecision_looks_for_the_wanted_change_and_for_both(
    value: float, error: float, state: str, severe: bool
) -> None:
    verdict = judge("imprecision", with_checks(value=value, error=error))
    assert (verdict.state, verdict.severe) == (state, severe)


def test_imprecision_without_a_mid_is_not_run() -> None:
    facts = made.facts(made.estimate(0.0, 1.0), made.spec({"mid": None}))
    assert judge("imprecision", facts).state == "not_run"


def cohorts(*rows: tuple[float, float, int]) -> Verdict:
    return judge("disagreement", made.facts(made.estimate(-2.0, cohorts=rows)))


def test_cohorts_disagree_when_far_apart_and_of_both_signs() -> None:
    assert cohorts((-2.0, 0.2, 6), (1.0, 0.2, 6)).state == "applied"
    assert cohorts((-2.0, 0.2, 6), (-0.5, 0.2, 6)).state == "not_triggered"
    assert cohorts((-0.1, 0.2, 6), (0.1, 0.2, 6)).state == "not_triggered"


def test_i_squared_of_two_independent_cohorts_is_cochrans() -> None:
    found = rules.cohort_agreement(made.estimate(0.0, cohorts=[(-2.0, 0.5, 6), (1.0, 0.5, 6)]), 5)
    assert found is not None
    q = 3.0**2 / (0.5**2 + 0.5**2)
    assert found.i_squared == pytest.approx(1 - 1 / q)


def test_cohorts_of_few_units_are_not_compared() -> None:
    assert cohorts((-2.0, 0.2, 6), (1.0, 0.2, 4)).state == "not_run"
    assert cohorts().state == "not_run"


def test_a_proxy_or_a_follow_up_that_is_too_short_is_indirect() -> None:
    def state(measures: str | None = None, horizon: int | None = None) -> str:
        declared = made.spec({"measures": measures}, design={"horizon": horizon})
        return judge("indirectness", made.facts(made.estimate(-2.0), declared)).state

    assert state() == "not_run"
    assert state("proxy") == state("proxy", 1) == "applied"
    assert state("itself") == "not_triggered"
    assert (state(horizon=3), state(horizon=4)) == ("not_triggered", "applied")  # the later cohort is seen for three


def test_reporting_reads_the_specification_curve() -> None:
    for share, state in ((0.8, "applied"), (0.95, "not_triggered")):
        assert judge("reporting", with_checks(made.diagnostic("specification_curve", "pass", share))).state == state
    assert judge("reporting", with_checks()).state == "not_run"


def bayesian(*checks: Diagnostic) -> Facts:
    return made.facts(made.estimate(0.0, draws=made.posterior(-2.0)), diagnostics=checks)


def test_another_prior_counts_when_it_changes_the_finding() -> None:
    for changes, state in ((1.0, "applied"), (0.0, "not_triggered")):
        check = made.diagnostic("prior_sensitivity", finding_changes=changes)
        assert judge("prior", bayesian(check)).state == state
    assert judge("prior", bayesian()).state == "not_run"
    assert judge("prior", with_checks()).state == "not_applicable"


def test_posterior_predictive_counts_on_the_effects_own_statistic_only() -> None:
    for p, own, state in ((0.01, 1.0, "applied"), (0.01, 0.0, "not_triggered"), (0.5, 1.0, "not_triggered")):
        check = made.diagnostic("posterior_predictive", "warn", p, own_statistic=own)
        assert judge("posterior_predictive", bayesian(check)).state == state
    assert judge("posterior_predictive", bayesian()).state == "not_run"
    assert judge("posterior_predictive", with_checks()).state == "not_applicable"


def required(facts: Facts) -> tuple[Verdict, ...]:
    return rules.required_diagnostic(facts, TABLE["required_diagnostic"])


def test_every_required_diagnostic_that_did_not_run_is_charged_in_its_domain() -> None:
    absent = required(with_checks())
    assert [(v.state, v.about, v.domain) for v in absent] == [("applied", "pre_trends", "confounding")]
    refused = made.diagnostic("placebo_period", "not_run", None, domain="deviations")
    facts = with_checks(*made.clean(), refused, checks=["pre_trends", "placebo_period"])
    assert [(v.about, v.domain) for v in required(facts)] == [("placebo_period", "deviations")]


def test_required_diagnostics_come_from_the_design_the_posterior_and_the_studys_own_list() -> None:
    assert [v.about for v in required(bayesian())] == ["pre_trends", "sampler"]
    assert [v.about for v in required(with_checks(*made.clean(), checks=["pre_trends", "honest"]))] == ["honest"]
    assert [v.state for v in required(with_checks(*made.clean()))] == ["not_triggered"]


def test_a_check_that_reports_under_a_longer_id_has_run() -> None:
    facts = with_checks(*made.clean(), made.diagnostic("placebo_period"), checks=["placebo"])
    assert [v.state for v in required(facts)] == ["not_triggered"]


def failed(facts: Facts, charged: frozenset[Domain] = NOTHING) -> Sequence[Verdict]:
    return rules.failed_check(facts, TABLE["failed_check"], charged)


def test_a_failing_check_charges_a_domain_once() -> None:
    facts = with_checks(made.diagnostic("placebo_period", "fail"), made.diagnostic("placebo_place", "fail"))
    assert [v.state for v in failed(facts)] == ["applied", "not_triggered"]
    assert [v.state for v in failed(facts, frozenset({"confounding"}))] == ["not_triggered", "not_triggered"]
    assert [v.state for v in failed(with_checks(*made.clean()))] == ["not_triggered"]


def test_checks_with_a_row_of_their_own_are_not_charged_twice() -> None:
    assert [v.state for v in failed(with_checks(made.diagnostic("pre_trends", "fail", 0.01)))] == ["not_triggered"]


PLACEBO_OUTCOME = {
    "name": "fires", "column": "fires", "role": "placebo", "family": "rate", "unit": "fires",
    "direction": "lower_better",
}  # fmt: skip


def large(value: float, charged: frozenset[Domain] = NOTHING, *, placebo: Any = None, starts: Any = None) -> Verdict:
    spec = made.spec()
    others = {}
    if placebo is not None:
        outcomes = [spec.primary_outcome.model_dump(), PLACEBO_OUTCOME]
        spec, others = made.spec(outcomes=outcomes), {"fires": placebo}
    facts = made.facts(made.estimate(value), spec, others=others, data=made.panel(starts=starts))
    return rules.large_effect(facts, TABLE["large_effect"], charged)


def test_a_large_effect_lifts_only_with_clean_identification_clusters_and_placebo_outcomes() -> None:
    passing = made.estimate(0.0, 0.5)
    assert large(-20.0, placebo=passing).state == "applied"  # 18 observed, 38 expected
    assert large(-17.0, placebo=passing).state == "not_triggered"
    assert large(-20.0, frozenset({"confounding"}), placebo=passing).state == "not_triggered"
    assert large(-20.0, frozenset({"estimation"}), placebo=passing).state == "applied"
    assert large(-20.0, placebo=made.estimate(5.0, 0.5)).state == "not_triggered"
    assert large(-20.0, placebo=passing, starts={6: 9}).state == "not_triggered"


def test_a_large_effect_without_placebo_outcomes_is_not_run() -> None:
    assert large(-20.0).state == "not_run"
    assert large(-20.0, placebo=DesignRefused("no data")).state == "not_run"


def test_the_fit_before_the_start_counts_where_the_design_rests_on_it() -> None:
    def of(*checks: Diagnostic) -> str:
        fitted = made.estimate(-2.0, name="synthetic_control")
        return judge("pre_fit", made.facts(fitted, diagnostics=checks)).state

    assert of() == "not_run"
    assert of(made.diagnostic("pre_fit", "not_run", None)) == "not_run"
    assert of(made.diagnostic("pre_fit", "pass", 0.05)) == "not_triggered"
    assert of(made.diagnostic("pre_fit", "fail", 0.9)) == "applied"
    assert judge("pre_fit", with_checks()).state == "not_applicable"


@pytest.mark.parametrize(
    ("seen_before", "item", "state"),
    [(False, PRIMARY_OUTCOME, "applied"), (None, PRIMARY_OUTCOME, "applied"), (True, PRIMARY_OUTCOME, "not_triggered"),
     (False, "design.horizon", "not_triggered")],
)  # fmt: skip
def test_a_primary_outcome_that_changed_after_outcomes_were_read_is_charged(
    seen_before: bool | None, item: str, state: str
) -> None:
    when = Flag.missing("nobody knows") if seen_before is None else Flag.derived(seen_before)
    changed = Deviation(
        item=item, planned="calls", actual="arrests", reason=Words.declared("asked"), before_data_were_seen=when
    )
    steady = with_checks(made.diagnostic("specification_curve", value=1.0))
    plan = steady.plan.model_copy(update={"deviations": (changed,)})
    found = judge("reporting", dataclasses.replace(steady, plan=plan))
    assert found.state == state
    assert ("after outcomes had been read" in found.reason) == (state == "applied")
