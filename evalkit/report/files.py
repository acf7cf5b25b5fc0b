"""Files that are whole or not there: temp file, fsync, rename, fsync of the folder."""

from __future__ import annotations

import errno
import hashlib
import os
import re
from pathlib import Path
from typing import Final

from evalkit.errors import ConfigError, EvalkitError

FIRST: Final = 1
"""Number of the version of the evidence that the run itself wrote."""
_SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")
_NEXT_STEPS = {
    errno.ENOSPC: "Free space on the disk that holds the results folder, or choose another folder, then run again.",
    errno.EDQUOT: "Free space within your disk quota, or choose another results folder, then run again.",
    errno.EACCES: "Choose a results folder that you may write to, or ask its owner for permission, then run again.",
    errno.EPERM: "Choose a results folder that you may write to, or ask its owner for permission, then run again.",
    errno.EROFS: "The disk is read-only: choose a results folder elsewhere, then run again.",
}

MARKER: Final = "COMPLETE"
"""Last file of a finished bundle."""


def folder_for(root: Path, study_id: str, run_id: str) -> Path:
    """Create ``root/study_id/run_id/``, which must not exist yet, and return it.

    Raises
    ------
    ConfigError
        When an id cannot be the name of a folder, or the run has been written before.
    EvalkitError
        When the folder cannot be made.
    """
    for what, name in (("study id", study_id), ("run id", run_id)):
        if not _SAFE_NAME.fullmatch(name):
            raise ConfigError(
                f"The {what} '{name}' cannot name a folder.",
                allowed="letters, digits, '_', '-' and '.', starting with a letter or digit, at most 128 of them",
                next_step="Change `id:` in the study's config." if what == "study id" else None,
            )
    folder = root / study_id / run_id
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir()
        sync_folder(folder.parent)
    except FileExistsError:
        raise ConfigError(
            f"The results folder {folder} exists already: a run is written once.",
            next_step="Evaluate again for a new run, or read the one there with `evalkit report`.",
        ) from None
    except OSError as error:
        raise cannot_write(folder, error) from error
    return folder


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that after a crash it is either whole or absent.

    Raises
    ------
    EvalkitError
        When the disk is full or the folder is not writable; no file of that name is left behind.
    """
    temporary = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        # Not known to be on disk is not there: a name that was renamed but not synced goes as well.
        temporary.unlink(missing_ok=True)
        path.unlink(missing_ok=True)
        raise cannot_write(path, error) from error


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable (a rename alone may be lost with the power)."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def cannot_write(path: Path, error: OSError) -> EvalkitError:
    """The error a person can act on."""
    reason = os.strerror(error.errno) if error.errno else str(error)
    return EvalkitError(
        f"Could not write {path}: {reason}. The run is not complete and will not be taken for whole.",
        next_step=_NEXT_STEPS.get(error.errno or 0, "Check the results folder, then run again."),
    )


def versioned(name: str, number: int) -> str:
    """Name of a file in a later version.

    Examples
    --------
    >>> versioned("evidence.json", 2), versioned("evidence.json", 1)
    ('evidence.v2.json', 'evidence.json')
    """
    stem, dot, suffix = name.rpartition(".")
    return name if number == FIRST else f"{stem}.v{number}{dot}{suffix}"


def sha256(content: bytes) -> str:
    """Hex digest.

    Examples
    --------
    >>> sha256(b"")[:8]
    'e3b0c442'
    """
    return hashlib.sha256(content).hexdigest()
