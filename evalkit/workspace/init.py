"""`evalkit init`: the files of a new workspace."""

from __future__ import annotations

from pathlib import Path

import evalkit
from evalkit.workspace.files import create
from evalkit.workspace.templates import WORKSPACE, fill


def init_workspace(folder: Path) -> list[Path]:
    """Make a workspace in a new folder, or in one that has none of its files.

    Raises
    ------
    ConfigError
        Naming what is in the way; nothing is then written.
    """
    name = folder.resolve().name
    files = {path: fill(text, name=name, version=evalkit.__version__) for path, text in WORKSPACE.items()}
    return create(folder, files)
