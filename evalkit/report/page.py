"""The one page: what it says, in order, before any layout; HTML and markdown show the same."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from evalkit.evidence.natural import base_of_unit
from evalkit.evidence.phrases import interval_named
from evalkit.evidence.schema import Evidence, NaturalEffect, OutcomeBlock, OutcomeFinding
from evalkit.evidence.schema_rating import TrailStep
from evalkit.evidence.speaking import plural
from evalkit.evidence.values import Number, Quantity
from evalkit.language import Phrases, long_date, mark, phrase, readable, say, with_unit
from evalkit.report.figures.words import number, span
from evalkit.report.wording import clip, first_upper

_FINDINGS: Final = {
    "favourable": "Favourable",
    "unfavourable": "Unfavourable",
    "little_or_no_difference": "Little or no difference",
    "inconclusive": "Inconclusive",
}
FINDINGS: Final = Phrases(_FINDINGS)
_NEXT_STEPS: Final = {
    "scale": "Scale it up",
    "continue": "Continue as it is",
    "modify": "Modify it",
    "stop": "Stop it",
    "test_more": "Test more before deciding",
}
NEXT_STEPS: Final = Phrases(_NEXT_STEPS)
MEASURES: Final = (
    ("absolute", mark("Average")),
    ("percent", mark("Relative")),
    ("per_1000", mark("Per 1,000")),
    ("total_averted", mark("In total")),
    ("people_affected", mark("People reached")),
    ("money", mark("Money")),
)
_METHODS: Final = {
    "clustered": "the estimator's own errors",
    "credible": "the posterior",
    "randomization": "randomization",
    "collapse": "one number a cluster",
    "conley_taber": "Conley and Taber's method",
    "ferman_pinto": "Ferman and Pinto's method",
    "wild_bootstrap": "the wild cluster bootstrap",
    "cr3": "the cluster jackknife",
    "placebo_in_space": "placebos in the other places",
    "conformal": "conformal inference",
    "jackknife": "the jackknife",
    "placebo_variance": "the spread of placebo effects",
    "bootstrap": "the bootstrap",
    "hac": "errors that allow for autocorrelation",
    "none": "no method that can be relied on",
}
METHODS: Final = Phrases(_METHODS)
_ROLES: Final = {
    "primary": "what the study asks",
    "secondary": "also looked at",
    "harm": "possible harm",
    "placebo": "check of the method",
}
ROLES: Final = Phrases(_ROLES)
NO_LEVELS: Final = "–"
NO_INTERVAL: Final = mark("No interval can be relied on")
LEVELS: Final = 4
KICKER_WORDS: Final = 8
NOT_RATED: Final = mark("Not rated")


@dataclass(frozen=True, slots=True)
class Dial:
    """One of the three dials: a name, its reading, and what stands beneath it.

    `level` is the number of filled marks out of four; None for a dial without a scale. `tag` is a
    word to stand out beside the reading.
    """

    name: str
    reading: str
    beneath: tuple[str, ...]
    level: int | None = None
    tag: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """The effect in one natural unit."""

    measure: str
    effect: str
    interval: str
    levels: str


@dataclass(frozen=True, slots=True)
class OutcomeLine:
    """One outcome of the summary of findings; `note` has the unit of its levels and its role in the study."""

    name: str
    note: str
    levels: str
    change: str
    certainty: str
    in_short: str


@dataclass(frozen=True, slots=True)
class Page:
    """The one page, in reading order."""

    kicker: str
    title: str
    headline: str
    what: str
    lead: tuple[str, ...]
    dials: tuple[Dial, Dial, Dial]
    changes: tuple[Change, ...]
    outcomes: tuple[OutcomeLine, ...]
    groups: tuple[str, ...]
    for_whom: tuple[tuple[str, str], ...]
    certainty: str
    weakens: tuple[str, ...]
    weakens_left_out: int
    raises: tuple[str, ...]
    next_step: tuple[str, ...]


def build_page(evidence: Evidence, *, limitations: int = 12, words: int = 60) -> Page:
    """Compose the page.

    Parameters
    ----------
    evidence
        The summary.
    limitations
        How many limitations to show; the annex has all.
    words
        Cut texts that the study declares after this many words; the annex has them whole.
    """
    said, question = evidence.sentences, evidence.question
    shown = [clip(item.text, words) for item in evidence.use.limitations[:limitations]]
    return Page(
        kicker=clip(readable(question.priority.value or "evidence"), KICKER_WORDS),
        title=clip(question.title.value or evidence.identity.study_id, words),
        headline=said.headline,
        what=phrase("What changed") if (evidence.rating.certainty or 1) > 1 else phrase("What the data show"),
        lead=_distinct(
            (said.finding, said.inference, said.equivalence, said.chance, said.scale, evidence.plan.reading),
            besides=said.headline,
        ),
        dials=(_size(evidence), _certainty(evidence), _cost(evidence)),
        changes=_changes(evidence) if _is_rated(evidence) else (),
        outcomes=outcome_lines(evidence, words=words) if _is_rated(evidence) else (),
        groups=_distinct(said.equity, besides=""),
        for_whom=_for_whom(evidence, words),
        certainty=said.certainty,
        weakens=(*_deductions(evidence, words), *shown),
        weakens_left_out=len(evidence.use.limitations) - len(shown),
        raises=_fixes(evidence, words),
        next_step=_next_step(evidence, words),
    )


def _is_rated(evidence: Evidence) -> bool:
    return evidence.rating.certainty is not None


def _distinct(sentences: tuple[str | None, ...], *, besides: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(s for s in sentences if s and s != besides))


def _size(evidence: Evidence) -> Dial:
    if not _is_rated(evidence):
        return Dial(
            phrase("Size of effect"),
            phrase("Not stated"),
            (phrase("The run has no answer that may be used; see the annex."),),
        )
    natural = evidence.natural
    logged = evidence.estimates[0].scale == "log"
    absolute = in_points(natural.absolute, evidence.outcomes[0])
    order = (natural.percent, absolute) if logged else (absolute, natural.percent)
    effect = next((block.effect for block in order if block.effect.value is not None), evidence.estimates[0].effect)
    if effect.value is None or effect.low is None or effect.high is None:
        return Dial(phrase("Size of effect"), phrase("Not stated"), (effect.reason,))
    return Dial(
        phrase("Size of effect"),
        signed(effect.value, effect.unit),
        _beneath(evidence, effect, span(effect.low, effect.high)),
        tag=FINDINGS[evidence.finding.label],
    )


def _beneath(evidence: Evidence, effect: Quantity, bounds: str) -> tuple[str, ...]:
    """Interval and, where it is another than the estimator's own, p-value and method."""
    interval, found = f"{_interval_name(effect)}: {bounds}", evidence.estimates[0].inference
    if found is None or found.method in ("clustered", "credible"):
        return (interval,)
    if found.method == "none":
        return (phrase(NO_INTERVAL),)
    method = METHODS[found.method]
    if found.p_value.value is None:
        return (interval, say("by {method}", method=method))
    return (interval, say("p = {p}, by {method}", p=number(found.p_value.value), method=method))


def _certainty(evidence: Evidence) -> Dial:
    rating = evidence.rating
    if rating.certainty is None:
        return Dial(phrase("Certainty"), phrase(NOT_RATED), rating.not_rated_reasons[:2])
    return Dial(
        phrase("Certainty"),
        first_upper(phrase(rating.label)),
        (say("{certainty} of {levels}; 4 is High", certainty=rating.certainty, levels=LEVELS),),
        rating.certainty,
    )


def _cost(evidence: Evidence) -> Dial:
    cost, each = evidence.cost.incremental_cost, evidence.cost.cost_per_outcome
    if cost.value is None:
        return Dial(phrase("Cost"), phrase("Not stated"), (first_upper(cost.reason),))
    currency = evidence.cost.currency.value or cost.unit
    beneath = evidence.sentences.cost or (each.reason if each.value is None else f"{number(each.value)} {each.unit}")
    return Dial(phrase("Cost"), f"{number(cost.value)} {currency}", (beneath, evidence.sentences.cost_effective or ""))


def _changes(evidence: Evidence) -> tuple[Change, ...]:
    """Effects in natural units; a rate already says what "per 1,000" would."""
    left_out = {"per_1000"} if evidence.outcomes[0].family == "rate" else set()
    shown = [(field, phrase(name)) for field, name in MEASURES if field not in left_out]
    natural = evidence.natural
    natural = natural.model_copy(update={"absolute": in_points(natural.absolute, evidence.outcomes[0])})
    blocks = [(field, name, getattr(natural, field)) for field, name in shown]
    rows = tuple(_change(field, name, block) for field, name, block in blocks if block.effect.value is not None)
    return (
        tuple(replace(row, interval=phrase("interval not known")) for row in rows) if _no_interval(evidence) else rows
    )


def outcome_lines(evidence: Evidence, *, words: int = 60) -> tuple[OutcomeLine, ...]:
    """The summary of findings; empty where the study has one outcome, of which the page speaks anyway."""
    if len(evidence.summary_of_findings) < 2:
        return ()
    declared = {outcome.name: outcome for outcome in evidence.outcomes}
    lines = []
    for found in evidence.summary_of_findings:
        outcome = declared[found.outcome]
        change, levels = _change_and_levels(found, outcome)
        lines.append(
            OutcomeLine(
                name=first_upper(clip(found.outcome, words)),
                note=f"{clip(outcome.unit, words)}; {ROLES[found.role]}",
                levels=levels,
                change=change,
                certainty=NO_LEVELS if found.role == "placebo" else first_upper(phrase(found.label)),
                in_short=found.in_short,
            )
        )
    return tuple(lines)


def _change_and_levels(found: OutcomeFinding, outcome: OutcomeBlock) -> tuple[str, str]:
    """Difference with its interval, and the levels that it lies between."""
    absolute, percent = in_points(found.natural.absolute, outcome), found.natural.percent
    order = (percent, absolute) if outcome.analysed_as == "log" else (absolute, percent)
    shown = next((block.effect for block in order if block.effect.value is not None), None)
    if shown is None or shown.value is None or shown.low is None or shown.high is None:
        return NO_LEVELS, NO_LEVELS
    unit = shown.unit if shown.unit in ("%", "percentage points") else ""
    change = f"{signed(shown.value, unit)} ({span(shown.low, shown.high)})"
    before, seen = absolute.counterfactual.value, absolute.observed.value
    return change, NO_LEVELS if before is None or seen is None else f"{number(before)} → {number(seen)}"


def _no_interval(evidence: Evidence) -> bool:
    found = evidence.estimates[0].inference
    return found is not None and found.method == "none"


def in_points(block: NaturalEffect, outcome: OutcomeBlock) -> NaturalEffect:
    """A difference of shares in percentage points, as the headline gives it, and its levels in per cent."""
    if outcome.family != "proportion" or block.effect.value is None:
        return block
    factor = 100.0 / base_of_unit(outcome.unit)
    levels = block.counterfactual, block.observed
    before, seen = (level.model_copy(update=_times(level, factor)) for level in levels)
    effect = block.effect.model_copy(update={**_times(block.effect, factor), "unit": phrase("percentage points")})
    return block.model_copy(update={"effect": effect, "counterfactual": before, "observed": seen})


def _times(value: Quantity | Number, factor: float) -> dict[str, float]:
    known = ((name, getattr(value, name, None)) for name in ("value", "low", "high"))
    return {name: factor * size for name, size in known if size is not None}


def _change(field: str, name: str, block: NaturalEffect) -> Change:
    """One row; events avoided are turned into a change of events, so that all rows have one sign."""
    effect, before, seen = block.effect, block.counterfactual.value, block.observed.value
    value, low, high = effect.value or 0.0, effect.low or 0.0, effect.high or 0.0
    if field == "total_averted":
        value, low, high = -value, -high, -low
    share = " %" if field == "absolute" and effect.unit == "percentage points" else ""
    levels = "" if before is None or seen is None or field == "percent" else f"{number(before)} → {number(seen)}{share}"
    return Change(name, signed(value, effect.unit), span(low, high), levels)


def signed(value: float, unit: str) -> str:
    """A change with its sign and unit.

    Examples
    --------
    >>> signed(1.96, "per cent"), signed(-0.5, "homicides")
    ('+2 per cent', '−0.5 homicides')
    """
    text = number(value)
    return with_unit(f"{'+' if value > 0 and text != '0' else ''}{text}", unit).strip()


def _interval_name(effect: Quantity) -> str:
    return interval_named(effect.interval_kind or "confidence", effect.level or 0.95)


def _for_whom(evidence: Evidence, words: int) -> tuple[tuple[str, str], ...]:
    question, sample = evidence.question, evidence.sample
    rows = [
        (phrase("People and places"), question.population.value),
        (phrase("Programme"), question.intervention.value),
        (phrase("Compared with"), question.comparator.value),
        (phrase("Setting"), question.setting.value),
    ]
    treated, units = sample.n_treated_units.value, sample.n_units.value
    if treated is not None and units is not None:
        unit = evidence.assignment.unit.value or phrase("unit")
        said = say("{treated:,} treated of {units:,} ({unit} as the unit)", treated=treated, units=units, unit=unit)
        before, after = sample.pre_periods.value, sample.post_periods.value
        if treated == units == 1 and before is not None and after is not None:
            said = say(
                "One {unit} over time: {before:,} periods before the start and {after:,} from it on",
                unit=unit,
                before=before,
                after=after,
            )
        if any(step.id == "repeated_cross_sections" for step in sample.flow):
            said = say(
                "{units:,} {units_2}, each seen once; {treated:,} of them in groups that got the programme",
                units=units,
                units_2=plural(unit),
                treated=treated,
            )
        rows.append((phrase("Evidence from"), first_upper(said)))
    return tuple((name, clip(value, words)) for name, value in rows if value)


def _deductions(evidence: Evidence, words: int) -> tuple[str, ...]:
    """Steps of the rating that took something away, in the order they were applied."""
    taken = [step for step in _counted(evidence) if step.because or step.reason]
    return _distinct(tuple(first_upper(clip(step.because or step.reason, words)) for step in taken), besides="")


def _fixes(evidence: Evidence, words: int) -> tuple[str, ...]:
    """What would raise the certainty, with the label where one thing alone is enough."""
    rating, said = evidence.rating, []
    alone = {each.rule: each.alone for each in rating.raises}
    for step in (step for step in _counted(evidence) if step.fix):
        label = alone.get(step.rule, rating.label)
        enough = rating.certainty is not None and label != rating.label
        fix = clip(step.fix, words)
        said.append(
            say("If {fix} (this alone: {label})", fix=fix, label=phrase(label)) if enough else say("If {fix}", fix=fix)
        )
    return _distinct(tuple(said), besides="")


def _counted(evidence: Evidence) -> list[TrailStep]:
    """Caps and deductions that applied; of a run that is not rated the gates alone, which nothing else outweighs."""
    kinds = ("cap", "deduction") if _is_rated(evidence) else ("gate",)
    return [s for s in evidence.rating.trail if s.state == "applied" and s.kind in kinds]


def _next_step(evidence: Evidence, words: int) -> tuple[str, ...]:
    use, said = evidence.use, []
    if use.next_step.value:
        said.append(
            say(
                "{next_steps} (the study's own advice).",
                next_steps=NEXT_STEPS.get(use.next_step.value, readable(use.next_step.value)),
            )
        )
    if use.transferability.value:
        said.append(say("Elsewhere: {text}", text=clip(use.transferability.value, words)))
    for taken in use.decisions or ((use.decision,) if use.decision is not None else ()):
        parts = {"who": clip(taken.who, words), "date": long_date(taken.date)}
        note = f" {clip(taken.note, words)}" if taken.note else ""
        if taken.next_step is None:
            said.append(say("Decided, by {who} on {date}.", **parts) + note)
        else:
            step = NEXT_STEPS[taken.next_step].lower()
            said.append(say("Decided: {step}, by {who} on {date}.", step=step, **parts) + note)
    return tuple(said)
