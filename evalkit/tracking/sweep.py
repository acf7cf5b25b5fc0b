"""The run of a sweep: its jobs' runs lie under it, its description says how they ended."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from evalkit.errors import NotSynced
from evalkit.tracking import fields, live
from evalkit.tracking.contents import SWEEP
from evalkit.tracking.description import NOTE
from evalkit.tracking.live import HOST, PID
from evalkit.tracking.redact import redact
from evalkit.tracking.stale import is_alive
from evalkit.tracking.store import Store, opened, resolve
from evalkit.tracking.views import ensure_experiment

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

ROLE: Final = "sweep"
TABLE: Final = "sweep.csv"
REASON: Final = "Its job was lost: the process ended without closing the run."
State = Literal["done", "failed", "stopped"]
_STATUS: Final[Mapping[State, str]] = {"done": "FINISHED", "failed": "FAILED", "stopped": "KILLED"}


@dataclass(frozen=True, slots=True)
class SweepRun:
    """A sweep as a store knows it.

    Attributes
    ----------
    sweep
        Id: hash of what its jobs are, so that the same sweep, started again, goes on under its run.
    store
        Where.
    run_id, experiment_id
        Where it is there; None and empty where the store could not be reached.
    problem
        Why it could not.
    """

    sweep: str
    store: Store
    run_id: str | None = None
    experiment_id: str = ""
    problem: NotSynced | None = None


def open_sweep(sweep: str, title: str, priorities: Sequence[str], *, tracking_uri: str | None = None) -> SweepRun:
    """Open the run of a sweep, or go on with the one that an earlier start of the same sweep opened.

    It lies in the experiment of the first of `priorities`; jobs of others lie in theirs.
    """
    store = resolve(tracking_uri)
    try:
        with opened(store) as client:
            priority = priorities[0]
            experiment_id = ensure_experiment(client, store, priority)
            found = _known(client, experiment_id, sweep)
            if found is None:
                return SweepRun(sweep, store, _create(client, experiment_id, sweep, title, priority), experiment_id)
            client.update_run(found, status="RUNNING")
            for key, value in _working().items():
                client.set_tag(found, key, value)
            return SweepRun(sweep, store, found, experiment_id)
    except NotSynced as problem:
        return SweepRun(sweep, store, problem=problem)


def close_sweep(
    run: SweepRun, state: State, *, headline: str, note: str, counts: Mapping[str, int], table: str
) -> None:
    """Say how the sweep ended.

    Parameters
    ----------
    run
        From `open_sweep`.
    state
        ``done`` when every job has its result.
    headline, note
        One sentence, and the description as markdown.
    counts
        Jobs by state.
    table
        All jobs as CSV, kept as an artifact.

    Raises
    ------
    NotSynced
        If the store does not take it.
    """
    from mlflow.entities import Metric, RunTag

    if run.run_id is None:
        return
    now = time.time_ns() // 1_000_000
    tags = fields.tags({"evalkit.status": state, "evalkit.headline": headline, NOTE: note})
    metrics, _ = fields.metrics({f"jobs_{name.replace(' ', '_')}": float(count) for name, count in counts.items()})
    with opened(run.store) as client:
        client.log_batch(
            run.run_id,
            metrics=[Metric(key, value, now, 0) for key, value in metrics.items()],
            tags=[RunTag(key, value) for key, value in tags.items()],
            synchronous=True,
        )
        client.log_text(run.run_id, redact(table), TABLE)
        client.set_terminated(run.run_id, status=_STATUS[state], end_time=now)
        live.forget_process(client, run.run_id)


def close_lost(run: SweepRun) -> int:
    """Close, as KILLED, runs of the sweep's jobs that no living process of this machine works on; return how many.

    Called when no job of the sweep runs any more: what another machine left open was lost with its worker.

    Raises
    ------
    NotSynced
        If the store does not answer.
    """
    if run.run_id is None:
        return 0
    with opened(run.store) as client:
        lost = [each for each in _open_jobs(client, run.sweep) if not _works_here(each)]
        for each in lost:
            live.close(client, each.info.run_id, "KILLED", REASON)
    return len(lost)


def _open_jobs(client: MlflowClient, sweep: str) -> list[Run]:
    experiments = [each.experiment_id for each in client.search_experiments(filter_string="name LIKE 'evalkit/%'")]
    wanted = f"attributes.status = 'RUNNING' and tags.`{SWEEP}` = '{sweep}' and tags.`evalkit.role` = 'study'"
    return list(client.search_runs(experiments, filter_string=wanted, max_results=1000)) if experiments else []


def _works_here(run: Run) -> bool:
    tags = run.data.tags
    return tags.get(HOST) == socket.gethostname() and is_alive(int(tags.get(PID, 0) or -1), run.info.start_time)


def _known(client: MlflowClient, experiment_id: str, sweep: str) -> str | None:
    wanted = f"tags.`{SWEEP}` = '{sweep}' and tags.`evalkit.role` = '{ROLE}'"
    found = client.search_runs([experiment_id], filter_string=wanted, max_results=1)
    return str(found[0].info.run_id) if found else None


def _create(client: MlflowClient, experiment_id: str, sweep: str, title: str, priority: str) -> str:
    tags = fields.tags({SWEEP: sweep, "evalkit.role": ROLE, "evalkit.priority": priority, NOTE: title, **_working()})
    run = client.create_run(experiment_id, run_name=redact(title), tags=tags)
    return str(run.info.run_id)


def _working() -> dict[str, str]:
    return {"evalkit.status": "running", PID: str(os.getpid()), HOST: socket.gethostname()}
