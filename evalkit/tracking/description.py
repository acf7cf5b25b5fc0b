"""The description of a priority's experiment: what its studies found, a click away.

MLflow shows it in three places. The list of experiments shows its first letters raw, so it begins with
a plain sentence; every page of the experiment shows its first line, so that holds the links; unfolded
it lists the newest studies with certainty and headline.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Final

from evalkit.language import Phrases, phrase
from evalkit.tracking.collisions import through_collisions
from evalkit.tracking.links import evidence_view, run_page
from evalkit.tracking.note import escape

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

NOTE: Final = "mlflow.note.content"
_MARK: Final = re.compile(r"\n\n\[//\]: # \(evalkit (?P<sha>[0-9a-f]{64})\)$")
"""What evalkit's own text ends with, a comment that no page shows: its hash. A text without it, or with another, is the
city's own and stays. It is in the text, not in a tag beside it, because two processes may write at the same moment."""
OURS: Final = "mlflow.evalkit.description"
"""Experiment tag with that hash, in stores whose description was written before the text held it."""
NEWEST: Final = 10
IN_FIRST_LINE: Final = 2
TITLE_CHARACTERS: Final = 70
HEADLINE_CHARACTERS: Final = 300
WORDS: Final = Phrases(
    {
        "what": "Evaluations of what was done for {priority}, and what they found.",
        "all": "Read all findings",
        "newest": "Newest:",
        "certainty": "Certainty: {label}.",
        "meaning": (
            "Each run below is one evaluation of one policy. Its description is the brief: what was found, how sure "
            "one can be, the figure and the numbers. Certainty (High, Moderate, Low, Very low) says how far to trust "
            "a finding; it is not the size of the effect."
        ),
    }
)


def describe(client: MlflowClient, experiment_id: str, priority: str) -> None:
    """Write the description anew, unless somebody of the city has written one.

    Parameters
    ----------
    client
        Of the store, opened.
    experiment_id, priority
        The experiment and the mayoral priority whose studies it holds.
    """
    tags = client.get_experiment(experiment_id).tags
    there = tags.get(NOTE)
    if there and not _is_ours(there, tags.get(OURS)):
        return
    found = client.search_runs(
        [experiment_id],
        filter_string="tags.`evalkit.role` = 'study' AND tags.`evalkit.status` = 'done'",
        order_by=["attributes.start_time DESC"],
        max_results=NEWEST,
    )
    text = description(priority, experiment_id, found)
    marked = f"{text}\n\n[//]: # (evalkit {_sha(text)})"
    if marked != there:
        through_collisions(lambda: client.set_experiment_tag(experiment_id, NOTE, marked))


def description(priority: str, experiment_id: str, newest: list[Run] | None = None) -> str:
    """Compose the description.

    Examples
    --------
    >>> description("public_safety", "7").splitlines()[0][:64]
    'Evaluations of what was done for public safety, and what they fo'
    """
    runs = newest or []
    links = [_link(experiment_id, run) for run in runs]
    first = f"{WORDS.say('what', priority=priority.replace('_', ' '))} [{WORDS['all']}]({evidence_view(experiment_id)})"
    if links:
        first += f" · {WORDS['newest']} {' · '.join(links[:IN_FIRST_LINE])}"
    rows = [f"- {link}. {_finding(run)}" for link, run in zip(links, runs, strict=True)]
    return "\n\n".join(part for part in (first, "\n".join(rows), WORDS["meaning"]) if part)


def _link(experiment_id: str, run: Run) -> str:
    title = run.info.run_name or run.data.tags.get("evalkit.study", run.info.run_id)
    return f"[{escape(_short(title, TITLE_CHARACTERS))}]({run_page(experiment_id, run.info.run_id)})"


def _finding(run: Run) -> str:
    tags = run.data.tags
    certainty = WORDS.say("certainty", label=phrase(tags.get("evalkit.certainty", "–")))
    return f"{escape(_short(tags.get('evalkit.headline', ''), HEADLINE_CHARACTERS))} {certainty}"


def _short(text: str, characters: int) -> str:
    return text if len(text) <= characters else text[: characters - 1].rstrip() + "…"


def _is_ours(there: str, before: str | None) -> bool:
    mark = _MARK.search(there)
    return before == _sha(there) if mark is None else mark["sha"] == _sha(there[: mark.start()])


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
