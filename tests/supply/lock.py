"""The locked dependencies: name, version, what asks for them, and where they are used."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

ROOT: Final = Path(__file__).parents[2]
LOCKS: Final = ("requirements.lock", "requirements-data.lock")
Use = Literal["program", "server", "data", "development"]

_PINNED: Final = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)(?:\[[^\]]*\])?==(?P<version>[^\s;\\]+)")
_VIA: Final = re.compile(r"^ +# +(?:via )?(?P<parent>[A-Za-z0-9._-]+)")


@dataclass(frozen=True, slots=True)
class Locked:
    """One dependency at one version.

    Attributes
    ----------
    parents
        Locked packages that ask for it; ``evalkit`` where pyproject.toml does.
    use
        ``program``: every installation has it; ``server``: the extra of that name; ``data``: installed beside, for its
        data sets; ``development``: tests, docs and tools only.
    """

    name: str
    version: str
    parents: tuple[str, ...]
    use: Use


def canonical(name: str) -> str:
    """A package's name as the lock spells it.

    Examples
    --------
    >>> canonical("Flask_WTF[x]>=1.2")
    'flask-wtf'
    """
    bare = re.split(r"[\[<>=!~; ]", name, maxsplit=1)[0]
    return re.sub(r"[-_.]+", "-", bare).lower()


def locked(root: Path = ROOT) -> tuple[Locked, ...]:
    """Everything that the locks pin, by name; a package may be there at a version for each Python.

    Parameters
    ----------
    root
        Folder of the locks and of pyproject.toml.
    """
    pins = [(lock, *pin) for lock in LOCKS for pin in _pins((root / lock).read_text(encoding="utf-8").splitlines())]
    asked: dict[str, set[str]] = {}
    for lock, name, _, parents in pins:
        asked.setdefault(name, set()).update(parents)
        if lock != LOCKS[0]:
            parents.append("evalkit")
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    program = _reached(project["dependencies"], asked)
    server = _reached(project["optional-dependencies"]["server"], asked)

    def use(lock: str, name: str) -> Use:
        if lock != LOCKS[0]:
            return "data"
        return "program" if name in program else "server" if name in server else "development"

    return tuple(
        sorted(
            (Locked(name, version, tuple(sorted(parents)), use(lock, name)) for lock, name, version, parents in pins),
            key=lambda each: (each.name, each.version),
        )
    )


def _pins(lines: Iterable[str]) -> list[tuple[str, str, list[str]]]:
    """(Name, version, parents) of each pin, in the order of the file."""
    found: list[tuple[str, str, list[str]]] = []
    for line in lines:
        if pin := _PINNED.match(line):
            found.append((canonical(pin["name"]), pin["version"], []))
        elif (via := _VIA.match(line)) and via["parent"] != "via":
            found[-1][2].append(canonical(via["parent"]))
    return found


def _reached(wanted: Iterable[str], asked: Mapping[str, set[str]]) -> set[str]:
    """Names that a list of requirements brings in, directly or through others."""
    reached: set[str] = set()
    waiting = [canonical(requirement) for requirement in wanted]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += [child for child, parents in asked.items() if name in parents]
    return reached
