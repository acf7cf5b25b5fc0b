"""Pretend that the programme began on each of many earlier dates: none of them may show an effect."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from evalkit.checks.base import CheckContext, PanelCheck, exhibiting
from evalkit.checks.placebo_period import shifted_start
from evalkit.checks.wording import amount
from evalkit.errors import EvalkitError
from evalkit.estimate import Estimate
from evalkit.language import mark, phrase, say, say_count
from evalkit.vocabulary import Diagnostic, Domain, Exhibit

SHORTEST = 4
"""Periods on either side of a false start, where the time before the programme is short."""


@dataclass(frozen=True, slots=True)
class _Effect:
    """An overall effect with the interval that its design calls for."""

    earlier: int
    value: float
    low: float
    high: float
    p: float

    @property
    def excludes_zero(self) -> bool:
        return not self.low <= 0.0 <= self.high


class PlaceboDates(PanelCheck):
    """The same estimator on the time before the programme alone, as if it had started at each of several earlier dates.

    The smallest p-value, times the number of dates (Bonferroni), is held against alpha. False starts share their data,
    yet each is read from a break at its own date, so the bound is nearly reached: with twelve dates of a monthly series
    3, 5 and 9 % of series without any break fail where errors' autocorrelation is 0, 0.4 and 0.7 (the last because
    single p-values are then a little too small). Cauchy's combination (Liu and Xie 2020) fails 3, 7 and 11 %. The
    figure shows all dates, beside the real start.

    Parameters
    ----------
    dates
        Most false starts, spread evenly over the time before the programme.
    least
        Periods on either side of a false start; a third of the time before the programme where that is shorter.
    alpha
        Level of the joint test.
    """

    name: ClassVar[str] = "placebo_dates"
    null_in_words: ClassVar[str] = mark(
        "Before the programme began nothing happened: the effect at every false start is zero."
    )
    domain: ClassVar[Domain] = "confounding"

    dates: Annotated[int, Field(ge=1, le=60)] = 12
    least: Annotated[int, Field(ge=1)] = 12
    alpha: Annotated[float, Field(gt=0.0, lt=0.5)] = 0.05

    def run(self, context: CheckContext) -> tuple[Diagnostic, ...]:
        """Fit every false start."""
        panel, anticipation = context.panel, context.spec.design.anticipation
        if panel.dose is not None:
            return self.result(
                "not_run", phrase("Treatment rises, falls or changes again: it has no one start to be moved.")
            )
        before = min((int((panel.time < cohort - anticipation).sum()) for cohort in panel.cohorts), default=0)
        least = min(self.least, max(SHORTEST, before // 3))
        if before < 2 * least:
            return self.result(
                "not_run",
                say(
                    "There are {before} periods before the start, too few for {least} on both sides of a date.",
                    before=before,
                    least=least,
                ),
            )
        count = min(self.dates, before - 2 * least + 1)
        steps = np.unique(np.linspace(least, before - least, count).round().astype(int))
        found, failed = [], 0
        for earlier in steps[::-1]:
            effect = self._at(context, int(earlier), anticipation)
            if effect is None:
                failed += 1
            else:
                found.append(effect)
        if not found:
            return self.result("not_run", phrase("No false start could be estimated."))
        return self._judged(context, found, failed)

    def _at(self, context: CheckContext, earlier: int, anticipation: int) -> _Effect | None:
        """The effect of one false start; None where it cannot be told from another term of the model."""
        try:
            estimate = context.fit(shifted_start(context.panel, earlier, anticipation))
        except EvalkitError:
            return None
        known = {remark.text for remark in context.estimate.remarks if remark.id == "terms_absorbed"}
        if any(remark.id == "terms_absorbed" and remark.text not in known for remark in estimate.remarks):
            return None
        return _effect(estimate, earlier, context.spec.design.level)

    def _judged(self, context: CheckContext, found: list[_Effect], missing: int) -> tuple[Diagnostic, ...]:
        least = min(found, key=lambda each: each.p)
        adjusted = min(1.0, least.p * len(found))
        failed = adjusted < self.alpha
        outside = sum(each.excludes_zero for each in found)
        real = _effect(context.estimate, 0, context.spec.design.level)
        larger = sum(abs(each.value) >= abs(real.value) for each in found)
        starts = say_count(
            "{count} false start before the real one", "{count} false starts before the real one", len(found)
        )
        verdict = (
            say(
                "an effect shows where there was no programme (p = {adjusted:.2g} after counting all of them)",
                adjusted=adjusted,
            )
            if failed
            else say("none shows an effect (p = {adjusted:.2g} after counting all of them)", adjusted=adjusted)
        )
        skipped = (
            say(" {missing} more could not be told from other terms of the model.", missing=missing) if missing else ""
        )
        reading = say(
            "At {starts} {verdict}; {outside} of their intervals exclude 0, and {larger} effects are "
            "as large as that at the real start ({amount}).{skipped}",
            starts=starts,
            verdict=verdict,
            outside=outside,
            larger=larger,
            amount=amount(context, real.value),
            skipped=skipped,
        )
        result = self.result(
            "fail" if failed else "pass",
            reading,
            statistic="smallest_p_adjusted",
            value=adjusted,
            threshold=self.alpha,
            dates=float(len(found)),
            intervals_excluding_zero=float(outside),
            as_large_as_the_real_one=float(larger),
            not_estimable=float(missing),
        )
        return exhibiting(result, _exhibit([*found, real]))


def _effect(estimate: Estimate, earlier: int, level: float) -> _Effect:
    overall = estimate.aggregation("overall", level=level)
    own = estimate.own
    if own is not None and np.isfinite(own.p_value):
        return _Effect(earlier, float(overall.estimate[0]), own.low, own.high, own.p_value)
    if overall.draws is not None:
        beyond = float(np.mean(overall.draws[:, 0] > 0.0))
        p = 2.0 * min(beyond, 1.0 - beyond)
    else:
        p = float(overall.p_values()[0])
    return _Effect(earlier, float(overall.estimate[0]), float(overall.low[0]), float(overall.high[0]), p)


def _exhibit(effects: list[_Effect]) -> Exhibit:
    table: dict[str, tuple[object, ...]] = {
        "event_time": tuple(-each.earlier for each in effects),
        "estimate": tuple(each.value for each in effects),
        "low": tuple(each.low for each in effects),
        "high": tuple(each.high for each in effects),
    }
    return Exhibit("placebo_dates", table, labels=("event_time",))
