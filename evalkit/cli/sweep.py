"""`evalkit run -m`: every combination is a job of its own; one that fails, or is lost, does not stop the others."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import uuid
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import evalkit
from evalkit.cli import plugins as plugin_files
from evalkit.cli.execute import tracking_uri
from evalkit.cli.failures import EXIT_CRASHED
from evalkit.cli.screen import Screen
from evalkit.cli.sweep_job import Sweep, begun, run_job, status_of, write_job
from evalkit.cli.sweep_late import logged_late
from evalkit.cli.sweep_report import finish, show
from evalkit.cli.sweep_stop import Stop, stoppable
from evalkit.cli.sweep_watch import called, short_names, watching
from evalkit.cli.sweep_words import jobs as in_words
from evalkit.cli.sweep_words import worded
from evalkit.config import Composed, compose
from evalkit.config.sweeping import check_launcher, launcher_of, launching, plan_sweep
from evalkit.errors import ConfigError, EvalkitError, NotSynced
from evalkit.tracking.store import launching_run
from evalkit.tracking.sweep import SweepRun, open_sweep

SWEEPS: Final = ".sweeps"
ATTEMPTS: Final = 2
_THREADS: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def sweep(
    overrides: Sequence[str],
    *,
    plugins: Sequence[str],
    config_dir: Path | None,
    root: Path,
    screen: Screen,
    again: bool = False,
) -> int:
    """Run all combinations that are not done yet, then worded how each ended.

    Returns
    -------
    int
        0 when every job has its result, else the exit code of the first one that has none.

    Raises
    ------
    ConfigError
        For a config that any of the jobs could not run with: found before the first one starts.
    """
    plugin_files.load(plugins)
    typed = plan_sweep(overrides, config_dir)
    composed = _compose(typed, config_dir, screen)
    check_launcher(overrides, config_dir)
    folder = (root / SWEEPS / uuid.uuid4().hex).resolve()
    for number, (job, config, own) in enumerate(zip(typed, composed, called(typed), strict=True)):
        write_job(folder, number, job, config, called=own)
    name = _id(composed, root, start=folder.name if again else "")
    runs = _open_runs(name, typed, composed, screen)
    shared = Sweep(
        id=name,
        folder=folder,
        root=root.resolve(),
        cwd=Path.cwd(),
        plugins=plugin_files.everywhere(plugins),
        launcher=launcher_of(overrides),
        again=again,
        stores={address: (run.store.shown, run.run_id) for address, run in runs.items()},
    )
    stop = Stop(folder, screen)
    try:
        with (
            stoppable(stop, active=shared.parallel),
            watching(screen, folder, typed),
            _one_thread(shared.parallel),
            launching(
                functools.partial(run_job, shared),
                overrides=overrides,
                config_dir=config_dir,
                folder=folder,
                check_hosts=functools.partial(_refuse_files, list(runs.values())),
                stopping=lambda: stop.asked,
            ) as launched,
        ):
            problem = _run_all(shared, launched, len(typed), stop, screen)
    except (KeyboardInterrupt, SystemExit):
        stop.asked = True
        _close(shared, typed, runs, None, screen, stopped=True)
        raise
    statuses = _close(shared, typed, runs, problem, screen, stopped=stop.asked)
    stop.leave()
    return next((int(status["exit_code"]) for status in statuses if status["exit_code"]), 0)


def _compose(typed: Sequence[Sequence[str]], config_dir: Path | None, screen: Screen) -> list[Composed]:
    """Every job's config, so that a wrong word is found before the first job starts."""
    with screen.progress() as tell:
        found = []
        for number, job in enumerate(typed):
            tell(worded("reading", count=len(typed)), number / len(typed))
            found.append(compose(job, config_dir))
    return found


def _id(composed: Sequence[Composed], root: Path, *, start: str) -> str:
    """The same for the same jobs, in the same order and for the same results folder, whatever runs them."""
    parts = [evalkit.__version__, str(root.resolve()), start, *(one.study.sha() for one in composed)]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def _open_runs(
    name: str, typed: Sequence[Sequence[str]], composed: Sequence[Composed], screen: Screen
) -> dict[str | None, SweepRun]:
    """The sweep's run in each store; initialises a store once, before several processes meet in it."""
    launching_run()
    os.environ.pop("EVALKIT_LAUNCHING_RUN", None)  # jobs have runs of their own
    title = worded("title", jobs=in_words(len(typed)), what=_what(typed))
    priorities = list(dict.fromkeys(one.study.spec.priority for one in composed))
    found: dict[str | None, SweepRun] = {}
    for tracking in {one.tracking.uri: one.tracking for one in composed}.values():
        run = open_sweep(name, title, priorities, tracking_uri=tracking_uri(tracking))
        if run.problem is not None:
            screen.note(f"Warning: {run.problem}")
        found[tracking.uri] = run
    return found


def _what(typed: Sequence[Sequence[str]]) -> str:
    """What varies and what is fixed, as short as it goes: ``study=buses, city (100), estimator (3)``."""
    values: dict[str, list[str]] = {}
    for job in typed:
        for word in job:
            key, _, value = word.lstrip("+").partition("=")
            if value not in values.setdefault(key, []):
                values[key].append(value)
    return ", ".join(
        f"{key}={','.join(found)}" if len(found) <= 2 else f"{key} ({len(found)})" for key, found in values.items()
    )


def _run_all(
    shared: Sweep, launched: Callable[[Sequence[int]], None], count: int, stop: Stop, screen: Screen
) -> EvalkitError | None:
    """Launch until every job has a status or was lost twice; returns why jobs were never begun, if any were not.

    A job that began and left no status was lost with its worker. joblib ends all its workers when one dies, so the
    lost ones are tried again one by one: who is lost alone is lost by its own doing, and takes nobody along.
    """
    todo, suspects = list(range(count)), list[int]()
    while (todo or suspects) and not stop.asked:
        batch = todo or (list(suspects) if shared.launcher == "ray" else suspects[:1])
        before = {number: len(begun(shared.folder, number)) for number in batch}
        problem = None
        try:
            launched(batch)
        except EvalkitError as error:
            problem = error
        left = {n: len(begun(shared.folder, n)) for n in batch if status_of(shared.folder, n) is None}
        if left == before:  # nothing moved: it would not the next time either
            return problem or EvalkitError(worded("not_started_launcher"))
        todo = [number for number, tries in left.items() if tries == 0]
        lost = [number for number, tries in left.items() if 0 < tries < ATTEMPTS]
        suspects = [number for number in suspects if number not in batch] + lost
        if lost and not stop.asked:
            screen.note(worded("again_lost", names=", ".join(str(number + 1) for number in lost)))
    return None


def _refuse_files(runs: Sequence[SweepRun], hosts: Collection[str]) -> None:
    """A sqlite file is written under a lock of one machine; several machines would break it."""
    local = [run.store.shown for run in runs if run.store.folder is not None]
    if local and len(hosts) > 1:
        what = worded("sqlite_on_cluster", count=len(hosts), store=local[0])
        raise ConfigError(what, next_step=worded("sqlite_next"))


def _close(
    shared: Sweep,
    typed: Sequence[Sequence[str]],
    runs: dict[str | None, SweepRun],
    problem: EvalkitError | None,
    screen: Screen,
    *,
    stopped: bool,
) -> list[dict[str, Any]]:
    """Close what lost jobs left open, tell the store, and show the table."""
    statuses = []
    for number, (name, job) in enumerate(zip(short_names(typed), typed, strict=True)):
        status = status_of(shared.folder, number) or _unfinished(shared.folder, number, problem, stopped=stopped)
        statuses.append({"job": name, "overrides": list(job), **status})
    if not stopped:  # else it should end soon: the next start logs them
        statuses = logged_late(shared.folder, statuses)
    for run in runs.values():
        try:
            finish(run, statuses, stopped=stopped)
        except NotSynced as error:
            screen.note(f"Warning: {error}")
    show(statuses, shared.folder, list(runs.values()), screen)
    return statuses


def _unfinished(folder: Path, number: int, problem: EvalkitError | None, *, stopped: bool) -> dict[str, Any]:
    tries = len(begun(folder, number))
    if stopped:
        words = worded("stopped_job") if tries else worded("not_started", reason=worded("not_started_stop"))
        return {"state": "stopped" if tries else "not started", "what": words, "exit_code": EXIT_CRASHED}
    if tries:
        return {"state": "lost", "what": worded("lost"), "exit_code": EXIT_CRASHED}
    reason = problem.what if problem else worded("not_started_launcher")
    code = problem.exit_code if problem else EXIT_CRASHED
    return {"state": "not started", "what": worded("not_started", reason=reason), "exit_code": code}


@contextmanager
def _one_thread(active: bool) -> Iterator[None]:
    """Give each job one thread of linear algebra, unless somebody chose otherwise: the same sums on any launcher."""
    mine = [name for name in _THREADS if active and name not in os.environ]
    os.environ.update(dict.fromkeys(mine, "1"))
    try:
        yield
    finally:
        for name in mine:
            os.environ.pop(name, None)
