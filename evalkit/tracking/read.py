"""Get a logged study back from the store: its brief and evidence, by the id of its run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from evalkit.errors import ConfigError
from evalkit.tracking.live import PARENT
from evalkit.tracking.store import Store, opened, resolve

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run


@dataclass(frozen=True, slots=True)
class FoundRun:
    """The run of a study.

    Attributes
    ----------
    bundle
        Uuid of the bundle it was logged from; empty where it ended without one.
    status
        ``FINISHED``, ``FAILED``, ``KILLED`` or ``RUNNING``.
    headline
        Its finding, or why there is none.
    """

    run_id: str
    experiment_id: str
    study_id: str
    bundle: str
    status: str
    headline: str


def find_run(run_id: str, *, tracking_uri: str | None = None) -> FoundRun:
    """Look up a study's run; the id of an estimator's run leads to the study's.

    Raises
    ------
    ConfigError
        If the store has no such run, or evalkit did not log it.
    NotSynced
        If the store cannot be reached.
    """
    store = resolve(tracking_uri)
    with opened(store) as client:
        return _found(study_run(client, store, run_id))


def fetch(run_id: str, destination: Path, *, tracking_uri: str | None = None) -> Path:
    """Download what was logged of a bundle into `destination` and return the folder.

    Raises
    ------
    ConfigError
        If the store has no such run, or the run has no brief.
    NotSynced
        If the store cannot be reached.
    """
    store = resolve(tracking_uri)
    with opened(store) as client:
        run = study_run(client, store, run_id)
        names = {item.path for item in client.list_artifacts(run.info.run_id)}
        if "evidence.json" not in names:
            reason = run.data.tags.get("evalkit.headline", f"its status is {run.info.status}")
            raise ConfigError(
                f"Run '{run_id}' holds no evidence: {reason}", next_step="Name a run that ended with a finding."
            )
        destination.mkdir(parents=True, exist_ok=True)
        for name in sorted(names):
            client.download_artifacts(run.info.run_id, name, str(destination))
    return destination


def study_run(client: MlflowClient, store: Store, run_id: str) -> Run:
    """The run of a study; the id of an estimator's run leads to the study's.

    Raises
    ------
    ConfigError
        If the store has no such run, or evalkit did not log it.
    """
    from mlflow.exceptions import MlflowException

    try:
        run = client.get_run(run_id)
        parent = run.data.tags.get(PARENT)
        # A study's own run may lie under that of a sweep, which is no study's.
        run = client.get_run(parent) if parent and run.data.tags.get("evalkit.role") != "study" else run
    except MlflowException as error:
        if error.error_code not in {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"}:
            raise
        raise ConfigError(
            f"There is no run '{run_id}' in {store.shown}.",
            next_step="Copy the run's id from its page in MLflow, or name a folder results/<study>/<uuid>.",
        ) from None
    if "evalkit.study" not in run.data.tags:
        raise ConfigError(
            f"Run '{run_id}' in {store.shown} was not logged by evalkit.",
            next_step="Take a run from an experiment named evalkit/<priority>.",
        )
    return run


def _found(run: Run) -> FoundRun:
    tags = run.data.tags
    return FoundRun(
        run_id=run.info.run_id,
        experiment_id=run.info.experiment_id,
        study_id=tags["evalkit.study"],
        bundle=tags.get("evalkit.bundle", ""),
        status=run.info.status,
        headline=tags.get("evalkit.headline", ""),
    )
