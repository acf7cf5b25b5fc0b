"""The rating part of the evidence summary: certainty, the steps to it, and other bodies' scales."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from evalkit.evidence.values import Block
from evalkit.vocabulary import Domain

CertaintyLabel = Literal["High", "Moderate", "Low", "Very low", "Not rated"]
StepKind = Literal["start", "gate", "cap", "deduction", "domain_limit", "floor", "upgrade", "warning"]
StepState = Literal["applied", "not_triggered", "not_applicable", "not_run"]
Judgement = Literal["low", "moderate", "serious", "critical", "no information"]


class TrailStep(Block):
    """One step of the rating; enough, with its neighbours, to recompute the label by hand.

    Attributes
    ----------
    rule
        Name of the rule in the rating table.
    trigger
        What would set it off, in words with its numbers.
    value
        What the run found.
    state
        ``applied`` (it counts), ``not_triggered`` (looked at, fine), ``not_applicable`` (the rule
        is for another design), ``not_run`` (the information it needs does not exist in this run).
    points
        Added to the running certainty when applied (negative for a deduction); 0 otherwise.
    cap
        Upper limit set when applied.
    upgrade_may_exceed
        Whether an upgrade may lift the certainty above this cap.
    running
        Certainty after this step; below 1 before the floor, None once a gate has applied.
    because, fix
        Why it counts and what would lift it, as clauses; empty where it does not count.
    """

    rule: str
    kind: StepKind
    trigger: str
    domain: Domain | None = None
    value: float | str | None = None
    threshold: float | str | None = None
    state: StepState
    reason: str
    points: int = 0
    cap: int | None = None
    upgrade_may_exceed: bool = False
    running: int | None = None
    because: str = ""
    fix: str = ""


class Raise(Block):
    """One thing that would raise the certainty.

    Attributes
    ----------
    rule
        The step of the trail that it would lift.
    fix
        What would have to be otherwise, as a clause after "if".
    points
        What the step took: points, or the distance from the start to its cap.
    alone
        The label if this step alone were lifted.
    """

    rule: str
    fix: str
    points: int
    alone: CertaintyLabel


class RobinsI(Block):
    """Risk of bias by domain (ROBINS-I-style, self-assessed); the overall is the worst."""

    confounding: Judgement
    selection: Judgement
    classification: Judgement
    deviations: Judgement
    missing_data: Judgement
    measurement: Judgement
    reporting: Judgement
    overall: Judgement


class CrosswalkEntry(Block):
    """The study on one published scale, as it rates itself."""

    label: str
    level: str
    reason: str


class Crosswalk(Block):
    """The study on other bodies' scales: self-assessed, never an official rating."""

    sms: CrosswalkEntry
    wwc_style: CrosswalkEntry
    edgar_style: CrosswalkEntry
    nesta: CrosswalkEntry
    robins_i: RobinsI


class RatingBlock(Block):
    """How sure one can be of the finding.

    Attributes
    ----------
    certainty
        4 High, 3 Moderate, 2 Low, 1 Very low; None when not rated.
    not_rated_reasons
        Why, when it is not.
    raises
        Everything that would raise the certainty, in the order of the trail; with all of it the label is the highest.
    """

    table: str
    certainty: Annotated[int, Field(ge=1, le=4)] | None
    label: CertaintyLabel
    not_rated_reasons: tuple[str, ...]
    trail: Annotated[tuple[TrailStep, ...], Field(min_length=1)]
    crosswalk: Crosswalk
    raises: tuple[Raise, ...] = ()
