"""`evalkit run -m`: every combination is a run of its own; one that fails does not stop the others."""

from __future__ import annotations

import functools
import json
import os
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from evalkit.cli import plugins as plugin_files
from evalkit.cli.execute import execute, tracking_uri
from evalkit.cli.failures import EXIT_CRASHED, as_dict
from evalkit.cli.screen import Screen
from evalkit.config import compose
from evalkit.config.sweeping import is_parallel, launch_sweep, plan_sweep
from evalkit.errors import EvalkitError, NotSynced
from evalkit.tracking.store import launching_run, opened, resolve

STATUS: Final = "status.json"
SWEEPS: Final = ".sweeps"


def sweep(
    overrides: Sequence[str],
    *,
    plugins: Sequence[Path],
    config_dir: Path | None,
    root: Path,
    screen: Screen,
) -> int:
    """Run all combinations, then say which are done and which failed.

    Returns
    -------
    int
        0 when all are done, else the exit code of the first job that is not.

    Raises
    ------
    ConfigError
        For a config that any of the jobs could not run with: found before the first one starts.
    """
    plugin_files.load(plugins)
    planned = plan_sweep(overrides, config_dir)
    composed = [compose(job, config_dir) for job in planned]
    _prepare_stores({tracking_uri(one.tracking) for one in composed}, screen)
    folder = (root / SWEEPS / uuid.uuid4().hex).resolve()
    folder.mkdir(parents=True)
    job = functools.partial(
        run_job,
        plugins=tuple(file.resolve() for file in plugins),
        config_dir=config_dir.resolve() if config_dir else None,
        root=root.resolve(),
        screen=Screen(quiet=screen.quiet or is_parallel(overrides)),
        planned=len(planned),
    )
    stopped = None
    try:
        launch_sweep(overrides, job, config_dir=config_dir, folder=folder)
    except EvalkitError as error:
        stopped = error
    statuses = [_status(folder / str(number), stopped) for number in range(len(planned))]
    _show(planned, statuses, folder, screen)
    return next((int(status["exit_code"]) for status in statuses if status["exit_code"]), 0)


def run_job(
    overrides: tuple[str, ...],
    folder: Path,
    *,
    plugins: Sequence[Path],
    config_dir: Path | None,
    root: Path,
    screen: Screen,
    planned: int,
) -> None:
    """Run one combination and write how it ended to `folder`; errors are results here, not exceptions."""
    typed = tuple(word.lstrip("+") for word in overrides)
    name = f"[{int(folder.name) + 1}/{planned}] {' '.join(typed)}"
    screen.note(name)
    try:
        plugin_files.load(plugins)
        outcome = execute(compose(overrides, config_dir), root=root, screen=screen)
        status = {"state": "done" if outcome.exit_code == 0 else "incomplete", **outcome.to_dict()}
    except EvalkitError as error:
        status = {"state": "failed", **as_dict(error)}
    except Exception as error:  # noqa: BLE001 (a faulty plug-in must not end the other jobs)
        status = {"state": "failed", "what": f"{type(error).__name__}: {error}", "exit_code": EXIT_CRASHED}
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f".{STATUS}.{os.getpid()}"
    temporary.write_text(json.dumps({"overrides": typed, **status}, indent=2, default=str), encoding="utf-8")
    temporary.replace(folder / STATUS)


def _prepare_stores(addresses: set[str | None], screen: Screen) -> None:
    """Initialise the store once, before several processes meet in it; forget the run `mlflow run` opened."""
    launching_run()
    os.environ.pop("EVALKIT_LAUNCHING_RUN", None)  # jobs have runs of their own
    for address in addresses:
        try:
            with opened(resolve(address)):
                pass
        except NotSynced as error:
            screen.note(f"Warning: {error}")


def _status(folder: Path, stopped: EvalkitError | None) -> dict[str, Any]:
    """How a job ended; one that left no word did not finish."""
    try:
        status: dict[str, Any] = json.loads((folder / STATUS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        what = stopped.what if stopped else "The job ended without a word: its process was killed."
        return {"state": "not finished", "what": what, "exit_code": EXIT_CRASHED}
    return status


def _show(planned: Sequence[Sequence[str]], statuses: Sequence[dict[str, Any]], folder: Path, screen: Screen) -> None:
    if screen.as_json:
        jobs = [{"overrides": list(job), **status} for job, status in zip(planned, statuses, strict=True)]
        screen.document({"jobs": jobs, "folder": str(folder)})
        return
    rows = [
        (" ".join(job), status["state"], str(status.get("headline") or status.get("what") or ""))
        for job, status in zip(planned, statuses, strict=True)
    ]
    screen.table("Sweep", ("job", "state", "headline or reason"), rows)
    done = sum(status["state"] == "done" for status in statuses)
    screen.note(f"{done} of {len(statuses)} done. Details of each job: {folder}")
