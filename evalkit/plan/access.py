"""Who has read outcomes after the start, and when: one line a run in ``results/access.jsonl``.

The log says what evalkit did on this machine. It cannot know of a spreadsheet, of another machine without a shared
tracking store, of ``evaluate`` called from Python, or of a line that somebody took out.
"""

from __future__ import annotations

import datetime as dt
import errno
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from evalkit.data.sources import describe
from evalkit.errors import EvalkitError
from evalkit.plan.data import now
from evalkit.study.spec import StudySpec

LOG: Final = "access.jsonl"


@dataclass(frozen=True, slots=True)
class Access:
    """One reading of outcomes after the start.

    Attributes
    ----------
    study, source, columns
        Which study; of which data, which outcomes.
    where
        The log or store that told of it.
    """

    at: dt.datetime
    study: str
    source: str
    columns: tuple[str, ...]
    where: str

    def concerns(self, spec: StudySpec) -> bool:
        """Whether it was of this study, or of an outcome of it under another study's name."""
        same = self.source == describe(spec.data.source)
        return self.study == spec.id or (same and bool(set(self.columns) & set(columns_of(spec))))


def columns_of(spec: StudySpec) -> tuple[str, ...]:
    """Columns of all outcomes, sorted."""
    return tuple(sorted({outcome.column for outcome in spec.outcomes}))


def record(results: Path, spec: StudySpec) -> Access:
    """Write down that outcomes are about to be read; one line, on disk before the first of them is.

    Raises
    ------
    EvalkitError
        If the log cannot be written: a run that leaves no trace is not made.
    """
    found = Access(now(), spec.id, describe(spec.data.source), columns_of(spec), LOG)
    line = {"at": found.at.isoformat(), "study": found.study, "source": found.source, "columns": list(found.columns)}
    try:
        results.mkdir(parents=True, exist_ok=True)
        # One write to a file opened for appending: lines of several processes do not mix.
        descriptor = os.open(results / LOG, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            text = _apart(descriptor) + (json.dumps(line, ensure_ascii=False) + "\n").encode()
            if os.write(descriptor, text) < len(text):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise EvalkitError(
            f"Could not write {results / LOG}, which records that outcomes are read: {error.strerror or error}.",
            next_step="Free space on its disk, or choose a results folder that you may write to.",
        ) from None
    return found


def _apart(descriptor: int) -> bytes:
    """What keeps a line apart from one before it that a full disk cut short."""
    size = os.fstat(descriptor).st_size
    return b"\n" if size and os.pread(descriptor, 1, size - 1) != b"\n" else b""


def recorded(results: Path, spec: StudySpec) -> list[Access]:
    """Earlier readings of a study's outcomes by the log, oldest first; a line that is no record is left out."""
    file = results / LOG
    if not file.is_file():
        return []
    found = [_parsed(line) for line in file.read_text(encoding="utf-8", errors="replace").splitlines()]
    return sorted(
        (access for access in found if access is not None and access.concerns(spec)), key=lambda each: each.at
    )


def _parsed(line: str) -> Access | None:
    try:
        content = json.loads(line)
        at = dt.datetime.fromisoformat(content["at"])
        columns: Sequence[str] = content["columns"]
        return Access(at, str(content["study"]), str(content["source"]), tuple(map(str, columns)), LOG)
    except (ValueError, KeyError, TypeError):
        return None
