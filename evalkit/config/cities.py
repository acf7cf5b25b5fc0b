"""The table of cities, `configs/cities.yaml`: what differs from city to city in a study that many cities share."""

from __future__ import annotations

import functools
import re
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from evalkit.errors import ConfigError

GROUP: Final = "city"
TABLE: Final = "cities.yaml"
MISSING: Final = "???"
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


def cities(folder: Path) -> dict[str, dict[str, Any]]:
    """Entries of a config folder's table: name to the keys of the study that this city sets.

    Parameters
    ----------
    folder
        A folder of configs.

    Returns
    -------
    dict
        Empty where the folder has no table.

    Raises
    ------
    ConfigError
        If the table is not one of names, or a name cannot be part of a folder's name.
    """
    file = folder / TABLE
    if not file.is_file():
        return {}
    stat = file.stat()
    return _read(file, stat.st_mtime_ns, stat.st_size)


@functools.lru_cache(maxsize=8)
def _read(file: Path, _changed: int, _size: int) -> dict[str, dict[str, Any]]:
    """Read a table once for all jobs of a sweep; its time and size tell when it is another one."""
    import yaml

    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"Cannot read {file}: {str(error).splitlines()[0]}.", next_step="Mend the YAML.") from None
    if not isinstance(content, dict):
        raise ConfigError(f"{file} is not a table of cities.", allowed='austin: {city: "Austin, Texas"}')
    for name, keys in content.items():
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise ConfigError(
                f"{file} names a city {name!r}, which cannot be part of a folder's name.",
                allowed="letters, digits, '_' and '-'; in quotes where YAML would read a number, yes or no",
                next_step='Write for example "no": {city: "Novara"}.',
            )
        if keys is not None and not isinstance(keys, dict):
            raise ConfigError(f"{file}: '{name}' holds no keys of a study.", allowed=f'{name}: {{city: "..."}}')
    return {name: dict(keys or {}) for name, keys in content.items()}


def for_city(study: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A study's keys, unresolved, as they hold for one city: an id, a title and a name of its own.

    Results, runs and the portfolio are filed by the study's id, so each city needs one.

    Examples
    --------
    >>> made = for_city({"id": "buses", "title": "Night buses", "city": "Austin, Texas"}, "austin")
    >>> made["id"], made["title"]
    ('buses-austin', 'Night buses: Austin, Texas')
    >>> for_city({"id": "buses", "title": "Buses in ${study.city}", "city": "???"}, "austin")["city"]
    'austin'
    """
    city = study.get("city")
    city = name if city in (None, "", MISSING) else str(city)
    title = str(study.get("title", ""))
    named = "${study.city}" in title or city in title
    return {
        **study,
        "id": f"{study.get('id', '')}-{name}",
        "city": city,
        "title": title if named else f"{title}: {city}",
    }


def seed_for(root: int, name: str) -> int:
    """Seed of one city, spawned from the root by the city's name: the same alone, in any sweep, on any worker.

    Examples
    --------
    >>> seed_for(0, "austin") == seed_for(0, "austin"), seed_for(0, "austin") == seed_for(0, "boston")
    (True, False)
    """
    import numpy as np

    spawned = np.random.SeedSequence(root, spawn_key=(zlib.crc32(name.encode()),))
    return int(spawned.generate_state(1)[0])


def chosen(prepared: Sequence[str]) -> str | None:
    """Name in the last ``city=NAME`` of prepared overrides."""
    named = [text.partition("=")[2].strip("'\"") for text in prepared if text.startswith(f"{GROUP}=")]
    return named[-1] if named and named[-1] not in ("", "null") else None
