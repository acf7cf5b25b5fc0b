"""Names that can be files, and files that are written once and never over another."""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from evalkit.errors import ConfigError, quote_names
from evalkit.workspace.words import worded

STUDY_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
ESTIMATOR_NAME: Final = re.compile(r"[a-z][a-z0-9_]*")


def require_study_name(name: str) -> None:
    """Refuse a name that cannot be a file, a key and a folder at once.

    Raises
    ------
    ConfigError
        With a name that could.

    Examples
    --------
    >>> require_study_name("night_buses")
    """
    if not STUDY_NAME.fullmatch(name):
        raise ConfigError(
            worded("bad_study_name", name=name),
            allowed=worded("study_names"),
            next_step=worded("try_name", name=_mended(name)),
        )


def require_estimator_name(name: str) -> None:
    """Refuse a name that cannot be a Python module.

    Raises
    ------
    ConfigError
        With a name that could.
    """
    if not ESTIMATOR_NAME.fullmatch(name) or keyword.iskeyword(name):
        mended = _mended(name).lower().replace("-", "_")
        raise ConfigError(
            worded("bad_estimator_name", name=name),
            allowed=worded("estimator_names"),
            next_step=worded("try_name", name=f"{mended}_estimator" if keyword.iskeyword(mended) else mended),
        )


def _mended(name: str) -> str:
    plain = re.sub(r"[^A-Za-z0-9_-]+", "_", name).strip("_-")
    return plain if plain[:1].isalpha() else f"study_{plain}".rstrip("_")


def class_name(name: str) -> str:
    """Name of a class from that of its module.

    Examples
    --------
    >>> class_name("change_of_means")
    'ChangeOfMeans'
    """
    return "".join(part.capitalize() for part in name.split("_") if part)


def create(root: Path, files: Mapping[str, str]) -> list[Path]:
    """Write new files below a folder; nothing is written where one of them exists.

    Parameters
    ----------
    root
        Made if it is not there.
    files
        Path below `root` to content.

    Returns
    -------
    list of Path
        As written.

    Raises
    ------
    ConfigError
        Naming the files that are there already, or what keeps a file from being written.
    """
    there = [name for name in files if (root / name).exists()]
    if there:
        raise ConfigError(worded("exists", root=root, names=quote_names(there)), next_step=worded("exists_next"))
    written = []
    try:
        for name, content in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8", newline="\n") as file:
                file.write(content)
            if content.startswith("#!"):
                path.chmod(0o755)
            written.append(path)
    except OSError as error:
        raise ConfigError(
            worded("cannot_write", path=error.filename or root, reason=error.strerror or error),
            next_step=worded("cannot_write_next"),
        ) from None
    return written
