"""Which readings of a study's outcomes are known: by the log in the results folder and by the tracking store."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from evalkit.cli.bundles import exists
from evalkit.data.sources import describe
from evalkit.errors import NotSynced
from evalkit.plan.access import LOG, Access, columns_of, recorded
from evalkit.plan.words import worded
from evalkit.study.spec import StudySpec
from evalkit.tracking.reads import outcome_reads
from evalkit.tracking.store import Store

ONE_RUN: Final = dt.timedelta(seconds=60)
"""Between opening a run in the store and writing its reading into the log."""


@dataclass(frozen=True, slots=True)
class Readings:
    """What was found.

    Attributes
    ----------
    accesses
        Oldest first.
    asked
        Logs and stores that answered.
    silent
        Why the store did not.
    """

    accesses: tuple[Access, ...]
    asked: tuple[str, ...]
    silent: str = ""


def _same(opened: dt.datetime, read: dt.datetime) -> bool:
    """Whether a run opened in the store is the one whose reading stands in the log, moments later."""
    return dt.timedelta(seconds=-1) <= read - opened <= ONE_RUN


def readings(results: Path, store: Store, spec: StudySpec) -> Readings:
    """Ask the log, and the store where there is one."""
    found = recorded(results, spec)
    asked, silent = [(results / LOG).as_posix()], ""
    if exists(store):
        try:
            moments = outcome_reads(store, spec.id)
        except NotSynced as error:
            silent = worded("store_silent", reason=error.what)
        else:
            asked.append(store.shown)
            source, columns = describe(spec.data.source), columns_of(spec)
            logged = [access.at for access in found]
            others = [moment for moment in moments if not any(_same(moment, at) for at in logged)]
            found += [Access(moment, spec.id, source, columns, store.shown) for moment in others]
    return Readings(tuple(sorted(found, key=lambda each: each.at)), tuple(asked), silent)
