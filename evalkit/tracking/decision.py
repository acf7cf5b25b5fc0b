"""What a city decided after reading: tags of the study's run, of which none is ever overwritten."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Final

from evalkit.errors import ConfigError
from evalkit.tracking.fields import TAG_CHARACTERS
from evalkit.tracking.read import study_run
from evalkit.tracking.store import opened, resolve
from evalkit.vocabulary import NextStep

LATEST: Final = "evalkit.decision"
EVERY: Final = "evalkit.decisions"


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


def record(run_id: str, decision: Decision, *, tracking_uri: str | None = None) -> tuple[Decision, ...]:
    """Add a decision to a study's run and return all of them, oldest first.

    Raises
    ------
    ConfigError
        When the store has no such run, the day is none, or no more decisions fit into the tag.
    NotSynced
        If the store cannot be reached.
    """
    try:
        dt.date.fromisoformat(decision.date)
    except ValueError:
        raise ConfigError(f"'{decision.date}' is not a day.", allowed="YYYY-MM-DD, e.g. 2026-11-23") from None
    store = resolve(tracking_uri)
    with opened(store) as client:
        run = study_run(client, store, run_id)
        every = (*decisions(run.data.tags), decision)
        text = json.dumps([asdict(each) for each in every], ensure_ascii=False)
        if len(text) > TAG_CHARACTERS:
            raise ConfigError(
                f"The decisions on this run no longer fit into its tag ({len(text)} of {TAG_CHARACTERS} characters).",
                next_step="Run the study again and record the next decision on the new run, or shorten the note.",
            )
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
