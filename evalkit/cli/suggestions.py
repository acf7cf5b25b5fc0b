"""What may stand at the place of the cursor: studies, estimators, settings and the keys of a study, for tab completion.

Everything comes from small files (configs and `overview.json`), so that an answer takes a tenth of a second.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from evalkit.estimators import registry
from evalkit.language import LANGUAGES

if TYPE_CHECKING:
    from evalkit.config import Folders

GROUPS: Final = ("study", "estimator", "check", "evidence", "tracking")
PLAIN: Final = ("seed", "data_root", "language")
LAUNCHERS: Final = ("basic", "joblib", "ray")
LAUNCHER_KEY: Final = "hydra/launcher"
FEW: Final[Mapping[str, Sequence[str]]] = {"language": LANGUAGES, LAUNCHER_KEY: LAUNCHERS}
"""Keys at the top that hold one of a few words."""


def suggest(incomplete: str, before: Sequence[str] = (), config_dir: Path | None = None) -> list[str]:
    """Overrides that the typed beginning may become.

    Parameters
    ----------
    incomplete
        The word at the cursor.
    before
        Overrides typed before it: settings are those of the study and estimator that they name.
    config_dir
        Folder of configs looked into before the packaged ones.

    Examples
    --------
    >>> suggest("study=castle")
    ['study=castle_doctrine']
    >>> suggest("study.design.comp")
    ['study.design.comparison=']
    >>> suggest("estimator.eng", ["estimator=bayesian_did"])
    ['estimator.engine=']
    """
    from evalkit.config.folders import Folders

    folders = Folders.find(config_dir)
    key, equals, value = incomplete.partition("=")
    if equals:
        done, comma, last = value.rpartition(",")  # -m takes several: study=a,b
        found = _values(key, before, folders)
        return [f"{key}={done}{comma}{word}" for word in found if word.startswith(last)]
    return _next_part(incomplete, _keys(incomplete, before, folders))


def suggest_measure(kind: str, incomplete: str, config_dir: Path | None = None) -> list[str]:
    """The same for `evalkit indicator` and `evalkit equality`: their keys at the top, and names of what they measure.

    Examples
    --------
    >>> suggest_measure("indicator", "language=")
    ['language=en', 'language=es', 'language=pt']
    >>> suggest_measure("equality", "equality=sample")
    ['equality=sample_city']
    """
    from evalkit.config.folders import Folders

    folders = Folders.find(config_dir)
    key, equals, value = incomplete.partition("=")
    if not equals:
        return _next_part(incomplete, [*PLAIN, "tracking", f"{kind}."])
    words = folders.options(key) if key in (kind, "tracking") else _values(key, (), folders)
    return [f"{key}={word}" for word in words if word.startswith(value)]


def _keys(incomplete: str, before: Sequence[str], folders: Folders) -> list[str]:
    """Every key, as far as the typed beginning asks for it."""
    groups = [group for group in GROUPS if folders.options(group)]
    found = [*groups, *PLAIN, LAUNCHER_KEY]
    below: dict[str, Callable[[], Iterable[str]]] = {
        "study": lambda: _overview()["keys"],
        "estimator": lambda: _settings(before, folders),
        "check": lambda: _dotted(_read(folders.file("check/standard.yaml"))),
        "tracking": lambda: ("uri",),
    }
    for group, keys in below.items():
        wanted = incomplete.startswith(f"{group}.")
        found += [f"{group}.{key}" for key in keys()] if wanted else [f"{group}."]
    return found


def _next_part(incomplete: str, keys: Iterable[str]) -> list[str]:
    """Keys up to their next dot, as a shell completes folders: ``study.design.``, then ``study.design.level=``."""
    found = []
    for key in keys:
        if key.startswith(incomplete):
            rest = key[len(incomplete) :]
            head, dot, _ = rest.partition(".")
            found.append(f"{incomplete}{head}{dot}" if dot else f"{key}=")
    return list(dict.fromkeys(found))


def _values(key: str, before: Sequence[str], folders: Folders) -> list[str]:
    """Words that a key may hold; none where it takes any number or text."""
    if key in GROUPS:
        named = folders.options(key)
        return sorted({*named, *registry.names()}) if key == "estimator" else named
    if key in FEW:
        return list(FEW[key])
    if key == "study.priority":
        from evalkit.config.catalogue import priorities

        return list(priorities(folders.search[0]))
    group, _, rest = key.partition(".")
    if group == "study":
        return list(_overview()["keys"].get(rest, ()))
    if group == "estimator":
        return _shown(_settings(before, folders).get(rest))
    return []


def _settings(before: Sequence[str], folders: Folders) -> Mapping[str, Any]:
    """The settings of the estimator that the words before the cursor name, or else of the study's own."""
    return _dotted(_read(folders.file(f"estimator/{_estimator(before, folders)}.yaml")), leave=("name",))


def _estimator(before: Sequence[str], folders: Folders) -> str:
    typed = _last(before, "estimator")
    if typed:
        return typed
    listed = _read(folders.file(f"study/{_last(before, 'study')}.yaml")).get("defaults")
    for entry in listed if isinstance(listed, list) else []:
        if isinstance(entry, dict) and "override /estimator" in entry:
            return str(entry["override /estimator"])
    return "callaway_santanna"


def _last(words: Sequence[str], key: str) -> str:
    given = [word.partition("=")[2] for word in words if word.startswith(f"{key}=")]
    return given[-1] if given else ""


def _dotted(content: Mapping[str, Any], leave: Sequence[str] = ()) -> dict[str, Any]:
    """Settings by dotted key, one level down."""
    found: dict[str, Any] = {}
    for key, value in content.items():
        if isinstance(value, dict) and value:
            found.update({f"{key}.{inner}": each for inner, each in value.items()})
        elif key not in leave:
            found[str(key)] = value
    return found


def _shown(value: object) -> list[str]:
    """The present value of a setting, where one can be typed."""
    if isinstance(value, bool):
        return ["false", "true"]
    plain = isinstance(value, str | int | float) and "$" not in str(value)
    return [str(value)] if plain else []


def _read(file: Path | None) -> dict[str, Any]:
    """A config; empty where there is none, or where it cannot be read: the cursor is no place for errors."""
    from evalkit.config.catalogue import read_yaml
    from evalkit.errors import ConfigError

    try:
        content = read_yaml(file) if file else None
    except ConfigError:
        return {}
    return content if isinstance(content, dict) else {}


def _overview() -> dict[str, Any]:
    from evalkit.cli import overview

    return overview.read()
