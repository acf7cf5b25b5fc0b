"""What a city decided after reading: tags of the study's run, of which none is ever overwritten."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from evalkit.errors import ConfigError
from evalkit.tracking.fields import TAG_CHARACTERS
from evalkit.tracking.read import study_run
from evalkit.tracking.store import opened, resolve
from evalkit.vocabulary import NextStep

LATEST: Final = "evalkit.decision"
EVERY: Final = "evalkit.decisions"
VERSION: Final = "evalkit.evidence_version"
"""Number of the newest version of the evidence among a run's artifacts; absent where there is one."""


@dataclass(frozen=True, slots=True)
class Decision:
    """A decision on one study.

    Attributes
    ----------
    next_step
        ``scale``, ``continue``, ``modify``, ``stop`` or ``test_more``.
    who
        Office or body; no person need be named.
    date
        ISO day.
    note
        Why, in a sentence; may be empty.
    """

    next_step: NextStep
    who: str
    date: str
    note: str = ""

    @property
    def in_words(self) -> str:
        """As the runs table shows it.

        Examples
        --------
        >>> Decision("test_more", "City council", "2026-11-23").in_words
        'test more (City council, 2026-11-23)'
        """
        return f"{self.next_step.replace('_', ' ')} ({self.who}, {self.date})"


def checked(decision: Decision) -> Decision:
    """The decision, if its day is one.

    Raises
    ------
    ConfigError
        When it is not.
    """
    try:
        dt.date.fromisoformat(decision.date)
    except ValueError:
        raise ConfigError(f"'{decision.date}' is not a day.", allowed="YYYY-MM-DD, e.g. 2026-11-23") from None
    return decision


def record(
    run_id: str, decision: Decision, *, files: Sequence[Path] = (), version: int = 1, tracking_uri: str | None = None
) -> tuple[Decision, ...]:
    """Add a decision to a study's run and return all of them, oldest first.

    Parameters
    ----------
    run_id
        Of the study's run in the store.
    decision
        To be added.
    files
        Of the version of the evidence that records it; they become artifacts of the run beside the earlier ones.
    version
        Its number.
    tracking_uri
        Address of the store.

    Raises
    ------
    ConfigError
        When the store has no such run, the day is none, or no more decisions fit into the tag.
    NotSynced
        If the store cannot be reached.
    """
    checked(decision)
    store = resolve(tracking_uri)
    with opened(store) as client:
        run = study_run(client, store, run_id)
        known = decisions(run.data.tags)
        every = known if decision in known else (*known, decision)
        text = json.dumps([asdict(each) for each in every], ensure_ascii=False)
        if len(text) > TAG_CHARACTERS:
            raise ConfigError(
                f"The decisions on this run no longer fit into its tag ({len(text)} of {TAG_CHARACTERS} characters).",
                next_step="Run the study again and record the next decision on the new run, or shorten the note.",
            )
        for path in files:
            client.log_artifact(run.info.run_id, str(path))
        if files:
            client.set_tag(run.info.run_id, VERSION, str(version))
        client.set_tag(run.info.run_id, EVERY, text)
        client.set_tag(run.info.run_id, LATEST, decision.in_words)
    return every


def decisions(tags: Mapping[str, str]) -> tuple[Decision, ...]:
    """All decisions that the tags of a run hold, oldest first.

    Examples
    --------
    >>> decisions({})
    ()
    """
    return tuple(Decision(**each) for each in json.loads(tags.get(EVERY, "[]")))
