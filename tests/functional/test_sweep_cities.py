"""100 cities x 3 estimators, on joblib and on Ray, with a worker and then the sweep itself killed on the way.

Two times 300 jobs: `make sweeps`. The small version of it, test_sweep.py, is part of `make test`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from evalkit.tracking.store import opened, resolve
from tests.services import Postgres
from tests.sweeping import command, complete, environment, figures, kill, states, sweep, until, working, write_cities

pytestmark = [pytest.mark.postgres, pytest.mark.ray, pytest.mark.calibration, pytest.mark.timeout(14_400)]
CITIES = int(os.environ.get("EVALKIT_SWEEP_CITIES", "100"))
ESTIMATORS = ("two_way_fixed_effects", "callaway_santanna", "imputation")
WORDS = ("city=glob(*)", f"estimator={','.join(ESTIMATORS)}")
LAUNCHERS = {
    "joblib": ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2"),
    "ray": ("hydra/launcher=ray", "hydra.launcher.num_cpus=2"),
}
LONG = 7200.0


def report(line: str) -> None:
    """A figure for docs/sweeps.md, shown by ``-s``."""
    sys.stdout.write(f"{line}\n")


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
    with opened(resolve(uri)) as client:
        experiment = client.get_experiment_by_name("evalkit/public_safety")
        assert experiment is not None
        runs = client.search_runs([experiment.experiment_id], max_results=5000)
    found = Counter((run.data.tags["evalkit.role"], run.info.status) for run in runs)
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
