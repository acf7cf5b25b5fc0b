"""What one rule of the rating table says about one run."""

from __future__ import annotations

from dataclasses import dataclass, replace

from evalkit.evidence.schema_rating import StepState
from evalkit.vocabulary import Domain


@dataclass(frozen=True, slots=True)
class Verdict:
    """Outcome of one rule.

    Attributes
    ----------
    state
        ``applied``, ``not_triggered``, ``not_applicable`` or ``not_run``: a rule that could not be
        looked at says so, and never counts as passed.
    reason
        One sentence with the numbers.
    value, threshold
        What was found, and what it was held against.
    severe
        Whether the severe points apply.
    cap
        Replaces the rule's own cap.
    domain
        Replaces the rule's own domain.
    about
        What the verdict concerns where one rule has several, e.g. the diagnostic.
    variant
        Which of the rule's wordings fits (`phrases.RULE_WORDS`).
    """

    state: StepState
    reason: str
    value: float | str | None = None
    threshold: float | str | None = None
    severe: bool = False
    cap: int | None = None
    domain: Domain | None = None
    about: str = ""
    variant: str = ""


def held_against(
    triggered: bool, reason: str, value: float | str | None, threshold: float | str | None = None, *, variant: str = ""
) -> Verdict:
    """The rule was looked at: it applies or it does not."""
    return Verdict("applied" if triggered else "not_triggered", reason, value, threshold, variant=variant)


def severe(verdict: Verdict) -> Verdict:
    """The same verdict, at the severe points."""
    return replace(verdict, severe=True)


def not_applicable(reason: str) -> Verdict:
    """The rule is for another design or another kind of run."""
    return Verdict("not_applicable", reason)


def not_run(reason: str) -> Verdict:
    """The information that the rule needs does not exist in this run."""
    return Verdict("not_run", reason)
