"""The sentences of the summary, from the numbers: plain English that cannot contradict them."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evalkit.data.quality.report import PREFIX
from evalkit.evidence import inference
from evalkit.evidence.digits import few_digits
from evalkit.evidence.disclosure import small
from evalkit.evidence.equity import sentences_on_equity
from evalkit.evidence.facts import Facts, detail
from evalkit.evidence.finding import chances
from evalkit.evidence.lint import lint
from evalkit.evidence.natural import share_base, treated_cells
from evalkit.evidence.phrases import WORDS
from evalkit.evidence.rating import Rating
from evalkit.evidence.reasons import certainty_sentence
from evalkit.evidence.schema import CostBlock, EquityBlock, FindingBlock, NaturalBlock, NaturalEffect, Sentences
from evalkit.evidence.speaking import Voice, higher_or_lower, sentence_case, unit_after
from evalkit.language import people_of, percent_sign, with_unit
from evalkit.study.spec import Outcome
from evalkit.study.told import told, told_outcome, told_units, untranslated
from evalkit.vocabulary import OutcomeRole

_QUOTED = re.compile(r"(?<!\w)(?:'.+?'|«.+?»|“.+?”)(?!\w)")
"""A name that the study gave, inside the reading of a check: names are not linted."""
SMALLEST_P = 0.001
"""P-values below this are given as "below" it."""


@dataclass(frozen=True, slots=True)
class Script:
    """Everything the sentences speak of."""

    facts: Facts
    natural: NaturalBlock
    rating: Rating
    voice: Voice

    @property
    def outcome(self) -> Outcome:
        """The primary outcome, as told."""
        return told_outcome(self.facts.spec, self.facts.spec.primary_outcome)

    @property
    def names(self) -> dict[str, str]:
        """The study's own words for programme and outcome."""
        programme = told(self.facts.spec).programme_name
        dose = self.facts.panel.names.dose if self.facts.panel.dose is not None else None
        if dose is not None:
            programme = WORDS["each_unit"].format(dose=dose, programme=programme)
        return {
            "programme": programme,
            "Programme": sentence_case(programme),
            "outcome": self.outcome.name,
        }

    @property
    def finds(self) -> bool:
        """Whether the run is rated and its interval excludes 0."""
        return self.rating.certainty is not None and self.facts.finding.label in ("favourable", "unfavourable")


def sentences(
    facts: Facts, natural: NaturalBlock, rating: Rating, cost: CostBlock, equity: Sequence[EquityBlock] = ()
) -> Sentences:
    """Say everything; each sentence passes the linter or is refused.

    Raises
    ------
    ForbiddenWording
        When a sentence breaks the standard: a mistake in a template or in a check's reading.
    """
    script = Script(facts, natural, rating, Voice(facts.standard, rating.label, facts.is_bayesian))
    return Sentences(
        headline=headline(script),
        finding=_finding(script),
        equivalence=_equivalence(script),
        chance=_chance(script),
        scale=_scale(script),
        cost=_cost(script, cost),
        cost_effective=_cost_effective(script, cost),
        equity=sentences_on_equity(equity, script.outcome, script.voice) if rating.certainty is not None else (),
        certainty=certainty_sentence(rating, script.voice, facts.standard),
        checks=_checks(script),
        notes=_notes(script),
        inference=inference.sentence(facts, script.voice) if rating.certainty is not None else None,
    )


def of_many(script: Script, adjusted: float, count: int) -> str:
    """What a difference that stands alone says among the outcomes counted with it."""
    shown, factor, unit = _shown(script)
    value, low, high = _numbers(shown, factor)
    lo, hi = script.voice.range_of(low, high)
    size = script.voice.number(abs(value))
    names = {
        **script.names,
        "Outcome": sentence_case(script.outcome.name),
        "unit": unit_after(size, unit),
        "interval": _interval(script),
    }
    p = script.voice.say("p_adjusted", p=few_digits(adjusted, 2))
    parts = {"size": size, "lo": lo, "hi": hi, "higher_or_lower": higher_or_lower(value), "count": str(count)}
    return script.voice.say("outcome_among_many", names, p=p, **parts)


def of_placebo(script: Script) -> str:
    """What an outcome that the programme cannot move says of the method."""
    if script.rating.certainty is None or script.facts.no_interval:
        return script.voice.say("placebo_unknown", script.names)
    shown, factor, unit = _shown(script)
    _, low, high = _numbers(shown, factor)
    names = {
        **script.names,
        "lo": _signed(script, low, unit if unit == "%" or high == 0.0 else ""),
        "hi": _signed(script, high, unit),
        "interval": _interval(script),
    }
    return script.voice.say("placebo_holds" if script.facts.judged.includes_zero else "placebo_moved", names)


def in_short(script: Script, finding: FindingBlock, *, role: OutcomeRole = "primary", lost: bool = False) -> str:
    """The finding in a few words, with the verb of its certainty, as a cell of the summary of findings."""
    voice = script.voice
    key = _short_key(script, finding, role, lost=lost)
    if key != "short_changed":
        return voice.say(key)
    verb = voice.verb(finding.outcome_direction == "increase", script.names["programme"])
    return sentence_case(voice.say(key, verb=verb))


def _short_key(script: Script, finding: FindingBlock, role: OutcomeRole, *, lost: bool) -> str:
    if script.rating.certainty is None:
        return "short_not_rated"
    if role == "placebo":
        return "short_placebo_holds" if script.facts.judged.includes_zero else "short_placebo_moved"
    if lost:
        return "short_among_many"
    if finding.label == "inconclusive":
        return "short_inconclusive"
    if script.rating.label == "Very low":
        return "short_uncertain"
    return "short_changed" if finding.label != "little_or_no_difference" else f"short_little_{script.rating.label}"


def headline(script: Script) -> str:
    """The first sentence that a reader sees."""
    voice, names, label = script.voice, script.names, script.facts.finding.label
    if script.rating.certainty is None:
        return voice.say("not_rated", {**names, "reasons": " ".join(script.rating.not_rated_reasons)})
    very_low = script.rating.label == "Very low"
    if script.facts.no_interval:
        return _no_interval(script, f"{'uncertain_' if very_low else ''}no_interval{of_method(script.facts)}")
    reported = script.facts.estimate.reported
    few = reported is not None and reported.replaces_clustered and reported.method != "hac"  # which many periods allow
    if label == "inconclusive" and few:
        return _inconclusive_few(script, "uncertain_inconclusive_few" if very_low else "inconclusive_few")
    if label == "inconclusive":
        return _inconclusive(script, "uncertain_inconclusive" if very_low else "inconclusive")
    if label == "little_or_no_difference":
        key = "uncertain_little" if very_low else f"little_{script.rating.label}"
        return voice.say(key, {**names, "mid": mid_in_words(script)})
    return _changed(script, very_low=very_low)


def _changed(script: Script, *, very_low: bool) -> str:
    shown, factor, unit = _shown(script)
    value, low, high = _numbers(shown, factor)
    lo, hi = script.voice.range_of(low, high)
    size = script.voice.number(abs(value))
    names = {**script.names, "unit": unit_after(size, unit), "interval": _interval(script)}
    if very_low:
        return script.voice.say(
            "uncertain", names, size=size, lo=lo, hi=hi, higher_or_lower=higher_or_lower(value)
        )  # fmt: skip
    key = "changed_ratio" if script.facts.effect.is_log else "changed"
    levels = _levels(script, shown)
    if levels:
        names["levels"] = levels
        if script.facts.effect.is_log:
            names["unit"] = _level_unit(script)
    else:
        key += "_without_levels"
        if script.facts.effect.is_log:
            names.pop("unit")
    verb = script.voice.verb(value > 0.0, names["programme"])
    return script.voice.say(key, names, verb=verb, size=size, lo=lo, hi=hi)


def _inconclusive(script: Script, key: str) -> str:
    shown, factor, unit = _shown(script)
    _, low, high = _numbers(shown, factor)
    mid = mid_in_words(script)
    matters = script.voice.say("mid_matters", {"mid": mid}) if mid else script.voice.say("mid_unknown")
    return script.voice.say(
        key,
        {
            **script.names,
            "lo": _signed(script, low, unit if unit == "%" or high == 0.0 else ""),
            "hi": _signed(script, high, unit),
            "interval_in_brackets": f" ({_interval(script)})",
            "what_matters": matters,
        },
    )


def _inconclusive_few(script: Script, key: str) -> str:
    """Lead with the p-value, since the interval is another than readers are used to."""
    shown, factor, unit = _shown(script)
    _, low, high = _numbers(shown, factor)
    names = {
        **script.names,
        "lo": _signed(script, low, unit if unit == "%" or high == 0.0 else ""),
        "hi": _signed(script, high, unit),
        "interval": _interval(script),
    }
    return script.voice.say(key, names, p=_p_value(script))


def _p_value(script: Script) -> str:
    found = script.facts.estimate.reported
    if found is None or found.p_value is None:  # pragma: no cover - another inference comes with its p-value
        raise ValueError("there is no p-value to lead with")
    one = found.method == "randomization" and found.n_treated_clusters == 1
    key = "p_placebo" if one else "p_randomization" if found.method == "randomization" else "p_value"
    if found.p_value < SMALLEST_P:
        return script.voice.say("p_below", p=script.voice.number(SMALLEST_P))
    return script.voice.say(key, p=few_digits(found.p_value, 2))


def of_method(facts: Facts) -> str:
    """Ending of a phrase on missing intervals: whether the method is the reason, or the number of clusters."""
    reported = facts.estimate.reported
    return "_method" if reported is not None and reported.uncalibrated else ""


def _no_interval(script: Script, key: str) -> str:
    """The level alone, where nothing says how uncertain it is."""
    shown, factor, unit = _shown(script)
    value, _, _ = _numbers(shown, factor)
    size, found = script.voice.number(abs(value)), script.facts.sample
    names = {
        **script.names,
        "unit": unit_after(size, unit),
        "treated": script.facts.counted(found.treated_clusters),
        "total": script.facts.counted(found.clusters),
        "clusters": inference.clusters_word(script.facts),
    }
    return script.voice.say(key, names, size=size, higher_or_lower=higher_or_lower(value))


def _signed(script: Script, value: float, unit: str) -> str:
    if value == 0.0:
        return script.voice.say("no_difference")
    key, size = "rise" if value > 0.0 else "fall", script.voice.number(abs(value))
    if not unit:
        return script.voice.say(f"{key}_short", size=size)
    return script.voice.say(key, {"unit": unit_after(size, unit)}, size=size)


def _shown(script: Script) -> tuple[NaturalEffect, float, str]:
    """The effect the headline gives, its factor and its unit: percent where analysed in logs."""
    if script.facts.effect.is_log:
        return script.natural.percent, 1.0, "%"
    return script.natural.absolute, _percent_factor(script.outcome), _difference_unit(script.outcome)


def _percent_factor(outcome: Outcome) -> float:
    """100 where shares between 0 and 1 are shown as percentages."""
    return 100.0 / share_base(outcome) if outcome.family == "proportion" else 1.0


def _difference_unit(outcome: Outcome) -> str:
    return WORDS["percentage_points"] if outcome.family == "proportion" else outcome.unit


def _level_unit(script: Script) -> str:
    return "%" if script.outcome.family == "proportion" else script.outcome.unit


def _numbers(shown: NaturalEffect, factor: float) -> tuple[float, float, float]:
    """Value and bounds; a result in words always has them."""
    effect = shown.effect
    if effect.value is None or effect.low is None or effect.high is None:  # pragma: no cover - a rated run has them
        raise ValueError(f"there is no effect to speak of: {effect.reason}")
    return factor * effect.value, factor * effect.low, factor * effect.high


def _interval(script: Script) -> str:
    level = f"{100 * script.facts.effect.level:g}"
    return script.voice.say(f"interval_{script.facts.effect.interval_kind}", {"level": level})


def _levels(script: Script, shown: NaturalEffect) -> str:
    """Where the level came from and went to; one level where two would look the same."""
    before, after = shown.counterfactual.value, shown.observed.value
    if before is None or after is None:
        return ""
    factor = _percent_factor(script.outcome)
    suffix = percent_sign() if script.outcome.family == "proportion" and not script.facts.effect.is_log else ""
    first, second = (script.voice.number(factor * level) + suffix for level in (before, after))
    if first == second:
        return script.voice.say("levels_close", observed=second)
    return script.voice.say("levels_apart", counterfactual=first, observed=second)


def mid_in_words(script: Script, *, wanted: bool = False) -> str:
    """The smallest change that matters, with its unit; empty where none can be compared.

    A distance in log points is another percentage up than down: by default that of a rise, the larger
    one; with `wanted` that of a change in the wanted direction.
    """
    judged = script.facts.judged
    if judged.mid is None:
        return ""
    if judged.scale == "natural":
        outcome = script.outcome
        number = script.voice.number(_percent_factor(outcome) * judged.mid)
        return with_unit(number, unit_after(number, _difference_unit(outcome)))
    sign = judged.wanted_sign if wanted else 1.0
    percent = 100.0 * abs(float(np.expm1(sign * judged.mid))) if judged.scale == "log" else judged.mid
    return with_unit(script.voice.number(percent), "%")


def _finding(script: Script) -> str:
    label = script.facts.finding.label
    if script.rating.certainty is None:
        return script.voice.say("finding_not_rated")
    if label in ("favourable", "unfavourable"):
        direction = WORDS["higher" if script.facts.finding.outcome_direction == "increase" else "lower"]
        return script.voice.say(f"finding_{label}", {"outcome": script.outcome.name}, higher_or_lower=direction)
    if script.facts.no_interval:
        names = {"clusters": inference.clusters_word(script.facts)}
        return script.voice.say(f"finding_no_interval{of_method(script.facts)}", names)
    return script.voice.say(f"finding_{label}")


def _equivalence(script: Script) -> str | None:
    """Said where the whole interval lies within the smallest change that matters."""
    judged = script.facts.judged
    if script.rating.certainty is None or judged.mid is None or script.facts.no_interval:
        return None
    if not (-judged.mid < judged.low and judged.high < judged.mid):
        return None
    key = {"Very low": "equivalence_uncertain", "Low": "equivalence_Low"}.get(script.rating.label, "equivalence")
    return script.voice.say(key, {"mid": mid_in_words(script)})


def _chance(script: Script) -> str | None:
    found = chances(script.facts.judged)
    if found is None or script.rating.certainty is None:
        return None
    better = WORDS["higher" if script.facts.judged.wanted_sign > 0.0 else "lower"]
    names = {"outcome": script.outcome.name}
    first = _in_100(script.voice, found.benefit)
    if found.mid is None or found.within_mid is None:
        return script.voice.say("chance", names, chance=first, better=better)
    names["mid"] = mid_in_words(script, wanted=True)
    second, third = _in_100(script.voice, found.mid), _in_100(script.voice, found.within_mid)
    return script.voice.say(
        "chance_with_mid", names, chance=first, better=better, chance_of_mid=second, chance_of_little=third
    )


def _in_100(voice: Voice, share: float) -> str:
    """A chance as a whole number in 100; never 0 or 100, which draws cannot show."""
    n = round(100.0 * share)
    if n < 1:
        return voice.say("chance_under")
    if n > 99:
        return voice.say("chance_over")
    return voice.say("chance_an" if n in (8, 11, 18) or 80 <= n <= 89 else "chance_a", n=str(n))


def _scale(script: Script) -> str | None:
    """Events more or fewer, where the interval excludes 0 and the certainty allows to speak of them."""
    shown = script.natural.total_averted
    if not script.finds or script.rating.label == "Very low" or shown.effect.value is None:
        return None
    if not script.outcome.event_name:
        return None
    value, low, high = _numbers(shown, 1.0)
    lo, hi = script.voice.range_of(low, high)
    panel = script.facts.panel
    cells = treated_cells(panel)
    years = np.unique(np.broadcast_to(panel.when, cells.shape)[cells])
    first, last = (_period_name(panel.calendar.label(int(year))) for year in (years[0], years[-1]))
    count = int(cells.any(axis=1).sum())
    spec = script.facts.spec
    places = WORDS["treated_place"].format(unit=told(spec).assignment.unit)
    if small(script.facts.rules, count) or script.facts.withholds:
        places = WORDS["treated_places_withheld"].format(units=told_units(spec))
    elif count > 1:
        places = WORDS["treated_places"].format(count=count, units=told_units(spec, count))
    names = {
        "events": script.outcome.event_name,
        "places": places,
        "period": WORDS["in"].format(first=first) if first == last else WORDS["from_to"].format(first=first, last=last),
    }
    parts = {
        "size": script.voice.number(abs(value)), "lo": lo, "hi": hi,
        "fewer_or_more": WORDS["fewer"] if value > 0.0 else WORDS["more"],
    }  # fmt: skip
    people = people_of(script.outcome.unit)
    if panel.exposure is None or people is None:
        return script.voice.say("scale", names, **parts)
    parts["people"] = script.voice.number(float(np.nansum(panel.exposure[cells])) / len(years))
    return script.voice.say("scale_people", {**names, "people_word": people}, **parts)


def _period_name(label: object) -> str:
    """A period as prose names it: days without the time of day."""
    return str(label.date()) if isinstance(label, dt.datetime) else str(label)


def _cost(script: Script, cost: CostBlock) -> str | None:
    if cost.incremental_cost.value is None or cost.currency.value is None or cost.base_year.value is None:
        return None
    names = {"currency": cost.currency.value, "base_year": str(cost.base_year.value)}
    voice, each = script.voice, cost.cost_per_outcome
    amount = voice.number(cost.incremental_cost.value)
    if each.value is None or each.low is None or each.high is None or script.rating.label == "Very low":
        key = "cost" if script.finds and script.rating.label != "Very low" else "cost_unreliable"
        return voice.say(key, names, amount=amount)
    people, averted = script.natural.people_affected.effect, script.natural.total_averted.effect
    names["events"] = averted.unit if people.value is None else people.unit
    more = script.outcome.direction == "higher_better"
    key = "cost_each_person" if script.natural.people_affected.effect.value is not None else (
        "cost_each_more" if more else "cost_each_fewer"
    )  # fmt: skip
    numbers = {"each": voice.number(each.value), "lo": voice.number(each.low), "hi": voice.number(each.high)}
    return voice.say(key, names, amount=amount, **numbers)


def _cost_effective(script: Script, cost: CostBlock) -> str | None:
    """Whether one outcome costs no more than it may, as a number in 100; where a cost of one is stated at all."""
    share, limit, currency = cost.p_cost_effective.value, cost.threshold.value, cost.currency.value
    if share is None or limit is None or currency is None or not script.finds or script.rating.label == "Very low":
        return None
    names, voice = {"currency": currency}, script.voice
    if script.facts.is_bayesian:
        return voice.say("cost_effective_chance", names, chance=_in_100(voice, share), limit=voice.number(limit))
    n = min(max(round(100.0 * share), 1), 99)
    key = "draws_under" if share < 0.005 else "draws_over" if share > 0.995 else "draws_about"
    return voice.say("cost_effective_draws", names, draws=voice.say(key, n=str(n)), limit=voice.number(limit))


def _checks(script: Script) -> tuple[str, ...]:
    """One sentence a check: our own on pre-trends, the check's reading elsewhere."""
    prose, bayesian = script.facts.standard.prose, script.facts.is_bayesian
    said: list[str] = []
    for found in script.facts.diagnostics.values():
        if found.id.startswith(PREFIX):
            continue  # of the data, before anything was estimated: a part of its own in the annex
        if found.id == "sampler" and not bayesian:
            continue  # nothing was sampled: no news for a reader
        if found.id == "pre_trends" and found.status in ("pass", "fail"):
            said.append(_pre_trend(script))
        else:
            lint(_QUOTED.sub("it", found.reading), prose, bayesian=bayesian, digits=False)
            said.append(found.reading)
    return tuple(said)


def _pre_trend(script: Script) -> str:
    found, voice = script.facts.diagnostics["pre_trends"], script.voice
    if found.status == "fail":
        value = 0.0 if found.value is None else found.value
        key = "pre_trend_found_bayesian" if script.facts.is_bayesian else "pre_trend_found"
        below = voice.number(SMALLEST_P)
        share = few_digits(value, 2) if value >= SMALLEST_P else WORDS.say("below", limit=below)
        p = share
        if not script.facts.is_bayesian:
            p = voice.say("p_value", p=share) if value >= SMALLEST_P else voice.say("p_below", p=below)
        return voice.say(key, {"units": told_units(script.facts.spec)}, p=p)
    size = detail(found, "detectable_at_80")
    if size is None:
        return voice.say("pre_trend_none_unknown")
    if script.facts.effect.is_log:
        return voice.say("pre_trend_none", {"unit": "%"}, size=voice.number(100.0 * float(np.expm1(size))))
    outcome = script.outcome
    shown = voice.number(_percent_factor(outcome) * size)
    return voice.say("pre_trend_none", {"unit": unit_after(shown, _difference_unit(outcome))}, size=shown)


def _notes(script: Script) -> tuple[str, ...]:
    said: list[str] = []
    if script.facts.effect.link == "log_outcome" and script.rating.certainty is not None:
        said.append(script.voice.say("note_geometric", {"units": told_units(script.facts.spec)}))
    declared_only = untranslated(script.facts.spec)
    if declared_only:
        said.append(script.voice.say("note_untranslated", {"listed": ", ".join(declared_only)}))
    return tuple(said)
