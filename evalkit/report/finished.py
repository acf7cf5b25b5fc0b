"""Which runs are done: a job's key, and the finished bundle that answers it."""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import evalkit
from evalkit.estimators import registry
from evalkit.study.spec import Study

COMPLETE: Final = "COMPLETE"
PROVENANCE: Final = "provenance.json"
KEY: Final = "job_key"
_CHARACTERS: Final = 32


def job_key(study: Study, *, config_sha: str, data_sha: str) -> str:
    """Key of a job: the same exactly where a run would give the same numbers and words.

    Parameters
    ----------
    study
        Its estimators that are not evalkit's own count with the text of the file they are written in.
    config_sha
        Of the resolved config, seed included.
    data_sha
        Fingerprint of the data as read.

    Returns
    -------
    str
        32 hexadecimal digits. Another release of evalkit gives another key: its words or numbers may differ.
    """
    parts = {
        "version": evalkit.__version__,
        "config": config_sha,
        "data": data_sha,
        "code": sorted(_foreign_code(choice.name for choice in (study.estimator, *study.robustness))),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:_CHARACTERS]


def find_finished(root: Path, study_id: str, key: str) -> Path | None:
    """The bundle of a job that is done, the oldest where there are several; None where there is none.

    A folder without `COMPLETE` is what a run left that did not end: it counts for nothing.
    """
    found = [
        marker.parent
        for marker in (root / study_id).glob(f"*/{COMPLETE}")
        if provenance_of(marker.parent).get(KEY) == key
    ]
    return min(found, key=lambda bundle: (bundle / COMPLETE).stat().st_mtime_ns, default=None)


def provenance_of(bundle: Path) -> dict[str, object]:
    """Where a bundle came from; empty where that cannot be read."""
    try:
        content = json.loads((bundle / PROVENANCE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _foreign_code(names: Iterable[str]) -> set[str]:
    found = set()
    for name in names:
        cls = registry.get(name)
        file = None if cls.__module__.split(".")[0] == "evalkit" else inspect.getsourcefile(cls)
        if file is not None:
            found.add(hashlib.sha256(Path(file).read_bytes()).hexdigest())
    return found
