"""One job of a sweep, in whichever process the launcher runs it: skip it if it is done, else do it, and worded so."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from evalkit.cli import plugins as plugin_files
from evalkit.cli.bundles import logged
from evalkit.cli.execute import Part, execute, tracking_uri
from evalkit.cli.failures import EXIT_CRASHED, EXIT_TERMINATED, as_dict
from evalkit.cli.screen import Screen
from evalkit.cli.sweep_words import worded
from evalkit.config import Composed
from evalkit.errors import ConfigError, EstimationFailed, EvalkitError, NotSynced
from evalkit.evaluation import read
from evalkit.language import speaking
from evalkit.report.finished import find_finished, job_key, provenance_of
from evalkit.tracking.live import sigterm_unwinds
from evalkit.tracking.log import log_bundle
from evalkit.tracking.store import resolve

JOB: Final = "job.json"
STATUS: Final = "status.json"
STOP: Final = "STOP"
BEGUN: Final = "begun-"
CLAIMS: Final = "claims"
GRACE_SECONDS: Final = 10.0
WATCH_SECONDS: Final = 1.0
_guarded = False


@dataclass(frozen=True, slots=True)
class Sweep:
    """What all jobs of one start of a sweep share; goes to the workers.

    Attributes
    ----------
    id
        Of the sweep, the same each time it is started.
    folder
        Of this start: ``<results>/.sweeps/<uuid>``; job 7 has ``7/`` in it.
    root, cwd
        Absolute: the results folder, the working folder.
    plugins
        A researcher's files, absolute, and modules by name.
    launcher
        ``basic`` runs jobs in the process of the sweep.
    again
        Whether what is done is run again.
    stores
        Address of each store, as typed, to how it is shown and the MLflow run of the sweep there.
    """

    id: str
    folder: Path
    root: Path
    cwd: Path
    plugins: tuple[str, ...]
    launcher: str
    again: bool
    stores: dict[str | None, tuple[str, str | None]]

    @property
    def parallel(self) -> bool:
        """Whether jobs run in processes of their own."""
        return self.launcher != "basic"


def write_job(folder: Path, number: int, overrides: Sequence[str], composed: Composed, *, called: str = "") -> None:
    """Leave a job where its worker finds it; `called` goes into the name of its run."""
    place = folder / str(number)
    place.mkdir(parents=True)
    content = {"overrides": list(overrides), "called": called, "composed": composed.model_dump(mode="json")}
    (place / JOB).write_text(json.dumps(content), encoding="utf-8")


def status_of(folder: Path, number: int) -> dict[str, Any] | None:
    """How a job ended; None as long as it has not."""
    try:
        content: dict[str, Any] = json.loads((folder / str(number) / STATUS).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return content


def begun(folder: Path, number: int) -> list[dict[str, Any]]:
    """Process and machine of each attempt at a job, in no order; one that died while it wrote this counts too."""
    found = []
    for file in (folder / str(number)).glob(f"{BEGUN}*"):
        try:
            found.append(json.loads(file.read_text(encoding="utf-8")))
        except ValueError:
            found.append({})
    return found


def run_job(sweep: Sweep, number: int) -> None:
    """Do one job and write how it ended; errors are results here, not exceptions.

    Raises
    ------
    ConfigError
        On a machine that does not see the sweep's folders.
    """
    _stand_in(sweep.cwd)
    place = sweep.folder / str(number)
    if not place.is_dir():
        raise ConfigError(worded("folder_missing", folder=str(place), host=socket.gethostname()))
    if (sweep.folder / STOP).exists() or (place / STATUS).exists():
        return
    if sweep.parallel:
        _obey_the_sweep_alone(deaf=sweep.launcher != "ray")
    here = {"pid": os.getpid(), "host": socket.gethostname()}
    (place / f"{BEGUN}{uuid.uuid4().hex}").write_text(json.dumps(here), encoding="utf-8")
    start = time.monotonic()
    status = _status(sweep, number, place)
    write_status(place / STATUS, {**status, **here, "seconds": round(time.monotonic() - start, 2)})


def _status(sweep: Sweep, number: int, place: Path) -> dict[str, Any]:
    try:
        with sigterm_unwinds():
            plugin_files.load(sweep.plugins)
            content = json.loads((place / JOB).read_text(encoding="utf-8"))
            composed = Composed.model_validate(content["composed"])
            with speaking(composed.study.language):
                return _done(sweep, number, composed, content["called"])
    except EvalkitError as error:
        return {"state": "failed", **as_dict(error)}
    except (KeyboardInterrupt, SystemExit):  # SIGTERM among them; the run in MLflow is closed by now
        if not sweep.parallel:
            raise
        return {"state": "stopped", "what": worded("stopped_job"), "exit_code": EXIT_TERMINATED}
    except Exception as error:  # noqa: BLE001 (a faulty plug-in must not end the other jobs)
        return {"state": "failed", "what": f"{type(error).__name__}: {error}", "exit_code": EXIT_CRASHED}


def _done(sweep: Sweep, number: int, composed: Composed, called: str) -> dict[str, Any]:
    """Run the study, unless a bundle says that the same run is done."""
    study, uri = composed.study, tracking_uri(composed.tracking)
    shown, run_id = sweep.stores[composed.tracking.uri]
    _same_store(uri, shown)
    data = read(study)
    key = job_key(study, config_sha=study.sha(), data_sha=data.fingerprint)
    with _claimed(sweep.root, key):
        found = None if sweep.again else find_finished(sweep.root, study.spec.id, key)
        if found is not None:
            return {"key": key, **_found(found, sweep, number, uri)}
        part = Part(sweep.id, number, run_id, start=sweep.folder.name, called=called)
        outcome = execute(composed, root=sweep.root, screen=Screen(quiet=True), data=data, part_of=part)
    state = "not rated" if not outcome.rated else "not logged" if outcome.not_synced else "done"
    return {"key": key, "state": state, **outcome.to_dict(), "what": outcome.not_synced and outcome.not_synced.what}


def _found(bundle: Path, sweep: Sweep, number: int, uri: str | None) -> dict[str, Any]:
    """Status of a job whose bundle is there: left by an earlier run, or by a worker that was lost after writing it."""
    problem = None
    known = logged(bundle)
    if known is None or known.store != resolve(uri).shown:
        try:
            log_bundle(bundle, tracking_uri=uri)
            known = logged(bundle)
        except NotSynced as error:
            problem = error
    evidence = json.loads((bundle / "evidence.json").read_text(encoding="utf-8"))
    rated = evidence["rating"]["label"] != "Not rated"
    origin = provenance_of(bundle).get("sweep")
    mine = isinstance(origin, dict) and (origin.get("start"), origin.get("job")) == (sweep.folder.name, number)
    state = "not rated" if not rated else "not logged" if problem else "done" if mine else "skipped"
    code = EstimationFailed.exit_code if not rated else NotSynced.exit_code if problem else 0
    return {
        "state": state,
        "study": evidence["identity"]["study_id"],
        "estimator": evidence["estimates"][0]["estimator"],
        "headline": evidence["sentences"]["headline"],
        "certainty": evidence["sentences"]["certainty"],
        "rated": rated,
        "bundle": str(bundle),
        "brief": str(bundle / "brief.html"),
        "run_id": known.run_id if known else None,
        "what": problem.what if problem else None if mine else worded("done_before"),
        "exit_code": code,
    }


def _same_store(uri: str | None, shown: str) -> None:
    """A worker on another machine has an environment of its own, and could log to a store of its own."""
    here = resolve(uri).shown
    if here != shown:
        raise ConfigError(
            worded("other_store", host=socket.gethostname(), here=here, there=shown),
            next_step=worded("other_store_next"),
        )


@contextlib.contextmanager
def _claimed(root: Path, key: str) -> Iterator[None]:
    """Let no two processes do the same job at once; the claim of a process that dies ends with it."""
    from filelock import FileLock

    folder = root / ".sweeps" / CLAIMS
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / f"{key}.lock"):
        yield


def _stand_in(folder: Path) -> None:
    """Work where the sweep was started: its relative paths and its local store are there."""
    try:
        os.chdir(folder)
    except OSError:
        raise ConfigError(
            worded("folder_missing", folder=str(folder), host=socket.gethostname()), next_step=worded("folder_next")
        ) from None


def _obey_the_sweep_alone(*, deaf: bool) -> None:
    """Once in each worker: nobody outlives the sweep; where Ctrl-C reaches workers too, it is for the sweep alone."""
    global _guarded  # noqa: PLW0603 (one guard a process)
    if _guarded:
        return
    _guarded = True
    if deaf and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()


def _end_with(parent: int) -> None:
    """End this process, its job closed, soon after the process that started it has gone (kill -9)."""
    while os.getppid() == parent:
        time.sleep(WATCH_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_SECONDS)
    os._exit(EXIT_TERMINATED)


def write_status(file: Path, content: dict[str, Any]) -> None:
    """Whole or not at all: the sweep may read at any moment."""
    temporary = file.with_name(f".{file.name}.{uuid.uuid4().hex}")
    temporary.write_text(json.dumps(content, indent=2, default=str), encoding="utf-8")
    temporary.replace(file)
