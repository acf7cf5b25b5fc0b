"""From a composed config to a validated `Study`."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from evalkit.checks import registry as checks
from evalkit.config.composing import resolve
from evalkit.config.overrides import TOP_KEYS
from evalkit.errors import ConfigError, EvalkitError, closest
from evalkit.estimators import registry
from evalkit.language import known_language
from evalkit.study.spec import Choice, Study, StudySpec
from evalkit.study.validation import explain

EstimatorDefaults = Callable[[str], Mapping[str, Any]]
"""Name of an estimator -> composed config in which that estimator is the primary one."""


def build_study(
    composed: Mapping[str, Any],
    *,
    priorities: Sequence[str],
    defaults: EstimatorDefaults,
    data_root: str,
    typed: Collection[str] = (),
) -> Study:
    """Validate a composed config, part by part.

    Parameters
    ----------
    composed
        Plain dicts, interpolations unresolved.
    priorities
        Ids that `study.priority` may name.
    defaults
        Gives the composed config of each robustness estimator.
    data_root
        Folder of data files where the config names none.
    typed
        Settings of the primary estimator that were typed on the command line: they outweigh the study's own.

    Raises
    ------
    ConfigError
        For anything unknown, missing, of the wrong type or out of range.
    """
    _refuse_unknown_keys(composed)
    spec = _spec(composed)
    _check_priority(spec, priorities)
    whole = {**composed, "study": spec.model_dump(mode="json")}  # so that defaults of the models can be referred to
    for name in spec.estimators:
        registry.get(name)
    primary = _estimator(_with_own(resolve(whole, "estimator"), whole["study"], typed))
    robustness = [_robustness(choice, {**defaults(choice.name), "study": whole["study"]}) for choice in spec.robustness]
    standard = resolve(whole, "check") or {}
    _refuse_unknown_checks(standard)
    try:
        return Study(
            spec=spec,
            estimator=primary,
            robustness=tuple(_distinct(robustness, primary)),
            checks=tuple(_check(choice, standard) for choice in spec.checks),
            evidence=resolve(whole, "evidence") or {},
            seed=composed.get("seed", 0),
            data_root=composed.get("data_root") or data_root,
            language=known_language(composed.get("language", "en")),
        )
    except ValidationError as error:
        raise explain(error, Study, where="of the config") from None


def _refuse_unknown_keys(composed: Mapping[str, Any]) -> None:
    for key in composed:
        if key not in TOP_KEYS:
            near = closest(key, TOP_KEYS)
            raise ConfigError(
                f"Unknown key '{key}' at the top of the config.",
                allowed=", ".join(TOP_KEYS),
                next_step=f"Did you mean '{near}'?" if near else "Remove the key.",
            )


def _spec(composed: Mapping[str, Any]) -> StudySpec:
    study = resolve(composed, "study")
    if not isinstance(study, Mapping):
        raise ConfigError("The study's config is empty.", next_step="See `evalkit list studies` for examples.")
    try:
        spec = StudySpec.model_validate(dict(study))
    except ValidationError as error:
        raise explain(error, StudySpec, where=f"of study '{study.get('id', '')}'", prefix="study.") from None
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", spec.id):
        raise ConfigError(f"The 'study.id' {spec.id!r} cannot name a folder.", allowed="letters, digits, '_' and '-'")
    return spec


def _refuse_unknown_checks(standard: Mapping[str, Any]) -> None:
    """Settings for a check that does not exist, as after ``check.pre_trend.alpha=0.1``, would change nothing."""
    for name in standard:
        checks.get(str(name))


def _check_priority(spec: StudySpec, priorities: Sequence[str]) -> None:
    if spec.priority in priorities:
        return
    near = closest(spec.priority, priorities)
    raise ConfigError(
        f"There is no priority '{spec.priority}' (study.priority of '{spec.id}').",
        allowed=", ".join(priorities),
        next_step=f"Did you mean '{near}'?" if near else "Add it to configs/priorities.yaml.",
    )


def _estimator(node: Mapping[str, Any], label: str = "") -> Choice:
    """Look the class up by name, build it, and keep its settings as the class resolved them."""
    if not isinstance(node.get("name"), str):
        raise ConfigError(
            "The estimator's config has no 'name'.", next_step="Begin configs/estimator/X.yaml with `name: X`."
        )
    name = node["name"]
    settings = {str(key): value for key, value in node.items() if key != "name"}
    cls = registry.get(name)
    try:
        built = cls(**settings)
    except EvalkitError:
        raise
    except (TypeError, ValueError) as error:  # a researcher's own class may raise these
        raise ConfigError(f"The estimator '{name}' refuses its settings: {error}.") from None
    described = getattr(built, "settings", None)
    resolved = dict(described()) if callable(described) else settings
    return Choice(name=name, settings=resolved, label=label)


def _with_own(node: object, study: Mapping[str, Any], typed: Collection[str] = ()) -> dict[str, Any]:
    """An estimator's config with the study's own settings for it, except those that were typed."""
    if not isinstance(node, Mapping):
        return {}  # without a name, which is refused
    own = study["estimators"].get(node.get("name")) or {}
    return {**node, **{key: value for key, value in own.items() if key not in typed}}


def _robustness(choice: Choice, composed: Mapping[str, Any]) -> Choice:
    node = _with_own(resolve(composed, "estimator"), composed["study"])
    return _estimator({**node, **choice.settings, "name": choice.name}, choice.label)


def _distinct(robustness: Sequence[Choice], primary: Choice) -> list[Choice]:
    """Drop a robustness run that repeats the primary one, as when `estimator=` names one of them.

    Runs of one estimator with different settings need labels that tell them apart.
    """
    kept = [choice for choice in robustness if (choice.name, choice.settings) != (primary.name, primary.settings)]
    labels = [choice.label or choice.name for choice in kept]
    for label in labels:
        if labels.count(label) > 1:
            raise ConfigError(
                f"Two robustness runs are both called '{label}'.",
                next_step="Give one of them a label: {name: ..., label: ..., settings: {...}}.",
            )
    return kept


def _check(choice: Choice, standard: Mapping[str, Any]) -> Choice:
    """A check with its settings: the standard ones, changed where the study says so."""
    settings = {**(standard.get(choice.name) or {}), **choice.settings}
    checks.get(choice.name)(**settings)
    return Choice(name=choice.name, settings=settings, label=choice.label)
