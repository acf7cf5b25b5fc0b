"""Levels of people's outcomes: a mean or a share beside the number of people counts events, or tells of one of them."""

from __future__ import annotations

from typing import Final

import numpy as np

from evalkit.data.panel import Panel
from evalkit.evidence.disclosure import Policy, small
from evalkit.evidence.natural import Effect, natural_block, share_base, treated_cells, withhold_few_people
from evalkit.evidence.schema import NaturalBlock, NaturalEffect
from evalkit.evidence.standard import Disclosure
from evalkit.evidence.values import Number, Quantity
from evalkit.language import Phrases
from evalkit.numerics.dominance import dominated
from evalkit.study.spec import Outcome
from evalkit.vocabulary import BoolArray, FloatArray, IntArray

FEW_PEOPLE: Final = "few_people"
SMALL: Final = "small_count"
HOMOGENEOUS: Final = "homogeneous"
DOMINANCE: Final = "dominance"
_REASONS: Final = {
    FEW_PEOPLE: "a level of few people is withheld",
    SMALL: "beside the number of people the level counts few of them",
    HOMOGENEOUS: "the level says the same of everybody in the group",
    DOMINANCE: "few people make up most of the level",
}
REASONS: Final = Phrases(_REASONS)
LEVELS: Final = ("absolute", "percent", "per_1000", "total_averted", "people_affected", "money")


def telling(outcome: Outcome, panel: Panel, cells: BoolArray, rules: Policy, limits: Disclosure) -> str | None:
    """Why the level over these unit-periods may not be shown; None where it may.

    Parameters
    ----------
    outcome, panel
        The outcome, and the panel of it as analysed.
    cells
        (N, T) unit-periods behind the level.
    rules, limits
        Of the study.

    Returns
    -------
    str or None
        A rule of `REASONS`. For shares: from 1 to ``min_cell - 1`` with or without the event, or all alike. For counts
        and rates: as few events, or mostly those of few. For amounts: mostly those of few.
    """
    if rules.subject != "persons" or not cells.any():
        return None
    if small(rules, int(cells.any(axis=1).sum())):
        return FEW_PEOPLE
    part, whole = counted(outcome, panel, cells)
    if whole is not None and part in (0.0, whole):
        return HOMOGENEOUS
    if small(rules, part) or (whole is not None and small(rules, whole - part)):
        return SMALL
    if outcome.family != "proportion" and dominated(_by_unit(outcome, panel, cells), limits.dominance):
        return DOMINANCE
    return None


def counted(outcome: Outcome, panel: Panel, cells: BoolArray) -> tuple[float, float | None]:
    """Events in these unit-periods, and the number that could have had one; 0 and None where nothing is counted.

    Rounded to whole events: a share computed from sums is off by the last digits.
    """
    values = _values(outcome, panel)
    held = np.ones_like(values) if panel.exposure is None else panel.exposure
    if outcome.family == "proportion":
        base = share_base(outcome)
        return _whole((values * held)[cells].sum() / base), _whole(held[cells].sum())
    if outcome.family == "count":
        return _whole(values[cells].sum()), None
    if outcome.family == "rate" and panel.exposure is not None:
        return _whole((values * held)[cells].sum() / outcome.per), None
    return 0.0, None


def natural_shown(effect: Effect, outcome: Outcome, panel: Panel, rules: Policy, limits: Disclosure) -> NaturalBlock:
    """All natural units, without totals and levels that would tell of few people; people's levels are rounded."""
    block = withhold_few_people(natural_block(effect, outcome, panel), rules)
    rule = overall_level(outcome, panel, rules, limits)
    if rule is not None:
        return without_levels(block, rule, log=effect.is_log)
    return with_rounded_levels(block, rules, limits)


def without_levels(block: NaturalBlock, rule: str, *, log: bool) -> NaturalBlock:
    """The natural units without the level, and without what gives it back.

    A difference beside a percentage gives the level, so one of the two goes: the percentage, or on a logarithm the
    difference. Totals on a logarithm are a share of the events that were seen.
    """
    reason = REASONS[rule]
    gone = ("absolute", "per_1000", "total_averted", "people_affected", "money") if log else ("percent",)
    shown = {}
    for name in LEVELS:
        each: NaturalEffect = getattr(block, name)
        if each.effect.value is None:
            continue
        effect = Quantity.suppressed(reason) if name in gone else each.effect
        shown[name] = NaturalEffect(
            effect=effect, counterfactual=Quantity.suppressed(reason), observed=Number.suppressed(reason),
            claim=each.claim,
        )  # fmt: skip
    return block.model_copy(update=shown)


def rounded(value: float, digits: int) -> float:
    """A number to so many significant digits.

    Examples
    --------
    >>> rounded(18 / 67, 3), rounded(0.0, 3)
    (0.269, 0.0)
    """
    return float(f"{value:.{digits}g}") if np.isfinite(value) else value


def with_rounded_levels(block: NaturalBlock, rules: Policy, limits: Disclosure) -> NaturalBlock:
    """The natural units with people's levels rounded: all digits of a fraction name its denominator."""
    if rules.subject != "persons":
        return block
    shown = {}
    for name in LEVELS:
        each: NaturalEffect = getattr(block, name)
        if each.observed.value is None:
            continue
        before, seen = each.counterfactual, rounded(each.observed.value, limits.level_digits)
        bounds = {
            end: rounded(value, limits.level_digits)
            for end, value in (("value", before.value), ("low", before.low), ("high", before.high))
            if value is not None
        }
        shown[name] = each.model_copy(
            update={
                "counterfactual": before.model_copy(update=bounds),
                "observed": each.observed.model_copy(update={"value": seen}),
            }
        )
    return block.model_copy(update=shown)


def at_event_time(panel: Panel, event_time: int, cohorts: IntArray) -> BoolArray:
    """(N, T) observed unit-periods so long after (or before) the start of units of these cohorts."""
    starters = np.isin(panel.first_treated, cohorts) & ~panel.always_treated
    since = panel.when - np.where(starters, panel.first_treated, 0)[:, None]
    return np.asarray(starters[:, None] & (since == event_time) & panel.observed)


def overall_level(outcome: Outcome, panel: Panel, rules: Policy, limits: Disclosure) -> str | None:
    """Why the level of the treated in treated periods may not be shown; None where it may."""
    return telling(outcome, panel, treated_cells(panel), rules, limits)


def _values(outcome: Outcome, panel: Panel) -> FloatArray:
    return np.exp(panel.outcome) if outcome.transform == "log" else panel.outcome


def _by_unit(outcome: Outcome, panel: Panel, cells: BoolArray) -> FloatArray:
    """(N,) what each unit adds to the sum."""
    values = np.where(cells, np.nan_to_num(_values(outcome, panel)), 0.0)
    if outcome.family == "rate" and panel.exposure is not None:
        values = values * np.nan_to_num(panel.exposure)
    return np.asarray(np.abs(values.sum(axis=1))[cells.any(axis=1)])


def _whole(value: float) -> float:
    return float(np.round(value))
