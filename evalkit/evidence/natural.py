"""From the effect on the analysed scale to the numbers people speak of.

With theta the effect as analysed and L the observed level of the treated (same weights):

==============  ==========================  ========================  ==========================
analysed as     level L                     without the programme     difference
==============  ==========================  ========================  ==========================
identity        weighted mean               L - theta                 theta
log outcome     weighted *geometric* mean   L exp(-theta)             L (1 - exp(-theta))
log link        weighted mean               L exp(-theta)             L (1 - exp(-theta))
==============  ==========================  ========================  ==========================

A mean of logs is the log of a geometric mean, so a log outcome compares geometric means exactly
and says nothing about arithmetic ones. L is data, not estimated: intervals carry the uncertainty
of theta alone. Every map is monotone, so the end points of an interval map to end points;
posterior draws are pushed through one by one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from evalkit.data.panel import Panel
from evalkit.estimate import Aggregation, Estimate
from evalkit.evidence.disclosure import Policy, small
from evalkit.evidence.schema import NaturalBlock, NaturalEffect
from evalkit.evidence.values import Number, Quantity
from evalkit.language import mark, phrase, say
from evalkit.study.spec import Outcome
from evalkit.study.translations import is_percent
from evalkit.vocabulary import FloatArray, IntervalKind

Link = Literal["identity", "log_outcome", "log_link"]
MEANS: Final[dict[Link, str]] = {
    "identity": mark("mean"),
    "log_outcome": mark("geometric mean"),
    "log_link": mark("mean"),
}
LOG_LINK_FACT: Final = "log_link"
"""An estimator whose effects are differences of log means (Poisson, negative binomial) sets this fact to 1."""


@dataclass(frozen=True, slots=True)
class Effect:
    """One overall effect and the maps from its scale to natural units.

    Attributes
    ----------
    value, low, high
        As analysed.
    draws
        (S,) posterior draws; None on a frequentist run.
    link
        How the analysed scale relates to the outcome.
    observed
        Observed level L in the unit of the outcome; NaN where the estimator does not know it.
    """

    value: float
    low: float
    high: float
    level: float
    interval_kind: IntervalKind
    draws: FloatArray | None
    link: Link
    observed: float

    @property
    def is_log(self) -> bool:
        """Whether effects are differences of logs."""
        return self.link != "identity"

    def absolute(self, theta: FloatArray) -> FloatArray:
        """Difference to the level without the programme, in the unit of the outcome."""
        return self.observed * -np.expm1(-theta) if self.is_log else theta

    def counterfactual(self, theta: FloatArray) -> FloatArray:
        """Level without the programme."""
        return self.observed * np.exp(-theta) if self.is_log else self.observed - theta

    def percent(self, theta: FloatArray) -> FloatArray:
        """Difference in percent of the level without the programme."""
        if self.is_log:
            return 100.0 * np.expm1(theta)
        return 100.0 * theta / self.counterfactual(theta)

    def push(self, to: Callable[[FloatArray], FloatArray], unit: str, *, linear: bool = False) -> Quantity:
        """Value and interval after a monotone map; missing where they are not finite numbers.

        The point of a posterior is its mean where the map is linear, else the median of the mapped
        draws, which does not depend on the scale one looks at.
        """
        point, low, high = (float(number) for number in to(np.array([self.value, self.low, self.high])))
        if self.draws is not None:
            mapped = to(self.draws)
            tail = (1.0 - self.level) / 2.0
            low, high = (float(bound) for bound in np.quantile(mapped, [tail, 1.0 - tail]))
            point = point if linear else float(np.median(mapped))
        if not np.isfinite([point, low, high]).all():
            return Quantity.missing(phrase("the estimate or its interval is not a finite number on this scale"))
        low, high = min(low, high), max(low, high)
        return Quantity(
            value=point,
            low=low,
            high=high,
            level=self.level,
            interval_kind=self.interval_kind,
            unit=unit,
            how="derived",
        )


def link_of(outcome: Outcome, estimate: Estimate) -> Link:
    """How the estimate's scale relates to the outcome."""
    if outcome.transform == "log":
        return "log_outcome"
    return "log_link" if estimate.facts.get(LOG_LINK_FACT, 0.0) == 1.0 else "identity"


def effect_of(outcome: Outcome, estimate: Estimate, overall: Aggregation) -> Effect:
    """The overall effect of an estimate with the interval that is reported, ready for natural units."""
    link, reported = link_of(outcome, estimate), estimate.reported
    low, high = (overall.low[0], overall.high[0]) if reported is None else (reported.low, reported.high)
    observed = float(overall.observed[0])
    return Effect(
        value=float(overall.estimate[0]),
        low=float(low),
        high=float(high),
        level=overall.level,
        interval_kind=estimate.interval_kind,
        draws=None if overall.draws is None else overall.draws[:, 0],
        link=link,
        observed=float(np.exp(observed)) if link == "log_outcome" else observed,
    )


def natural_block(effect: Effect, outcome: Outcome, panel: Panel) -> NaturalBlock:
    """All natural units that this outcome allows; the others are missing, each with its reason."""
    levels = _Levels(effect, outcome)
    if panel.dose is not None:
        return _of_one_dose(levels, panel)
    return NaturalBlock(
        absolute=levels.absolute(),
        percent=levels.percent(),
        per_1000=levels.per_1000(panel),
        total_averted=_total_averted(effect, outcome, panel),
        people_affected=_people_affected(effect, outcome, panel),
        money=_money(effect, outcome, panel),
    )


def _of_one_dose(levels: _Levels, panel: Panel) -> NaturalBlock:
    """Where treatment is a dose the effect is for one unit of it: no place or period shows it, so none are added up."""
    dose = say("one unit of {dose}", dose=panel.names.dose)
    none = absent(say("the effect is for {dose}, of which places and periods had different amounts", dose=dose))
    shown = levels.absolute(), levels.percent()
    claim = say("what {dose} changed, on average over all changes of dose", dose=dose)
    absolute, percent = (
        each if each.effect.value is None else each.model_copy(update={"claim": claim}) for each in shown
    )
    return NaturalBlock(
        absolute=absolute, percent=percent, per_1000=none, total_averted=none, people_affected=none, money=none
    )


def absent(reason: str) -> NaturalEffect:
    """A natural unit that cannot be given."""
    return NaturalEffect(
        effect=Quantity.missing(reason),
        counterfactual=Quantity.missing(reason),
        observed=Number.missing(reason),
        claim="",
    )


def withhold_few_people(block: NaturalBlock, rules: Policy) -> NaturalBlock:
    """Withhold totals whose observed number is a small count of people or of what happened to them."""
    hidden = {
        name: _suppressed(
            say("counts of people from 1 to {min_cell} are withheld", min_cell=rules.min_cell - 1), shown.claim
        )
        for name, shown in (("total_averted", block.total_averted), ("people_affected", block.people_affected))
        if shown.observed.value is not None and small(rules, shown.observed.value)
    }
    if hidden and block.money.effect.value is not None:  # the total times a declared number
        hidden["money"] = _suppressed(next(iter(hidden.values())).effect.reason, "")
    return block.model_copy(update=hidden)


def _suppressed(reason: str, claim: str) -> NaturalEffect:
    gone = Quantity.suppressed(reason)
    return NaturalEffect(effect=gone, counterfactual=gone, observed=Number.suppressed(reason), claim=claim)


def not_rated(reason: str) -> NaturalBlock:
    """No natural unit at all: the run has no result to speak of."""
    none = absent(reason)
    return NaturalBlock(
        absolute=none, percent=none, per_1000=none, total_averted=none, people_affected=none, money=none
    )


@dataclass(frozen=True, slots=True)
class _Levels:
    """Effects measured on levels: difference, percent, per 1,000."""

    effect: Effect
    outcome: Outcome

    @property
    def known(self) -> bool:
        return bool(np.isfinite(self.effect.observed))

    @property
    def mean(self) -> str:
        return phrase(MEANS[self.effect.link])

    def _with_levels(self, effect: Quantity, claim: str, factor: float = 1.0, unit: str | None = None) -> NaturalEffect:
        unit = self.outcome.unit if unit is None else unit
        if not self.known:
            reason = phrase("the estimator does not report the observed level of the treated")
            return NaturalEffect(
                effect=effect, counterfactual=Quantity.missing(reason), observed=Number.missing(reason), claim=claim
            )
        return NaturalEffect(
            effect=effect,
            counterfactual=self.effect.push(
                lambda theta: factor * self.effect.counterfactual(theta), unit, linear=not self.effect.is_log
            ),
            observed=Number.derived(factor * self.effect.observed),
            claim=claim,
        )

    def absolute(self) -> NaturalEffect:
        if self.effect.is_log and not self.known:
            return absent(phrase("the estimator does not report the observed level, which a difference of logs needs"))
        quantity = self.effect.push(self.effect.absolute, self.outcome.unit, linear=not self.effect.is_log)
        claim = say(
            "observed {mean} of the treated in treated periods minus the {mean} expected without it", mean=self.mean
        )
        return self._with_levels(quantity, claim)

    def percent(self) -> NaturalEffect:
        claim = say(
            "ratio of the observed to the expected {mean} of the treated in treated periods, minus 1", mean=self.mean
        )
        if self.effect.is_log:
            return self._with_levels(self.effect.push(self.effect.percent, "%"), claim)
        if not self.known:
            return absent(phrase("the estimator does not report the observed level, which a percentage needs"))
        ends = np.array([self.effect.low, self.effect.value, self.effect.high])
        theta = ends if self.effect.draws is None else np.append(ends, self.effect.draws)
        if self.effect.observed <= 0.0 or (self.effect.counterfactual(theta) <= 0.0).any():
            return absent(
                phrase("the level without the programme may be zero or negative: a percentage of it means nothing")
            )
        return self._with_levels(self.effect.push(self.effect.percent, "%"), claim)

    def per_1000(self, panel: Panel) -> NaturalEffect:
        family, unit = self.outcome.family, phrase("per 1,000")
        if family == "rate":
            factor = 1000.0 / self.outcome.per
        elif family == "proportion":
            factor = 1000.0 / share_base(self.outcome)
        elif family == "count" and panel.exposure is not None:
            cells = treated_cells(panel)
            factor = 1000.0 / float(np.nanmean(panel.exposure[cells]))
        else:
            return absent(phrase("only rates, proportions and counts with an exposure can be given per 1,000"))
        if self.effect.is_log and not self.known:
            return absent(phrase("the estimator does not report the observed level, which a difference of logs needs"))
        quantity = self.effect.push(
            lambda theta: factor * self.effect.absolute(theta), unit, linear=not self.effect.is_log
        )
        return self._with_levels(quantity, say("difference of {mean}s, per 1,000", mean=self.mean), factor, unit)


def share_base(outcome: Outcome) -> float:
    """1 for shares between 0 and 1, 100 for percentages."""
    return base_of_unit(outcome.unit)


def base_of_unit(unit: str) -> float:
    """What the whole is in a unit of shares.

    Examples
    --------
    >>> base_of_unit("% of residents"), base_of_unit("share of residents")
    (100.0, 1.0)
    """
    return 100.0 if is_percent(unit) else 1.0


def treated_cells(panel: Panel) -> np.typing.NDArray[np.bool_]:
    """(N, T) observed unit-periods under treatment, of units that start within the window."""
    starts_inside = ~panel.always_treated & ~panel.never_treated
    return panel.treated & panel.observed & starts_inside[:, None]


def _events(outcome: Outcome, panel: Panel, values: FloatArray) -> FloatArray | None:
    """Events behind each cell's outcome; None where the outcome does not count events."""
    if outcome.family == "count":
        return values
    if outcome.family == "rate" and panel.exposure is not None:
        return values * panel.exposure / outcome.per
    return None


def observed_events(outcome: Outcome, panel: Panel) -> float | None:
    """Events observed in the treated cells; None where the outcome does not count events."""
    values = np.exp(panel.outcome) if outcome.transform == "log" else panel.outcome
    events = _events(outcome, panel, values)
    return None if events is None else float(np.nansum(events[treated_cells(panel)]))


def _total_averted(effect: Effect, outcome: Outcome, panel: Panel) -> NaturalEffect:
    """Events avoided in all treated cells: positive when there were fewer than expected."""
    events = observed_events(outcome, panel)
    if events is None:
        wanted = (
            phrase("an exposure is needed to turn a rate into events")
            if outcome.family == "rate"
            else phrase("not an event count")
        )
        return absent(wanted)
    if effect.is_log:
        averted = _scaled(lambda theta: np.expm1(-theta), events)
        claim = phrase(
            "the average proportional difference applied to the events observed in every treated place and period"
        )
    else:
        cells = treated_cells(panel)
        base = np.ones_like(panel.outcome) if panel.exposure is None else panel.exposure
        amount = float(cells.sum()) if outcome.family == "count" else float(np.nansum(base[cells])) / outcome.per
        averted = _scaled(lambda theta: -theta, amount)
        claim = phrase("the average difference applied to every treated place and period, weighted by its exposure")
        if outcome.family == "count":
            claim = phrase("the average difference applied to every treated place and period")
    unit = outcome.event_name or phrase("events")
    return NaturalEffect(
        effect=effect.push(averted, unit, linear=not effect.is_log),
        counterfactual=effect.push(lambda theta: events + averted(theta), unit, linear=not effect.is_log),
        observed=Number.derived(events),
        claim=claim,
    )


def _people_affected(effect: Effect, outcome: Outcome, panel: Panel) -> NaturalEffect:
    """People whose yes-or-no outcome is another than expected: signed, as the effect."""
    if outcome.family != "proportion" or panel.exposure is None:
        return absent(phrase("given for proportions with a declared exposure (the number of people) only"))
    if effect.is_log:
        return absent(phrase("the effect is on logs of shares, whose geometric mean does not count people"))
    cells = treated_cells(panel)
    people = float(np.nansum(panel.exposure[cells])) / share_base(outcome)
    affected = float(np.nansum((panel.exposure * panel.outcome)[cells])) / share_base(outcome)
    return NaturalEffect(
        effect=effect.push(_scaled(lambda theta: theta, people), phrase("people"), linear=True),
        counterfactual=effect.push(lambda theta: affected - people * theta, phrase("people"), linear=True),
        observed=Number.derived(affected),
        claim=phrase("the average difference applied to all people in treated places and periods"),
    )


def _money(effect: Effect, outcome: Outcome, panel: Panel) -> NaturalEffect:
    """What the change is worth: positive where it went the way the city wants."""
    if outcome.worth is None:
        return absent(phrase("no value in money is declared for a change of this outcome"))
    people = _people_affected(effect, outcome, panel)
    counted = people if people.effect.value is not None else _total_averted(effect, outcome, panel)
    if counted.effect.value is None or counted.effect.low is None or counted.effect.high is None:
        return absent(counted.effect.reason)
    fewer_is_positive = counted is not people
    wanted = (outcome.direction == "lower_better") == fewer_is_positive
    each = outcome.worth.value if wanted else -outcome.worth.value
    value, low, high = (each * number for number in (counted.effect.value, counted.effect.low, counted.effect.high))
    levels = phrase("an amount of money has no level to be measured from")
    unit = say("{currency} (prices of {base_year})", currency=outcome.worth.currency, base_year=outcome.worth.base_year)
    bounds = {"value": value, "low": min(low, high), "high": max(low, high), "unit": unit}
    return NaturalEffect(
        effect=counted.effect.model_copy(update=bounds),
        counterfactual=Quantity.missing(levels),
        observed=Number.missing(levels),
        claim=say(
            "{unit} times {value:g} {currency}: {source}",
            unit=counted.effect.unit,
            value=outcome.worth.value,
            currency=outcome.worth.currency,
            source=outcome.worth.source,
        ),
    )


def _scaled(to: Callable[[FloatArray], FloatArray], factor: float) -> Callable[[FloatArray], FloatArray]:
    return lambda theta: factor * to(theta)
