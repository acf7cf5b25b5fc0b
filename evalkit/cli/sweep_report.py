"""How a sweep ended: the table on the screen, `sweep.csv`, and what the store is told."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from evalkit.cli.screen import Screen
from evalkit.cli.sweep_words import STATES, jobs, worded
from evalkit.tracking.links import absolute, artifact_page, evidence_view, run_page
from evalkit.tracking.sweep import State, SweepRun, close_lost, close_sweep

TABLE: Final = "sweep.csv"
COLUMNS: Final = ("job", "state", "study", "estimator", "certainty", "headline", "what", "run_id", "bundle", "key")
MOST_ROWS: Final = 40
MOST_LEFT: Final = 20
_DONE: Final = ("done", "skipped")


def counted(statuses: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Jobs by state, in the order of `STATES`.

    Examples
    --------
    >>> counted([{"state": "failed"}, {"state": "done"}, {"state": "done"}])
    {'done': 2, 'failed': 1}
    """
    found = Counter(str(status["state"]) for status in statuses)
    return {state: found[state] for state in STATES if found[state]}


def finish(run: SweepRun, statuses: Sequence[Mapping[str, Any]], *, stopped: bool) -> None:
    """Close runs that lost jobs left open, then the sweep's own.

    Raises
    ------
    NotSynced
        If the store does not answer.
    """
    close_lost(run)
    counts = counted(statuses)
    headline = worded("headline", jobs=jobs(len(statuses)), counts=_in_words(counts))
    left = [status for status in statuses if status["state"] not in _DONE]
    state: State = "stopped" if stopped else "failed" if left else "done"
    close_sweep(run, state, headline=headline, note=_note(run, headline, left), counts=counts, table=table(statuses))


def show(statuses: Sequence[Mapping[str, Any]], folder: Path, runs: Sequence[SweepRun], screen: Screen) -> None:
    """The table: all jobs where they fit, else those without a result; `sweep.csv` has them all."""
    file = folder / TABLE
    file.write_text(table(statuses), encoding="utf-8")
    counts = counted(statuses)
    pages = [absolute(run.store, page) for run in runs if (page := _page(run))]
    if screen.as_json:
        content = {"jobs": list(statuses), "counts": counts, "folder": str(folder), "table": str(file), "mlflow": pages}
        screen.document(content)
        return
    left = [status for status in statuses if status["state"] not in _DONE]
    few = len(statuses) <= MOST_ROWS
    shown = statuses if few else left
    if shown:
        rows = [(status["job"], status["state"], _reason(status)) for status in shown]
        screen.table(worded("table_title" if few else "table_left"), ("job", "state", "headline or reason"), rows)
    screen.note(worded("summary", counts=_in_words(counts), table=file))
    for page in pages:
        screen.note(worded("mlflow", where=page))
    if left:
        screen.note(worded("next_missing"))


def table(statuses: Sequence[Mapping[str, Any]]) -> str:
    """All jobs as CSV; no cell can be taken for a formula."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for status in statuses:
        writer.writerow([_cell(status.get(column)) for column in COLUMNS])
    return text.getvalue()


def _cell(value: object) -> str:
    text = "" if value is None else str(value).replace("\r", " ").replace("\n", " ")
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t")) else text


def _reason(status: Mapping[str, Any]) -> str:
    if status["state"] in _DONE:
        return str(status.get("headline") or "")
    return str(status.get("what") or status.get("headline") or "")


def _in_words(counts: Mapping[str, int]) -> str:
    return ", ".join(worded("count", state=state, count=count) for state, count in counts.items())


def _note(run: SweepRun, headline: str, left: Sequence[Mapping[str, Any]]) -> str:
    """Description of the sweep's run, as markdown; MLflow shows the first four lines without a click."""
    from evalkit.tracking.note import escape

    links = [f"[{worded('note_findings')}]({evidence_view(run.experiment_id)})"]
    links += [f"[{worded('note_table')}]({artifact_page(run.experiment_id, run.run_id, TABLE)})"] if run.run_id else []
    lines = [f"{headline} {' · '.join(links)}"]
    if left:
        lines += ["", worded("note_left"), ""]
        lines += [
            worded("note_line", job=escape(str(one["job"])), state=one["state"], reason=escape(_reason(one)))
            for one in left[:MOST_LEFT]
        ]
    if len(left) > MOST_LEFT:
        lines.append(f"- {worded('note_more', count=len(left) - MOST_LEFT)}")
    lines += ["", worded("note_jobs")]
    return "\n".join(lines)


def _page(run: SweepRun) -> str:
    return run_page(run.experiment_id, run.run_id) if run.run_id else ""
