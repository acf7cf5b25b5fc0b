"""Certainty: start at 4, apply caps, sum deductions, and keep every step so that a reader can repeat it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from evalkit.evidence import rules_design as design
from evalkit.evidence import rules_results as results
from evalkit.evidence.facts import Facts
from evalkit.evidence.phrases import RULE_WORDS
from evalkit.evidence.schema_rating import CertaintyLabel, TrailStep
from evalkit.evidence.standard import Rule, Standard
from evalkit.evidence.verdict import Verdict
from evalkit.language import phrase, readable, say
from evalkit.vocabulary import Domain

Judge = Callable[[Facts, Rule], Verdict | tuple[Verdict, ...]]
LateJudge = Callable[[Facts, Rule, frozenset[Domain]], Verdict | tuple[Verdict, ...]]

RULES: Final[dict[str, Judge]] = {
    "sampler_gate": design.sampler_gate,
    "cap_no_comparison": design.cap_no_comparison,
    "cap_time_series": design.cap_time_series,
    "cap_not_randomized": design.cap_not_randomized,
    "cap_single_unit": design.cap_single_unit,
    "few_pre_periods": design.few_pre_periods,
    "short_series": design.short_series,
    "pre_trends": results.pre_trends,
    "pre_fit": results.pre_fit,
    "honest": results.honest,
    "baseline": design.baseline,
    "regression_to_the_mean": design.regression_to_the_mean,
    "concurrent_event": design.concurrent_event,
    "attrition": design.attrition,
    "spillover": results.spillover,
    "measurement_change": design.measurement_change,
    "few_clusters": design.few_clusters,
    "imprecision": results.imprecision,
    "disagreement": results.disagreement,
    "indirectness": results.indirectness,
    "reporting": results.reporting,
    "prior": results.prior,
    "posterior_predictive": results.posterior_predictive,
    "required_diagnostic": results.required_diagnostic,
}
"""Rule of the rating table to the function that judges it."""

LATE_RULES: Final[dict[str, LateJudge]] = {
    "failed_check": results.failed_check,
    "large_effect": results.large_effect,
}
"""Rules that also look at which domains have been charged before them."""


@dataclass(frozen=True, slots=True)
class Rating:
    """Certainty with the steps that led to it.

    Attributes
    ----------
    certainty
        4 to 1; None when not rated.
    label
        ``High`` ... ``Very low``, or ``Not rated``.
    not_rated_reasons
        Why, when it is not.
    trail
        Every step in order.
    """

    certainty: int | None
    label: CertaintyLabel
    not_rated_reasons: tuple[str, ...]
    trail: tuple[TrailStep, ...]


def rate(facts: Facts) -> Rating:
    """Judge every rule of the table and add the steps up.

    Examples
    --------
    See `docs/evidence.md` for a trail added up by hand.
    """
    judged: list[TrailStep] = []
    for name, rule in facts.standard.rules.items():
        charged = frozenset(step.domain for step in judged if step.points < 0 and step.domain is not None)
        verdicts = RULES[name](facts, rule) if name in RULES else LATE_RULES[name](facts, rule, charged)
        listed = verdicts if isinstance(verdicts, tuple) else (verdicts,)
        judged.extend(_step(name, rule, verdict, facts.standard) for verdict in listed)
    return tally(judged, facts.standard)


def tally(judged: Iterable[TrailStep], standard: Standard) -> Rating:
    """Add up judged rules: start, gates and caps, deductions with their limit by domain, floor, upgrade.

    Parameters
    ----------
    judged
        Steps of kind gate, cap, deduction and upgrade, in the order of the table.
    standard
        Start, floor, limits and labels.
    """
    steps = list(judged)
    rules = standard.certainty
    trail = [
        TrailStep(
            rule="start", kind="start", trigger=phrase("Every study starts here"), state="applied",
            reason=say("Start at {start}.", start=rules.start), points=rules.start, running=rules.start,
        )
    ]  # fmt: skip
    gates = [step for step in steps if step.kind == "gate" and step.state == "applied"]
    running = rules.start
    for step in (step for step in steps if step.kind in ("gate", "cap", "deduction")):
        if step.state == "applied" and step.cap is not None:
            running = min(running, step.cap)
        running += step.points
        trail.append(step.model_copy(update={"running": running}))
    for extra in _domain_limits(steps, rules.domain_limit):
        running += extra.points
        trail.append(extra.model_copy(update={"running": running}))
    if running < rules.floor:
        lifted = rules.floor - running
        running = rules.floor
        trail.append(
            TrailStep(
                rule="floor", kind="floor", trigger=say("Certainty below {floor}", floor=rules.floor), state="applied",
                reason=say("The lowest certainty is {floor}.", floor=rules.floor), points=lifted, running=running,
            )
        )  # fmt: skip
    for step in (step for step in steps if step.kind == "upgrade"):
        points = min(step.points, _ceiling(steps, rules.start) - running) if step.state == "applied" else 0
        running += max(points, 0)
        trail.append(step.model_copy(update={"points": max(points, 0), "running": running}))
    if gates:
        trail = [step.model_copy(update={"running": None}) if step.rule != "start" else step for step in trail]
        return Rating(None, "Not rated", tuple(gate.reason for gate in gates), tuple(trail))
    return Rating(running, rules.labels[running - 1], (), tuple(trail))


def recompute(trail: Sequence[Mapping[str, Any]]) -> int | None:
    """Certainty from a stored trail alone, as a reader does it by hand.

    Take the start; if a gate applied there is no rating; go down to the lowest cap that applied; add
    all other points.

    Examples
    --------
    >>> recompute([{"kind": "start", "state": "applied", "points": 4, "cap": None},
    ...            {"kind": "cap", "state": "applied", "points": 0, "cap": 3},
    ...            {"kind": "deduction", "state": "applied", "points": -1, "cap": None},
    ...            {"kind": "deduction", "state": "not_run", "points": 0, "cap": None}])
    2
    """
    applied = [step for step in trail if step["state"] == "applied"]
    if any(step["kind"] == "gate" for step in applied):
        return None
    start = sum(int(step["points"]) for step in applied if step["kind"] == "start")
    caps = [int(step["cap"]) for step in applied if step["kind"] == "cap"]
    return min([start, *caps]) + sum(int(step["points"]) for step in applied if step["kind"] != "start")


def _step(name: str, rule: Rule, verdict: Verdict, standard: Standard) -> TrailStep:
    applied = verdict.state == "applied"
    severe = applied and verdict.severe and rule.points_severe is not None
    points = (rule.points_severe if severe else rule.points) if applied else 0
    cap = (verdict.cap if verdict.cap is not None else rule.cap) if applied else None
    identification = ", ".join(standard.identification_domains).replace("_", " ")
    limits: dict[str, Any] = {key: f"{value:g}" for key, value in rule.limits.items()}
    because, fix = _clauses(name, verdict) if applied and rule.kind != "upgrade" else ("", "")
    return TrailStep(
        rule=f"{name}:{verdict.about}" if verdict.about else name,
        kind=rule.kind,
        trigger=phrase(rule.trigger).format(**limits, identification=identification),
        domain=verdict.domain or rule.domain,
        value=verdict.value,
        threshold=verdict.threshold,
        state=verdict.state,
        reason=verdict.reason,
        points=points or 0,
        cap=cap,
        upgrade_may_exceed=rule.upgrade_may_exceed,
        because=because,
        fix=fix,
    )


def _clauses(name: str, verdict: Verdict) -> tuple[str, str]:
    """Why the rule counts and what would lift it."""
    because, fix = RULE_WORDS[f"{name}/{verdict.variant}" if verdict.variant else name]
    about = readable(verdict.about, lower=True)
    return because.format(about=about), fix.format(about=about)


def _domain_limits(steps: Sequence[TrailStep], limit: int) -> list[TrailStep]:
    """Give back what one domain lost beyond the limit."""
    lost: dict[Domain, int] = {}
    for step in steps:
        if step.kind == "deduction" and step.domain is not None:
            lost[step.domain] = lost.get(step.domain, 0) + step.points
    return [
        TrailStep(
            rule="domain_limit", kind="domain_limit",
            trigger=say("More than {limit} points lost in one domain", limit=-limit),
            domain=domain, value=float(points), threshold=float(limit), state="applied", points=limit - points,
            reason=say("{domain} can take away {limit} points at most.", domain=readable(domain), limit=-limit),
        )
        for domain, points in lost.items() if points < limit
    ]  # fmt: skip


def _ceiling(steps: Sequence[TrailStep], start: int) -> int:
    """Highest certainty an upgrade can reach: caps that it may not exceed still hold."""
    firm = [step.cap for step in steps if step.cap is not None and not step.upgrade_may_exceed]
    return min([start, *firm])
