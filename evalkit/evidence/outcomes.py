"""Summary of findings: every outcome of a study in one table, as GRADE lays it out, at most seven of them.

The primary outcome is the one confirmatory test of a study and stands as it is. Further outcomes are estimated by the
same estimator and judged by the same rule tables; those of one domain are counted together (Benjamini and Hochberg
1995). Which roles are counted, and whose finding needs the adjusted p-value, is in `configs/evidence/standard.yaml`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from evalkit.data.panel import Panel
from evalkit.errors import EvalkitError
from evalkit.estimate import Estimate
from evalkit.evidence.facts import Facts
from evalkit.evidence.finding import find
from evalkit.evidence.gather import facts_of
from evalkit.evidence.natural import not_rated
from evalkit.evidence.rating import Rating, rate
from evalkit.evidence.schema import FindingBlock, NaturalBlock, OutcomeFinding
from evalkit.evidence.speaking import Voice
from evalkit.evidence.values import Number
from evalkit.evidence.withhold import in_text
from evalkit.evidence.words import Script, headline, in_short, of_many, of_placebo
from evalkit.language import mark, phrase, readable, say, why
from evalkit.numerics.multiplicity import benjamini_hochberg
from evalkit.study.spec import Outcome, Study
from evalkit.study.told import told_outcome
from evalkit.vocabulary import Diagnostic

REPEATED: Final = (
    "pre_trends",
    "pre_fit",
    "honest",
    "sampler",
    "residual_autocorrelation",
    "posterior_predictive",
    "prior_predictive",
    "prior_sensitivity",
)
"""Checks that the rating reads and that need the estimate alone, not another fit: each outcome gets its own."""
OF_DIAGNOSTIC: Final = {"spillover": "spillover", "reporting": "specification_curve"}
"""Rows of the rating table that read one check which is not repeated."""
NO_P: Final = mark("a posterior has no p-value")
NOT_COUNTED: Final = mark("the {role} outcome is not counted together with others")
NO_INTERVAL: Final = mark("no method gives a p-value that can be relied on")


@dataclass(frozen=True, slots=True)
class OutcomeResult:
    """What the run found on a further outcome.

    Attributes
    ----------
    panel
        The outcome as analysed.
    estimate
        Of the primary estimator, with the interval that is reported.
    diagnostics
        Of the checks in `REPEATED` that the run makes.
    """

    panel: Panel
    estimate: Estimate
    diagnostics: tuple[Diagnostic, ...] = ()


OutcomeResults = Mapping[str, OutcomeResult | EvalkitError]


@dataclass(frozen=True, slots=True)
class _Judged:
    """A further outcome with everything that its row needs."""

    outcome: Outcome
    facts: Facts
    rating: Rating
    p_value: float | None
    own: frozenset[str]


def summary_of_findings(
    primary: Facts, rating: Rating, natural: NaturalBlock, said: str, results: OutcomeResults
) -> tuple[OutcomeFinding, ...]:
    """One row an outcome, the primary first, then in the order of the study.

    Parameters
    ----------
    primary, rating, natural
        Of the primary outcome.
    said
        Its headline.
    results
        Name to what the run found on each further outcome, or the reason why nothing was.
    """
    declared = {each.name: each for each in primary.spec.outcomes}
    judged: dict[str, _Judged | EvalkitError] = {
        name: found if isinstance(found, EvalkitError) else _judge(primary, declared[name], found)
        for name, found in results.items()
    }
    adjusted = _adjusted([each for each in judged.values() if isinstance(each, _Judged)], primary)
    rows = [_primary_row(primary, rating, natural, said)]
    for name, found in judged.items():
        if isinstance(found, EvalkitError):
            rows.append(_refused(primary, declared[name], found))
        else:
            rows.append(_row(found, adjusted.get(name)))
    return tuple(rows)


def about(study: Study, name: str) -> Study:
    """The study with another outcome in the place of the primary one, which becomes a secondary one."""
    outcomes = tuple(
        each.model_copy(update={"role": "primary" if each.name == name else _stepped_back(each)})
        for each in study.spec.outcomes
    )
    return study.model_copy(update={"spec": study.spec.model_copy(update={"outcomes": outcomes})})


def _stepped_back(outcome: Outcome) -> str:
    return "secondary" if outcome.role == "primary" else outcome.role


def _judge(primary: Facts, outcome: Outcome, found: OutcomeResult) -> _Judged | EvalkitError:
    own = {each.id for each in found.diagnostics}
    shared = tuple(_shared(each, primary) for name, each in primary.diagnostics.items() if name not in own)
    try:
        facts = facts_of(
            about(primary.study, outcome.name), found.panel, found.estimate, (*found.diagnostics, *shared),
            primary.other_outcomes,
        )  # fmt: skip
        return _Judged(outcome, facts, rate(facts), _p_value(facts), frozenset(own))
    except EvalkitError as reason:
        return reason


def _shared(found: Diagnostic, primary: Facts) -> Diagnostic:
    """A check of the primary outcome beside another one: what it says of its own interval only informs."""
    exact = found.id in primary.standard.required_diagnostics.exact_inference
    return replace(found, status="informational") if exact and found.status != "not_run" else found


def _p_value(facts: Facts) -> float | None:
    """Two-sided, by the reported inference; None for a posterior and where no method holds."""
    if facts.is_bayesian or facts.no_interval:
        return None
    reported = facts.estimate.reported
    if reported is not None:
        return reported.p_value
    p_value = float(facts.estimate.aggregation("overall", level=facts.spec.design.level).p_values()[0])
    return p_value if np.isfinite(p_value) else None


def _adjusted(judged: Sequence[_Judged], primary: Facts) -> dict[str, tuple[float, int]]:
    """Name to its adjusted p-value and the number of outcomes counted with it, domain by domain."""
    rules = primary.standard.multiplicity
    found: dict[str, tuple[float, int]] = {}
    counted = [each for each in judged if each.outcome.role in rules.counted and each.p_value is not None]
    for domain in dict.fromkeys(each.outcome.domain for each in counted):
        family = [each for each in counted if each.outcome.domain == domain]
        values = benjamini_hochberg(np.array([each.p_value for each in family], dtype=np.float64))
        found |= {
            each.outcome.name: (float(value), len(family)) for each, value in zip(family, values, strict=True)
        }  # fmt: skip
    return found


def _primary_row(facts: Facts, rating: Rating, natural: NaturalBlock, said: str) -> OutcomeFinding:
    outcome = told_outcome(facts.spec, facts.spec.primary_outcome)
    script = _script(facts, rating, natural)
    unrated = " ".join(rating.not_rated_reasons).rstrip(".")
    finding = find(facts.judged, outcome, not_rated=unrated, no_interval=facts.no_interval)
    p_value = _p_value(facts)
    return OutcomeFinding(
        outcome=outcome.name, role="primary", domain=outcome.domain, finding=finding, natural=natural,
        p_value=Number.missing(_no_p(facts)) if p_value is None else Number.derived(p_value),
        p_adjusted=Number.missing(phrase(NOT_COUNTED).format(role=readable("primary", lower=True))), counted_together=1,
        certainty=rating.certainty, label=rating.label, trail=(), carried_over=(), in_short=in_short(script, finding),
        sentence=said,
    )  # fmt: skip


def _row(judged: _Judged, adjusted: tuple[float, int] | None) -> OutcomeFinding:
    facts, rating, outcome = judged.facts, judged.rating, judged.outcome
    unrated = " ".join(rating.not_rated_reasons).rstrip(".")
    natural = not_rated(unrated) if rating.certainty is None else facts.natural()
    finding = find(facts.judged, told_outcome(facts.spec, outcome), not_rated=unrated, no_interval=facts.no_interval)
    lost = adjusted is not None and _lost(facts, finding, outcome, adjusted[0])
    if lost and adjusted is not None:
        reading = say(
            "The interval excludes 0; among {adjusted} outcomes of its domain it may not (adjusted p).",
            adjusted=adjusted[1],
        )
        finding = finding.model_copy(update={"label": "inconclusive", "reading": reading})
        facts = replace(facts, finding=finding)
    script = _script(facts, rating, natural)
    placebo = outcome.role == "placebo"
    said = headline(script)
    if placebo:
        said = of_placebo(script)
    elif lost and adjusted is not None and rating.certainty is not None:
        said = of_many(script, *adjusted)
    why = (
        phrase(NOT_COUNTED).format(role=readable(outcome.role, lower=True))
        if judged.p_value is not None
        else _no_p(facts)
    )
    return OutcomeFinding(
        outcome=told_outcome(facts.spec, outcome).name, role=outcome.role, domain=outcome.domain, finding=finding,
        natural=natural,
        p_value=Number.missing(_no_p(facts)) if judged.p_value is None else Number.derived(judged.p_value),
        p_adjusted=Number.missing(why) if adjusted is None else Number.derived(adjusted[0]),
        counted_together=1 if adjusted is None else adjusted[1],
        certainty=None if placebo else rating.certainty, label="Not rated" if placebo else rating.label,
        trail=() if placebo else rating.trail, carried_over=() if placebo else _carried_over(judged),
        in_short=in_short(script, finding, role=outcome.role, lost=lost), sentence=said,
    )  # fmt: skip


def _refused(primary: Facts, outcome: Outcome, reason: EvalkitError) -> OutcomeFinding:
    """A row without a result, with the reason."""
    voice = Voice(primary.standard, "Not rated", primary.is_bayesian)
    told, outcome = in_text(why(reason), primary.rules), told_outcome(primary.spec, outcome)
    return OutcomeFinding(
        outcome=outcome.name, role=outcome.role, domain=outcome.domain, finding=None, natural=not_rated(told),
        p_value=Number.missing(told), p_adjusted=Number.missing(told), counted_together=1, certainty=None,
        label="Not rated", trail=(), carried_over=(), in_short=voice.say("short_refused"),
        sentence=voice.say("outcome_refused", {"outcome": outcome.name, "reason": told.rstrip(".")}),
    )  # fmt: skip


def _script(facts: Facts, rating: Rating, natural: NaturalBlock) -> Script:
    return Script(facts, natural, rating, Voice(facts.standard, rating.label, facts.is_bayesian))


def _no_p(facts: Facts) -> str:
    return NO_P if facts.is_bayesian else NO_INTERVAL


def _lost(facts: Facts, finding: FindingBlock, outcome: Outcome, adjusted: float) -> bool:
    """Whether a difference that stands alone does not among the outcomes counted with it."""
    decides = outcome.role in facts.standard.multiplicity.decides
    found = finding.label in ("favourable", "unfavourable")
    return decides and found and adjusted >= 1.0 - facts.spec.design.level


def _carried_over(judged: _Judged) -> tuple[str, ...]:
    """Steps of the trail that rest on a check of the primary outcome, since it was not repeated."""
    carried = []
    for step in judged.rating.trail:
        rule, _, named = step.rule.partition(":")
        read = named or OF_DIAGNOSTIC.get(rule, "")
        if read and step.state in ("applied", "not_triggered") and read not in judged.own:
            carried.append(step.rule)
    return tuple(carried)
