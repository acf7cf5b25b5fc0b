"""`plan.lock.json`: what was planned, by whom, when, on which data, and whether outcomes had been read."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import evalkit
from evalkit.errors import ConfigError
from evalkit.plan.access import Access
from evalkit.plan.content import content, sha256
from evalkit.plan.data import Known, now
from evalkit.plan.words import worded
from evalkit.study.spec import Study

FILE: Final = "plan.lock.json"
FORMAT: Final = "evalkit-plan"
VERSION: Final = "1.0.0"


@dataclass(frozen=True, slots=True)
class Lock:
    """A locked plan.

    Attributes
    ----------
    plan
        From :func:`evalkit.plan.content.content`.
    data
        What was known of the data; None where the plan was locked without them.
    reads
        Moments at which outcomes after the start had been read before, as far as was recorded.
    asked
        Logs and stores that were asked.
    declared
        What a person declared of readings outside of evalkit.
    url, registered_at
        Public registry, and when it was linked.
    earlier
        Locks that this one replaced, with the reason.
    intact
        Whether the file is as it was written.
    """

    study: str
    who: str
    locked_at: dt.datetime
    evalkit_version: str
    plan: Mapping[str, Any]
    data: Known | None = None
    reads: tuple[dt.datetime, ...] = ()
    asked: tuple[str, ...] = ()
    declared: str = ""
    url: str = ""
    registered_at: dt.datetime | None = None
    earlier: tuple[Mapping[str, Any], ...] = field(default=())
    intact: bool = True

    @property
    def plan_sha(self) -> str:
        """SHA-256 of the plan."""
        return sha256(self.plan)

    @property
    def status(self) -> str:
        """``public`` where a registry is named, else ``internal_lock``."""
        return "public" if self.url else "internal_lock"

    @property
    def seen_before(self) -> bool:
        """Whether outcomes after the start were known to somebody when the plan was locked."""
        return bool(self.reads) or bool(self.declared)

    @property
    def day(self) -> str:
        """Day of the lock."""
        return self.locked_at.date().isoformat()

    def to_dict(self) -> dict[str, Any]:
        """The file's content, with its own hash last."""
        plain = {
            "format": FORMAT,
            "version": VERSION,
            "study": self.study,
            "who": self.who,
            "locked_at": self.locked_at.isoformat(),
            "evalkit_version": self.evalkit_version,
            "registry": {"url": self.url, "linked_at": self.registered_at.isoformat()} if self.registered_at else None,
            "outcomes_read_before": {
                "times": len(self.reads),
                "at": [moment.isoformat() for moment in self.reads],
                "asked": list(self.asked),
                "declared": self.declared,
            },
            "data": None if self.data is None else self.data.to_dict(),
            "plan_sha256": self.plan_sha,
            "plan": self.plan,
            "earlier": list(self.earlier),
        }
        return {**plain, "sha256": sha256(plain)}


def path_for(root: Path, study_id: str) -> Path:
    """Where a study's lock lies: ``studies/<id>/plan.lock.json`` below the folder that holds configs/."""
    return root / "studies" / study_id / FILE


def lock(
    study: Study, *, who: str, data: Known | None, accesses: Sequence[Access], asked: Sequence[str],
    declared: str = "", url: str = "", earlier: Sequence[Mapping[str, Any]] = (),
) -> Lock:  # fmt: skip
    """Lock the plan of a study, now.

    Raises
    ------
    ConfigError
        Without somebody who locks it, or with an address that is none.
    """
    if not who.strip():
        raise ConfigError(worded("no_who"), next_step=worded("no_who_next"))
    moment = now()
    return Lock(
        study=study.spec.id,
        who=who.strip(),
        locked_at=moment,
        evalkit_version=evalkit.__version__,
        plan=content(study),
        data=data,
        reads=tuple(access.at for access in accesses),
        asked=tuple(asked),
        declared=declared.strip(),
        url=checked_url(url) if url else "",
        registered_at=moment if url else None,
        earlier=tuple(earlier),
    )


def linked(found: Lock, url: str) -> Lock:
    """The same lock with the address of a public registry.

    Raises
    ------
    ConfigError
        For an address that is none.
    """
    return replace(found, url=checked_url(url), registered_at=now())


def replaced(found: Lock, reason: str) -> list[Mapping[str, Any]]:
    """What a new lock keeps of the one before it."""
    head = {
        "who": found.who, "locked_at": found.locked_at.isoformat(), "plan_sha256": found.plan_sha,
        "replaced_at": now().isoformat(), "reason": reason,
    }  # fmt: skip
    return [*found.earlier, head]


def checked_url(url: str) -> str:
    """An https address without credentials.

    Raises
    ------
    ConfigError
        For any other.

    Examples
    --------
    >>> checked_url("https://osf.io/ab12c")
    'https://osf.io/ab12c'
    """
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname or parts.username or parts.password:
        shown = url if not (parts.username or parts.password) else f"{parts.scheme}://...@{parts.hostname}"
        raise ConfigError(worded("bad_url", url=shown), allowed=worded("bad_url_allowed"))
    return url


def write(path: Path, found: Lock) -> None:
    """Write a lock whole or not at all.

    Raises
    ------
    ConfigError
        If the folder cannot be written to.
    """
    text = json.dumps(found.to_dict(), indent=1, ensure_ascii=False) + "\n"
    temporary = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        raise ConfigError(
            f"Could not write {path}: {error.strerror or error}.", next_step="Choose a folder that you may write to."
        ) from None


def read(path: Path) -> Lock | None:
    """The lock of a study; None where none was made.

    Raises
    ------
    ConfigError
        If there is a file that is no lock.
    """
    if not path.is_file():
        return None
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
        return _parsed(plain)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise ConfigError(worded("unreadable", path=path, reason=reason), next_step=worded("unreadable_next")) from None


def _parsed(plain: dict[str, Any]) -> Lock:
    if plain["format"] != FORMAT:
        raise ValueError(f"its format is {plain['format']!r}")
    body = {key: value for key, value in plain.items() if key != "sha256"}
    before, registry, data = plain["outcomes_read_before"], plain["registry"], plain["data"]
    moments = [dt.datetime.fromisoformat(text) for text in before["at"]]
    return Lock(
        study=plain["study"],
        who=plain["who"],
        locked_at=dt.datetime.fromisoformat(plain["locked_at"]),
        evalkit_version=plain["evalkit_version"],
        plan=plain["plan"],
        data=None if data is None else Known(data["first"], data["last"], data["units"], dict(data["before"])),
        reads=tuple(moments),
        asked=tuple(before["asked"]),
        declared=before["declared"],
        url=registry["url"] if registry else "",
        registered_at=dt.datetime.fromisoformat(registry["linked_at"]) if registry else None,
        earlier=tuple(plain["earlier"]),
        intact=plain["sha256"] == sha256(body) and plain["plan_sha256"] == sha256(plain["plan"]),
    )
