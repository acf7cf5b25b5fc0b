"""What `evalkit list` and tab completion say of the built-in parts, kept in a file so that they answer at once.

Asking every estimator what it needs means importing all of them, with numpy, pandas and scipy: two
seconds. `overview.json` holds their answers; tests/unit/cli/test_overview.py holds it true. After a
change of an estimator, a check or a key of a study: ``python -m evalkit.cli.overview``.
"""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, get_args, get_origin

if TYPE_CHECKING:
    from evalkit.estimators.base import Needs

FILE: Final = "overview.json"
DEPTH: Final = 3
"""Dots in the longest key of a study that is completed: design.event_window, data.source.path."""


def read() -> dict[str, Any]:
    """The shipped overview: ``estimators`` and ``checks`` by name, and the ``keys`` of a study.

    Examples
    --------
    >>> read()["keys"]["design.comparison"]
    ['never_treated', 'not_yet_treated']
    """
    found: dict[str, Any] = json.loads(resources.files("evalkit.cli").joinpath(FILE).read_text(encoding="utf-8"))
    return found


def in_words(needs: Needs) -> str:
    """What a design must offer.

    Examples
    --------
    >>> from evalkit.estimators.base import Needs
    >>> in_words(Needs(answers="", never_treated=True, pre_periods=2))
    'never-treated units; 2 periods before the start; treatment that stays on'
    """
    periods = f"{needs.pre_periods} period{'s' if needs.pre_periods != 1 else ''} before the start"
    parts = [
        "never-treated units" if needs.never_treated else "",
        periods if needs.pre_periods else "",
        "a 0/1 column of who is eligible" if needs.eligibility else "",
        "treatment that stays on" if needs.absorbing else "",
        "counts or rates" if needs.counts else "",
        "units followed over time, or repeated cross-sections" if needs.repeated_cross_sections else "",
    ]
    return "; ".join(part for part in parts if part)


def build() -> dict[str, Any]:
    """The overview as the code has it now; imports everything."""
    from evalkit.checks import registry as checks
    from evalkit.estimators import registry
    from evalkit.study.spec import StudySpec

    needs = {name: registry.get(name).needs for name in sorted(registry.BUILT_IN)}
    return {
        "estimators": {name: {"answers": each.answers, "needs": in_words(each)} for name, each in needs.items()},
        "checks": {name: checks.get(name).null_in_words for name in sorted(checks.BUILT_IN)},
        "keys": dict(sorted(_keys(StudySpec, "").items())),
    }


def _keys(model: Any, prefix: str) -> dict[str, list[str]]:
    """Dotted keys below a model, each with the words it may hold where these are few."""
    found: dict[str, list[str]] = {}
    for name, field in model.model_fields.items():
        key = f"{prefix}{name}"
        inner = [one for one in _within(field.annotation) if hasattr(one, "model_fields")]
        listed = get_origin(field.annotation) in (tuple, dict)
        if inner and not listed and key.count(".") < DEPTH:
            for one in inner:  # of a union, the words of all its models
                for name_within, words in _keys(one, f"{key}.").items():
                    found[name_within] = list(dict.fromkeys([*found.get(name_within, []), *words]))
        else:
            found[key] = _words(field.annotation)
    return found


def _within(annotation: Any) -> list[Any]:
    """The types that an annotation names."""
    parts = get_args(annotation)
    return [annotation] if not parts else [one for part in parts for one in _within(part)]


def _words(annotation: Any) -> list[str]:
    if annotation is bool:
        return ["false", "true"]
    return [word for word in _within(annotation) if isinstance(word, str)]


def text() -> str:
    """The overview as it must stand in the shipped file."""
    return json.dumps(build(), indent=1, ensure_ascii=False) + "\n"


def main() -> None:
    """Write the file beside this one."""
    Path(__file__).with_name(FILE).write_text(text(), encoding="utf-8")


if __name__ == "__main__":
    main()
