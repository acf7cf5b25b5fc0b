"""Every row of the rating table has a case that triggers it and one that does not."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import jsonschema_rs
import numpy as np
import pytest

from evalkit.evidence.facts import Facts
from evalkit.evidence.rating import LATE_RULES, RULES, rate
from evalkit.evidence.schema import Evidence, shipped_schema
from evalkit.evidence.standard import shipped
from evalkit.vocabulary import Diagnostic
from tests.unit.evidence import made

Case = Callable[[], Facts]
LABELS = {4: "High", 3: "Moderate", 2: "Low", 1: "Very low"}


def plain(*checks: Diagnostic, outcome: dict[str, Any] | None = None, data: Any = None, **changes: Any) -> Facts:
    return made.facts(
        made.estimate(-2.0), made.spec(outcome, **changes), data=data, diagnostics=[*made.clean(), *checks]
    )  # fmt: skip


def named(name: str, *checks: Diagnostic, data: Any = None) -> Facts:
    return made.facts(made.estimate(-2.0, name=name), data=data, diagnostics=checks)


def bayesian(*checks: Diagnostic, **sampler: Any) -> Facts:
    return made.facts(made.estimate(0.0, draws=made.posterior(-2.0), sampler=sampler), diagnostics=checks)


def assigned(mechanism: str, **more: Any) -> dict[str, Any]:
    return {"assignment": {"mechanism": mechanism, "unit": "city", **more}}


def income(gap: float) -> Facts:
    values = np.where(made.panel().never_treated, 0.0, gap) + np.resize([-1.0, 1.0], 24)
    data = made.panel(covariates={"income": np.repeat(values[:, None], made.PERIODS, axis=1)})
    declared = {**made.spec().data.model_dump(exclude_none=True), "covariates": ["income"]}
    settings = {"covariates": ["income"]}
    return made.facts(made.estimate(-2.0, settings=settings), made.spec(data=declared), data=data)


def lost(count: int) -> Facts:
    data = made.panel()
    values = data.outcome.copy()
    values[:count, -1] = np.nan
    return plain(data=dataclasses.replace(data, outcome=values))


def cohorts(second: float) -> Facts:
    return made.facts(made.estimate(-2.0, cohorts=[(-2.0, 0.2, 6), (second, 0.2, 6)]))


def huge(value: float) -> Facts:
    rain = {"name": "rain", "column": "rain", "role": "placebo", "unit": "mm", "direction": "lower_better"}
    declared = made.spec(outcomes=[made.spec().primary_outcome.model_dump(), rain])
    return made.facts(made.estimate(value), declared, others={"rain": made.estimate(0.0, 0.5)})


CHOSEN, EVENT = "selected_on_outcome", {"concurrent_events": ["a tax"]}
PAIRS: dict[str, tuple[Case, Case]] = {
    "sampler_gate": (lambda: bayesian(rhat_max=1.2), bayesian),
    "cap_no_comparison": (lambda: plain(**assigned("unknown")), plain),
    "cap_time_series": (lambda: named("interrupted_time_series"), plain),
    "cap_not_randomized": (plain, lambda: plain(**assigned("lottery"))),
    "cap_single_unit": (lambda: plain(data=made.panel(starts={6: 1})), plain),
    "few_pre_periods": (lambda: plain(data=made.panel(starts={2: 12})), plain),
    "short_series": (
        lambda: named("interrupted_time_series"),
        lambda: named("interrupted_time_series", data=made.panel(starts={12: 1}, periods=24)),
    ),
    "pre_trends": (lambda: named("imputation", made.diagnostic("pre_trends", "fail", 0.01)), plain),
    "pre_fit": (
        lambda: named("synthetic_control", made.diagnostic("pre_fit", "fail", 0.4)),
        lambda: named("synthetic_control", made.diagnostic("pre_fit", "pass", 0.1)),
    ),
    "honest": (
        lambda: plain(made.diagnostic("honest", "fail", 0.2, excludes_zero=1.0)),
        lambda: plain(made.diagnostic("honest", "pass", 2.0, excludes_zero=1.0)),
    ),
    "baseline": (lambda: income(2.0), lambda: income(0.0)),
    "regression_to_the_mean": (
        lambda: plain(**assigned(CHOSEN)), lambda: plain(**assigned(CHOSEN), design={"anticipation": 1}),
    ),
    "concurrent_event": (
        lambda: plain(**assigned("policy_choice", **EVENT, concurrent_events_treated_only=True)),
        lambda: plain(**assigned("policy_choice", **EVENT)),
    ),
    "attrition": (lambda: lost(10), lambda: lost(0)),
    "spillover": (
        lambda: plain(made.diagnostic("spillover", relative_change=0.5)),
        lambda: plain(made.diagnostic("spillover", relative_change=0.1)),
    ),
    "measurement_change": (
        lambda: plain(outcome={"definition_changes": ["2007-01-01"]}),
        lambda: plain(outcome={"definition_changes": ["2002-01-01"]}),
    ),
    "few_clusters": (lambda: plain(data=made.panel(starts={6: 3})), plain),
    "imprecision": (lambda: made.facts(made.estimate(0.0, 1.0)), plain),
    "disagreement": (lambda: cohorts(1.5), lambda: cohorts(-1.9)),
    "indirectness": (
        lambda: plain(outcome={"measures": "proxy"}), lambda: plain(outcome={"measures": "itself"}),
    ),
    "reporting": (
        lambda: plain(made.diagnostic("specification_curve", "fail", 0.6)),
        lambda: plain(made.diagnostic("specification_curve", "pass", 0.95)),
    ),
    "prior": (
        lambda: bayesian(made.diagnostic("prior_sensitivity", "fail", finding_changes=1.0)),
        lambda: bayesian(made.diagnostic("prior_sensitivity", finding_changes=0.0)),
    ),
    "posterior_predictive": (
        lambda: bayesian(made.diagnostic("posterior_predictive", "fail", 0.01, own_statistic=1.0)),
        lambda: bayesian(made.diagnostic("posterior_predictive", "pass", 0.4, own_statistic=1.0)),
    ),
    "required_diagnostic": (lambda: made.facts(made.estimate(-2.0), diagnostics=[]), plain),
    "failed_check": (lambda: plain(made.diagnostic("placebo_period", "fail")), plain),
    "large_effect": (lambda: huge(-20.0), lambda: huge(-2.0)),
}  # fmt: skip
"""Rule to a study that sets it off and one that it looks at and lets pass."""


def states(facts: Facts, rule: str) -> set[str]:
    return {step.state for step in rate(facts).trail if step.rule.partition(":")[0] == rule}


def test_the_table_has_no_rule_without_a_pair_and_no_pair_without_a_rule() -> None:
    assert set(PAIRS) == set(shipped().rules) == {*RULES, *LATE_RULES}


@pytest.mark.parametrize("rule", PAIRS)
def test_a_rule_applies_to_the_one_case_and_not_to_the_other(rule: str) -> None:
    triggered, fine = PAIRS[rule]
    assert "applied" in states(triggered(), rule)
    assert states(fine(), rule) == {"not_triggered"}


@pytest.mark.parametrize("rule", PAIRS)
def test_the_label_follows_from_the_json_of_the_trail_alone(rule: str) -> None:
    for case in PAIRS[rule]:
        rating = rate(case())
        stored = json.loads(json.dumps([step.model_dump(mode="json") for step in rating.trail]))
        applied = [step for step in stored if step["state"] == "applied"]
        if any(step["kind"] == "gate" for step in applied):
            assert rating.label == "Not rated"
            continue
        level = min(step["points"] if step["kind"] == "start" else step["cap"] for step in applied
                    if step["kind"] in ("start", "cap"))  # fmt: skip
        level += sum(step["points"] for step in applied if step["kind"] != "start")
        assert LABELS[level] == rating.label


@pytest.mark.parametrize("value", [-2.0, 0.0, -20.0])
def test_a_summary_is_valid_in_a_second_validator_too(value: float) -> None:
    plain_types = json.loads(made.summary(made.estimate(value, 0.5)).to_json())
    validator = jsonschema_rs.Draft202012Validator(shipped_schema())
    validator.validate(plain_types)
    del plain_types["rating"]["trail"]
    assert not validator.is_valid(plain_types)


def test_the_second_validator_refuses_what_the_first_does() -> None:
    evidence: Evidence = made.summary(made.estimate(-2.0))
    broken = evidence.model_dump(mode="json")
    broken["rating"]["certainty"] = 5
    assert not jsonschema_rs.Draft202012Validator(shipped_schema()).is_valid(broken)
