"""Indicators and equality trees: from a name and overrides to what is to be measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, cast

from pydantic import ValidationError

from evalkit.config.catalogue import priorities
from evalkit.config.composing import compose_raw, resolve
from evalkit.config.folders import Folders, packaged
from evalkit.config.loading import Tracking, tracking_of
from evalkit.config.overrides import prepare
from evalkit.config.safety import refuse_code, refuse_launch_code
from evalkit.errors import ConfigError, closest
from evalkit.language import Language, known_language
from evalkit.study.equality import EqualitySpec
from evalkit.study.indicator import IndicatorSpec
from evalkit.study.validation import explain

MeasureKind = Literal["indicator", "equality"]
CONFIG: Final = "measure"
MODELS: Final[Mapping[str, type[IndicatorSpec] | type[EqualitySpec]]] = {
    "indicator": IndicatorSpec,
    "equality": EqualitySpec,
}


@dataclass(frozen=True, slots=True)
class ComposedMeasure:
    """A composed config: what is measured, and where it is logged.

    Attributes
    ----------
    spec
        Of an indicator or an equality tree.
    seed
        Root of all randomness.
    data_root
        Folder of data files.
    tracking
        Where runs are logged.
    language
        Of everything that is written.
    """

    spec: IndicatorSpec | EqualitySpec
    seed: int
    data_root: Path
    tracking: Tracking
    language: Language = "en"


def load_indicator(name: str, overrides: Sequence[str] = (), config_dir: Path | None = None) -> IndicatorSpec:
    """Compose and validate an indicator of ``configs/indicator/``.

    Raises
    ------
    ConfigError
        For anything unknown (with the closest known word), missing or contradictory.

    Examples
    --------
    >>> load_indicator("california_fatal_accidents", ["indicator.target.value=8"]).target.value
    8.0
    """
    return cast("IndicatorSpec", compose_measure("indicator", name, overrides, config_dir).spec)


def load_equality(name: str, overrides: Sequence[str] = (), config_dir: Path | None = None) -> EqualitySpec:
    """Compose and validate an equality tree of ``configs/equality/``.

    Raises
    ------
    ConfigError
        As :func:`load_indicator`.
    """
    return cast("EqualitySpec", compose_measure("equality", name, overrides, config_dir).spec)


def compose_measure(
    kind: MeasureKind, name: str, overrides: Sequence[str] = (), config_dir: Path | None = None
) -> ComposedMeasure:
    """Compose what ``evalkit indicator NAME`` or ``evalkit equality NAME`` asks for.

    Raises
    ------
    ConfigError
        As :func:`load_indicator`.
    """
    folders = Folders.find(config_dir)
    prepared = prepare([f"{kind}={name}", *overrides], folders, groups=(kind, "tracking"))
    raw, hydra_node = compose_raw(folders, prepared, config=CONFIG)
    refuse_code(raw)
    refuse_launch_code(hydra_node)
    spec = _spec(kind, name, raw)
    _refuse_other_id(kind, name, spec.id, overrides)
    _check_priority(kind, spec.id, spec.priority, list(priorities(config_dir)))
    seed = raw.get("seed", 0)
    if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
        raise ConfigError(f"seed must be a whole number, 0 or more. Got {seed!r} instead.")
    root = raw.get("data_root") or _beside(folders, kind, name)
    return ComposedMeasure(spec, seed, Path(str(root)), tracking_of(raw), known_language(raw.get("language", "en")))


def _beside(folders: Folders, kind: str, name: str) -> str:
    """Folder that relative paths start from: what ships with its data finds them from anywhere."""
    file = folders.file(f"{kind}/{name}.yaml")
    shipped = packaged()
    return str(shipped.parent) if file is not None and file.parents[1] == shipped else folders.data_root


def _spec(kind: MeasureKind, name: str, raw: dict[str, Any]) -> IndicatorSpec | EqualitySpec:
    content, model = resolve(raw, kind), MODELS[kind]
    if not isinstance(content, dict):
        raise ConfigError(f"configs/{kind}/{name}.yaml is empty.", next_step=f"See `evalkit list {PLURAL[kind]}`.")
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise explain(error, model, where=f"of {kind} '{name}'", prefix=f"{kind}.") from None


PLURAL: Final = {"indicator": "indicators", "equality": "equality"}


def _refuse_other_id(kind: str, name: str, found: str, overrides: Sequence[str]) -> None:
    """A copied file that kept its model's id would file its results under the other name."""
    if found != name and not any(text.lstrip("+").startswith(f"{kind}.id=") for text in overrides):
        raise ConfigError(
            f"The file of {kind} '{name}' has the id '{found}': its results would be kept under that name.",
            allowed="the file's name",
            next_step=f'Set id: "{name}" in configs/{kind}/{name}.yaml.',
        )


def _check_priority(kind: str, name: str, priority: str, known: Sequence[str]) -> None:
    if priority in known:
        return
    near = closest(priority, known)
    raise ConfigError(
        f"There is no priority '{priority}' ({kind}.priority of '{name}').",
        allowed=", ".join(known),
        next_step=f"Did you mean '{near}'?" if near else "Add it to configs/priorities.yaml.",
    )
