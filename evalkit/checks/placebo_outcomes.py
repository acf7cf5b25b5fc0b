"""Does the programme seem to move outcomes that it cannot move?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from evalkit.checks.base import CheckContext, PanelCheck, exhibiting
from evalkit.checks.wording import two_digits
from evalkit.errors import EvalkitError
from evalkit.estimate import Estimate
from evalkit.language import mark, phrase, say, why
from evalkit.study.told import told, told_outcome
from evalkit.vocabulary import Diagnostic, Domain, Exhibit


@dataclass(frozen=True, slots=True)
class _Effect:
    """The overall effect on one outcome, as analysed, with its two-sided p-value or posterior tail."""

    outcome: str
    role: str
    unit: str
    n_treated: int
    effect: float
    std_error: float
    low: float
    high: float
    p: float


class PlaceboOutcomes(PanelCheck):
    """The primary estimator on the outcomes of role ``placebo``, whose effect must be zero.

    They are read together: the smallest p-value, times their number (Bonferroni), is held against alpha, so
    that many placebo outcomes do not fail by their number alone. For a posterior, twice the smaller
    share of draws on one side of 0 takes the place of p.

    Parameters
    ----------
    alpha
        Level of the joint test.
    """

    name: ClassVar[str] = "placebo_outcomes"
    null_in_words: ClassVar[str] = mark(
        "Outcomes that the programme cannot move did not move: all placebo effects are zero."
    )
    domain: ClassVar[Domain] = "confounding"
    repeated_cross_sections: ClassVar[bool] = True

    alpha: Annotated[float, Field(gt=0.0, lt=0.5)] = 0.05

    def run(self, context: CheckContext) -> tuple[Diagnostic, ...]:
        """Test every placebo outcome."""
        named = [outcome for outcome in context.spec.outcomes if outcome.role == "placebo"]
        if not named:
            return self.result("not_run", phrase("The study names no placebo outcome (outcomes with role: placebo)."))
        found: list[_Effect] = []
        trouble: list[str] = []
        for declared in named:
            estimate, outcome = context.of_outcome(declared.name), told_outcome(context.spec, declared)
            if isinstance(estimate, EvalkitError):
                trouble.append(f"'{outcome.name}' ({why(estimate)})")
            else:
                found.append(_effect(context, estimate, outcome.name, "placebo", outcome.unit))
        if not found:
            return self.result(
                "not_run", say("No placebo outcome could be estimated: {listed}", listed="; ".join(trouble))
            )
        least = min(found, key=lambda each: each.p)
        adjusted = min(1.0, least.p * len(found))
        failed = adjusted < self.alpha
        missing = say(" Not estimable: {listed}.", listed="; ".join(trouble)) if trouble else ""
        result = self.result(
            "fail" if failed else "pass",
            f"{_said(least, len(found), adjusted, failed)}{missing}",
            statistic="smallest_p_adjusted",
            value=adjusted,
            threshold=self.alpha,
            outcomes=float(len(found)),
            not_estimable=float(len(trouble)),
            intervals_excluding_zero=float(sum(not each.low <= 0.0 <= each.high for each in found)),
        )
        primary = told(context.spec).primary_outcome
        first = _effect(context, context.estimate, primary.name, "primary", primary.unit)
        return exhibiting(result, _exhibit([first, *found]))


def _effect(context: CheckContext, estimate: Estimate, name: str, role: str, unit: str) -> _Effect:
    overall = estimate.aggregation("overall", level=context.spec.design.level)
    if overall.draws is not None:
        beyond = float(np.mean(overall.draws[:, 0] > 0.0))
        p = 2.0 * min(beyond, 1.0 - beyond)
    else:
        p = float(overall.p_values()[0])
    effect, error, low, high = (
        float(each[0]) for each in (overall.estimate, overall.std_error, overall.low, overall.high)
    )
    reported = estimate.reported
    if reported is not None and reported.p_value is not None:
        low, high, p = reported.low, reported.high, reported.p_value
    return _Effect(name, role, unit, estimate.n_treated_units, effect, error, low, high, p)


def _said(least: _Effect, count: int, adjusted: float, failed: bool) -> str:
    size = (
        say("{effect} standard errors", effect=two_digits(least.effect / least.std_error))
        if least.std_error > 0.0
        else phrase("0 exactly")
    )
    if count == 1:
        verdict = (
            phrase("differs from zero, which the programme cannot explain")
            if failed
            else phrase("is compatible with zero")
        )
        return say(
            "The effect on the placebo outcome '{outcome}' ({size}; p = {adjusted:.2g}) {verdict}.",
            outcome=least.outcome,
            size=size,
            adjusted=adjusted,
            verdict=verdict,
        )
    if failed:
        return say(
            "The effect on the placebo outcome '{outcome}' ({size}; p = {adjusted:.2g} after counting"
            " all of them) differs from zero, which the programme cannot explain.",
            outcome=least.outcome,
            size=size,
            adjusted=adjusted,
        )
    return say(
        "The effects on all placebo outcomes are compatible with zero; the largest in relation to"
        " its error is that on '{outcome}' ({size}; p = {adjusted:.2g} after counting all of "
        "them).",
        outcome=least.outcome,
        size=size,
        adjusted=adjusted,
    )


def _exhibit(effects: Sequence[_Effect]) -> Exhibit:
    """One row an outcome, the primary first, in standard errors: outcomes have units of their own."""

    def over(value: float, each: _Effect) -> float:
        return value / each.std_error if each.std_error > 0.0 else np.nan

    table: dict[str, tuple[object, ...]] = {
        "outcome": tuple(each.outcome for each in effects),
        "role": tuple(each.role for each in effects),
        "unit": tuple(each.unit for each in effects),
        "n_treated": tuple(each.n_treated for each in effects),
        "effect": tuple(each.effect for each in effects),
        "p": tuple(each.p for each in effects),
        "in_errors": tuple(over(each.effect, each) for each in effects),
        "low_in_errors": tuple(over(each.low, each) for each in effects),
        "high_in_errors": tuple(over(each.high, each) for each in effects),
    }
    return Exhibit("placebo_outcomes", table, counts=("n_treated",))
