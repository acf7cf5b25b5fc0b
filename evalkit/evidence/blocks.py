"""Blocks of the summary that restate the study's declarations and count its sample."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

from evalkit.evidence.disclosure import Policy, small, unstable
from evalkit.evidence.facts import Facts, Sample
from evalkit.evidence.ledger import (
    CLUSTERS,
    LOST,
    LOST_APART,
    MISSING,
    OBSERVATIONS,
    TREATED,
    UNITS,
    flow_item,
)
from evalkit.evidence.natural import observed_events
from evalkit.evidence.rules_results import cohort_agreement, nothing_to_agree
from evalkit.evidence.schema import (
    AssignmentBlock,
    DecisionBlock,
    DeliveryBlock,
    DiagnosticBlock,
    FlowStep,
    GovernanceBlock,
    Limitation,
    OutcomeBlock,
    QuestionBlock,
    SampleBlock,
    SmallestChangeBlock,
    SynthesisBlock,
    UseBlock,
)
from evalkit.evidence.speaking import Voice
from evalkit.evidence.values import Count, Dates, Flag, Number, WordList, Words
from evalkit.evidence.withhold import in_remark, small_details
from evalkit.language import phrase, say
from evalkit.study.spec import Outcome, StudySpec
from evalkit.study.told import told
from evalkit.vocabulary import Diagnostic, Remark


def number(value: float | None, reason: str) -> Number:
    """A derived number; missing with the reason where it is none or not finite."""
    if value is None or not math.isfinite(value):
        return Number.missing(reason)
    return Number.derived(float(value))


def governance(spec: StudySpec) -> GovernanceBlock:
    """Who evaluated, paid and answers."""
    declared = spec.governance
    return GovernanceBlock(
        evaluator_independence=Words.declared(declared.evaluator_independence),
        funder=Words.declared(declared.funder),
        contact=Words.declared(declared.contact),
        ethics_review=Words.declared(declared.ethics_review),
    )


def question(spec: StudySpec) -> QuestionBlock:
    """What was asked."""
    asked = spec.question
    return QuestionBlock(
        title=Words.declared(spec.full_title),
        programme=Words.declared(spec.programme_name),
        priority=Words.declared(spec.priority),
        capacity=Words.declared(spec.capacity),
        population=Words.declared(asked.population),
        intervention=Words.declared(asked.intervention),
        comparator=Words.declared(asked.comparator),
        outcome=Words.declared(asked.outcome),
        setting=Words.declared(asked.setting),
        theory_of_change=Words.declared(asked.theory_of_change),
        city=Words.declared(spec.city),
    )


def assignment(spec: StudySpec) -> AssignmentBlock:
    """How units came to be treated."""
    declared = spec.assignment
    return AssignmentBlock(
        mechanism=Words.declared(declared.mechanism),
        unit=Words.declared(declared.unit),
        selection_rule=Words.declared(declared.selection_rule),
        concurrent_events=WordList.declared(declared.concurrent_events),
    )


def delivery(spec: StudySpec) -> DeliveryBlock:
    """What was delivered."""
    declared = spec.delivery
    return DeliveryBlock(
        dates=Words.declared(declared.dates),
        dose=Words.declared(declared.dose),
        take_up=Number.declared(declared.take_up),
        fidelity=Words.declared(declared.fidelity),
        contamination=Words.declared(declared.contamination),
        anticipation=Count.declared(spec.design.anticipation),
    )


def outcome_block(outcome: Outcome) -> OutcomeBlock:
    """One outcome as declared."""
    mid = outcome.mid
    none = phrase("no smallest change that matters is declared")
    return OutcomeBlock(
        name=outcome.name,
        role=outcome.role,
        family=outcome.family,
        unit=outcome.unit,
        direction=outcome.direction,
        analysed_as=outcome.transform,
        exposure=Words.declared(outcome.exposure),
        per=Number.declared(outcome.per) if outcome.family == "rate" else Number.missing(phrase("not a rate")),
        event_name=Words.declared(outcome.event_name),
        mid=SmallestChangeBlock(
            value=Number.declared(mid.value if mid else None, otherwise=none),
            unit=Words.declared((mid.unit or outcome.unit) if mid else None, otherwise=none),
            rationale=Words.declared(mid.rationale if mid else None, otherwise=none),
        ),
        source=Words.declared(outcome.source),
        definition_changes=Dates.declared(outcome.definition_changes, otherwise=phrase("no change is declared")),
        domain=outcome.domain,
    )


def sample_block(facts: Facts) -> SampleBlock:
    """How much data the primary estimate rests on, and what was left out."""
    sample: Sample = facts.sample
    outcome = facts.spec.primary_outcome
    needs = (
        phrase("an exposure is needed to turn a rate into events")
        if outcome.family == "rate"
        else phrase("not an event count")
    )
    grouped = facts.panel.cross_sections is not None
    gone = phrase("each row is another person") if grouped else phrase("an arm was not seen before the first start")
    rules, names, book = facts.rules, _column_names(facts.spec), facts.ledger
    events = observed_events(outcome, facts.panel)
    few_events = events is not None and small(rules, events)
    return SampleBlock(
        n_units=_count(rules, sample.units, book.hides(UNITS)),
        n_treated_units=_count(rules, facts.estimate.n_treated_units, book.hides(TREATED)),
        n_clusters=Count.derived(sample.clusters) if grouped else _count(rules, sample.clusters, book.hides(CLUSTERS)),
        n_treated_clusters=Count.derived(sample.treated_clusters)
        if grouped
        else _count(rules, sample.treated_clusters, book.hides(CLUSTERS)),
        n_observations=_count(rules, facts.estimate.n_observations, book.hides(OBSERVATIONS)),
        n_events=Number.suppressed(_withheld(rules))
        if few_events or (events is not None and facts.level is not None)
        else number(events, needs),
        pre_periods=Count.derived(sample.pre_periods),
        post_periods=Count.derived(sample.post_periods),
        missing_share=_share(rules, sample.missing_share, gone, book.hides(MISSING)),
        attrition_overall=_share(rules, sample.attrition_overall, gone, book.hides(LOST)),
        attrition_differential=_share(rules, sample.attrition_differential, gone, book.hides(LOST_APART)),
        flow=tuple(
            flow_step(remark, rules, names, every=facts.withholds or book.hides(flow_item(place)))
            for place, remark in enumerate((*facts.panel.remarks, *facts.estimate.remarks))
        ),
    )


def _count(rules: Policy, count: int, hidden: bool) -> Count:
    """A count of units, withheld where it is a small count of persons or gives one away."""
    return Count.suppressed(_withheld(rules)) if hidden or small(rules, count) else Count.derived(count)


def _share(rules: Policy, share: float | None, reason: str, hidden: bool) -> Number:
    """A share of people, withheld where it counts few of them."""
    return Number.suppressed(_withheld(rules)) if hidden else number(share, reason)


def _withheld(rules: Policy) -> str:
    return say("counts of people from 1 to {min_cell} are withheld", min_cell=rules.min_cell - 1)


def _column_names(spec: StudySpec) -> frozenset[str]:
    """Names in quotes that are not those of people."""
    data, outcomes = spec.data, spec.outcomes
    named = {
        data.unit, data.group, data.period, data.cohort, data.treated, data.dose, data.weight, data.cluster,
        *data.covariates,
    }  # fmt: skip
    return frozenset(str(name) for name in {*named, *(o.name for o in outcomes), *(o.column for o in outcomes)} if name)


def flow_step(remark: Remark, rules: Policy, names: Collection[str] = (), *, every: bool = False) -> FlowStep:
    """A remark of intake or estimator as a step of the sample flow."""
    text, treated, comparison = in_remark(remark, rules, names, every=every)
    return FlowStep(id=remark.id, text=text, treated=treated, comparison=comparison)


def diagnostic_block(found: Diagnostic, rules: Policy) -> DiagnosticBlock:
    """One check; small counts of people among its figures are withheld."""
    hidden = dict.fromkeys(small_details(found, rules), Number.suppressed(_withheld(rules)))
    reason = phrase("the check did not run") if found.status == "not_run" else phrase("the check has no such number")
    return DiagnosticBlock(
        id=found.id,
        null_in_words=found.null_in_words,
        statistic=found.statistic,
        value=number(found.value, reason),
        threshold=number(found.threshold, reason),
        status=found.status,
        domain=found.domain,
        reading=found.reading,
        details={name: number(value, phrase("not a finite number")) for name, value in found.details} | hidden,
    )


def synthesis(facts: Facts) -> SynthesisBlock:
    """Agreement across cohorts."""
    least = facts.standard.rules["disagreement"].limits["units"]
    found = cohort_agreement(facts.estimate, least)
    if found is None:
        reason = nothing_to_agree(facts.estimate, least)
        reason = reason[0].lower() + reason[1:]
        return SynthesisBlock(
            over="cohort", n_groups=Count.missing(reason), i_squared=Number.missing(reason),
            sign_reversal=Flag.missing(reason),
        )  # fmt: skip
    return SynthesisBlock(
        over="cohort",
        n_groups=Count.derived(found.count),
        i_squared=Number.derived(found.i_squared),
        sign_reversal=Flag.derived(found.sign_reversal),
    )


def use(facts: Facts, voice: Voice) -> UseBlock:
    """Limitations declared and found, and what comes next.

    A run that departs from its plan says so among them, one without a plan too; one that follows it does not.
    """
    declared = told(facts.spec).use
    limitations = [Limitation(text=text, how="declared") for text in declared.limitations]
    limitations += [Limitation(text=text, how="derived") for text in _found_limitations(facts, voice)]
    decision = declared.decision
    taken = None if decision is None else DecisionBlock(who=decision.who, date=decision.date)
    return UseBlock(
        limitations=tuple(limitations),
        transferability=Words.declared(declared.transferability),
        next_step=Words.declared(declared.next_step),
        decision=taken,
        decisions=() if taken is None else (taken,),
    )


def _found_limitations(facts: Facts, voice: Voice) -> Sequence[str]:
    found: list[str] = []
    limits = facts.standard.rules["few_clusters"].limits
    sample = facts.sample
    few = sample.treated_clusters < limits["treated"] or sample.clusters < limits["total"]
    exact = facts.exact_inference
    names = {"treated": facts.counted(sample.treated_clusters), "total": facts.counted(sample.clusters)}
    if few and not facts.holds_with_few_clusters and not facts.is_bayesian:
        grouped = facts.panel.cross_sections is not None
        found.append(voice.say("limit_few_groups" if grouped else "limit_few_clusters", names))
    if facts.design == "difference_in_differences" and sample.pre_periods == 1:
        found.append(voice.say("limit_no_earlier_period"))
    if exact is not None and exact.status == "fail" and exact.value is not None:
        test = exact.id.replace("_", " ")
        found.append(voice.say("limit_interval_not_supported", {**names, "test": test, "p": f"{exact.value:.3g}"}))
    events = observed_events(facts.spec.primary_outcome, facts.panel)
    few_events = None if events is None else unstable(events, facts.standard)
    if events is not None and few_events:
        withheld = say("rests on fewer than {min_cell} events", min_cell=facts.rules.min_cell)
        found.append(voice.say("limit_few_events", {"why": withheld if small(facts.rules, events) else few_events}))
    if facts.plan.analysis is None:
        found.append(voice.say("limit_no_plan"))
    elif facts.plan.analysis == "exploratory":
        found.append(facts.plan.reading.rstrip("."))
    return found
