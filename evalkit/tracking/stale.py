"""Runs that still show RUNNING although their process is gone (``kill -9``, a power cut): found and closed."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from evalkit.tracking import live
from evalkit.tracking.store import opened, resolve

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

PAGE: Final = 1000
CLOCK_MS: Final = 2000
"""The kernel tells the time of its start in whole seconds."""
REASON: Final = "Its process ended without closing the run."


@dataclass(frozen=True, slots=True)
class StaleRun:
    """A run whose process is gone.

    Attributes
    ----------
    run_id, study_id
        The run, and the study it was of.
    started_ms
        When it started, milliseconds since 1970 (UTC).
    pid
        Process that it belonged to, on this machine.
    """

    run_id: str
    study_id: str
    started_ms: int
    pid: int


def find_stale(tracking_uri: str | None = None) -> list[StaleRun]:
    """List the stale runs of this machine, oldest first; other machines' processes cannot be judged from here.

    Raises
    ------
    NotSynced
        If the store cannot be reached.
    """
    with opened(resolve(tracking_uri)) as client:
        return _find(client)


def close_stale(tracking_uri: str | None = None) -> list[StaleRun]:
    """Close every stale run as KILLED, with the reason; return those closed.

    Raises
    ------
    NotSynced
        If the store cannot be reached.
    """
    with opened(resolve(tracking_uri)) as client:
        found = _find(client)
        for run in found:
            live.close(client, run.run_id, "KILLED", REASON)
    return found


def _find(client: MlflowClient) -> list[StaleRun]:
    experiments = client.search_experiments(filter_string="name LIKE 'evalkit/%'", max_results=PAGE)
    ids = [experiment.experiment_id for experiment in experiments]
    if not ids:
        return []
    runs = client.search_runs(
        ids, filter_string=f"attributes.status = 'RUNNING' and tags.`{live.HOST}` = '{socket.gethostname()}'"
    )
    stale = [_described(run) for run in runs if not is_alive(int(run.data.tags[live.PID]), run.info.start_time)]
    return sorted(stale, key=lambda run: run.started_ms)


def _described(run: Run) -> StaleRun:
    tags = run.data.tags
    return StaleRun(run.info.run_id, tags.get("evalkit.study", ""), int(run.info.start_time), int(tags[live.PID]))


def is_alive(pid: int, started_ms: int) -> bool:
    """Whether the process that opened a run at `started_ms` still works.

    A process of that number that began later is another one: numbers are given out again.

    Examples
    --------
    >>> import os, time
    >>> is_alive(os.getpid(), int(time.time() * 1000)), is_alive(os.getpid(), 0)
    (True, False)
    """
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # another user's process: it is there
    stat = Path(f"/proc/{pid}/stat")
    if not stat.is_file():
        return True  # no /proc (macOS): the number alone has to do
    # The name, in brackets, may hold blanks; the fields after it do not (proc(5), fields 3 and 22).
    state, *rest = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    born_ms = 1000 * (_booted_at() + int(rest[18]) / os.sysconf("SC_CLK_TCK"))
    # A killed process that its parent has not collected yet keeps its number, but works no more.
    return state != "Z" and born_ms <= started_ms + CLOCK_MS


def _booted_at() -> int:
    """Seconds since 1970 at which this machine started."""
    lines = Path("/proc/stat").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("btime "))
