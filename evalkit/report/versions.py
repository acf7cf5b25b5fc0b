"""Later versions of a finished bundle's evidence: a decision taken after reading is added, and nothing is overwritten.

A bundle never changes once `COMPLETE` is there. What is added later are files of their own beside it:
`evidence.v2.json` with its brief, and `manifest.v2.json`, written last, with the SHA-256 of each. Each version names
the hash of the one before it, so that the chain starts at the file that `manifest.json` guards. Estimates and ratings
never change from version to version.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from evalkit.errors import DataError
from evalkit.evidence.schema import DecisionBlock, Evidence
from evalkit.report.bundle import documents, manifest_of
from evalkit.report.files import FIRST, sha256, versioned, write_whole
from evalkit.report.reading import AGAIN, shared_contents


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a bundle's evidence.

    Attributes
    ----------
    number
        1 for the evidence of the run itself.
    evidence
        As it stands in the file.
    files
        Content by the name that it has in the folder.
    """

    number: int
    evidence: Evidence
    files: Mapping[str, bytes]

    def file(self, name: str) -> bytes:
        """Content of a file of this version, by the name that it has in the first one."""
        return self.files[versioned(name, self.number)]


def newest(folder: Path) -> Version:
    """The last version of a bundle whose chain is whole.

    Raises
    ------
    DataError
        When the bundle is not whole, or a later version was changed after it was written.
    """
    contents = shared_contents(folder)
    names = ("evidence.json", "brief.html", "brief.md")
    found = Version(FIRST, contents.evidence, {name: (folder / name).read_bytes() for name in names})
    while (folder / versioned("manifest.json", found.number + 1)).is_file():
        found = _next(folder, found)
    return found


def amend(folder: Path, decision: DecisionBlock) -> Version:
    """Add a version in which a decision is recorded beside all earlier ones; the last one repeated adds nothing.

    Parameters
    ----------
    folder
        A finished bundle, or what was fetched of one from a store.
    decision
        Who decided what, and when.

    Raises
    ------
    DataError
        When the bundle or one of its versions is not whole.
    EvalkitError
        When the folder cannot be written to; no version of that number counts then.
    """
    from filelock import FileLock

    with FileLock(folder.parent / f".{folder.name}.lock"):
        last = newest(folder)
        if last.evidence.use.decisions[-1:] == (decision,):
            return last
        evidence = decided(last, decision)
        made = documents(shared_contents(folder, evidence))
        number = evidence.identity.version
        files = {versioned(name, number): content for name, content in made.items()}
        for name, content in files.items():
            write_whole(folder / name, content)
        identity = evidence.identity
        manifest = manifest_of(files, study_id=identity.study_id, run_id=identity.run_id)
        write_whole(folder / versioned("manifest.json", number), manifest)
    return Version(number, evidence, files)


def decided(last: Version, decision: DecisionBlock) -> Evidence:
    """The next version's evidence: the same in every number, with one decision more."""
    every = (*last.evidence.use.decisions, decision)
    identity = last.evidence.identity.model_copy(
        update={"version": last.number + 1, "supersedes": f"sha256:{sha256(last.file('evidence.json'))}"}
    )
    use = last.evidence.use.model_copy(update={"decision": decision, "decisions": every})
    return last.evidence.model_copy(update={"identity": identity, "use": use})


def _next(folder: Path, last: Version) -> Version:
    number = last.number + 1
    path = folder / versioned("manifest.json", number)
    try:
        listed = json.loads(path.read_text(encoding="utf-8"))["files"]
        files = {name: (folder / name).read_bytes() for name in listed if Path(name).name == name}
        evidence = Evidence.model_validate_json(files[versioned("evidence.json", number)])
    except (OSError, ValueError, KeyError, TypeError, ValidationError) as error:
        raise DataError(f"Version {number} of {folder} cannot be read: {error}.", next_step=AGAIN) from error
    changed = [name for name, content in files.items() if sha256(content) != listed[name]["sha256"]]
    if changed:
        raise DataError(f"{folder / changed[0]} has changed since it was written.", next_step=AGAIN)
    if evidence.identity.supersedes != f"sha256:{sha256(last.file('evidence.json'))}":
        raise DataError(f"Version {number} of {folder} does not follow version {last.number}.", next_step=AGAIN)
    return Version(number, evidence, files)
