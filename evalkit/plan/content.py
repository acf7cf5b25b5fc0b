"""What is planned: the part of a resolved study that can move a number or its reading, and how two of them differ."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

from evalkit.evidence.facts import PRIMARY_OUTCOME
from evalkit.plan.words import worded
from evalkit.study.spec import Study

NOT_PLANNED: Final = (
    "data_root", "language", "spec.translations",
    "spec.title", "spec.programme", "spec.city", "spec.priority", "spec.capacity",
    "spec.governance", "spec.delivery", "spec.use", "spec.plan", "spec.cost.ingredients",
    "spec.data.source.path", "spec.data.source.sha256", "spec.data.source.rows",
)  # fmt: skip
"""Known only later, or no choice of the analysis: who answers, what was delivered and what it cost, in which language,
the file's name (its content before the start is compared instead)."""
_ABSENT: Final = object()
TEXT: Final = 300
"""Characters of a value that are shown."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One item in which two plans differ; values in words."""

    item: str
    planned: str
    actual: str


def content(study: Study) -> dict[str, Any]:
    """The plan of a study in plain types."""
    plain: dict[str, Any] = json.loads(json.dumps(study.model_dump(mode="json")))
    for path in NOT_PLANNED:
        *above, last = path.split(".")
        node: Any = plain
        for key in above:
            node = node.get(key) if isinstance(node, dict) else None
        if isinstance(node, dict):
            node.pop(last, None)
    return plain


def sha256(value: object) -> str:
    """SHA-256 of plain content, whatever the order of its keys.

    Examples
    --------
    >>> sha256({"a": 1, "b": 2}) == sha256({"b": 2, "a": 1})
    True
    """
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def renewed(planned: Mapping[str, Any], actual: Study) -> dict[str, Any]:
    """A locked plan as today's evalkit would write it: keys that came later have their defaults.

    What was left out of the plan is taken from the study that it is compared with, so that the models can be built.
    """
    plain = json.loads(json.dumps(actual.model_dump(mode="json")))
    whole: dict[str, Any] = json.loads(json.dumps(planned))
    for path in NOT_PLANNED:
        *above, last = path.split(".")
        source: Any = plain
        target: Any = whole
        for key in above:
            source = source.get(key) if isinstance(source, dict) else None
            target = target.get(key) if isinstance(target, dict) else None
        if isinstance(source, dict) and isinstance(target, dict) and last in source:
            target[last] = source[last]
    try:
        return content(Study.model_validate(whole))
    except ValidationError:  # a plan in a form that models no longer take is compared as it stands
        return dict(planned)


def differences(planned: Mapping[str, Any], actual: Mapping[str, Any]) -> list[Difference]:
    """Every item in which a study departs from a plan, named as on the command line.

    A change of the primary outcome's column or scale is an item of its own, the first.
    """
    was, now = dict(_flat(planned, "")), dict(_flat(actual, ""))
    changed = [key for key in sorted({*was, *now}) if was.get(key, _ABSENT) != now.get(key, _ABSENT)]
    found = [
        Difference(named(key), _shown(was.get(key, _ABSENT)), _shown(now.get(key, _ABSENT)))
        for key in changed
        if not _follows(key, changed, was, now)
    ]
    first, second = _primary(planned), _primary(actual)
    if first != second:
        found.insert(0, Difference(PRIMARY_OUTCOME, first, second))
    return [each for each in found if each.planned != each.actual]  # a null and a key that is not there read alike


def _follows(key: str, changed: Sequence[str], was: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Whether a setting only follows the study: ``estimator.settings.level`` goes with ``design.level``."""
    if ".settings." not in key:
        return False
    last = key.rpartition(".")[2]
    leads = [f"spec.{part}.{last}" for part in ("design", "data") if f"spec.{part}.{last}" in changed]
    return any(was.get(lead) == was.get(key) and now.get(lead) == now.get(key) for lead in leads)


def named(key: str) -> str:
    """A key as it is overridden: ``spec.design.level`` is ``design.level``."""
    return key.removeprefix("spec.")


def _primary(plan: Mapping[str, Any]) -> str:
    outcomes = (plan.get("spec") or {}).get("outcomes") or ()
    primary: Mapping[str, Any] = next((each for each in outcomes if each.get("role") == "primary"), {})
    return f"{primary.get('column')} ({primary.get('transform')})"


def _flat(node: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in node.items():
        path = f"{prefix}{key}"
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{path}.")
        elif isinstance(value, list) and value and all(isinstance(each, dict) for each in value):
            names = [str(each.get("label") or each.get("name") or number) for number, each in enumerate(value)]
            for number, each in enumerate(value):
                unique = names[number] if names.count(names[number]) == 1 else f"{names[number]}.{number}"
                yield from _flat(each, f"{path}.{unique}.")
        else:
            yield path, value


def _shown(value: object) -> str:
    if value is _ABSENT or value is None or value in ("", [], {}):
        return worded("not_set")
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= TEXT else f"{text[:TEXT]}..."
