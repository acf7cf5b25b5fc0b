"""What the programme cost, and what one outcome cost.

Ingredients method (Levin and McEwan): every resource is a quantity times a unit cost. Amounts of other years are
discounted to the base year, ``amount / (1 + r) ** (year - base_year)``; prices are those of the base year. Cost per
outcome is the cost over the outcomes that the effect stands for: events avoided, events added, or people for whom a
yes-or-no outcome changed. A ratio has no meaning where its denominator may be 0, so it is stated only where the
interval of the effect excludes 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import stats

from evalkit.evidence.natural import Effect
from evalkit.evidence.schema import CostBlock, IngredientBlock, NaturalBlock
from evalkit.evidence.values import Count, Number, Quantity, Words
from evalkit.language import mark, phrase, say
from evalkit.study.spec import Cost, Ingredient, Outcome
from evalkit.vocabulary import FloatArray

DRAWS: Final = 20_000
"""Of the sampling distribution and of unit costs: a bound's Monte Carlo error is below one per cent of the width."""
UNDECLARED: Final = mark("no costs are declared")
INCLUDES_0: Final = mark("the interval of the effect includes 0, so the number of outcomes may be none")
WRONG_WAY: Final = mark("the outcome moved against the direction the city wants, so there is nothing that was bought")
NO_THRESHOLD: Final = mark("no threshold is declared")
NO_NUMBER: Final = mark("the effect is not a number of events or people: declare an exposure, or a count")


@dataclass(frozen=True, slots=True)
class Bought:
    """Outcomes that the effect stands for, positive in the direction the city wants.

    Attributes
    ----------
    value, low, high
        Number and its reported interval, `low` the fewest.
    draws
        (S,) of the number: posterior draws, or draws of the sampling distribution that the reported interval implies.
    unit
        What is counted.
    """

    value: float
    low: float
    high: float
    draws: FloatArray
    unit: str


def cost_block(declared: Cost | None, bought: Bought | str = NO_NUMBER, *, seed: int = 0) -> CostBlock:
    """The declared costs, their sum, and the cost of one outcome where it can be stated.

    Parameters
    ----------
    declared
        Of the study; None where it has none.
    bought
        From :func:`outcomes_bought`, or the reason why there is no number to divide by.
    seed
        Of the draws of unit costs that have a range.
    """
    if declared is None or not declared.ingredients:
        return _without(declared)
    rng = np.random.default_rng([seed, 0xC057])
    total = sum(present_value(line, declared, line.unit_cost) for line in declared.ingredients)
    drawn = _total_draws(declared, rng)
    low, high = (total, total) if drawn is None else (float(bound) for bound in np.quantile(drawn, [0.025, 0.975]))
    each, effective = _per_outcome(declared, bought, total, drawn, rng)
    return CostBlock(
        currency=Words.declared(declared.currency),
        base_year=Count.declared(declared.base_year),
        perspective=Words.declared(declared.perspective),
        ingredients=tuple(_ingredient(line, declared) for line in declared.ingredients),
        incremental_cost=Quantity(
            value=total, low=min(low, total), high=max(high, total), unit=declared.currency, how="derived"
        ),
        discount_rate=Number.declared(declared.discount_rate),
        cost_per_outcome=each,
        p_cost_effective=effective,
        threshold=_limit(declared),
        threshold_rationale=_rationale(declared),
    )


def outcomes_bought(
    effect: Effect, outcome: Outcome, natural: NaturalBlock, *, excludes_0: bool, seed: int = 0
) -> Bought | str:
    """How many outcomes the effect stands for, or the reason why a cost of one cannot be stated.

    Parameters
    ----------
    effect
        As analysed, with the reported interval.
    outcome
        The primary outcome.
    natural
        Its natural units, of which the total or the people affected is taken.
    excludes_0
        Whether the run is rated and its interval excludes 0.
    seed
        Of the draws.
    """
    people = natural.people_affected.effect
    total = people if people.value is not None else natural.total_averted.effect
    if total.value is None or total.low is None or total.high is None:
        return NO_NUMBER if total.how != "suppressed" else total.reason
    if not excludes_0:
        return INCLUDES_0
    # averted events are positive when fewer, people affected when more
    fewer_is_positive = total is not people
    sign = 1.0 if (outcome.direction == "lower_better") == fewer_is_positive else -1.0
    low, high = sorted((sign * total.low, sign * total.high))
    if low <= 0.0:
        return WRONG_WAY
    factor = _factor(effect, total.value)
    draws = sign * factor(_theta(effect, seed))
    return Bought(sign * total.value, low, high, draws, total.unit)


def present_value(line: Ingredient, declared: Cost, unit_cost: float) -> float:
    """Quantity times unit cost, discounted to the base year."""
    years = 0 if line.year is None else line.year - declared.base_year
    return float(line.quantity * unit_cost / (1.0 + declared.discount_rate) ** years)


def _factor(effect: Effect, total: float) -> _Linear:
    """From the effect as analysed to the total, through its middle: both maps are proportional."""
    middle = effect.value if effect.draws is None or not effect.is_log else float(np.median(effect.draws))
    return _Linear(effect, total / float(_Linear(effect, 1.0)(np.array([middle]))[0]))


@dataclass(frozen=True, slots=True)
class _Linear:
    effect: Effect
    factor: float

    def __call__(self, theta: FloatArray) -> FloatArray:
        known = not np.isnan(self.effect.observed)
        return self.factor * (self.effect.absolute(theta) if known else theta)


def _theta(effect: Effect, seed: int) -> FloatArray:
    """(S,) of the effect: the posterior, or the normal law that the reported interval implies."""
    if effect.draws is not None:
        return effect.draws
    error = (effect.high - effect.low) / (2.0 * float(stats.norm.ppf(0.5 + effect.level / 2.0)))
    return effect.value + error * np.random.default_rng([seed, 0xEFF]).standard_normal(DRAWS)


def _per_outcome(
    declared: Cost, bought: Bought | str, total: float, drawn: FloatArray | None, rng: np.random.Generator
) -> tuple[Quantity, Number]:
    if isinstance(bought, str):
        return Quantity.missing(bought), Number.missing(bought)
    unit = say("{currency} per one of the {unit}", currency=declared.currency, unit=bought.unit)
    low, high = total / bought.high, total / bought.low
    number = rng.permutation(bought.draws)  # costs and effects are independent
    cost = np.full(number.size, total) if drawn is None else rng.choice(drawn, number.size)
    with np.errstate(divide="ignore"):
        each = np.where(number > 0.0, cost / number, np.inf)
    if drawn is not None:  # the range of the unit costs widens the interval
        low, high = (float(bound) for bound in np.quantile(each, [0.025, 0.975], method="inverted_cdf"))
        if not np.isfinite(high):
            return Quantity.missing(INCLUDES_0), Number.missing(INCLUDES_0)
    value = total / bought.value
    ratio = Quantity(
        value=value, low=min(low, value), high=max(high, value), level=0.95 if drawn is not None else None, unit=unit,
        how="derived",
    )  # fmt: skip
    if declared.threshold is None:
        return ratio, Number.missing(NO_THRESHOLD)
    return ratio, Number.derived(float(np.mean(each <= declared.threshold.value)))


def _total_draws(declared: Cost, rng: np.random.Generator) -> FloatArray | None:
    """(S,) of the whole cost; None where no unit cost has a range."""
    if all(line.low is None for line in declared.ingredients):
        return None
    total = np.zeros(DRAWS)
    for line in declared.ingredients:
        total += _line_draws(line, declared, rng)
    return total


def _line_draws(line: Ingredient, declared: Cost, rng: np.random.Generator) -> FloatArray:
    """(S,) of one ingredient: triangular between the declared bounds, with its top at the unit cost."""
    if line.low is None or line.high is None or line.low == line.high:
        return np.full(DRAWS, present_value(line, declared, line.unit_cost))
    unit_costs = rng.triangular(line.low, line.unit_cost, line.high, DRAWS)
    return unit_costs * present_value(line, declared, 1.0)


def _ingredient(line: Ingredient, declared: Cost) -> IngredientBlock:
    return IngredientBlock(
        name=line.name,
        quantity=Number.declared(line.quantity),
        unit=Words.declared(line.unit),
        unit_cost=Number.declared(line.unit_cost),
        total=Number.derived(present_value(line, declared, line.unit_cost)),
    )


def _without(declared: Cost | None) -> CostBlock:
    reason = UNDECLARED if declared is None else phrase("no ingredients are declared")
    none, unknown = Quantity.missing(reason), Number.missing(reason)
    return CostBlock(
        currency=Words.missing(reason) if declared is None else Words.declared(declared.currency),
        base_year=Count.missing(reason) if declared is None else Count.declared(declared.base_year),
        perspective=Words.missing(reason) if declared is None else Words.declared(declared.perspective),
        ingredients=(),
        incremental_cost=none,
        discount_rate=unknown if declared is None else Number.declared(declared.discount_rate),
        cost_per_outcome=none,
        p_cost_effective=unknown,
    )


def _limit(declared: Cost) -> Number:
    found = declared.threshold
    return Number.missing(NO_THRESHOLD) if found is None else Number.declared(found.value)


def _rationale(declared: Cost) -> Words:
    found = declared.threshold
    return Words.missing(NO_THRESHOLD) if found is None else Words.declared(found.rationale)
