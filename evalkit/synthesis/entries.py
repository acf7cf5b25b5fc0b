"""What a portfolio knows of each study: its newest evidence, or that there is none yet."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from scipy import stats

from evalkit.evidence.schema import Evidence
from evalkit.language import mark
from evalkit.vocabulary import Finding

Stage = Literal["planned", "running", "no result", "not rated", "finished", "decided"]
STAGES: Final[tuple[Stage, ...]] = ("planned", "running", "no result", "not rated", "finished", "decided")
NO_CITY: Final = mark("City not named")
ADAPTING: Final = ("scale", "modify", "stop")
"""Decisions that change the programme; to continue or to test more leaves it as it is."""


@dataclass(frozen=True, slots=True)
class Decided:
    """What the city decided after reading.

    Attributes
    ----------
    next_step
        ``scale``, ``continue``, ``modify``, ``stop`` or ``test_more``.
    who
        Office or body.
    date
        The day.
    """

    next_step: str
    who: str
    date: dt.date


@dataclass(frozen=True, slots=True)
class Entry:
    """One study in a portfolio.

    Attributes
    ----------
    study_id, city, priority, title
        As the study declares them.
    stage
        How far it is; ``no result`` where every run was refused or broke off.
    evidence
        Of its newest run that ended with a summary; None where none has.
    decision
        None until the city has decided.
    versions
        Runs of the study that ended with a summary.
    run_id
        Of the run that the evidence is of; empty without one.
    """

    study_id: str
    city: str
    priority: str
    title: str
    stage: Stage
    evidence: Evidence | None = None
    decision: Decided | None = None
    versions: int = 0
    run_id: str = ""

    @property
    def finding(self) -> Finding | None:
        """What was found; None where the run is not rated or there is none."""
        if self.evidence is None or self.evidence.rating.certainty is None:
            return None
        return self.evidence.finding.label

    @property
    def certainty(self) -> int | None:
        """4 High to 1 Very low; None where not rated."""
        return None if self.evidence is None else self.evidence.rating.certainty

    @property
    def adapted(self) -> bool:
        """Whether the decision changes the programme."""
        return self.decision is not None and self.decision.next_step in ADAPTING


@dataclass(frozen=True, slots=True)
class Effect:
    """A study's overall effect on the scale it was analysed on, as a meta-analysis takes it.

    Attributes
    ----------
    value
        In the unit of the outcome, or in log points.
    std_error
        Half the reported interval over its normal quantile: what the summary states, whatever the method.
    """

    value: float
    std_error: float


def entry_of(evidence: Evidence, *, decision: Decided | None = None, versions: int = 1, run_id: str = "") -> Entry:
    """The entry of a study from its newest summary.

    A decision that stands in the summary itself counts, where none was recorded later.
    """
    question, use = evidence.question, evidence.use
    if decision is None and use.decision is not None:
        step = use.decision.next_step or use.next_step.value or "continue"
        decision = Decided(step, use.decision.who, use.decision.date)
    stage: Stage = "decided" if decision else "not rated" if evidence.rating.certainty is None else "finished"
    return Entry(
        study_id=evidence.identity.study_id,
        city=question.city.value or NO_CITY,
        priority=question.priority.value or "",
        title=question.title.value or evidence.identity.study_id,
        stage=stage,
        evidence=evidence,
        decision=decision,
        versions=versions,
        run_id=run_id or evidence.identity.run_id,
    )


def newest(found: Iterable[Evidence]) -> list[Entry]:
    """One entry a study, of its newest summary; older ones are counted."""
    by_study: dict[str, list[Evidence]] = {}
    for evidence in found:
        by_study.setdefault(evidence.identity.study_id, []).append(evidence)
    entries = []
    for runs in by_study.values():
        last = max(runs, key=lambda each: (each.identity.created_at, each.identity.run_id))
        entries.append(entry_of(last, versions=len(runs)))
    return ordered(entries)


def ordered(entries: Iterable[Entry]) -> list[Entry]:
    """By priority, city and title."""
    return sorted(entries, key=lambda each: (each.priority, each.city, each.title, each.study_id))


def effect_of(entry: Entry) -> Effect | str:
    """The effect of a rated study, or the reason why it cannot be put together with others."""
    evidence = entry.evidence
    if evidence is None:
        return mark("no result yet")
    if evidence.rating.certainty is None:
        return mark("not rated")
    found = evidence.estimates[0]
    if found.inference is not None and found.inference.method == "none":
        return mark("no interval that can be relied on")
    value, low, high, level = found.effect.value, found.effect.low, found.effect.high, found.effect.level
    if value is None or low is None or high is None or level is None:
        return found.effect.reason or mark("no interval")
    if not high > low:
        return mark("an interval without width")
    return Effect(value, (high - low) / (2.0 * float(stats.norm.ppf(0.5 + level / 2.0))))
