"""Real signals while chains are really sampled: how the run is closed, and that no process stays behind."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.small_study import study, write_data, write_study
from tests.sweeping import environment, until

pytestmark = [pytest.mark.calibration, pytest.mark.timeout(1800)]
SAMPLED = '''
from pathlib import Path

from evalkit.estimators.bayesian_did import BayesianDid


class Sampled(BayesianDid):
    """Bayesian difference-in-differences whose sampler tells when it is at work."""

    name = "sampled"

    def fit(self, panel, *, rng):
        import nutpie
        import pymc

        begin, sample = nutpie.sample, pymc.sample

        def begun(*words, **settings):
            running = begin(*words, **settings)
            Path("sampling").touch()
            return running

        def sampled(*words, **settings):
            return sample(*words, callback=lambda *_, **__: Path("sampling").touch(), **settings)

        nutpie.sample, pymc.sample = begun, sampled
        return super().fit(panel, rng=rng)
'''
LONG = ("estimator.engine=nuts", "estimator.draws=200000", "estimator.tune=200000", "estimator.chains=4")
GONE_SECONDS = 60
"""Threads end with their process; workers, if there were any, would find out within seconds."""


def heard() -> None:
    """Let the process hear Ctrl-C even where these tests run in the background, which has it ignored."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def session(leader: int) -> list[int]:
    """Processes of the session that a process led when it was started, itself included, that have not ended."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                state, _, _, owner, *_ = (entry / "stat").read_text().rpartition(")")[2].split()
            except (OSError, ValueError):
                continue
            if int(owner) == leader and state not in "ZX":
                found.append(int(entry.name))
    return found


def statuses(folder: Path) -> list[str]:
    with sqlite3.connect(folder / "mlflow.db") as store:
        return [str(status) for (status,) in store.execute("select status from runs")]


def stopped(folder: Path, sampler: str, number: signal.Signals) -> tuple[int, str]:
    """Start a study, wait until its chains are sampled, send the signal; exit code and what was said."""
    write_data(write_study(folder, study(checks=["sample_flow"])))
    (folder / "sampled.py").write_text(SAMPLED, encoding="utf-8")
    words = ["run", "study=lights", "estimator=sampled", f"estimator.sampler={sampler}", *LONG]
    process = subprocess.Popen(
        [sys.executable, "-m", "evalkit.cli", *words, "--plugin", "sampled.py", "--quiet"],
        cwd=folder, env=environment(), stderr=subprocess.PIPE, text=True, start_new_session=True,
        preexec_fn=heard,  # noqa: PLW1509 (no threads here)
    )  # fmt: skip
    try:
        until((folder / "sampling").exists, process, seconds=900)
        assert process.pid in session(process.pid)
        os.kill(process.pid, number)
        _, said = process.communicate(timeout=300)
    finally:
        process.kill()  # where it did not end by itself
    end = time.monotonic() + GONE_SECONDS
    while session(process.pid) and time.monotonic() < end:
        time.sleep(0.2)
    assert not session(process.pid), "a process stayed behind"
    assert not list(folder.glob("results/*/*/COMPLETE"))
    return process.returncode, said


@pytest.mark.parametrize("sampler", ["nutpie", "pymc"])
@pytest.mark.parametrize(
    ("number", "code"),
    [
        pytest.param(signal.SIGTERM, 143, marks=pytest.mark.promise("fault-sigterm", "trap-11")),
        pytest.param(signal.SIGINT, 130, marks=pytest.mark.promise("fault-sigint", "trap-11")),
    ],
)
def test_a_study_that_is_stopped_while_it_samples_is_killed_and_leaves_no_process(
    tmp_path: Path, sampler: str, number: signal.Signals, code: int
) -> None:
    ended, said = stopped(tmp_path, sampler, number)
    assert ended == code, said
    assert "Traceback" not in said
    assert statuses(tmp_path) == ["KILLED"]


@pytest.mark.parametrize("sampler", ["nutpie", "pymc"])
@pytest.mark.promise("fault-kill", "trap-11")
def test_a_study_that_is_killed_while_it_samples_leaves_no_process_and_doctor_closes_its_run(
    tmp_path: Path, sampler: str
) -> None:
    ended, _ = stopped(tmp_path, sampler, signal.SIGKILL)
    assert ended == -signal.SIGKILL
    assert statuses(tmp_path) == ["RUNNING"]
    doctor = [sys.executable, "-m", "evalkit.cli", "doctor", "--fix"]
    done = subprocess.run(doctor, cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert statuses(tmp_path) == ["KILLED"]
