"""One study from its config to bundle and store: what `run` does once and a sweep does many times."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from evalkit.cli.planning import readings
from evalkit.cli.screen import Screen
from evalkit.config import Composed, Tracking, resolved_yaml
from evalkit.errors import ConfigError, EstimationFailed, NotSynced
from evalkit.evaluation import Evaluation, Read, evaluate
from evalkit.evidence.schema import Evidence
from evalkit.plan.access import record, recorded
from evalkit.plan.hold import Planning
from evalkit.report.bundle import write_bundle
from evalkit.report.finished import KEY, job_key
from evalkit.report.provenance import provenance
from evalkit.report.releases import warnings_of
from evalkit.tracking.links import absolute
from evalkit.tracking.live import running
from evalkit.tracking.log import LoggedRun, log_bundle
from evalkit.tracking.store import resolve


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one run found, and where it lies.

    Attributes
    ----------
    headline, certainty
        The two sentences that begin the brief.
    plan
        Whether the run follows a locked plan, in a sentence; empty without one.
    rated
        False when a gate withheld the rating (exit code 5).
    bundle
        ``results/<study>/<uuid>/``.
    logged
        Where MLflow has it; None when the store did not take it (exit code 6).
    not_synced
        The reason for that.
    """

    study: str
    estimator: str
    headline: str
    certainty: str
    rated: bool
    bundle: Path
    store: str
    logged: LoggedRun | None
    link: str
    not_synced: NotSynced | None
    plan: str = ""

    @property
    def exit_code(self) -> int:
        """0 done; 5 not rated; 6 rated but not synced."""
        if not self.rated:
            return EstimationFailed.exit_code
        return 0 if self.not_synced is None else NotSynced.exit_code

    def to_dict(self) -> dict[str, Any]:
        """In plain types, as ``--json`` shows it and a sweep's status file keeps it."""
        return {
            "study": self.study,
            "estimator": self.estimator,
            "headline": self.headline,
            "certainty": self.certainty,
            "plan": self.plan,
            "rated": self.rated,
            "bundle": str(self.bundle),
            "brief": str(self.bundle / "brief.html"),
            "store": self.store,
            "run_id": self.logged.run_id if self.logged else None,
            "link": self.link,
            "not_synced": self.not_synced.what if self.not_synced else None,
            "exit_code": self.exit_code,
        }


@dataclass(frozen=True, slots=True)
class Part:
    """What a run is a part of.

    Attributes
    ----------
    sweep
        Id of the sweep: the same when it is started again for what was missing.
    job
        Number of the job in it.
    run_id
        MLflow run that all its runs are nested under; None where the store has none.
    start
        Which start of the sweep it was.
    called
        What the title of its study does not say of it: the estimator, where the sweep has several.
    """

    sweep: str
    job: int
    run_id: str | None = None
    start: str = ""
    called: str = ""

    def to_dict(self) -> dict[str, Any]:
        """As `provenance.json` keeps it."""
        return asdict(self)


def execute(
    composed: Composed, *, root: Path, screen: Screen, data: Read | None = None, part_of: Part | None = None
) -> Outcome:
    """Evaluate, write the bundle, log it; in this order, so that a dead store loses nothing.

    Parameters
    ----------
    composed
        From :func:`evalkit.config.compose`.
    root
        Folder that gets ``<study>/<uuid>/``.
    screen
        Where progress is shown.
    data
        The study's data, where they have been read already.
    part_of
        The sweep that this is a job of.

    Raises
    ------
    EvalkitError
        If there is no result. A store that does not answer is part of the outcome instead.
    """
    study, uri = composed.study, tracking_uri(composed.tracking)
    store = resolve(uri)
    spec = study.spec

    def announce(evidence: Evidence) -> None:
        screen.note(f"First answer, before the cross-checks: {evidence.sentences.headline}")

    with screen.progress() as tell:
        tell("Opening the MLflow store")
        planning = planning_of(composed, root)
        above = (part_of.sweep, part_of.run_id, part_of.called) if part_of else None
        with running(spec.id, spec.priority, spec.full_title, tracking_uri=uri, part_of=above) as live:
            record(root, spec)
            evaluation = evaluate(study, data=data, progress=tell, announce=announce, planned=planning.against)
            tell("Writing the brief")
            origin = {**provenance(), KEY: key_of(evaluation), **({"sweep": part_of.to_dict()} if part_of else {})}
            bundle = write_bundle(evaluation, root, provenance=origin, study_yaml=resolved_yaml(study))
            for told in warnings_of(json.loads((bundle / "disclosure.json").read_text(encoding="utf-8"))):
                screen.note(told)
            tell("Logging to MLflow")
            logged, problem = _log(bundle, uri, live.run_id)
    evidence = evaluation.evidence
    return Outcome(
        study=spec.id,
        estimator=study.estimator.name,
        headline=evidence.sentences.headline,
        certainty=evidence.sentences.certainty,
        rated=evidence.rating.certainty is not None,
        bundle=bundle,
        store=store.shown,
        logged=logged,
        link=absolute(store, logged.run_page) if logged else "",
        not_synced=problem,
        plan=evidence.plan.reading,
    )


def planning_of(composed: Composed, results: Path) -> Planning:
    """The study's locked plan, with the readings of its outcomes that came before; only a plan makes asking worthwhile.

    Raises
    ------
    ConfigError
        If the file of the plan cannot be read.
    """
    study = composed.study
    found = Planning.of(study, Path(composed.root), recorded(results, study.spec))
    if found.lock is None:
        return found
    return Planning(found.lock, readings(results, resolve(tracking_uri(composed.tracking)), study.spec).accesses)


def key_of(evaluation: Evaluation) -> str:
    """What a sweep recognizes this run by."""
    identity = evaluation.evidence.identity
    return job_key(evaluation.study, config_sha=identity.config_sha, data_sha=identity.data_sha)


def _log(bundle: Path, uri: str | None, run_id: str | None) -> tuple[LoggedRun | None, NotSynced | None]:
    """Log the bundle, or say why the store did not take it."""
    try:
        return log_bundle(bundle, tracking_uri=uri, parent_run_id=run_id), None
    except NotSynced as error:
        return None, error


def tracking_uri(tracking: Tracking) -> str | None:
    """Address that a config asks for; None leaves it to the environment, then to ./mlflow.db.

    Raises
    ------
    ConfigError
        If ``tracking=server`` has no address.
    """
    if tracking.uri is None and tracking.kind == "server" and not os.environ.get("MLFLOW_TRACKING_URI"):
        raise ConfigError(
            "tracking=server has no address.",
            next_step="Set MLFLOW_TRACKING_URI, or add tracking.uri=http://server:5000.",
        )
    return tracking.uri
