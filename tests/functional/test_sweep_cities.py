"""What takes too long for `make test`, whose small version is test_sweep.py: `make sweeps`.

100 cities x 3 estimators, on joblib and on Ray, with a worker and then the sweep itself killed on the way (two times
300 jobs); eight workers on one PostgreSQL; a sweep on Ray that is stopped by SIGTERM or Ctrl-C.
"""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from mlflow.entities import Run

from evalkit.tracking.store import opened, resolve
from tests.services import Postgres
from tests.sweeping import (
    command,
    complete,
    environment,
    figures,
    kill,
    marked,
    states,
    sweep,
    until,
    working,
    write_cities,
)

pytestmark = [pytest.mark.postgres, pytest.mark.ray, pytest.mark.calibration, pytest.mark.timeout(14_400)]
CITIES = int(os.environ.get("EVALKIT_SWEEP_CITIES", "100"))
ESTIMATORS = ("two_way_fixed_effects", "callaway_santanna", "imputation")
WORDS = ("city=glob(*)", f"estimator={','.join(ESTIMATORS)}")
LAUNCHERS = {
    "joblib": ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2"),
    "ray": ("hydra/launcher=ray", "hydra.launcher.num_cpus=2"),
}
LONG = 7200.0
WORKERS = 8


def report(line: str) -> None:
    """A figure for docs/sweeps.md, shown by ``-s``."""
    sys.stdout.write(f"{line}\n")


def logged(uri: str) -> list[Run]:
    """All runs that a store has of the sweep's priority."""
    with opened(resolve(uri)) as client:
        experiment = client.get_experiment_by_name("evalkit/public_safety")
        assert experiment is not None
        return list(client.search_runs([experiment.experiment_id], max_results=5000))


def by_role(runs: list[Run]) -> Counter[tuple[str, str]]:
    """How many there are of each role and status."""
    return Counter((run.data.tags["evalkit.role"], run.info.status) for run in runs)


def killed_and_finished(folder: Path, launcher: str, uri: str) -> None:
    """Kill a worker after a quarter of the jobs and the sweep after a half; start again; nothing is lost or doubled."""
    jobs = CITIES * len(ESTIMATORS)
    log = folder / "first.txt"
    start = time.monotonic()
    with log.open("w") as output:
        first = subprocess.Popen(
            command(*WORDS, *LAUNCHERS[launcher]), cwd=folder, env=environment(MLFLOW_TRACKING_URI=uri),
            stdout=output, stderr=output,
        )  # fmt: skip
        until(lambda: complete(folder) >= jobs // 4 and bool(working(folder)), first, seconds=LONG)
        kill(working(folder)[0])
        until(lambda: complete(folder) >= jobs // 2, first, seconds=LONG)
        kill(first.pid)
        first.wait()
    time.sleep(15)  # workers find out that they are orphans, and end
    assert not working(folder)
    before = complete(folder)
    code, document = sweep(folder, *WORDS, *LAUNCHERS[launcher], MLFLOW_TRACKING_URI=uri)
    report(f"{launcher}: {before} of {jobs} before the kill; {states(document)}; {time.monotonic() - start:.0f} s")
    assert code == 0, log.read_text()
    assert states(document).get("skipped", 0) + states(document).get("done", 0) == jobs
    assert before - 2 <= states(document)["skipped"] <= before
    runs = logged(uri)
    found = by_role(runs)
    report(f"{launcher}: runs in PostgreSQL {dict(found)}")
    assert found["study", "FINISHED"] == jobs
    assert found["primary", "FINISHED"] == jobs
    assert found["sweep", "FINISHED"] == 1
    assert not [run for run in runs if run.info.status == "RUNNING"]
    sweeps = {run.data.tags["mlflow.parentRunId"] for run in runs if run.data.tags["evalkit.role"] == "study"}
    assert len(sweeps) == 1


@pytest.mark.promise("fault-worker", "repeat-stages")
def test_hundred_cities_give_the_same_figures_on_joblib_and_ray_though_processes_are_killed(
    tmp_path: Path, postgres: Postgres
) -> None:
    found = {}
    for launcher in LAUNCHERS:
        folder = tmp_path / launcher
        folder.mkdir()
        write_cities(folder, CITIES)
        killed_and_finished(folder, launcher, postgres.new_database())
        found[launcher] = figures(folder)
    assert len(found["joblib"]) == CITIES * len(ESTIMATORS)
    assert found["joblib"] == found["ray"], "the same to the byte"


@pytest.mark.promise("fault-processes-postgresql")
def test_eight_workers_that_log_at_once_lose_no_run_in_postgresql(tmp_path: Path, postgres: Postgres) -> None:
    uri, cities = postgres.new_database(), 16
    write_cities(tmp_path, cities)
    words = (*WORDS, "hydra/launcher=joblib", f"hydra.launcher.n_jobs={WORKERS}")
    code, document = sweep(tmp_path, *words, MLFLOW_TRACKING_URI=uri)
    jobs = cities * len(ESTIMATORS)
    assert (code, states(document)) == (0, {"done": jobs})
    runs = logged(uri)
    report(f"{WORKERS} workers: {dict(by_role(runs))}")
    assert by_role(runs) == {("sweep", "FINISHED"): 1, ("study", "FINISHED"): jobs, ("primary", "FINISHED"): jobs}
    assert all("effect" in run.data.metrics for run in runs if run.data.tags["evalkit.role"] == "study")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_sweep_on_ray_that_is_stopped_leaves_no_process_and_goes_on_later(
    tmp_path: Path, postgres: Postgres, number: signal.Signals
) -> None:
    uri, mark = postgres.new_database(), f"EVALKIT_TEST_MARK={secrets.token_hex(8)}"
    write_cities(tmp_path, 3)
    words = ("city=glob(*)", "estimator=two_way_fixed_effects,fragile", "--plugin", "fragile.py", *LAUNCHERS["ray"])
    (tmp_path / "be-slow").touch()
    around = environment(MLFLOW_TRACKING_URI=uri, **dict([mark.split("=")]))
    with (tmp_path / "first.txt").open("w") as output:
        first = subprocess.Popen(
            command(*words, "--json"), cwd=tmp_path, env=around, stdout=output, stderr=output, start_new_session=True
        )
        until(lambda: (tmp_path / "fitting").exists() and complete(tmp_path) > 0, first, seconds=LONG)
        assert len(marked(mark)) > 3, "the sweep, Ray's processes and its workers"
        if number == signal.SIGINT:
            os.killpg(first.pid, number)  # as a terminal does it: to all processes in the foreground
        else:
            first.send_signal(number)
        assert first.wait(timeout=120) == 128 + number
    said = (tmp_path / "first.txt").read_text()
    end = time.monotonic() + 30
    while marked(mark) and time.monotonic() < end:
        time.sleep(0.5)
    assert not marked(mark), said
    assert {status for (role, status) in by_role(logged(uri)) if role == "sweep"} == {"KILLED"}
    assert {status for _, status in by_role(logged(uri))} <= {"FINISHED", "KILLED"}
    before = complete(tmp_path)
    (tmp_path / "be-slow").unlink()
    code, document = sweep(tmp_path, *words, MLFLOW_TRACKING_URI=uri)
    report(f"{number.name}: {before} of 6 before the stop; {states(document)}")
    assert (code, states(document)) == (0, {"skipped": before, "done": 6 - before})
    found = by_role(logged(uri))
    assert (found["sweep", "FINISHED"], found["study", "FINISHED"], found["primary", "FINISHED"]) == (1, 6, 6)
