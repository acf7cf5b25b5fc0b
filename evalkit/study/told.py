"""A study as it is told in the language spoken: its declared words, translated where a translation is declared."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import BaseModel

from evalkit.language import current, plural
from evalkit.study.spec import Cost, Outcome, StudySpec
from evalkit.study.translations import CostWords, OutcomeWords, Translation


def told(spec: StudySpec) -> StudySpec:
    """The study with its words in the language spoken; what has no translation stays as declared.

    Only for words: everything that is computed or looked up goes by the study as declared.

    Examples
    --------
    >>> import inspect
    >>> list(inspect.signature(told).parameters)
    ['spec']
    """
    words = spec.translations.get(current())
    if words is None:
        return spec
    question, assignment, governance, delivery, use = (
        _with(getattr(spec, part), getattr(words, part))
        for part in ("question", "assignment", "governance", "delivery", "use")
    )
    return spec.model_copy(
        update={
            **_given(words, ("title", "programme", "city")),
            "question": question,
            "assignment": assignment,
            "governance": governance,
            "delivery": delivery,
            "use": use,
            "outcomes": tuple(_outcome(each, words.outcomes.get(each.name)) for each in spec.outcomes),
            "cost": None if spec.cost is None else _cost(spec.cost, words.cost),
        }
    )


def told_outcome(spec: StudySpec, outcome: Outcome) -> Outcome:
    """One outcome of the study, as told."""
    words = spec.translations.get(current())
    return outcome if words is None else _outcome(outcome, words.outcomes.get(outcome.name))


def told_group(spec: StudySpec, name: str) -> str:
    """A group or grouping, as told."""
    words = spec.translations.get(current())
    return name if words is None else words.groups.get(name, name)


def told_label(spec: StudySpec, label: str) -> str:
    """The label of a robustness run, as told."""
    words = spec.translations.get(current())
    return label if words is None else words.labels.get(label, label)


def told_units(spec: StudySpec, count: int = 2) -> str:
    """The unit's name in the plural (singular for exactly 1), as told."""
    words = spec.translations.get(current())
    if count != 1 and words is not None and words.assignment.units:
        return words.assignment.units
    return plural(told(spec).assignment.unit, count)


def untranslated(spec: StudySpec) -> tuple[str, ...]:
    """Keys of the declared words that have no translation into the language spoken; none in English."""
    if current() == "en":
        return ()
    words = spec.translations.get(current(), Translation())
    return tuple(_missing(spec, words))


def _missing(spec: StudySpec, words: Translation) -> Iterator[str]:
    for name in ("title", "programme", "city"):
        if getattr(spec, name) and getattr(words, name) is None:
            yield name
    for part in ("question", "assignment", "governance", "delivery", "use"):
        declared, translated = getattr(spec, part), getattr(words, part)
        for name in type(translated).model_fields:
            value = getattr(declared, name, None)
            default = getattr(type(declared).model_fields.get(name), "default", None)
            if value and value != default and getattr(translated, name) is None:
                yield f"{part}.{name}"
    for outcome in spec.outcomes:
        of_outcome = words.outcomes.get(outcome.name, OutcomeWords())
        for name in ("name", "unit", "event_name", "source"):
            if getattr(outcome, name) and getattr(of_outcome, name) is None:
                yield f"outcomes.{outcome.name}.{name}"
        if outcome.mid is not None and of_outcome.mid.rationale is None:
            yield f"outcomes.{outcome.name}.mid.rationale"
    yield from (f"groups.{each.name}" for each in spec.equity if each.name not in words.groups)


def _given(words: BaseModel, names: tuple[str, ...]) -> dict[str, object]:
    return {name: getattr(words, name) for name in names if getattr(words, name) is not None}


def _with(declared: BaseModel, words: BaseModel) -> BaseModel:
    fields = tuple(name for name in type(words).model_fields if name in type(declared).model_fields)
    return declared.model_copy(update=_given(words, fields))


def _outcome(outcome: Outcome, words: OutcomeWords | None) -> Outcome:
    if words is None:
        return outcome
    update = _given(words, ("name", "unit", "event_name", "source"))
    if outcome.mid is not None:
        update["mid"] = outcome.mid.model_copy(update=_given(words.mid, ("rationale", "unit")))
    return outcome.model_copy(update=update)


def _cost(cost: Cost, words: CostWords) -> Cost:
    update: dict[str, object] = _given(words, ("perspective",))
    update["ingredients"] = tuple(
        line.model_copy(update={"name": words.ingredients.get(line.name, line.name)}) for line in cost.ingredients
    )
    if cost.threshold is not None and words.threshold is not None:
        update["threshold"] = cost.threshold.model_copy(update={"rationale": words.threshold})
    return cost.model_copy(update=update)
