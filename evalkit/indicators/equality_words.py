"""What is said of a tree of equality indicators, in sentences that pass the linter."""

from __future__ import annotations

from collections.abc import Mapping

from evalkit.evidence.digits import few_digits
from evalkit.evidence.lint import lint
from evalkit.evidence.standard import Prose, Standard, shipped
from evalkit.indicators.equality_result import Course, Equality, Node, Ranged
from evalkit.indicators.phrases import EQUALITY
from evalkit.indicators.words import DIGITS
from evalkit.study.told_measures import untranslated_equality

NOISY = 95.0
"""Mean score of equal groups below which sampling noise is spoken of."""
NAMED = 3


def score(value: float) -> str:
    """A score, or points, with one decimal below 10 points.

    Examples
    --------
    >>> score(43.09), score(-2.345), score(100.0)
    ('43.1', '−2.35', '100')
    """
    return f"{'−' if value < 0.0 else ''}{few_digits(abs(value), DIGITS)}"


def signed(value: float) -> str:
    """Points with their sign.

    Examples
    --------
    >>> signed(1.25), signed(-1.25), signed(0.0)
    ('+1.3', '−1.3', '0')
    """
    text = few_digits(abs(value), 2)
    return text if text == "0" else f"{'+' if value > 0.0 else '−'}{text}"


def say(key: str, names: Mapping[str, str] | None = None, prose: Prose | None = None, **parts: str) -> str:
    """Fill a template of equality indicators and pass it through the linter.

    Raises
    ------
    ForbiddenWording
        When the sentence breaks the standard.
    """
    rules = (prose or shipped().prose).model_copy(update={"significant_digits": DIGITS})
    template, own = EQUALITY[key], names or {}
    lint(template.format(**dict.fromkeys(own, "it"), **parts), rules, bayesian=False)
    return template.format(**own, **parts)


def sentences(found: Equality, standard: Standard | None = None) -> dict[str, str]:
    """All sentences by name; those that do not apply are empty."""
    prose = (standard or shipped()).prose
    scored = bool(found.city.scores)
    return {
        "headline": _headline(found, prose),
        "change": _change(found, prose) if scored else "",
        "path": path_words(found.city.path, _now(found, found.city), prose) if scored else "",
        "best": _extremes(found, prose, best=True) if scored else "",
        "worst": _extremes(found, prose, best=False) if scored else "",
        "approximate": say("approximate", prose=prose),
        "descriptive": say("descriptive", prose=prose),
        "banner": say("banner", prose=prose),
    }


def _now(found: Equality, node: Node) -> Ranged:
    return node.scores[found.data.now]


def _headline(found: Equality, prose: Prose) -> str:
    names = {"city": found.city.name}
    if not found.city.scores or found.city.change is None:
        return say("headline_withheld", names, prose)
    now, change = _now(found, found.city), found.city.change.value
    points = few_digits(abs(change), 2)
    moved = "level" if points == "0" else "up" if change > 0.0 else "down"
    said = say("level", prose=prose) if moved == "level" else say(moved, prose=prose, points=points)
    names |= {"year": str(found.data.now), "baseline": str(found.data.baseline)}
    return say("headline", names, prose, score=score(now.value), low=score(now.low), high=score(now.high), change=said)


def _change(found: Equality, prose: Prose) -> str:
    change = found.city.change
    if change is None:  # pragma: no cover - a city with scores has a change
        return ""
    names = {"baseline": str(found.data.baseline)}
    bounds = {"low": signed(change.low), "high": signed(change.high)}
    if change.low <= 0.0 <= change.high:
        return say("change_unclear", names, prose, **bounds)
    return say("change_told", names, prose, change=signed(change.value), **bounds)


def path_words(path: Course | None, now: Ranged, prose: Prose | None = None) -> str:
    """The way to a target: pace needed, pace so far, and where that would lead."""
    if path is None:
        return say("path_none", prose=prose)
    names = {"date": path.date}
    target, so_far = score(path.target), signed(path.so_far.value)
    if path.needed is None or path.ahead is None:
        return say("path_over", names, prose, target=target, score=score(now.value))
    if path.needed == 0.0:
        return say("path_reached", names, prose, target=target, so_far=so_far)
    first = say(
        "path", names, prose, target=target, needed=signed(path.needed), so_far=so_far, low=signed(path.so_far.low),
        high=signed(path.so_far.high),
    )  # fmt: skip
    ahead = path.ahead
    then = say("path_ahead", names, prose, ahead=score(ahead.value), low=score(ahead.low), high=score(ahead.high))
    return f"{first} {then}"


def _extremes(found: Equality, prose: Prose, *, best: bool) -> str:
    """Indicators with the highest or the lowest scores now."""
    leaves = [node for node in found.city.walk() if node.kind == "indicator" and node.scores]
    ordered = sorted(leaves, key=lambda node: (_now(found, node).value, node.name), reverse=best)[:NAMED]
    if len(leaves) < 2 * NAMED:
        return ""
    named = [EQUALITY["named_score"].format(name=node.name, score=score(_now(found, node).value)) for node in ordered]
    return say("best" if best else "worst", {"names": ", ".join(named)}, prose)


def remarks(found: Equality, standard: Standard | None = None) -> tuple[str, ...]:
    """What a reader must know: replaced and withheld indicators, sampling noise, left-out years."""
    prose = (standard or shipped()).prose
    told = []
    nodes = found.city.walk()
    noise = found.city.noise_score
    if noise is not None and noise < NOISY:
        told.append(say("noise", prose=prose, score=score(noise)))
    withheld = [node.name for node in nodes if node.kind == "indicator" and node.withheld]
    if withheld:
        told.append(say("withheld", {"names": ", ".join(withheld)}, prose, count=str(len(withheld))))
    for node in nodes:
        if node.indicator is not None and node.indicator.replaces is not None:
            old = node.indicator.replaces
            told.append(say("replaced", {"new": node.name, "old": old.name, "reason": old.reason}, prose))
    if found.city.scores:
        missing = [str(year) for year in found.data.years if year not in found.city.scores]
        if missing:
            told.append(say("gaps", {"years": ", ".join(missing)}, prose))
    sizes = [{len(node.children) for node in nodes if node.kind == kind} for kind in ("theme", "topic")]
    if any(len(each) > 1 for each in sizes):
        told.append(say("uneven", prose=prose))
    declared = untranslated_equality(found.spec)
    if declared:
        told.append(say("untranslated", {"listed": ", ".join(declared)}, prose))
    return tuple(told)
