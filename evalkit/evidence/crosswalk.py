"""The study on other bodies' scales: "-style, self-assessed", never an official rating."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from evalkit.evidence.facts import Facts
from evalkit.evidence.rating import Rating
from evalkit.evidence.schema_rating import Crosswalk, CrosswalkEntry, Judgement, RobinsI, TrailStep
from evalkit.language import phrase, say
from evalkit.vocabulary import Domain

DOMAINS: Final[tuple[Domain, ...]] = (
    "confounding",
    "selection",
    "classification",
    "deviations",
    "missing_data",
    "measurement",
    "reporting",
)
_SEVERITY: Final[tuple[Judgement, ...]] = ("low", "moderate", "no information", "serious", "critical")
"""From best to worst; "no information" weighs more than moderate and less than a known serious risk (ROBINS-I)."""


def crosswalk(facts: Facts, rating: Rating) -> Crosswalk:
    """Place the study on five published scales by their own criteria."""
    wwc = _wwc(facts, rating)
    return Crosswalk(
        sms=_sms(facts), wwc_style=wwc, edgar_style=_edgar(facts, rating, wwc.level), nesta=_nesta(facts, rating),
        robins_i=robins_i(facts, rating),
    )  # fmt: skip


def _entry(scheme: str, level: str, reason: str) -> CrosswalkEntry:
    return CrosswalkEntry(label=say("{scheme}-style, self-assessed", scheme=scheme), level=level, reason=reason)


def _compares(facts: Facts) -> bool:
    """Whether the design has a comparison group."""
    return facts.design != "interrupted_time_series" and facts.sample.comparison > 0


def _sms(facts: Facts) -> CrosswalkEntry:
    """Maryland Scientific Methods Scale, 1 to 5."""
    scheme, spec = phrase("Maryland SMS"), facts.spec
    if facts.design == "randomized":
        return _entry(scheme, "5", phrase("Assignment was random."))
    if spec.assignment.mechanism == "cutoff":
        return _entry(scheme, "4", phrase("Assignment by a cutoff is close to random near it."))
    if not _compares(facts):
        return _entry(scheme, "1", phrase("There is no comparison group."))
    if spec.assignment.selection_rule and spec.question.comparator:
        return _entry(
            scheme, "3", phrase("Before and after, with a comparison group that the study describes and justifies.")
        )
    return _entry(scheme, "2", phrase("Before and after with a comparison group whose choice is not explained."))


def _wwc(facts: Facts, rating: Rating) -> CrosswalkEntry:
    """What Works Clearinghouse: attrition for randomized designs, baseline equivalence for the others."""
    scheme, steps = "WWC", {step.rule: step for step in rating.trail}
    attrition, baseline = steps.get("attrition"), steps.get("baseline")
    low_attrition = attrition is not None and attrition.state == "not_triggered"
    equivalent = baseline is not None and baseline.state == "not_triggered"
    if facts.design == "randomized" and low_attrition:
        return _entry(
            scheme, phrase("meets standards without reservations"), phrase("Random assignment and low attrition.")
        )
    if not _compares(facts):
        return _entry(scheme, phrase("does not meet standards"), phrase("There is no comparison group."))
    sample = facts.sample
    others = sample.clusters - sample.treated_clusters
    if min(sample.treated_clusters, others or sample.comparison) < 2:  # later cohorts compare where all are treated
        return _entry(
            scheme, phrase("does not meet standards"), phrase("One unit stands for a whole group (confound of n = 1).")
        )
    if equivalent:
        return _entry(
            scheme, phrase("meets standards with reservations"), phrase("A comparison group, equivalent at baseline.")
        )
    if baseline is not None and baseline.state == "applied":
        return _entry(
            scheme,
            phrase("does not meet standards"),
            phrase("The groups differ at baseline beyond what was adjusted for."),
        )
    return _entry(
        scheme, phrase("cannot be judged"), phrase("No confounders are declared, so baseline equivalence is not shown.")
    )


def _edgar(facts: Facts, rating: Rating, wwc: str) -> CrosswalkEntry:
    """EDGAR / ESSA evidence tiers 1 to 4; tiers 1 to 3 need a favourable finding."""
    scheme = "EDGAR"
    favourable = facts.finding.label == "favourable" and rating.certainty is not None
    if not favourable:
        if facts.spec.question.theory_of_change:
            return _entry(
                scheme, "4", phrase("No favourable finding whose interval excludes 0; a theory of change is stated.")
            )
        return _entry(
            scheme, "none", phrase("No favourable finding whose interval excludes 0, and no theory of change.")
        )
    if facts.design == "randomized" and wwc == "meets standards without reservations":
        return _entry(scheme, "1", phrase("A favourable finding of an experiment with low attrition."))
    if _compares(facts) and wwc.startswith("meets"):
        return _entry(scheme, "2", phrase("A favourable finding of a quasi-experiment with equivalent groups."))
    if _compares(facts):
        return _entry(
            scheme, "3", phrase("A favourable finding with a comparison group whose equivalence is not shown.")
        )
    return _entry(scheme, "4", phrase("A favourable finding without a comparison group."))


def _nesta(facts: Facts, rating: Rating) -> CrosswalkEntry:
    """Nesta standards of evidence, 1 to 5; 4 and 5 need more than one study."""
    scheme = "Nesta"
    favourable = facts.finding.label == "favourable" and rating.certainty is not None
    if not favourable:
        return _entry(scheme, "1", phrase("The study says what the programme is for; it does not show an improvement."))
    if _compares(facts) or facts.design == "randomized":
        return _entry(
            scheme, "3", phrase("An improvement against a comparison group; one study cannot show replication.")
        )
    return _entry(scheme, "2", phrase("An improvement without a comparison group."))


def robins_i(facts: Facts, rating: Rating) -> RobinsI:
    """Risk of bias by domain from the trail: what was charged, and what could not be looked at.

    A domain that lost 2 points or capped the certainty at 1 is critical, 1 point serious; a domain that
    no rule could look at has no information. Confounding is at best moderate without randomization.
    """
    judged: Mapping[Domain, Judgement] = {domain: _judgement(facts, rating, domain) for domain in DOMAINS}
    worst = max(judged.values(), key=_SEVERITY.index)
    return RobinsI.model_validate({**judged, "overall": worst})


def _judgement(facts: Facts, rating: Rating, domain: Domain) -> Judgement:
    steps = [step for step in rating.trail if step.domain == domain and step.kind in ("cap", "deduction")]
    lost = sum(step.points for step in steps)
    if lost <= -2 or any(step.cap == 1 for step in steps):
        return "critical"
    if lost == -1:
        return "serious"
    if not any(_looked_at(step) for step in steps):
        return "no information"
    return "moderate" if domain == "confounding" and facts.design != "randomized" else "low"


def _looked_at(step: TrailStep) -> bool:
    return step.kind == "deduction" and step.state in ("applied", "not_triggered")
