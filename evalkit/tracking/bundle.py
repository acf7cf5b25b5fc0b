"""What the tracking part reads from a bundle: files only, no other part of evalkit."""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from evalkit.errors import DataError, NotSynced

COMPLETE: Final = "COMPLETE"
MANIFEST: Final = "manifest.json"
# Only what passed the disclosure gate leaves the machine: no rows, no draws, no locks, no markers. `brief.docx` stays:
# its name would come before that of brief.html, which has to be the first that a reader sees among the artifacts.
SHARED_FILES: Final = (
    "brief.html",
    "brief.md",
    "datapackage.json",
    "dataset.jsonld",
    "diagnostics.csv",
    "disclosure.json",
    "estimates.csv",
    "event_study.csv",
    "evidence.csv",
    "evidence.json",
    "evidence.parquet",
    MANIFEST,
    "provenance.json",
    "study.yaml",
)
SHARED_FIGURES: Final = (".svg", ".png", ".json")
_LOGIN: Final = re.compile(rb"://[^\s/@:'\"<>]{1,256}:[^\s/@'\"<>]{1,256}@")
"""Bounded and without the scheme: an open start would take minutes on the megabytes of an embedded figure."""
REQUIRED: Final = (
    ("identity", "study_id"),
    ("identity", "run_id"),
    ("identity", "created_at"),
    ("question", "priority"),
    ("question", "title"),
    ("finding", "label"),
    ("rating", "label"),
    ("sentences", "headline"),
    ("sentences", "certainty"),
)


def plain(node: Any) -> Any:
    """Value of a tagged field (``{"value": ..., "how": ...}``), or the node itself.

    Examples
    --------
    >>> plain({"value": 3, "how": "derived"}), plain("text"), plain(None)
    (3, 'text', None)
    """
    return node["value"] if isinstance(node, Mapping) and "value" in node else node


@dataclass(frozen=True, slots=True)
class Bundle:
    """One finished bundle, as far as tracking needs it.

    Attributes
    ----------
    folder
        ``results/<study>/<uuid>/``.
    evidence, provenance
        The parsed `evidence.json` and `provenance.json` (empty where a bundle has none).
    """

    folder: Path
    evidence: Mapping[str, Any]
    provenance: Mapping[str, Any]

    @classmethod
    def read(cls, folder: Path) -> Bundle:
        """Read a bundle that is complete and unchanged since it was written.

        Raises
        ------
        DataError
            If it is not whole: no `COMPLETE`, a file that its manifest does not know as it is, or
            evidence without a field that tracking needs.
        """
        folder = Path(folder).resolve()
        if not (folder / COMPLETE).is_file():
            raise DataError(
                f"{folder} is not a finished bundle: it has no file '{COMPLETE}'.",
                next_step="Name a folder that `evalkit run` wrote to its end, results/<study>/<uuid>.",
            )
        verify(folder)
        evidence = _json(folder / "evidence.json")
        for block, field in REQUIRED:
            if plain(evidence.get(block, {}).get(field)) in (None, ""):
                raise DataError(f"{folder / 'evidence.json'} lacks {block}.{field}.", next_step="Run the study again.")
        if not evidence.get("estimates"):
            raise DataError(f"{folder / 'evidence.json'} holds no estimate.", next_step="Run the study again.")
        provenance = _json(folder / "provenance.json") if (folder / "provenance.json").is_file() else {}
        return cls(folder, evidence, provenance)

    def text(self, block: str, field: str) -> str:
        """A field of the evidence as text; empty where it is absent."""
        value = plain(self.evidence.get(block, {}).get(field))
        return "" if value is None else str(value)

    @property
    def uuid(self) -> str:
        """Name of this execution of the study: stays when the folder is moved."""
        return self.text("identity", "run_id")

    @property
    def study_id(self) -> str:
        """The study."""
        return self.text("identity", "study_id")

    @property
    def priority(self) -> str:
        """The mayoral goal that the study serves."""
        return self.text("question", "priority")

    @property
    def sweep(self) -> Mapping[str, Any]:
        """The sweep that it was a job of: ``sweep`` (id), ``job`` (number), ``run_id``, ``called``; else empty."""
        found = self.provenance.get("sweep")
        return found if isinstance(found, Mapping) else {}

    @property
    def headline(self) -> str:
        """The finding in one plain sentence."""
        return self.text("sentences", "headline")

    @property
    def certainty(self) -> str:
        """Label of the rating."""
        return self.text("rating", "label")

    @property
    def is_rated(self) -> bool:
        """Whether the run has an answer that a reader may use."""
        return self.certainty != "Not rated"

    @property
    def estimates(self) -> Sequence[Mapping[str, Any]]:
        """All estimates, the primary first."""
        rows: Sequence[Mapping[str, Any]] = self.evidence["estimates"]
        return rows

    @property
    def primary(self) -> Mapping[str, Any]:
        """The estimate that the headline speaks of."""
        return next((row for row in self.estimates if row.get("role") == "primary"), self.estimates[0])

    @property
    def created_ms(self) -> int:
        """When the study was run, in milliseconds since 1970 (UTC): the fixed timestamp of all it logs."""
        moment = dt.datetime.fromisoformat(self.text("identity", "created_at"))
        return int((moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)).timestamp() * 1000)

    @property
    def completed_ms(self) -> int:
        """When the bundle was finished, in milliseconds since 1970 (UTC)."""
        return (self.folder / COMPLETE).stat().st_mtime_ns // 1_000_000

    @property
    def study_yaml(self) -> str:
        """The resolved config."""
        path = self.folder / "study.yaml"
        return path.read_text(encoding="utf-8") if path.is_file() else ""

    def shared(self) -> list[Path]:
        """Files that may leave the machine, in the order they are sent.

        Raises
        ------
        NotSynced
            If one of them holds an address with a password: then nothing is sent.
        """
        return shared_files(self.folder, [*SHARED_FILES, *(path.name for path in self.versions())])

    def versions(self) -> list[Path]:
        """Files of later versions of the evidence, each behind a manifest that knows it as it is.

        Raises
        ------
        DataError
            If one of them has changed since it was written.
        """
        found: list[Path] = []
        number = 2
        while (manifest := self.folder / f"manifest.v{number}.json").is_file():
            for name, expected in _listed(manifest).items():
                path = self.folder / Path(name).name
                if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != expected:
                    raise DataError(
                        f"{path} is not as {manifest.name} knows it.",
                        next_step="Restore the file: a version is not edited by hand.",
                    )
                found.append(path)
            found.append(manifest)
            number += 1
        return found

    def decisions(self) -> list[dict[str, str]]:
        """Every decision that the last version of the evidence records with its next step, oldest first."""
        newest = [path for path in self.versions() if path.name.startswith("evidence.v") and path.suffix == ".json"]
        evidence = _json(newest[-1]) if newest else self.evidence
        taken = evidence.get("use", {}).get("decisions") or ()
        names = ("next_step", "who", "date", "note")
        return [{name: str(each.get(name) or "") for name in names} for each in taken if each.get("next_step")]

    def table(self, name: str) -> list[dict[str, str]]:
        """Rows of a CSV of the bundle; empty where it has none."""
        path = self.folder / name
        if not path.is_file():
            return []
        with path.open(encoding="utf-8", newline="") as lines:
            return list(csv.DictReader(lines))


def shared_files(folder: Path, names: Sequence[str]) -> list[Path]:
    """Files of these names, and the figures, as far as they are there and may leave the machine.

    Raises
    ------
    NotSynced
        If one of them holds an address with a password: then nothing is sent.
    """
    files = [folder / name for name in names]
    figures = sorted(path for path in (folder / "figures").glob("*") if path.suffix in SHARED_FIGURES)
    sent = [path for path in (*files, *figures) if path.is_file() and not path.is_symlink()]
    for path in sent:
        if _LOGIN.search(path.read_bytes()):
            raise NotSynced(
                f"{path} holds an address with a password, so nothing of this bundle was sent.",
                next_step="Put the address into an environment variable (data.source.url_env) and run again.",
            )
    return sent


def _json(path: Path) -> dict[str, Any]:
    try:
        parsed = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"{path} is missing.", next_step="Run the study again.") from None
    except ValueError as error:
        raise DataError(f"{path} is not JSON: {error}.", next_step="Run the study again.") from None
    if not isinstance(parsed, dict):
        raise DataError(f"{path} holds no JSON object.", next_step="Run the study again.")
    return parsed


def verify(folder: Path) -> None:
    """Compare every file of a bundle with its manifest.

    Raises
    ------
    DataError
        Naming the file that is missing or has changed.
    """
    for name, expected in _manifest(folder).items():
        path = folder / name
        if not path.is_file():
            raise DataError(f"{path} is in {MANIFEST} but not on disk.", next_step="Run the study again.")
        found = hashlib.sha256(path.read_bytes()).hexdigest()
        if found != expected:
            raise DataError(
                f"{path} has changed since the bundle was written (sha256 {found[:12]}, manifest {expected[:12]}).",
                next_step="Restore the file, or run the study again: a bundle is not edited by hand.",
            )


def _manifest(folder: Path) -> dict[str, str]:
    return _listed(folder / MANIFEST)


def _listed(manifest: Path) -> dict[str, str]:
    """Name to SHA-256 of the files that a manifest lists."""
    files = _json(manifest).get("files")
    if isinstance(files, Mapping):
        return {
            str(name): str(entry["sha256"] if isinstance(entry, Mapping) else entry) for name, entry in files.items()
        }
    if isinstance(files, list):
        return {str(entry.get("path", entry.get("name"))): str(entry["sha256"]) for entry in files}
    raise DataError(f"{manifest} lists no files.", next_step="Run the study again.")
