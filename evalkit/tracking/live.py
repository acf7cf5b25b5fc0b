"""The run that shows while a study works, and how it is closed when the study fails or is stopped.

For the command line::

    with running("castle_doctrine", "public_safety", "Castle doctrine laws and homicide", tracking_uri=uri) as live:
        evaluation = evaluate(study)
        bundle = write_bundle(evaluation, ...)
        log_bundle(bundle, tracking_uri=uri, parent_run_id=live.run_id)

While the body works the run shows as RUNNING. `log_bundle` fills it and sets FINISHED (FAILED where
the study is not rated). When the body raises, the run ends as FAILED with the reason; on SIGTERM and
SIGINT it ends as KILLED, and the process leaves with 143 or 130. After ``kill -9`` nothing can be
closed: :mod:`evalkit.tracking.stale` finds such runs later. With ``live=False`` nothing is opened
beforehand (and MLflow not imported); only a failure leaves a run, closed at once.

A store that cannot be reached stops nothing: `running` then yields a run without an id, says why in
`LiveRun.problem`, and the study goes on.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING, Final, Literal

from evalkit.errors import EvalkitError, NotSynced
from evalkit.language import Phrases, why
from evalkit.tracking import fields
from evalkit.tracking.contents import CALLED, SWEEP, run_name
from evalkit.tracking.description import NOTE
from evalkit.tracking.store import Store, opened, resolve
from evalkit.tracking.views import ensure_experiment

if TYPE_CHECKING:
    from mlflow import MlflowClient

ClosedStatus = Literal["FAILED", "KILLED"]
PID: Final = "evalkit.pid"
HOST: Final = "evalkit.host"
REASON: Final = "evalkit.reason"
PARENT: Final = "mlflow.parentRunId"
_WORDS: Final = {"FAILED": "failed", "KILLED": "stopped"}
_SAID: Final = {
    "running": "{title}: the study is being evaluated.",
    "FAILED": "No result: the study failed. {reason}",
    "KILLED": "No result: the study stopped. {reason}",
    "not_logged": "The study is done, but its results were not logged in this run.",
    "keyboard": "Stopped from the keyboard (SIGINT).",
    "outside": "Stopped from outside (SIGTERM).",
}
SAID: Final = Phrases(_SAID)
"""What stands on a run that has no result, in the language of the study; its status is a code."""


class Terminated(SystemExit):
    """SIGTERM came: unwinds the study so that nothing is left open, and ends the process with 143."""

    def __init__(self) -> None:
        super().__init__(128 + signal.SIGTERM)


@dataclass(frozen=True, slots=True)
class StudyIdentity:
    """What a run of a study is listed under before there is evidence."""

    study_id: str
    priority: str
    title: str
    sweep: str = ""
    parent_run_id: str | None = None
    called: str = ""


@dataclass(frozen=True, slots=True)
class LiveRun:
    """The run of a study that is working.

    Attributes
    ----------
    run_id
        None where the store could not be reached, or where no live run was asked for.
    problem
        Why it could not.
    """

    run_id: str | None = None
    problem: NotSynced | None = None


@contextlib.contextmanager
def running(
    study_id: str,
    priority: str,
    title: str,
    *,
    tracking_uri: str | None = None,
    live: bool = True,
    part_of: tuple[str, str | None, str] | None = None,
) -> Iterator[LiveRun]:
    """Keep a run open while the study works; see the head of this module.

    Parameters
    ----------
    study_id, priority, title
        What it is listed under.
    tracking_uri
        Address of the store.
    live
        Whether it shows while the study works.
    part_of
        Id of the sweep that it is a job of, the run it is nested under, and what tells it from other jobs of its title.

    Raises
    ------
    ConfigError
        If the tracking address is of a kind that evalkit does not log to.
    """
    identity = StudyIdentity(study_id, priority, title, *(part_of or ()))
    store = resolve(tracking_uri)
    with sigterm_unwinds():
        run = _start(store, identity) if live else LiveRun()
        try:
            yield run
        except BaseException as error:
            if run.problem is None:
                _close_after(error, store, identity, run.run_id)
            raise
        _close_if_open(store, run.run_id)


def log_failure(
    study_id: str,
    priority: str,
    title: str,
    error: BaseException | str,
    *,
    status: ClosedStatus = "FAILED",
    tracking_uri: str | None = None,
    run_id: str | None = None,
) -> str:
    """Close a run with the reason why the study has no result, opening one if there is none yet; return its id.

    Raises
    ------
    NotSynced
        If the store does not take it.
    """
    identity = StudyIdentity(study_id, priority, title)
    store = resolve(tracking_uri)
    with opened(store) as client:
        closed = run_id or _open(client, store, identity)
        close(client, closed, status, _reason(error))
    return closed


def _start(store: Store, identity: StudyIdentity) -> LiveRun:
    try:
        with opened(store) as client:
            return LiveRun(_open(client, store, identity))
    except NotSynced as problem:
        return LiveRun(problem=problem)


def _open(client: MlflowClient, store: Store, identity: StudyIdentity) -> str:
    experiment_id = ensure_experiment(client, store, identity.priority)
    tags = fields.tags(
        {
            "evalkit.study": identity.study_id,
            "evalkit.role": "study",
            "evalkit.priority": identity.priority,
            "evalkit.status": "running",
            PID: str(os.getpid()),
            HOST: socket.gethostname(),
            NOTE: SAID.say("running", title=identity.title),
            SWEEP: identity.sweep,
            PARENT: identity.parent_run_id,
            CALLED: identity.called,
        }
    )
    name = run_name(identity.title, identity.called)
    run = client.create_run(experiment_id, start_time=_now_ms(), run_name=name, tags=tags)
    return str(run.info.run_id)


def _close_after(error: BaseException, store: Store, identity: StudyIdentity, run_id: str | None) -> None:
    """Close the run; where that fails too, say so on the error that is on its way to the user."""
    status: ClosedStatus = "KILLED" if isinstance(error, KeyboardInterrupt | SystemExit) else "FAILED"
    try:
        with opened(store) as client:
            closed = run_id or _open(client, store, identity)
            if client.get_run(closed).info.status == "RUNNING":
                close(client, closed, status, _reason(error))
    except NotSynced as problem:
        error.add_note(f"Its run could not be closed: {problem.what} `evalkit doctor --fix` closes it later.")


def _close_if_open(store: Store, run_id: str | None) -> None:
    """End a run that the body of the ``with`` left open although nothing failed: its bundle was not logged."""
    if run_id is None:
        return
    with contextlib.suppress(NotSynced), opened(store) as client:  # `doctor` finds it when the store is back
        if client.get_run(run_id).info.status == "RUNNING":
            close(client, run_id, "KILLED", SAID["not_logged"])


def close(client: MlflowClient, run_id: str, status: ClosedStatus, reason: str) -> None:
    """End a run that has no result, with the reason where a reader looks first."""
    from mlflow.entities import RunTag

    words = _WORDS[status]
    tags = fields.tags(
        {
            "evalkit.status": words,
            REASON: reason,
            "evalkit.headline": SAID.say(status, reason=reason),
            NOTE: SAID.say(status, reason=reason),
        }
    )
    client.log_batch(run_id, tags=[RunTag(key, value) for key, value in tags.items()], synchronous=True)
    client.set_terminated(run_id, status=status, end_time=_now_ms())
    forget_process(client, run_id)


def forget_process(client: MlflowClient, run_id: str, *more: str) -> None:
    """Take process and machine off a run that has ended: they serve only to tell that it has not; `more` tags too."""
    known = client.get_run(run_id).data.tags
    for tag in (PID, HOST, *more):
        if tag in known:
            client.delete_tag(run_id, tag)


def _reason(error: BaseException | str) -> str:
    if isinstance(error, KeyboardInterrupt):
        return SAID["keyboard"]
    if isinstance(error, SystemExit):  # ours, or that of whoever else handles the signal in this process
        return SAID["outside"]
    text = (why(error) if isinstance(error, EvalkitError) else str(error)).strip()
    # One line, the first: what happened. Paths and next steps are for the one at the terminal.
    return text.splitlines()[0] if text else type(error).__name__


@contextlib.contextmanager
def sigterm_unwinds() -> Iterator[None]:
    """Turn SIGTERM into an exception in the main thread; Python does the same with SIGINT by itself."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def unwind(number: int, frame: FrameType | None) -> None:
        raise Terminated

    before = signal.signal(signal.SIGTERM, unwind)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
