"""What is said of an indicator, in sentences that pass the linter."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from evalkit.evidence.digits import few_digits
from evalkit.evidence.lint import lint
from evalkit.evidence.standard import Prose, Standard, shipped
from evalkit.indicators.phrases import HEADINGS, SENTENCES, SHORT
from evalkit.indicators.result import RECENT, Indicator, Level, Signal
from evalkit.indicators.rules import periods_between
from evalkit.language import localized
from evalkit.numerics.control_chart import Chart
from evalkit.study.indicator import IndicatorSpec
from evalkit.study.told_measures import untranslated_indicator

DIGITS = 3
"""Levels are compared with targets that lie close by: two digits would hide the difference."""
PROVISIONAL = 20
"""Periods in a baseline below which limits are provisional (Wheeler 2000; Montgomery 2013, section 6.2)."""
FEW_EVENTS = 5.0


def number(value: float) -> str:
    """A level as prose shows it.

    Examples
    --------
    >>> number(8.6491), number(-0.02), number(42831.3)
    ('8.65', '−0.02', '42,800')
    """
    return f"{'−' if value < 0.0 else ''}{few_digits(abs(value), DIGITS)}"


def say(key: str, names: Mapping[str, str] | None = None, prose: Prose | None = None, **parts: str) -> str:
    """Fill a template and pass it through the linter; `names` are the city's own words and are not linted.

    Raises
    ------
    ForbiddenWording
        When the sentence breaks the standard.
    """
    rules = (prose or shipped().prose).model_copy(update={"significant_digits": DIGITS})
    template, own = SENTENCES[key], names or {}
    lint(template.format(**dict.fromkeys(own, "it"), **parts), rules, bayesian=True, very_low=False)
    return template.format(**own, **parts)


def chance_in_words(chance: float) -> str:
    """A probability as a count of 100.

    Examples
    --------
    >>> chance_in_words(0.117), chance_in_words(0.8), chance_in_words(0.001)
    ('about a 12 in 100 chance', 'about an 80 in 100 chance', 'a chance of less than 1 in 100')
    """
    if chance < 0.005:
        return SENTENCES["chance_under"]
    if chance > 0.995:
        return SENTENCES["chance_over"]
    count = round(100.0 * chance)
    key = "chance_an" if count in (8, 11, 18) or 80 <= count <= 89 else "chance_a"
    return SENTENCES[key].format(n=count)


def short_chance(chance: float) -> str:
    """A probability in figures.

    Examples
    --------
    >>> short_chance(0.117), short_chance(0.0)
    ('12 in 100', 'under 1 in 100')
    """
    if 0.005 <= chance <= 0.995:
        return SHORT["in_100"].format(n=round(100.0 * chance))
    return SHORT["under_1"] if chance < 0.5 else SHORT["over_99"]


def window(found: Indicator, first: int, last: int) -> str:
    """Periods in words: one, or from one to another."""
    calendar = found.series.timeline.calendar
    start, end = short_label(calendar.text(first)), short_label(calendar.text(last))
    return end if first == last else HEADINGS["span"].format(start=start, end=end)


def short_label(text: str) -> str:
    """A first day of a month as that month.

    Examples
    --------
    >>> short_label("1989-12-01"), short_label("2024-03-08"), short_label("2024")
    ('1989-12', '2024-03-08', '2024')
    """
    return text[:-3] if len(text) == 10 and text.endswith("-01") else text


def sentences(found: Indicator, standard: Standard | None = None) -> dict[str, str]:
    """All sentences by name; those that do not apply are empty."""
    prose = (standard or shipped()).prose
    return {
        "headline": _headline(found, prose),
        "chance": _chance(found, prose),
        "forecast": _forecast(found, prose),
        "pace": _pace(found, prose),
        "signal": _signal(found, prose),
        "rules": _rules(found.spec, prose),
        "banner": say("banner", prose=prose),
        "banner_why": say("banner_why", prose=prose),
    }


def _level(level: Level) -> str:
    return number(level.value)


def _headline(found: Indicator, prose: Prose) -> str:
    spec, latest = found.spec, found.latest
    when = found.series.timeline
    names = {
        "title": spec.title,
        "unit": spec.measure.unit,
        "latest_window": window(found, latest.first, latest.last),
        "baseline_window": window(found, *when.baseline),
        "date": short_label(spec.target.date),
    }
    numbers = {"baseline": number(found.baseline), "target": number(spec.target.value)}
    if not latest.periods:
        return say("headline_no_latest", names, prose, **numbers)
    return say("headline", names, prose, latest=_level(latest), **numbers)


def _chance(found: Indicator, prose: Prose) -> str:
    if found.status in ("reached", "missed"):
        names = {
            "unit": found.spec.measure.unit,
            "latest_window": window(found, found.latest.first, found.latest.last),
        }
        return say(found.status, names, prose, latest=_level(found.latest), target=number(found.spec.target.value))
    if found.status == "unknown":
        return say("unknown", {"date": found.spec.target.date}, prose)
    if found.outlook is None:
        return say("no_forecast", {"reason": found.no_outlook}, prose)
    return say("chance", prose=prose, chance=chance_in_words(found.outlook.chance))


def _forecast(found: Indicator, prose: Prose) -> str:
    outlook, when = found.outlook, found.series.timeline
    if outlook is None:
        return ""
    names = {
        "target_window": window(found, when.target - when.over + 1, when.target),
        "unit": found.spec.measure.unit,
    }
    return say(
        "forecast", names, prose, middle=number(outlook.middle), low=number(outlook.low), high=number(outlook.high),
        level=localized(f"{100 * found.spec.forecast.level:g}"),
    )  # fmt: skip


def _pace(found: Indicator, prose: Prose) -> str:
    way = found.way_gone
    if found.status != "under_way":
        return ""
    if way is None:
        return say("pace_none", prose=prose)
    if not math.isfinite(way):
        return ""
    time = f"{100 * found.time_gone:.0f}"
    if way <= 0.0:
        return say("pace_back", prose=prose, time=time)
    if way >= 1.0:
        return say("pace_there", prose=prose, time=time)
    key = "pace_ahead" if way >= found.time_gone else "pace_behind"
    return say(key, prose=prose, way=f"{100 * way:.0f}", time=time)


def _signal(found: Indicator, prose: Prose) -> str:
    if not found.recent:
        return say("signal_none", prose=prose, count=str(RECENT))
    last = found.recent[-1]
    return say("signal_good" if last.wanted else "signal_bad", {"pattern": pattern(found, last)}, prose)


def pattern(found: Indicator, signal: Signal) -> str:
    """One signal in words."""
    period = short_label(found.series.timeline.calendar.text(signal.place))
    return say(signal.rule, {"period": period})


def _rules(spec: IndicatorSpec, prose: Prose) -> str:
    periods = periods_between(spec.rules)
    return (
        say("rules_unknown", prose=prose) if periods is None else say("rules", prose=prose, periods=few_digits(periods))
    )


def chart_name(chart: Chart, *, has_exposure: bool) -> str:
    """Name of the chart as textbooks write it.

    Examples
    --------
    >>> from evalkit.numerics.control_chart import events
    >>> chart = events(np.array([4.0, 6, 5, 7]), np.ones(4), np.ones(4, dtype=bool), kind="count")
    >>> chart_name(chart, has_exposure=False)
    'c'
    """
    if chart.kind == "measurement":
        return "XmR"
    plain = "p" if chart.kind == "share" else "u" if has_exposure else "c"
    return f"{plain}'" if chart.widened else plain


def remarks(found: Indicator, standard: Standard | None = None) -> tuple[str, ...]:
    """What a reader must know before relying on the chart or the forecast.

    An indicator as told (:func:`evalkit.study.told_measures.told_indicator`) keeps its translations, so that it is
    still known which of its words have none.
    """
    prose = (standard or shipped()).prose
    spec, chart, when = found.spec, found.chart, found.series.timeline
    inside = when.in_baseline
    periods = int(inside.sum())
    told = []
    if periods < PROVISIONAL:
        told.append(say("remark_provisional", prose=prose, count=str(periods)))
    unsteady = len({each.place for each in found.signals if when.baseline[0] <= each.place <= when.baseline[1]})
    if unsteady:
        told.append(say("remark_unsteady", prose=prose, count=str(unsteady)))
    correlation = neighbours(chart.z[inside])
    if correlation > 2.0 / np.sqrt(periods):
        told.append(say("remark_neighbours", prose=prose, correlation=few_digits(correlation)))
    if chart.widened:
        told.append(say("remark_widened", prose=prose, factor=few_digits(chart.sigma_z)))
    if chart.kind != "measurement" and (mean := float(np.mean(found.series.count[inside]))) < FEW_EVENTS:
        told.append(say("remark_few_events", prose=prose, count=few_digits(mean)))
    if when.season is not None:
        told.append(say("remark_season", prose=prose, length=str(when.season)))
    gaps = int(np.isnan(found.series.value[when.baseline[1] + 1 :]).sum())
    if gaps:
        told.append(say("remark_gaps", prose=prose, count=str(gaps)))
    if spec.baseline.value is not None:
        told.append(
            say("remark_declared", {"unit": spec.measure.unit}, prose, declared=number(spec.baseline.value),
                mean=_level(found.observed_baseline))
        )  # fmt: skip
    ahead = when.total - when.observed
    if found.outlook is not None and ahead > when.observed / 2:
        told.append(say("remark_far", prose=prose, ahead=str(ahead), observed=str(when.observed)))
    declared = untranslated_indicator(spec)
    if declared:
        told.append(say("remark_untranslated", {"listed": ", ".join(declared)}, prose))
    return tuple(told)


def neighbours(z: np.typing.NDArray[np.float64]) -> float:
    """Correlation of neighbours.

    Examples
    --------
    >>> round(neighbours(np.array([1.0, 2.0, 3.0, 4.0, 5.0])), 2)
    0.4
    """
    apart = z - np.nanmean(z)
    total = float(np.nansum(apart**2))
    return float(np.nansum(apart[1:] * apart[:-1])) / total if total > 0.0 else 0.0
