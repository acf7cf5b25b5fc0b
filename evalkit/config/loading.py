"""From the name of a study and overrides to everything a run needs."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from evalkit.config.building import build_study
from evalkit.config.catalogue import priorities
from evalkit.config.cities import GROUP, MISSING, chosen, for_city, seed_for
from evalkit.config.composing import compose_raw, read_alone, resolve
from evalkit.config.folders import Folders
from evalkit.config.overrides import parse, prepare
from evalkit.config.safety import refuse_code, refuse_launch_code
from evalkit.errors import ConfigError
from evalkit.estimators import registry
from evalkit.study.part import Part
from evalkit.study.spec import Study
from evalkit.study.validation import explain


class Tracking(Part):
    """Where runs are logged: ``configs/tracking/``.

    Attributes
    ----------
    kind
        ``local``: the embedded store; ``server``: a team's MLflow server.
    uri
        Its address; None leaves it to MLFLOW_TRACKING_URI, then to ``mlflow.db`` in the working folder.
    """

    kind: Literal["local", "server"] = "local"
    uri: Annotated[str, Field(min_length=1)] | None = None


class Composed(Part):
    """A composed config: the study and where its runs are logged.

    Attributes
    ----------
    root
        Folder that holds the user's configs/, and studies/ beside it.
    """

    study: Study
    tracking: Tracking
    root: str = "."


def load_study(name: str, overrides: Sequence[str] = (), config_dir: Path | None = None) -> Study:
    """Compose and validate a study.

    Parameters
    ----------
    name
        Name of a file in ``configs/study/``.
    overrides
        In Hydra's grammar, e.g. ``["estimator=two_way_fixed_effects", "study.design.anticipation=1"]``.
    config_dir
        Folder looked into before the packaged configs; ``./configs`` by default.

    Raises
    ------
    ConfigError
        For anything unknown (with the closest known word), missing or contradictory.
    """
    _refuse_text(overrides)
    return compose([f"study={name}", *overrides], config_dir).study


def _refuse_text(overrides: Sequence[str]) -> None:
    """A text is a sequence of texts too: its letters."""
    if isinstance(overrides, str):
        raise ConfigError(
            f"Overrides are a list of texts. Got the text {overrides!r}.", next_step=f"Write [{overrides!r}]."
        )


def compose(overrides: Sequence[str], config_dir: Path | None = None) -> Composed:
    """Compose and validate what the command line asks for; ``study=X`` is among the overrides.

    Raises
    ------
    ConfigError
        As `load_study`.
    """
    folders = Folders.find(config_dir)
    prepared = prepare(overrides, folders, plugins=registry.names())
    if not any(override.startswith("study=") for override in prepared):
        known = ", ".join(folders.options("study")) or "none in ./configs/study"
        raise ConfigError("No study is named.", allowed=known, next_step="Give one, e.g. study=castle_doctrine.")
    raw = _composed(folders, prepared)
    city = chosen(prepared)
    if city is not None:
        raw = _of_city(raw, city)
    _refuse_gaps(raw, folders)
    study = build_study(
        raw,
        priorities=list(priorities(config_dir)),
        defaults=functools.cache(lambda name: _with_estimator(name, raw, prepared, folders)),
        data_root=folders.data_root,
        typed=_typed(prepared),
    )
    _refuse_borrowed_id(study.spec.id.removesuffix(f"-{city}"), prepared)
    return Composed(study=study, tracking=tracking_of(raw), root=folders.data_root)


def _of_city(raw: Mapping[str, Any], city: str) -> dict[str, Any]:
    """The config of one city: its study, and randomness of its own."""
    study, seed = raw.get("study"), raw.get("seed", 0)
    whole = {**raw, "study": for_city(study, city) if isinstance(study, Mapping) else study}
    return {**whole, "seed": seed_for(seed, city)} if isinstance(seed, int) and seed >= 0 else whole


def _refuse_gaps(raw: Mapping[str, Any], folders: Folders) -> None:
    """A study that many cities share leaves out what differs; alone it cannot run."""
    study = raw.get("study")
    gaps = sorted(f"study.{key}" for key, value in study.items() if value == MISSING) if isinstance(study, dict) else []
    if gaps:
        known = folders.options(GROUP)
        raise ConfigError(
            f"{', '.join(gaps)} must be given: this study is shared by many cities.",
            next_step=f"Name a city: city={known[0]}; all of them: -m 'city=glob(*)'."
            if known
            else f"Name the cities in configs/cities.yaml, or give it: {gaps[0]}=VALUE.",
        )


def _refuse_borrowed_id(found: str, prepared: Sequence[str]) -> None:
    """A copied file that kept its model's id would file its results and runs under the other study."""
    if any(override.startswith("++study.id=") for override in prepared):
        return
    named = [override.removeprefix("study=") for override in prepared if override.startswith("study=")][-1]
    if found != named.strip("'\"").split("/")[-1]:
        raise ConfigError(
            f"The file of study '{named}' has the id '{found}': its results would be kept under that name.",
            allowed="the file's name",
            next_step=f'Set id: "{named}" in configs/study/{named}.yaml.',
        )


def _composed(folders: Folders, prepared: Sequence[str]) -> dict[str, Any]:
    raw, hydra_node = compose_raw(folders, prepared)
    refuse_code(raw)
    refuse_launch_code(hydra_node)
    return raw


def _with_estimator(name: str, raw: Mapping[str, Any], prepared: Sequence[str], folders: Folders) -> Mapping[str, Any]:
    """The same config with another primary estimator; settings typed for the primary one stay with it.

    A file without a defaults list of its own is all there is to that estimator: composing everything again
    would say the same, a few tenths of a second later.
    """
    registry.get(name)
    own = read_alone(folders, f"estimator/{name}.yaml")
    if own is not None:
        refuse_code(own)
        return {**raw, "estimator": own}
    kept = [text for text, parsed in zip(prepared, parse(prepared), strict=True) if not _of_estimator(parsed)]
    return _composed(folders, [*kept, f"estimator={name}"])


def _typed(prepared: Sequence[str]) -> frozenset[str]:
    """Settings of the primary estimator among the overrides: ``errors`` of ``estimator.errors=ar1``."""
    keys = (str(parsed.key_or_group).split(".") for parsed in parse(prepared))
    return frozenset(key[1] for key in keys if key[0] == "estimator" and len(key) > 1)


def _of_estimator(parsed: Any) -> bool:
    return str(parsed.key_or_group).split(".")[0] == "estimator"


def tracking_of(raw: Mapping[str, Any]) -> Tracking:
    """Where a composed config's runs are logged.

    Raises
    ------
    ConfigError
        For what no tracking can be.
    """
    try:
        return Tracking.model_validate(resolve(raw, "tracking") or {})
    except ValidationError as error:
        raise explain(error, Tracking, where="of the config", prefix="tracking.") from None
