"""Log a finished bundle to MLflow: one run for the study, a nested one for each estimator.

The bundle on disk is the result; the tracking store holds a copy of what may be shared of it. So
logging reads the bundle's folder alone, can be repeated at any time (`evalkit sync`), and creates
nothing twice: runs are found again by the tag ``evalkit.bundle`` and completed.

How the command line uses it::

    with running(study_id, priority, title, tracking_uri=uri) as live:     # evalkit.tracking.live
        evaluation = evaluate(study)
        bundle = write_bundle(evaluation, ...)
        logged = log_bundle(bundle, tracking_uri=uri, parent_run_id=live.run_id)
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from evalkit.tracking import links, note
from evalkit.tracking.bundle import Bundle
from evalkit.tracking.collisions import through_collisions
from evalkit.tracking.contents import RunContents, children, parent
from evalkit.tracking.decision import EVERY, LATEST, VERSION, Decision, decisions
from evalkit.tracking.description import NOTE, describe
from evalkit.tracking.fields import BATCH
from evalkit.tracking.live import PARENT, REASON, forget_process
from evalkit.tracking.store import launching_run, opened, resolve
from evalkit.tracking.strip import strip
from evalkit.tracking.views import ensure_experiment

if TYPE_CHECKING:
    from mlflow import MlflowClient

SYNCED: Final = "SYNCED"


@dataclass(frozen=True, slots=True)
class LoggedRun:
    """Where a bundle was logged.

    Attributes
    ----------
    store
        Address of the store, without credentials.
    run_page, brief_page, evidence_page
        Addresses in MLflow's pages, relative to the server (:func:`evalkit.tracking.links.absolute`).
    children
        Ids of the nested runs by their labels.
    """

    store: str
    experiment_id: str
    run_id: str
    run_page: str
    brief_page: str
    evidence_page: str
    children: dict[str, str]


def log_bundle(bundle: Path, *, tracking_uri: str | None = None, parent_run_id: str | None = None) -> LoggedRun:
    """Log a bundle, or complete what an earlier attempt logged of it.

    Parameters
    ----------
    bundle
        ``results/<study>/<uuid>/``, finished.
    tracking_uri
        Address of the store; by default ``MLFLOW_TRACKING_URI``, else ./mlflow.db.
    parent_run_id
        The run that was opened when the study began; it becomes the study's run.

    Raises
    ------
    DataError
        If the bundle is not whole.
    NotSynced
        If the store did not take it (call again later), or a file holds an address with a password.
    """
    read = Bundle.read(Path(bundle))
    files = read.shared()
    store = resolve(tracking_uri)
    with one_at_a_time(read.folder), opened(store) as client:
        experiment_id = ensure_experiment(client, store, read.priority)
        known = _known_runs(client, experiment_id, read.uuid)
        top = parent(read)
        run_id = known.get(top.part) or _adopted(client, parent_run_id) or _create(client, experiment_id, read, top)
        figure = strip(read)
        description = note.render(read, experiment_id, run_id, has_strip=figure is not None)
        _fill(client, run_id, read, top, {NOTE: description, **_nested(client, read)})
        send_files(client, run_id, read.folder, files)
        _send_decisions(client, run_id, read)
        if figure is not None:
            client.log_text(run_id, figure, note.STRIP)
        nested: dict[str, str] = {}
        for child in children(read):
            child_id = known.get(child.part) or _create(client, experiment_id, read, child, parent_id=run_id)
            _fill(client, child_id, read, child, {})
            client.set_terminated(child_id, status=child.status, end_time=read.created_ms)
            nested[child.label] = child_id
        client.set_terminated(run_id, status=top.status, end_time=_end_ms(client, run_id, read))
        # An attempt that failed closed the run with its reason; a run that has its results needs none.
        forget_process(client, run_id, *({REASON} - top.tags.keys()))
        describe(client, experiment_id, read.priority)
        _point_launcher(client, experiment_id, run_id, read)
    logged = LoggedRun(
        store=store.shown,
        experiment_id=experiment_id,
        run_id=run_id,
        run_page=links.run_page(experiment_id, run_id),
        brief_page=links.artifact_page(experiment_id, run_id),
        evidence_page=links.evidence_view(experiment_id),
        children=nested,
    )
    mark_synced(read.folder, logged)
    return logged


@contextlib.contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """Keep two processes of this machine from logging the same bundle at the same time."""
    from filelock import FileLock

    with FileLock(folder.parent / f".{folder.name}.lock"):
        yield


def _known_runs(client: MlflowClient, experiment_id: str, uuid: str) -> dict[tuple[str, str, str], str]:
    """Runs of this bundle that an earlier attempt created, by their role, label and outcome."""
    found = client.search_runs([experiment_id], filter_string=f"tags.`evalkit.bundle` = '{uuid}'", max_results=1000)
    # Oldest first, so that a repeated attempt always completes the same run.
    ordered = sorted(found, key=lambda run: (run.info.start_time, run.info.run_id), reverse=True)
    return {_part(run.data.tags): run.info.run_id for run in ordered}


def _part(tags: Mapping[str, str]) -> tuple[str, str, str]:
    return tags.get("evalkit.role", ""), tags.get("evalkit.label", ""), tags.get("evalkit.outcome", "")


def _adopted(client: MlflowClient, live_run_id: str | None) -> str | None:
    """Take the live run, unless it is gone from this store (another store, or deleted meanwhile)."""
    from mlflow.exceptions import MlflowException

    if live_run_id is None:
        return None
    try:
        found = client.get_run(live_run_id)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return None
    return live_run_id if found.info.lifecycle_stage == "active" else None


def _nested(client: MlflowClient, bundle: Bundle) -> dict[str, str]:
    """Tag that puts a job's run under that of its sweep, where this store has it."""
    sweep_run = _adopted(client, bundle.sweep.get("run_id"))
    return {PARENT: sweep_run} if sweep_run else {}


def _create(
    client: MlflowClient, experiment_id: str, bundle: Bundle, run: RunContents, *, parent_id: str | None = None
) -> str:
    # The tags it is found by go in with the run itself: a run without them would be created again.
    tags = {**run.tags, "evalkit.bundle": bundle.uuid}
    if parent_id is not None:
        tags[PARENT] = parent_id
    made = client.create_run(experiment_id, start_time=bundle.created_ms, run_name=run.name, tags=tags)
    return str(made.info.run_id)


def _fill(client: MlflowClient, run_id: str, bundle: Bundle, run: RunContents, more: Mapping[str, str]) -> None:
    """Write metrics, params, tags and dataset; the same values and timestamps at every attempt."""
    from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag

    tags = {**run.tags, **more, "evalkit.bundle": bundle.uuid, "mlflow.runName": run.name}
    client.log_batch(
        run_id,
        metrics=[Metric(key, value, bundle.created_ms, 0) for key, value in run.metrics.items()],
        tags=[RunTag(key, value) for key, value in tags.items()],
        synchronous=True,
    )
    params = [Param(key, value) for key, value in run.params.items()]
    for start in range(0, len(params), BATCH):
        client.log_batch(run_id, params=params[start : start + BATCH], synchronous=True)
    if run.dataset is not None:
        data = Dataset(**run.dataset)
        inputs = [DatasetInput(data, [InputTag("mlflow.data.context", "evaluation")])]
        # One row for all runs of an experiment that read the same data, so jobs side by side meet in it.
        through_collisions(lambda: client.log_inputs(run_id, inputs))


def send_files(client: MlflowClient, run_id: str, folder: Path, files: Sequence[Path]) -> None:
    """Send files of a bundle, each to where it lies in it."""
    for path in files:
        inside = path.relative_to(folder).parent.as_posix()
        client.log_artifact(run_id, str(path), artifact_path=None if inside == "." else inside)


def _send_decisions(client: MlflowClient, run_id: str, bundle: Bundle) -> None:
    """Decisions that were recorded in the bundle while the store could not be reached; those that are there stay."""
    known = decisions(client.get_run(run_id).data.tags)
    every = list(known)
    recorded = [Decision(**found) for found in bundle.decisions()]  # type: ignore[arg-type]
    every += [each for each in recorded if each not in known]
    if len(every) > len(known):
        client.set_tag(run_id, EVERY, json.dumps([asdict(each) for each in every], ensure_ascii=False))
        client.set_tag(run_id, LATEST, every[-1].in_words)
    manifests = [path for path in bundle.versions() if path.name.startswith("manifest.v")]
    if manifests:
        client.set_tag(run_id, VERSION, str(len(manifests) + 1))


def _point_launcher(client: MlflowClient, experiment_id: str, run_id: str, bundle: Bundle) -> None:
    """Let the run that ``mlflow run`` opened lead to the study's run, where both are in one store.

    That run lies in the experiment the launcher chose and already holds unchangeable params, so it
    cannot become the study's run itself.
    """
    launcher = _adopted(client, launching_run())
    if launcher is None or launcher == run_id:
        return
    page = links.run_page(experiment_id, run_id)
    client.set_tag(launcher, NOTE, f"{note.escape(bundle.headline)}\n\n[Open the study's run]({page})")
    client.set_tag(launcher, "evalkit.study_run", run_id)


def _end_ms(client: MlflowClient, run_id: str, bundle: Bundle) -> int:
    """When the study ended: when its bundle was whole. A run that ended before keeps its time."""
    info = client.get_run(run_id).info
    if info.end_time and info.status != "RUNNING":
        return int(info.end_time)
    return max(bundle.completed_ms, bundle.created_ms, int(info.start_time))


def mark_synced(folder: Path, logged: LoggedRun) -> None:
    """Write `SYNCED` whole or not at all."""
    text = json.dumps({"store": logged.store, "experiment_id": logged.experiment_id, "run_id": logged.run_id}, indent=2)
    temporary = folder / f".{SYNCED}.{os.getpid()}"
    with temporary.open("w", encoding="utf-8") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(folder / SYNCED)
