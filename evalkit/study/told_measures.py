"""Indicators and equality trees as they are told in the language spoken: their declared words, where translated."""

from __future__ import annotations

from collections.abc import Iterator

from evalkit.language import current
from evalkit.study.equality import EqualityIndicator, EqualitySpec, Theme, Topic
from evalkit.study.indicator import IndicatorSpec
from evalkit.study.translations import EqualityWords, LeafWords, MeasureWords

OF_BOTH = ("title", "city", "owner", "description", "note")


def told_indicator(spec: IndicatorSpec) -> IndicatorSpec:
    """The indicator with its words in the language spoken; what has no translation stays as declared.

    Examples
    --------
    >>> import inspect
    >>> list(inspect.signature(told_indicator).parameters)
    ['spec']
    """
    words = spec.translations.get(current())
    if words is None:
        return spec
    measure = spec.measure.model_copy(update={"unit": words.unit or spec.measure.unit})
    return spec.model_copy(update={**_given(words), "measure": measure})


def told_equality(spec: EqualitySpec) -> EqualitySpec:
    """The tree with its words in the language spoken. Names of groups stay: they are values of the data."""
    words = spec.translations.get(current())
    if words is None:
        return spec
    return spec.model_copy(update={**_given(words), "themes": tuple(_theme(each, words) for each in spec.themes)})


def told_group(spec: EqualitySpec, name: str) -> str:
    """A group, as told."""
    words = spec.translations.get(current())
    return name if words is None else words.groups.get(name, name)


def untranslated_indicator(spec: IndicatorSpec) -> tuple[str, ...]:
    """Keys of declared words that have no translation into the language spoken; none in English."""
    if current() == "en":
        return ()
    words = spec.translations.get(current())
    missing = list(_missing(spec, words))
    return (*missing, *(() if words is not None and words.unit else ("measure.unit",)))


def untranslated_equality(spec: EqualitySpec) -> tuple[str, ...]:
    """The same of a tree, whose names of all levels count as one key each."""
    if current() == "en":
        return ()
    words = spec.translations.get(current()) or EqualityWords()
    found = [each for _, _, each in spec.indicators]
    levels = {
        "themes": ([theme.name for theme in spec.themes], words.themes),
        "topics": ([topic.name for theme in spec.themes for topic in theme.topics], words.topics),
        "indicators": ([each.name for each in found], {name for name, each in words.indicators.items() if each.name}),
        "groups": ([group for each in found for group in each.groups], words.groups),
    }
    return (*_missing(spec, words), *(key for key, (names, known) in levels.items() if not set(names) <= set(known)))


def _missing(spec: IndicatorSpec | EqualitySpec, words: MeasureWords | None) -> Iterator[str]:
    for name in OF_BOTH:
        if getattr(spec, name) and (words is None or getattr(words, name) is None):
            yield name


def _given(words: MeasureWords) -> dict[str, str]:
    return {name: getattr(words, name) for name in OF_BOTH if getattr(words, name) is not None}


def _theme(theme: Theme, words: EqualityWords) -> Theme:
    topics = tuple(_topic(topic, words) for topic in theme.topics)
    return theme.model_copy(update={"name": words.themes.get(theme.name, theme.name), "topics": topics})


def _topic(topic: Topic, words: EqualityWords) -> Topic:
    indicators = tuple(_leaf(each, words.indicators.get(each.name)) for each in topic.indicators)
    return topic.model_copy(update={"name": words.topics.get(topic.name, topic.name), "indicators": indicators})


def _leaf(indicator: EqualityIndicator, words: LeafWords | None) -> EqualityIndicator:
    """The indicator told; `id` keeps the value that the data have."""
    if words is None:
        return indicator
    update: dict[str, object] = {
        "id": indicator.key, "name": words.name or indicator.name, "unit": words.unit or indicator.unit
    }  # fmt: skip
    if indicator.replaces is not None:
        old = indicator.replaces
        told = {"name": words.replaced or old.name, "reason": words.reason or old.reason}
        update["replaces"] = old.model_copy(update=told)
    return indicator.model_copy(update=update)
