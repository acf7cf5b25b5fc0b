"""Read every study's newest evidence out of a store: what a portfolio is made from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from evalkit.errors import ConfigError
from evalkit.tracking.contents import CALLED, SWEEP, SWEEP_JOB, title_of
from evalkit.tracking.decision import VERSION, Decision, decisions
from evalkit.tracking.store import Store, opened, resolve

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

PREFIX: Final = "evalkit/"
STUDIES: Final = "tags.`evalkit.role` = 'study'"
EVIDENCE: Final = "evidence.json"
BRIEF: Final = "brief.html"
PAGE: Final = 1000
"""Runs that the store is asked for at a time."""
DATA: Final = "evalkit.data_sha"


@dataclass(frozen=True, slots=True)
class StoredStudy:
    """A study as a store knows it.

    Attributes
    ----------
    study_id, priority, title
        From its newest run.
    running
        Whether its newest run has not ended.
    run_id
        Of the run that stands for the study: the newest that ended with evidence, or the one last decided on while
        the data are the same; empty where none has.
    evidence, brief
        Content of its files; None without such a run. The brief is None where it was not logged.
    versions
        Runs that ended with evidence.
    decision
        The latest on any of its runs.
    """

    study_id: str
    priority: str
    title: str
    running: bool
    run_id: str
    evidence: str | None
    brief: bytes | None
    versions: int
    decision: Decision | None


def stored_studies(
    experiments: Sequence[str] = (),
    *,
    tracking_uri: str | None = None,
    tell: Callable[[str, float], None] | None = None,
) -> list[StoredStudy]:
    """Every study in a store, by its newest run.

    Parameters
    ----------
    experiments
        Names of experiments; by default all that are named evalkit/<priority>.
    tracking_uri
        Address of the store; by default ``MLFLOW_TRACKING_URI``, else ./mlflow.db.
    tell
        Told what is read, and the share done.

    Raises
    ------
    ConfigError
        When an experiment does not exist.
    NotSynced
        If the store cannot be reached.
    """
    store = resolve(tracking_uri)
    with opened(store) as client, TemporaryDirectory() as folder:
        by_study: dict[str, list[Run]] = {}
        for run in runs_of(client, experiments_of(client, store, experiments)):
            by_study.setdefault(run.data.tags.get("evalkit.study", ""), []).append(run)
        found = []
        for place, (study, runs) in enumerate(sorted(by_study.items())):
            if tell is not None:
                tell(f"Reading {study}", place / len(by_study))
            found.append(_stored(client, study, runs, Path(folder)))
    return found


def experiments_of(client: MlflowClient, store: Store, names: Sequence[str]) -> list[str]:
    """Ids of the experiments of these names; of all priorities without any.

    Raises
    ------
    ConfigError
        When one does not exist.
    """
    if not names:
        every = client.search_experiments(filter_string=f"name LIKE '{PREFIX}%'", max_results=1000)
        return [experiment.experiment_id for experiment in every]
    found = []
    for name in names:
        full = name if name.startswith(PREFIX) else PREFIX + name
        experiment = client.get_experiment_by_name(full)
        if experiment is None:
            raise ConfigError(
                f"There is no experiment '{full}' in {store.shown}.",
                next_step="Name a priority that has been evaluated, or leave --experiment out to take all.",
            )
        found.append(experiment.experiment_id)
    return found


def runs_of(client: MlflowClient, experiments: list[str], wanted: str = STUDIES) -> Iterator[Run]:
    """All runs of a kind, newest first."""
    token = None
    while experiments:
        page = client.search_runs(
            experiments, filter_string=wanted, max_results=PAGE, order_by=["attributes.start_time DESC"],
            page_token=token,
        )  # fmt: skip
        yield from page
        token = page.token
        if not token:
            return


def _stored(client: MlflowClient, study: str, runs: Sequence[Run], folder: Path) -> StoredStudy:
    ended = [run for run in runs if run.data.tags.get("evalkit.status") in ("done", "not rated")]
    evidence = brief = None
    run_id = ""
    if ended:
        speaking = _speaking(ended)
        run_id = speaking.info.run_id
        place = folder / run_id
        place.mkdir()
        number = speaking.data.tags.get(VERSION, "")
        name = EVIDENCE.replace(".", f".v{number}.") if number else EVIDENCE
        evidence = Path(client.download_artifacts(run_id, name, str(place))).read_text(encoding="utf-8")
        brief = _brief(client, run_id, BRIEF.replace(".", f".v{number}.") if number else BRIEF, place)
    decided = [each for run in runs for each in decisions(run.data.tags)]
    return StoredStudy(
        study_id=study,
        priority=runs[0].data.tags.get("evalkit.priority", ""),
        title=title_of(runs[0].info.run_name or study, runs[0].data.tags.get(CALLED, "")),
        running=runs[0].info.status == "RUNNING",
        run_id=run_id,
        evidence=evidence,
        brief=brief,
        versions=len(ended),
        decision=max(decided, key=lambda each: each.date, default=None),
    )


def _speaking(ended: Sequence[Run]) -> Run:
    """The run that stands for its study: the newest; of the jobs of one sweep the first, whichever ended last.

    Where the city has decided on a run and the data are still the same, it is that run: a decision is never shown
    beside a number that nobody decided on.
    """
    newest = ended[0]
    same = [run for run in ended if run.data.tags.get(DATA) == newest.data.tags.get(DATA)]
    decided = [(max(each.date for each in found), run) for run in same if (found := decisions(run.data.tags))]
    if decided:
        return max(decided, key=lambda each: each[0])[1]
    sweep = newest.data.tags.get(SWEEP)
    jobs = [run for run in ended if sweep and run.data.tags.get(SWEEP) == sweep]
    return min(jobs, key=lambda run: int(run.data.tags.get(SWEEP_JOB, 0)), default=newest)


def _brief(client: MlflowClient, run_id: str, name: str, folder: Path) -> bytes | None:
    from mlflow.exceptions import MlflowException

    try:
        return Path(client.download_artifacts(run_id, name, str(folder))).read_bytes()
    except (MlflowException, OSError):  # a store may hold the evidence alone; the page then links to nothing
        return None
