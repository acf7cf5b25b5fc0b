"""What can be named in a config: studies and priorities, with their titles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from evalkit.config.folders import Folders
from evalkit.errors import ConfigError
from evalkit.language import current


def priorities(config_dir: Path | None = None) -> dict[str, str]:
    """Mayoral priorities: id to title in the language spoken, in the order of ``configs/priorities.yaml``.

    A title without a translation stays as it stands there.

    Examples
    --------
    >>> priorities()["public_safety"]
    'Public safety and violence reduction'
    """
    file = Folders.find(config_dir).file("priorities.yaml")
    listed = read_yaml(file) if file else None
    if not isinstance(listed, list) or not all(isinstance(row, dict) and {"id", "title"} <= set(row) for row in listed):
        raise ConfigError(f"{file} is not a list of priorities.", allowed="- {id: public_safety, title: Public safety}")
    return {str(row["id"]): str(_translated(row)) for row in listed}


def _translated(row: Mapping[str, object]) -> object:
    told = row.get("translations")
    return (told.get(current()) if isinstance(told, dict) else None) or row["title"]


def studies(config_dir: Path | None = None) -> dict[str, str]:
    """Studies that can be run: name of the config to its title.

    A file that cannot be read is listed with the reason, not left out.
    """
    folders = Folders.find(config_dir)
    titles = {}
    for name in folders.options("study"):
        file = folders.file(f"study/{name}.yaml")
        try:
            content = read_yaml(file) if file else None
        except ConfigError as error:
            titles[name] = f"cannot be read: {error.what}"
            continue
        titles[name] = str(content.get("title", "")) if isinstance(content, dict) else "empty"
    return titles


def measures(kind: Literal["indicator", "equality"], config_dir: Path | None = None) -> dict[str, str]:
    """Indicators, or trees of equality indicators, that can be named, with their titles.

    A file that cannot be read is listed with the reason, not left out.

    Examples
    --------
    >>> measures("indicator")["california_fatal_accidents"]
    "Fatal accidents on California's roads"
    """
    folders = Folders.find(config_dir)
    titles = {}
    for name in folders.options(kind):
        file = folders.file(f"{kind}/{name}.yaml")
        try:
            content = read_yaml(file) if file else None
        except ConfigError as error:
            titles[name] = f"cannot be read: {error.what}"
            continue
        titles[name] = str(content.get("title", "")) if isinstance(content, dict) else "empty"
    return titles


@dataclass(frozen=True, slots=True)
class Declared:
    """A study as its config declares it, without composing it."""

    id: str
    city: str
    priority: str
    title: str


def declared_studies(config_dir: Path | None = None) -> list[Declared]:
    """Studies of the folder itself, with what a portfolio shows of them; files that cannot be read are left out.

    Those that ship with evalkit are examples and nobody's plans, unless there is no other folder.
    """
    found = []
    for file in sorted((Folders.find(config_dir).search[0] / "study").glob("*.yaml")):
        try:
            content = read_yaml(file)
        except ConfigError:  # `evalkit list studies` names it with the reason
            continue
        if isinstance(content, dict):
            id_, city, priority, title = (str(content.get(key) or "") for key in ("id", "city", "priority", "title"))
            found.append(Declared(id_ or file.stem, city, priority, title or file.stem))
    return found


def check_settings(config_dir: Path | None = None) -> dict[str, dict[str, Any]]:
    """Checks by name with their standard settings, from ``configs/check/standard.yaml``."""
    file = Folders.find(config_dir).file("check/standard.yaml")
    content = read_yaml(file) if file else {}
    return {str(name): dict(settings or {}) for name, settings in content.items()}


def read_yaml(file: Path) -> Any:
    """Content of a config file, whatever it holds.

    Raises
    ------
    ConfigError
        If it is not YAML in UTF-8.
    """
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # C where it was built: a hundred studies in a blink
    try:
        return yaml.load(file.read_text(encoding="utf-8"), Loader=loader)  # noqa: S506 (both are safe loaders)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file.name}: {str(error).splitlines()[0]}") from None
