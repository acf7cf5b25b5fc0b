"""The summary of findings: every outcome judged by the same rules, counted by domain."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from evalkit.errors import DesignRefused, EvalkitError
from evalkit.estimate import Estimate
from evalkit.evidence.outcomes import OutcomeResult, about
from evalkit.evidence.rating import recompute
from evalkit.evidence.schema import Evidence, OutcomeFinding
from evalkit.evidence.standard import Multiplicity, shipped
from evalkit.evidence.summarize import summarize
from evalkit.study.spec import StudySpec
from evalkit.vocabulary import Diagnostic
from tests.unit.evidence import made

CLEAR, WEAK = 0.1, 0.49
"""Standard errors that put an effect of -1 ten and about two (p = 0.04) of them from 0."""


def outcome(name: str, role: str = "secondary", **changes: Any) -> dict[str, Any]:
    return {
        "name": name, "column": name, "role": role, "family": "rate", "unit": "calls per 1,000 residents",
        "per": 1000.0, "direction": "lower_better", **changes,
    }  # fmt: skip


def spec(*further: dict[str, Any], **changes: Any) -> StudySpec:
    first = made.spec().primary_outcome.model_dump()
    return made.spec(outcomes=[first, *further], **changes)


def summary(
    results: Mapping[str, Estimate | EvalkitError],
    declared: StudySpec,
    *,
    own: Mapping[str, tuple[Diagnostic, ...]] | None = None,
    diagnostics: tuple[Diagnostic, ...] | None = None,
    primary: Estimate | None = None,
) -> Evidence:
    panel = made.panel()
    found = {
        name: result
        if isinstance(result, EvalkitError)
        else OutcomeResult(panel, result, (own or {}).get(name, made.clean()))
        for name, result in results.items()
    }
    return summarize(
        made.study(declared), panel, primary or made.estimate(-2.0), {}, diagnostics or made.clean(), made.identity(),
        other_outcomes=results, outcome_results=found,
    )  # fmt: skip


def row(evidence: Evidence, name: str) -> OutcomeFinding:
    return next(each for each in evidence.summary_of_findings if each.outcome == name)


def test_the_primary_outcome_comes_first_as_it_stands_in_the_rest_of_the_summary() -> None:
    evidence = summary({"thefts": made.estimate(-1.0)}, spec(outcome("thefts")))
    first, second = evidence.summary_of_findings
    assert (first.role, second.role) == ("primary", "secondary")
    assert first.natural == evidence.natural
    assert first.finding == evidence.finding
    assert (first.certainty, first.sentence) == (evidence.rating.certainty, evidence.sentences.headline)
    assert first.p_adjusted.value is None
    evidence.to_dict()


def test_the_primary_outcome_is_listed_first_wherever_the_study_names_it() -> None:
    declared = spec(outcome("thefts"))
    turned = declared.model_copy(update={"outcomes": declared.outcomes[::-1]})
    evidence = summary({"thefts": made.estimate(-1.0)}, turned)
    assert [each.role for each in evidence.outcomes] == ["primary", "secondary"]


def test_a_further_outcome_has_its_levels_its_verb_and_its_own_trail() -> None:
    evidence = summary({"thefts": made.estimate(-1.0, observed=9.0)}, spec(outcome("thefts")))
    found = row(evidence, "thefts")
    assert found.finding is not None
    assert found.finding.label == "favourable"
    assert found.natural.absolute.effect.value == pytest.approx(-1.0)
    assert found.natural.absolute.counterfactual.value == pytest.approx(10.0)
    assert found.in_short == "Probably reduces it"
    assert "probably reduces thefts by about 1 call per 1,000 residents" in found.sentence
    assert recompute([step.model_dump() for step in found.trail]) == found.certainty == 3


def test_p_values_are_adjusted_within_a_domain_only() -> None:
    declared = spec(outcome("a", domain="x"), outcome("b", domain="x"), outcome("c", domain="y"))
    evidence = summary({name: made.estimate(-1.0, WEAK) for name in "abc"}, declared)
    raw = row(evidence, "c").p_value.value
    assert raw is not None
    assert row(evidence, "c").p_adjusted.value == pytest.approx(raw)
    assert row(evidence, "a").p_adjusted.value == pytest.approx(raw)  # the larger of two equal ones, times 2/2
    assert [row(evidence, name).counted_together for name in "abc"] == [2, 2, 1]


def test_a_secondary_finding_that_many_outcomes_explain_reads_inconclusive_and_says_so() -> None:
    names = ["thefts", *"abc"]
    results = {name: made.estimate(-1.0, WEAK) if name == "thefts" else made.estimate(0.1, 1.0) for name in names}
    found = row(summary(results, spec(*map(outcome, names))), "thefts")
    assert found.p_value.value is not None
    assert found.p_adjusted.value is not None
    assert found.p_value.value < 0.05 < found.p_adjusted.value
    assert found.finding is not None
    assert found.finding.label == "inconclusive"
    assert "among the 4 outcomes counted together (adjusted p = 0.17)" in found.sentence
    assert found.in_short == "Could not tell, among so many outcomes"


def test_a_sign_of_harm_is_not_explained_away() -> None:
    names = ["complaints", *"abc"]
    results = {name: made.estimate(1.0, WEAK) if name == "complaints" else made.estimate(0.1, 1.0) for name in names}
    declared = spec(outcome("complaints", "harm"), *map(outcome, "abc"))
    found = row(summary(results, declared), "complaints")
    assert found.p_adjusted.value is not None
    assert found.p_adjusted.value > 0.05
    assert found.finding is not None
    assert found.finding.label == "unfavourable"


def test_a_placebo_outcome_is_a_check_without_a_certainty() -> None:
    declared = spec(outcome("rain", "placebo"), outcome("wind", "placebo"))
    evidence = summary({"rain": made.estimate(0.1, 0.2), "wind": made.estimate(1.0, 0.1)}, declared)
    rain, wind = row(evidence, "rain"), row(evidence, "wind")
    assert (rain.certainty, rain.trail, rain.p_adjusted.value) == (None, (), None)
    assert "a difference of 0 fits" in rain.sentence
    assert wind.in_short == "Check fails"


def test_a_posterior_is_not_adjusted() -> None:
    draws = made.posterior(-1.0, 0.5)
    evidence = summary(
        {"thefts": made.estimate(-1.0, draws=draws)}, spec(outcome("thefts")),
        primary=made.estimate(-2.0, draws=made.posterior(-2.0)),
    )  # fmt: skip
    found = row(evidence, "thefts")
    assert found.p_value.reason == "a posterior has no p-value"
    assert found.p_adjusted.reason == "a posterior has no p-value"


def test_an_outcome_without_a_result_keeps_its_row_and_the_reason() -> None:
    refused = DesignRefused("imputation needs never-treated units and this panel has none.")
    found = row(summary({"thefts": refused}, spec(outcome("thefts"))), "thefts")
    assert (found.finding, found.label, found.in_short) == (None, "Not rated", "No result")
    assert "needs never-treated units" in found.sentence


def test_an_effect_that_is_no_number_is_a_row_without_a_result() -> None:
    found = row(summary({"thefts": made.estimate(-1.0, np.nan)}, spec(outcome("thefts"))), "thefts")
    assert found.finding is None


def test_an_outcome_has_its_own_pre_trends_and_names_what_it_carries_over() -> None:
    spread = made.diagnostic("spillover", relative_change=0.6)
    bad = (made.diagnostic("pre_trends", "fail", 0.001, detectable_at_80=0.01),)
    evidence = summary(
        {"thefts": made.estimate(-1.0)}, spec(outcome("thefts")), own={"thefts": bad},
        diagnostics=(*made.clean(), spread),
    )  # fmt: skip
    primary, thefts = evidence.rating.trail, row(evidence, "thefts")
    states = {step.rule: step.state for step in thefts.trail}
    assert {step.rule: step.state for step in primary}["pre_trends"] == "not_triggered"
    assert (states["pre_trends"], states["spillover"]) == ("applied", "applied")
    assert thefts.carried_over == ("spillover",)


def test_what_an_exact_test_says_of_the_primary_interval_is_not_held_against_another_outcome() -> None:
    failing = made.diagnostic("randomization_inference", "fail", 0.4, domain="estimation")
    evidence = summary({"thefts": made.estimate(-1.0)}, spec(outcome("thefts")), diagnostics=(*made.clean(), failing))
    applied = {step.rule for step in evidence.rating.trail if step.state == "applied"}
    own = {step.rule for step in row(evidence, "thefts").trail if step.state == "applied"}
    assert "failed_check:randomization_inference" in applied
    assert "failed_check:randomization_inference" not in own


def test_a_sampler_that_did_not_settle_leaves_its_own_outcome_unrated_alone() -> None:
    primary = made.estimate(-2.0, draws=made.posterior(-2.0))
    lost = made.estimate(-1.0, draws=made.posterior(-1.0), sampler={"rhat_max": 1.2})
    evidence = summary({"thefts": lost}, spec(outcome("thefts")), primary=primary)
    found = row(evidence, "thefts")
    assert evidence.rating.certainty is not None
    assert (found.certainty, found.label, found.in_short) == (None, "Not rated", "Not rated")
    assert found.natural.absolute.effect.value is None


def test_reading_a_study_about_another_outcome_leaves_one_primary_outcome() -> None:
    moved = about(made.study(spec(outcome("thefts"), outcome("rain", "placebo"))), "thefts")
    assert [each.role for each in moved.spec.outcomes] == ["secondary", "primary", "placebo"]


def test_eight_outcomes_are_refused_with_the_reason() -> None:
    with pytest.raises(ValidationError, match="at most 7 outcomes"):
        spec(*(outcome(f"o{number}") for number in range(7)))


def test_two_outcomes_of_one_name_are_refused() -> None:
    with pytest.raises(ValidationError, match="'a' stands twice"):
        spec(outcome("a"), outcome("a"))


def test_the_primary_outcome_cannot_be_adjusted_by_config() -> None:
    with pytest.raises(ValidationError, match="confirmatory"):
        Multiplicity(counted=("primary", "secondary"))
    with pytest.raises(ValidationError, match="which 'counted' does not"):
        Multiplicity(counted=("secondary",), decides=("harm",))


def test_which_roles_need_the_adjusted_p_value_is_a_convention_of_the_standard() -> None:
    names = ["thefts", *"abc"]
    results = {name: made.estimate(-1.0, WEAK) if name == "thefts" else made.estimate(0.1, 1.0) for name in names}
    declared = spec(*map(outcome, names))
    lenient = {**shipped().model_dump(), "multiplicity": {"decides": []}}
    panel = made.panel()
    evidence = summarize(
        made.study(declared, lenient), panel, made.estimate(-2.0), {}, made.clean(), made.identity(),
        other_outcomes=results,
        outcome_results={name: OutcomeResult(panel, found, made.clean()) for name, found in results.items()},
    )  # fmt: skip
    finding = row(evidence, "thefts").finding
    assert finding is not None
    assert finding.label == "favourable"


def test_an_outcome_whose_interval_cannot_be_relied_on_is_inconclusive_and_not_counted() -> None:
    fitted = made.estimate(-1.0)
    none = dataclasses.replace(made.reported(fitted, "none", -1.2, -0.8), reported=None)
    unreliable = made.reported(none, "none", -1.2, -0.8)
    found = row(summary({"thefts": unreliable}, spec(outcome("thefts"))), "thefts")
    assert found.finding is not None
    assert found.finding.label == "inconclusive"
    assert found.p_adjusted.value is None
