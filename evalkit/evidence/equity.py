"""Effects by group: the difference of effects is tested, never the groups one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evalkit.data.panel import Panel
from evalkit.errors import EvalkitError
from evalkit.estimate import Estimate
from evalkit.evidence.disclosure import Policy, small
from evalkit.evidence.levels import rounded, telling
from evalkit.evidence.natural import Effect, effect_of, treated_cells
from evalkit.evidence.schema import EquityBlock
from evalkit.evidence.speaking import Voice, unit_after
from evalkit.evidence.standard import Disclosure
from evalkit.evidence.values import Count, Flag, Number, Quantity
from evalkit.evidence.withhold import in_text
from evalkit.inference.refits import counted_as_treated, starting
from evalkit.language import mark, phrase, say, why
from evalkit.numerics.equality_score import difference_interval, ratio_of, score_of
from evalkit.study.spec import EquityGroup, Outcome, StudySpec
from evalkit.study.told import told_outcome
from evalkit.vocabulary import FloatArray

WITHHELD = mark("a group of few people is withheld, and with it what would give it away")
NOT_YET = mark("effects by group are not part of this summary")
LOWEST_LEVEL = mark("a level is 0 or below, so there is no ratio")


@dataclass(frozen=True, slots=True)
class GroupResult:
    """The primary estimator on the rows of one group.

    Attributes
    ----------
    panel, estimate
        Of these rows alone.
    clusters
        Labels of the independent clusters in them: groups that share some are not independent.
    """

    panel: Panel
    estimate: Estimate
    clusters: frozenset[str]


Groups = Mapping[str, Mapping[str, GroupResult | EvalkitError]]
"""Name of the grouping to its groups, each with its result or the reason why there is none."""


@dataclass(frozen=True, slots=True)
class _Member:
    """One group in the unit of the outcome; each quantity as (value, low, high)."""

    result: GroupResult
    effect: Effect
    shown: Quantity
    without: Quantity
    before: float

    @property
    def observed(self) -> float:
        return self.effect.observed


def equity_blocks(spec: StudySpec, groups: Groups | None, rules: Policy, limits: Disclosure) -> tuple[EquityBlock, ...]:
    """One block for each group that is compared with the reference of its grouping.

    A group without an estimate has its reason in every field. Where counts are of persons and a group has few treated,
    or a level that tells of few, the whole grouping is withheld: what is shown of the others would give it away.
    """
    if groups is None:
        return tuple(_empty(group, group.name, NOT_YET) for group in spec.equity)
    return tuple(
        block for group in spec.equity for block in _grouping(spec, group, groups.get(group.name, {}), rules, limits)
    )


def sentences_on_equity(blocks: Sequence[EquityBlock], outcome: Outcome, voice: Voice) -> tuple[str, ...]:
    """What became of each gap, and whether the effects differ.

    Raises
    ------
    ForbiddenWording
        When a sentence breaks the standard.
    """
    said: list[str] = []
    for block in blocks:
        gap, now, apart = block.gap_counterfactual, block.gap_after, block.difference_of_effects
        if gap.value is None or now.value is None or apart.value is None or apart.low is None or apart.high is None:
            continue
        names = {"first": block.group, "second": block.reference, "outcome": outcome.name, "unit": outcome.unit}
        numbers = {"without": _signed(voice, gap.value), "now": _signed(voice, now.value)}
        said.append(voice.say("equity_gap", names, **numbers))
        bounds = {"low": _signed(voice, apart.low), "high": _signed(voice, apart.high)}
        if apart.low <= 0.0 <= apart.high:
            said.append(voice.say("equity_unclear", names, **bounds))
            continue
        key = "equity_narrower" if abs(now.value) < abs(gap.value) else "equity_wider"
        size = voice.number(abs(apart.value))
        names["unit"] = unit_after(size, outcome.unit)
        said.append(voice.say(key, names, size=size, **bounds))
    return tuple(said)


def _grouping(
    spec: StudySpec,
    group: EquityGroup,
    results: Mapping[str, GroupResult | EvalkitError],
    rules: Policy,
    limits: Disclosure,
) -> tuple[EquityBlock, ...]:
    if not results:
        return (_empty(group, group.name, phrase("no row has a value in the column of this group")),)
    if group.reference not in results:
        known = ", ".join(sorted(results))
        return (
            _empty(
                group,
                group.name,
                say(
                    "the reference '{reference}' does not occur; there are {known}",
                    reference=group.reference,
                    known=known,
                ),
            ),
        )
    hidden = any(_tells(spec, each, rules, limits) for each in results.values() if isinstance(each, GroupResult))
    reference = results[group.reference]
    blocks = []
    for name in sorted(set(results) - {group.reference}):
        result = results[name]
        missing = next((each for each in (result, reference) if isinstance(each, EvalkitError)), None)
        if hidden:
            blocks.append(_suppressed(group, name))
        elif missing is not None or isinstance(result, EvalkitError) or isinstance(reference, EvalkitError):
            which = name if missing is result else group.reference
            reason = "" if missing is None else in_text(why(missing), rules)
            blocks.append(
                _empty(group, name, say("there is no estimate for {which}: {reason}", which=which, reason=reason))
            )
        else:
            made = _compared(spec, group, name, result, reference)
            blocks.append(made if rules.subject == "places" else _rounded(made, limits.level_digits))
    return tuple(blocks)


def _tells(spec: StudySpec, result: GroupResult, rules: Policy, limits: Disclosure) -> bool:
    """Whether a group has few people, treated or not, or a level before or after the start that tells of few."""
    panel = result.panel
    starters = starting(panel)
    if any(small(rules, int(count)) for count in (starters.sum(), (~starters).sum())):
        return True
    before = starters[:, None] & ~panel.treated & panel.observed
    outcome = told_outcome(spec, spec.primary_outcome)
    return any(telling(outcome, panel, cells, rules, limits) for cells in (treated_cells(panel), before))


def _compared(
    spec: StudySpec, group: EquityGroup, name: str, result: GroupResult, reference: GroupResult
) -> EquityBlock:
    outcome = told_outcome(spec, spec.primary_outcome)
    first, second = _member(spec, result), _member(spec, reference)
    independent = not (result.clusters & reference.clusters)
    gap = first.observed - second.observed
    ratio = ratio_of(first.observed, second.observed) if np.isfinite(gap) else None
    return EquityBlock(
        by=group.name,
        group=name,
        reference=group.reference,
        n=Count.derived(int(starting(result.panel).sum())),
        effect=first.shown,
        reference_effect=second.shown,
        gap_before=_descriptive(first.before - second.before, outcome.unit),
        gap_counterfactual=_difference(first, second, "without", independent, outcome.unit),
        gap_after=_descriptive(gap, outcome.unit),
        difference_of_effects=_difference(first, second, "shown", independent, outcome.unit),
        ratio=Number.missing(LOWEST_LEVEL) if ratio is None else Number.derived(ratio),
        score=Number.missing(LOWEST_LEVEL) if ratio is None else Number.derived(score_of(ratio)),
        prespecified=Flag.declared(True),
    )


def _rounded(block: EquityBlock, digits: int) -> EquityBlock:
    """The block with people's gaps and ratio rounded: all digits of a fraction name its denominator."""
    changed: dict[str, object] = {}
    for name in ("gap_before", "gap_after"):
        gap: Quantity = getattr(block, name)
        if gap.value is not None:
            value = rounded(gap.value, digits)
            changed[name] = gap.model_copy(update={"value": value, "low": value, "high": value})
    if block.ratio.value is not None:
        changed["ratio"] = block.ratio.model_copy(update={"value": rounded(block.ratio.value, digits)})
    return block.model_copy(update=changed)


def _member(spec: StudySpec, result: GroupResult) -> _Member:
    outcome, estimate = told_outcome(spec, spec.primary_outcome), result.estimate
    effect = effect_of(outcome, estimate, estimate.aggregation("overall", level=spec.design.level))
    linear = not effect.is_log
    return _Member(
        result,
        effect,
        effect.push(effect.absolute, outcome.unit, linear=linear),
        effect.push(effect.counterfactual, outcome.unit, linear=linear),
        _level_before(counted_as_treated(result.panel, estimate), spec, effect),
    )


def _level_before(panel: Panel, spec: StudySpec, effect: Effect) -> float:
    """Mean of the treated before they started, anticipated periods left out; geometric where logs are analysed."""
    start = np.where(starting(panel), panel.first_treated, panel.time[0])[:, None] - spec.design.anticipation
    before = starting(panel)[:, None] & (panel.when < start) & panel.observed
    if not before.any():
        return float("nan")
    weight = np.ones(panel.n_units) if panel.weight is None else panel.weight.reshape(panel.n_units, -1).mean(axis=1)
    spread = np.broadcast_to(weight[:, None], panel.outcome.shape)
    mean = float(np.average(panel.outcome[before], weights=spread[before]))
    return float(np.exp(mean)) if effect.link == "log_outcome" else mean


def _difference(first: _Member, second: _Member, what: str, independent: bool, unit: str) -> Quantity:
    """Of two quantities with their intervals: by draws where both are posteriors of groups that share nothing."""
    a: Quantity = getattr(first, what)
    b: Quantity = getattr(second, what)
    if a.value is None or b.value is None:
        return Quantity.missing(a.reason or b.reason)
    draws = _draws(first, what), _draws(second, what)
    if draws[0] is not None and draws[1] is not None and independent and len(draws[0]) == len(draws[1]):
        tail = (1.0 - first.effect.level) / 2.0
        low, high = (float(bound) for bound in np.quantile(draws[0] - draws[1], [tail, 1.0 - tail]))
        value = a.value - b.value
    else:
        value, low, high = difference_interval(_numbers(a), _numbers(b), independent=independent)
    return Quantity(
        value=value, low=min(low, value), high=max(high, value), level=first.effect.level,
        interval_kind=first.effect.interval_kind, unit=unit, how="derived",
    )  # fmt: skip


def _numbers(quantity: Quantity) -> tuple[float, float, float]:
    if quantity.value is None or quantity.low is None or quantity.high is None:  # pragma: no cover - asked before
        raise ValueError("an absent quantity has no numbers")
    return quantity.value, quantity.low, quantity.high


def _draws(member: _Member, what: str) -> FloatArray | None:
    effect = member.effect
    if effect.draws is None:
        return None
    return effect.absolute(effect.draws) if what == "shown" else effect.counterfactual(effect.draws)


def _descriptive(value: float, unit: str) -> Quantity:
    """A number that was seen: it has no interval of its own."""
    if not np.isfinite(value):
        return Quantity.missing(phrase("the level is not known"))
    return Quantity(value=value, low=value, high=value, unit=unit, how="reported")


def _empty(group: EquityGroup, name: str, reason: str) -> EquityBlock:
    return _same(group, name, Quantity.missing(reason), Number.missing(reason), Count.missing(reason))


def _suppressed(group: EquityGroup, name: str) -> EquityBlock:
    return _same(
        group, name, Quantity.suppressed(WITHHELD), Number.suppressed(WITHHELD), Count.suppressed(WITHHELD)
    )  # fmt: skip


def _same(group: EquityGroup, name: str, quantity: Quantity, number: Number, count: Count) -> EquityBlock:
    return EquityBlock(
        by=group.name, group=name, reference=group.reference, n=count, effect=quantity, reference_effect=quantity,
        gap_before=quantity, gap_counterfactual=quantity, gap_after=quantity, difference_of_effects=quantity,
        ratio=number, score=number, prespecified=Flag.declared(True),
    )  # fmt: skip


def _signed(voice: Voice, value: float) -> str:
    return f"{'−' if value < 0.0 else ''}{voice.number(abs(value))}"
