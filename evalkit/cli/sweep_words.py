"""What a sweep says, in whole sentences with named holes."""

from __future__ import annotations

from typing import Final

from evalkit.language import Phrases

_WORDS: Final = {
    "reading": "Reading {count} configs",
    "title": "Sweep of {jobs}: {what}",
    "stopped_job": "Stopped before its end.",
    "done_before": "Done before: the same config, data, seed and release of evalkit.",
    "lost": "Its worker ended without a word (killed, or out of memory), and so did a second one.",
    "not_started": "Not started: {reason}",
    "not_started_stop": "the sweep was stopped.",
    "not_started_launcher": "the launcher ended before its turn.",
    "folder_missing": "The folder {folder} does not exist on the machine {host}.",
    "folder_next": "Start the sweep in a folder that all machines of the cluster share.",
    "other_store": "The machine {host} would log to {here}, but the sweep logs to {there}.",
    "other_store_next": "Set the same MLFLOW_TRACKING_URI where Ray is started on that machine.",
    "sqlite_on_cluster": "The sweep runs on {count} machines and would log to a file on one of them, {store}.",
    "sqlite_next": "Log to a server: export MLFLOW_TRACKING_URI=https://... on all machines (docs/tracking.md).",
    "stopping": "Stopping: running jobs are closed, no further ones start. Once more to stop at once.",
    "progress": "{ended} of {count} jobs ended",
    "progress_running": "{ended} of {count} jobs ended; running: {names}",
    "line": "{ended}/{count} {state}: {job}. {text}",
    "again_lost": "Trying once more, as their workers were lost: {names}",
    "count": "{count} {state}",
    "summary": "{counts}. All jobs: {table}",
    "headline": "{jobs}: {counts}.",
    "note_findings": "Read all findings",
    "note_table": "All jobs as a table",
    "note_jobs": "A job with a result is a run below this one (Child runs); its description is its brief.",
    "note_left": "Without a result:",
    "note_line": "- {job}: {state}. {reason}",
    "note_more": "and {count} more, see sweep.csv.",
    "next_missing": "Start the same command again to run what is missing; what is done is skipped.",
    "mlflow": "MLflow: {where}",
    "one_job": "1 job",
    "many_jobs": "{count} jobs",
    "table_title": "Sweep",
    "table_left": "Sweep: jobs without a result",
}
WORDS: Final = Phrases(_WORDS)

STATES: Final = ("done", "skipped", "not logged", "not rated", "failed", "lost", "stopped", "not started")
"""How a job can end, in the order in which they are counted out."""


def worded(key: str, **holes: object) -> str:
    """One sentence.

    Examples
    --------
    >>> worded("progress", ended=3, count=12)
    '3 of 12 jobs ended'
    """
    return WORDS.say(key, **holes)


def jobs(count: int) -> str:
    """A number of jobs in words.

    Examples
    --------
    >>> jobs(1), jobs(300)
    ('1 job', '300 jobs')
    """
    return worded("one_job") if count == 1 else worded("many_jobs", count=count)
