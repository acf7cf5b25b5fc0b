"""Reading a bundle back: only a whole and unchanged one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

import pandas as pd
from pydantic import ValidationError

from evalkit.errors import DataError
from evalkit.evidence.schema import Evidence
from evalkit.report.bundle import COMPLETE, FIGURE_INDEX, FORMAT, MANIFEST, TABLES
from evalkit.report.contents import Contents
from evalkit.report.csv_file import from_csv
from evalkit.report.figures.canvas import Figure
from evalkit.report.files import sha256

AGAIN = "Run the study again, or restore the folder from where it was copied: a bundle is not edited by hand."


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle on disk that passed every check.

    Attributes
    ----------
    folder
        ``results/<study>/<uuid>/``.
    contents
        Everything that the pages were made from.
    manifest
        File name to SHA-256.
    """

    folder: Path
    contents: Contents
    manifest: Mapping[str, str]


def read_bundle(path: Path) -> Bundle:
    """Read a bundle, checking every file against the manifest first.

    Raises
    ------
    DataError
        When the folder is no bundle, was not finished, or a file is missing or changed.
    """
    folder = Path(path)
    if not (folder / COMPLETE).is_file():
        raise DataError(
            f"{folder} is not a finished bundle: it has no file '{COMPLETE}'.",
            next_step="Name a folder results/<study>/<run id> that `evalkit run` wrote to its end.",
        )
    files = _verified(folder)
    try:
        contents = _contents(files)
    except (KeyError, ValueError, ValidationError) as error:
        raise DataError(
            f"{folder} is whole, but this version of evalkit cannot read it: {error}.",
            next_step="Read it with the version that provenance.json names.",
        ) from error
    return Bundle(folder, contents, {name: sha256(content) for name, content in files.items()})


def shared_contents(path: Path, evidence: Evidence | None = None) -> Contents:
    """What the pages of a bundle show, from the whole folder or from what was fetched of it from a store.

    Parameters
    ----------
    path
        The folder; without `COMPLETE` (a store has none), files that the manifest lists may be missing.
    evidence
        Another version of the evidence, to be shown in the place of the first.

    Raises
    ------
    DataError
        When a file has changed, or one that the pages need is missing.
    """
    folder = Path(path)
    files = _verified(folder) if (folder / COMPLETE).is_file() else _fetched(folder)
    try:
        contents = _contents(files)
    except (KeyError, ValueError, ValidationError) as error:
        raise DataError(f"{folder} cannot be read: {error}.", next_step=AGAIN) from error
    return contents if evidence is None else replace(contents, evidence=evidence)


def _fetched(folder: Path) -> dict[str, bytes]:
    listed = json.loads(_bytes(folder, MANIFEST))["files"]
    files = {name: _bytes(folder, name) for name in listed if (folder / name).is_file()}
    for name, content in files.items():
        if sha256(content) != listed[name]["sha256"]:
            raise DataError(f"{folder / name} has changed since the bundle was written.", next_step=AGAIN)
    return files


def _verified(folder: Path) -> dict[str, bytes]:
    """Content of each file that the manifest lists."""
    manifest = _bytes(folder, MANIFEST)
    if sha256(manifest) != _bytes(folder, COMPLETE).decode("utf-8", errors="replace").strip():
        raise DataError(f"{folder / MANIFEST} has changed since the bundle was finished.", next_step=AGAIN)
    listed = json.loads(manifest)
    if listed.get("format") != FORMAT:
        raise DataError(f"{folder / MANIFEST} does not describe a bundle of evalkit.", next_step=AGAIN)
    files: dict[str, bytes] = {}
    for name, entry in listed["files"].items():
        content = _bytes(folder, name)
        if sha256(content) != entry["sha256"]:
            raise DataError(
                f"{folder / name} has changed since the bundle was written ({len(content)} bytes, "
                f"{entry['bytes']} when written).",
                next_step=AGAIN,
            )
        files[name] = content
    return files


def _bytes(folder: Path, name: str) -> bytes:
    """Content of one file inside the folder; links and ways out of it are refused."""
    parts = PurePosixPath(name)
    path = folder / name
    if parts.is_absolute() or ".." in parts.parts or path.is_symlink():
        raise DataError(f"The bundle {folder} names a file outside itself: '{name}'.", next_step=AGAIN)
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"{path} is missing from the bundle.", next_step=AGAIN) from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.", next_step=AGAIN) from error


def _contents(files: Mapping[str, bytes]) -> Contents:
    estimates, event_study, diagnostics = (
        from_csv(files[name], columns) for name, (_, columns) in TABLES.items()
    )  # fmt: skip
    return Contents(
        evidence=Evidence.model_validate_json(files["evidence.json"]),
        figures=tuple(_figure(entry, files) for entry in json.loads(files[FIGURE_INDEX])),
        estimates=estimates,
        event_study=event_study,
        diagnostics=diagnostics,
        disclosure=json.loads(files["disclosure.json"]),
        study_yaml=files["study.yaml"].decode("utf-8"),
        provenance=json.loads(files["provenance.json"]),
    )


def _figure(entry: Mapping[str, Any], files: Mapping[str, bytes]) -> Figure:
    rows = entry["data"]
    return Figure(
        id=entry["id"],
        title=entry["title"],
        alt=entry["alt"],
        note=entry["note"],
        data=pd.DataFrame(rows["data"], columns=rows["columns"]),
        svg=files[f"figures/{entry['id']}.svg"],
        png=files[f"figures/{entry['id']}.png"],
    )
