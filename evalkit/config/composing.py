"""Compose with Hydra: the one place where files and overrides become one config."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from evalkit.config.folders import Folders
from evalkit.errors import ConfigError
from evalkit.estimators import registry

CONFIG_NAME = "config"
_PACKAGE = "@package"
"""Hydra's header that moves a file's content elsewhere."""


def compose_raw(
    folders: Folders, overrides: Sequence[str], *, config: str = CONFIG_NAME
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Compose the config and return it as plain dicts, interpolations unresolved.

    Parameters
    ----------
    folders
        Where configs are looked up, first one first.
    overrides
        As `overrides.prepare` returns them.
    config
        File at the top of the folders that lists the defaults.

    Returns
    -------
    tuple
        The config, and Hydra's own node.

    Raises
    ------
    ConfigError
        In place of whatever Hydra, OmegaConf or the YAML reader raise.
    """
    import yaml
    from hydra import compose, initialize_config_dir
    from hydra.errors import HydraException
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    from evalkit.config.search_path import searching

    try:
        with (
            _hydra_set_aside(),
            searching(folders.search, bare_estimators(folders)),
            initialize_config_dir(str(folders.search[-1]), job_name="evalkit", version_base="1.3"),
        ):
            composed = compose(config, list(overrides), return_hydra_config=True)
        raw = OmegaConf.to_container(composed, resolve=False)
    except yaml.YAMLError as error:
        raise _unreadable_yaml(error) from None
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"A config file is not UTF-8 text: byte {error.object[error.start]:#04x} at position {error.start}.",
            next_step="Save the file as UTF-8.",
        ) from None
    except (HydraException, OmegaConfBaseException, ValueError) as error:
        raise _reworded(error, overrides) from None
    whole = {str(key): value for key, value in raw.items()} if isinstance(raw, dict) else {}
    return whole, dict(whole.pop("hydra", {}))


def read_alone(folders: Folders, relative: str) -> dict[str, Any] | None:
    """A config file that means the same by itself as within a composition; None where only Hydra can tell.

    Parameters
    ----------
    folders
        Where configs are looked up, first one first.
    relative
        Name of the file in its folder, e.g. ``estimator/imputation.yaml``.
    """
    import yaml
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    path = folders.file(relative)
    own_config = any((folder / f"{CONFIG_NAME}.yaml").is_file() for folder in folders.search[:-1])
    if path is None or own_config:
        return None
    try:
        if _PACKAGE in path.read_text(encoding="utf-8"):
            return None
        read = OmegaConf.to_container(OmegaConf.load(path), resolve=False)
    except (yaml.YAMLError, UnicodeDecodeError, OmegaConfBaseException, OSError):
        return None  # Hydra's reading ends in the message that names the place
    if not isinstance(read, dict) or "defaults" in read:
        return None
    return {str(key): value for key, value in read.items()}


def bare_estimators(folders: Folders) -> set[str]:
    """Registered estimators that have no config, as a researcher's own before it is given one."""
    return set(registry.names()) - set(folders.options("estimator"))


@contextmanager
def _hydra_set_aside() -> Iterator[None]:
    """Make room for a composition of ours inside a job that Hydra itself has launched."""
    from hydra.core.global_hydra import GlobalHydra

    outer = GlobalHydra.instance().hydra
    GlobalHydra.instance().clear()
    try:
        yield
    finally:
        GlobalHydra.instance().hydra = outer


def resolve(container: Mapping[str, Any], part: str) -> Any:
    """Resolve the interpolations of one part of a composed config.

    Raises
    ------
    ConfigError
        For references to keys that do not exist.
    """
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    needed = _referred(container, part)
    if not needed:
        return copy.deepcopy(container.get(part))
    try:
        config = OmegaConf.create({key: value for key, value in container.items() if key in needed})
        node = config.get(part)
        return OmegaConf.to_container(node, resolve=True) if OmegaConf.is_config(node) else node
    except OmegaConfBaseException as error:
        raise ConfigError(
            f"A value under '{part}' cannot be resolved: {_first_line(error)}",
            next_step="Refer to keys that exist, e.g. ${study.design.anticipation}.",
        ) from None


_REFERENCE: Final = re.compile(r"\$\{\s*([A-Za-z_]\w*)?")


def _referred(container: Mapping[str, Any], part: str) -> set[str]:
    """Top keys that the interpolations of a part reach, itself among them; empty where it has none.

    The rules of the rating are a thousand values: they are built only for a config that refers to them.
    """
    reached: set[str] = set()
    waiting = [part]
    while waiting:
        key = waiting.pop()
        found = [match.group(1) for text in _texts(container.get(key)) for match in _REFERENCE.finditer(text)]
        if not found and not reached:
            return set()
        reached.add(key)
        waiting += [other for other in dict.fromkeys(found) if other in container and other not in reached]
    return reached


def _texts(node: object) -> Iterator[str]:
    """Every text below a plain node."""
    if isinstance(node, str):
        yield node
    elif isinstance(node, Mapping):
        for value in node.values():
            yield from _texts(value)
    elif isinstance(node, list):
        for value in node:
            yield from _texts(value)


def _first_line(error: BaseException) -> str:
    return str(error).strip().splitlines()[0]


def _unreadable_yaml(error: Any) -> ConfigError:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if mark is None:  # a character that no YAML file may hold: the reader stops before there are lines
        return ConfigError(
            f"Cannot read {getattr(error, 'name', 'a config file')}: {_first_line(error)}.",
            next_step="Save the file as plain UTF-8 text, without control characters.",
        )
    where = f"{mark.name.strip()}, line {mark.line + 1}, column {mark.column + 1}"
    return ConfigError(f"Cannot read {where}: {error.problem or error}.", next_step="Mend the YAML there.")


def _root(error: BaseException) -> BaseException:
    """What an error goes back to; OmegaConf's errors of grammar name each other as their cause, round and round."""
    passed = [error]
    while (cause := passed[-1].__cause__) is not None and cause not in passed:
        passed.append(cause)
    return passed[-1]


def _reworded(error: BaseException, overrides: Sequence[str]) -> ConfigError:
    """Say in our words what Hydra says in its own."""
    deepest = _root(error)
    text = _first_line(deepest) if str(deepest).strip() else _first_line(error)
    if text.startswith("Ambiguous value for argument") or "requires --multirun" in text:
        named = text.split("'")[1].lstrip("+")
        return ConfigError(
            f"'{named}' gives several values where one is needed.",
            allowed="-m to run each of them; key=[a,b] for a list; key=\"'a,b'\" for text with a comma",
        )
    if "You must specify 'study'" in text or "study: ???" in text:
        return ConfigError(
            "No study is named.", next_step="Give one: study=castle_doctrine. See `evalkit list studies`."
        )
    typed = ", ".join(override.lstrip("+") for override in overrides)
    return ConfigError(
        f"The config cannot be composed from {typed}: {text}",
        next_step="'${' begins a reference to another key; write \\${ where the characters themselves are meant."
        if type(deepest).__name__ == "GrammarParseError"
        else "",
    )
