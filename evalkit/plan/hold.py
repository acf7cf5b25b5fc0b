"""Hold a locked plan against a run: what differs, with which reason, and what the result may then be called."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from evalkit.evidence.facts import NO_PLAN
from evalkit.evidence.schema_plan import Deviation, PlanBlock
from evalkit.evidence.values import Flag, Moment, Words
from evalkit.plan.access import Access
from evalkit.plan.content import Difference, content, differences, renewed
from evalkit.plan.data import known, now
from evalkit.plan.lock import Lock, path_for, read
from evalkit.plan.words import ITEM_DATA, areas, listed, worded
from evalkit.study.spec import DeclaredDeviation, Study

DATA_KEYS = ("data", "outcomes", "design.anticipation")
"""Items whose departure makes the data another set of cells: comparing fingerprints would repeat it."""


@dataclass(frozen=True, slots=True)
class Planning:
    """What is known of a study's plan before it runs.

    Attributes
    ----------
    lock
        None where no plan was locked.
    accesses
        Readings of the outcomes so far, oldest first.
    """

    lock: Lock | None
    accesses: tuple[Access, ...] = ()

    @classmethod
    def of(cls, study: Study, root: Path, accesses: Sequence[Access] = ()) -> Planning:
        """The plan that lies beside a study's config.

        Raises
        ------
        ConfigError
            If its file cannot be read.
        """
        return cls(read(path_for(root, study.spec.id)), tuple(sorted(accesses, key=lambda each: each.at)))

    def against(self, study: Study, frame: pd.DataFrame, key: bytes | None) -> PlanBlock:
        """The block of the evidence summary; see :func:`evalkit.evaluation.evaluate`."""
        first = min((access.at for access in self.accesses), default=now())
        if self.lock is None:
            return NO_PLAN.model_copy(update={"outcome_access_at": Moment.derived(first)})
        found = departures(self.lock, study)
        data = data_departure(self.lock, study, frame, key, found)
        return block(self.lock, study, [*found, *([data] if data else [])], first)


def departures(lock: Lock, study: Study) -> list[Difference]:
    """Items of the config that differ from the plan."""
    return differences(renewed(lock.plan, study), content(study))


def data_departure(
    lock: Lock, study: Study, frame: pd.DataFrame, key: bytes | None, found: Sequence[Difference]
) -> Difference | None:
    """Whether the data up to the start are others than those of the lock."""
    if lock.data is None or any(_below(each.item, DATA_KEYS) for each in found):
        return None
    anticipation = study.spec.design.anticipation
    here = known(frame, study, anticipation=anticipation, key=key, last=lock.data.last)
    if here.before == lock.data.before:
        return None
    planned = worded("data_as_locked", units=lock.data.units, first=lock.data.first, last=lock.data.last)
    return Difference(ITEM_DATA, planned, worded("data_changed"))


def _below(item: str, keys: Sequence[str]) -> bool:
    return any(item == key or item.startswith(f"{key}.") for key in keys)


def declared_for(item: str, study: Study) -> DeclaredDeviation | None:
    """What the study declares of a departure: of the item itself, or of one above it."""
    fitting = [each for each in study.spec.plan.deviations if item == each.item or item.startswith(f"{each.item}.")]
    return max(fitting, key=lambda each: len(each.item), default=None)


def block(lock: Lock, study: Study, found: Sequence[Difference], first: dt.datetime) -> PlanBlock:
    """Status, departures and what the result may be called."""
    deviations = tuple(_deviation(lock, study, each, first) for each in found)
    open_items = [each.item for each in deviations if each.reason.value is None]
    seen = lock.seen_before or first < lock.locked_at
    exploratory = bool(open_items) or seen or not lock.intact
    return PlanBlock.model_validate(
        {
            "status": lock.status,
            "url": Words.declared(lock.url) if lock.url else Words.missing(worded("none_public")),
            "locked_at": Moment.derived(lock.locked_at),
            "outcome_access_at": Moment.derived(min([first, *lock.reads])),
            "deviations": deviations,
            "analysis": "exploratory" if exploratory else "confirmatory",
            "reading": _reading(lock, [each.item for each in deviations], open_items, first if seen else None),
            "locked_by": Words.declared(lock.who),
            "lock_sha": Words.derived(lock.plan_sha),
        }
    )


def _deviation(lock: Lock, study: Study, found: Difference, first: dt.datetime) -> Deviation:
    declared = declared_for(found.item, study)
    return Deviation(
        item=found.item,
        planned=found.planned,
        actual=found.actual,
        reason=Words.missing(worded("no_reason")) if declared is None else Words.declared(declared.reason),
        before_data_were_seen=_before(declared, first),
    )


def _before(declared: DeclaredDeviation | None, first: dt.datetime) -> Flag:
    """Whether a departure was decided on before outcomes were read: never, once a run before this one has read them."""
    if first < now() - dt.timedelta(seconds=1):
        return Flag.derived(False)
    if declared is not None and declared.before_data_were_seen is not None:
        return Flag.declared(declared.before_data_were_seen)
    return Flag.derived(True)


def _reading(lock: Lock, items: list[str], open_items: list[str], seen: dt.datetime | None) -> str:
    holes = {"who": lock.who, "day": lock.day}
    if not lock.intact:
        return worded("changed", **holes)
    if open_items:
        return worded("undeclared", **holes, items=listed(areas(open_items)))
    if seen is not None:
        how = lock.declared or worded("first_read", day=min([seen, *lock.reads]).date().isoformat())
        return worded("seen_before", **holes, first=how)
    if items:
        count = worded("one_deviation") if len(items) == 1 else worded("deviations", count=len(items))
        return worded("declared", **holes, count=count, items=listed(areas(items)))
    return worded("followed", **holes)
