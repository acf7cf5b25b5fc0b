"""A real tracking server, killed at every moment of a run; and one that takes connections and says nothing."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from evalkit.cli.main import main
from evalkit.tracking.log import log_bundle
from tests.services import tracking_server
from tests.small_study import study, write_data, write_study
from tests.sweeping import environment, until
from tests.trust.relay import Relay, nothing, relay
from tests.unit.tracking.bundles import write_bundle

WAITING = '''
import time
from pathlib import Path

from evalkit.estimators.two_way_fixed_effects import TwoWayFixedEffects


class Waiting(TwoWayFixedEffects):
    """Two-way fixed effects that waits until the test lets it go on."""

    name = "waiting"

    def fit(self, panel, *, rng):
        Path("fitting").touch()
        while not Path("go").exists():
            time.sleep(0.05)
        return super().fit(panel, rng=rng)
'''
MOMENTS = {
    "the first run is made, its answer lost": ("after", "POST", "/runs/create", 1),
    "numbers are taken, their answer lost": ("after", "POST", "/runs/log-batch", 1),
    "the third file is on its way": ("before", "PUT", "/mlflow-artifacts/", 3),
    "a nested run is made": ("after", "POST", "/runs/create", 1),
    "the runs are closed": ("before", "POST", "/runs/update", 1),
}
"""When the server dies: before or after it did its part, in which request, and the how many-th of its kind."""


STILL_SECONDS = 300
"""A study of a second, and questions to the server that are given up on in seconds; unbounded, 20 minutes each."""


@contextmanager
def behind(address: Relay, folder: Path) -> Iterator[int]:
    """Start the server over the folder's store, behind the address; its process id."""
    with tracking_server(f"sqlite:///{folder / 'served.db'}", folder) as server:
        address.port = int(server.address.rpartition(":")[2])
        yield server.pid
        address.port = None


def kill(address: Relay, pid: int) -> None:
    os.killpg(pid, signal.SIGKILL)
    address.port = None


@dataclass
class Death:
    """Kills the server at a request: the `count`-th of a method whose path holds `part`."""

    address: Relay
    pid: int
    method: str
    part: str
    count: int
    came: bool = False

    def __call__(self, method: str, path: str) -> None:
        self.count -= method == self.method and self.part in path
        if self.count == 0 and not self.came:
            self.came = True
            kill(self.address, self.pid)


def stored(folder: Path) -> dict[str, Counter[tuple[Any, ...]]]:
    """What the server's store and its folder of files hold, without the names of runs."""
    with sqlite3.connect(folder / "served.db") as store:
        queries = {
            "runs": "select name, status from runs",
            "metrics": "select name, key, value, timestamp from metrics join runs using (run_uuid)",
            "params": "select name, key, value from params join runs using (run_uuid)",
        }
        found = {table: Counter(store.execute(query).fetchall()) for table, query in queries.items()}
    files = (path for path in (folder / "artifacts").rglob("*") if path.is_file())
    return {**found, "files": Counter((path.name, path.stat().st_size) for path in files)}


@pytest.mark.calibration
@pytest.mark.timeout(1800)
@pytest.mark.promise("fault-server-upload", "trap-02")
def test_a_server_killed_at_each_step_of_an_upload_loses_and_doubles_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    broken, calm = tmp_path / "broken", tmp_path / "calm"
    for folder in (broken, calm):
        folder.mkdir()
        write_bundle(folder / "results", run_id="5d1e0c4a-1111-4222-8333-444455556666")
    monkeypatch.chdir(broken)
    with relay() as address:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address.address)
        for moment, (side, method, part, count) in MOMENTS.items():
            with behind(address, broken) as pid:
                death = Death(address, pid, method, part, count)
                setattr(address, side, death)
                assert main(["sync", "--json"]) == 6, moment
                assert death.came, moment
                assert json.loads(capsys.readouterr().out)["logged"] == []
                address.before = address.after = nothing
        with behind(address, broken):
            assert main(["sync", "--json"]) == 0
            assert len(json.loads(capsys.readouterr().out)["logged"]) == 1
        with behind(address, calm):
            log_bundle(next((calm / "results").glob("*/*")))
    assert stored(broken) == stored(calm)


@pytest.mark.calibration
@pytest.mark.timeout(1800)
@pytest.mark.promise("fault-server-midrun")
def test_a_server_killed_while_the_study_works_costs_a_warning_and_sync_logs_it_whole(tmp_path: Path) -> None:
    write_data(write_study(tmp_path, study(checks=["sample_flow"])))
    (tmp_path / "waiting.py").write_text(WAITING, encoding="utf-8")
    evalkit = [sys.executable, "-m", "evalkit.cli"]
    with relay() as address:
        settings = environment(MLFLOW_TRACKING_URI=address.address)
        with behind(address, tmp_path) as pid:
            run = subprocess.Popen(
                [*evalkit, "run", "study=lights", "estimator=waiting", "--plugin", "waiting.py"],
                cwd=tmp_path, env=settings, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            )  # fmt: skip
            until((tmp_path / "fitting").exists, run, seconds=600)
            assert stored(tmp_path)["runs"] == {("Street lights and crime", "RUNNING"): 1}
            kill(address, pid)
        (tmp_path / "go").touch()
        said, warned = run.communicate(timeout=600)
        assert run.returncode == 6, warned
        assert "Headline" in said
        assert "evalkit sync" in warned
        (bundle,) = (marker.parent for marker in tmp_path.glob("results/*/*/COMPLETE"))
        assert not (bundle / "SYNCED").exists()
        with behind(address, tmp_path):
            for words in (["sync"], ["doctor", "--fix"], ["sync"]):
                done = subprocess.run(
                    [*evalkit, *words], cwd=tmp_path, env=settings, capture_output=True, text=True, check=False
                )
                assert done.returncode == 0, done.stdout + done.stderr
    assert (bundle / "SYNCED").exists()
    runs = stored(tmp_path)["runs"]
    assert runs["Street lights and crime", "FINISHED"] == 1
    assert not [name for name, status in runs if status == "RUNNING"]


@pytest.mark.calibration
@pytest.mark.timeout(1800)
@pytest.mark.promise("trap-02", "fault-server-midrun")
def test_a_server_that_stands_still_while_the_study_works_costs_a_warning_and_sync_doubles_nothing(
    tmp_path: Path,
) -> None:
    """Stopped, it takes connections and says nothing; going on, it does what it was asked in the meantime."""
    write_data(write_study(tmp_path, study(checks=["sample_flow"])))
    (tmp_path / "waiting.py").write_text(WAITING, encoding="utf-8")
    evalkit = [sys.executable, "-m", "evalkit.cli"]
    with relay() as address, behind(address, tmp_path) as pid:
        settings = environment(MLFLOW_TRACKING_URI=address.address)
        run = subprocess.Popen(
            [*evalkit, "run", "study=lights", "estimator=waiting", "--plugin", "waiting.py"],
            cwd=tmp_path, env=settings, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            until((tmp_path / "fitting").exists, run, seconds=600)
            os.killpg(pid, signal.SIGSTOP)
            (tmp_path / "go").touch()
            said, warned = run.communicate(timeout=STILL_SECONDS)
        finally:
            os.killpg(pid, signal.SIGCONT)
            run.kill()
        assert run.returncode == 6, warned
        assert "Headline" in said
        assert "evalkit sync" in warned
        for words in (["sync"], ["doctor", "--fix"], ["sync"]):
            done = subprocess.run(
                [*evalkit, *words], cwd=tmp_path, env=settings, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stdout + done.stderr
    assert list(tmp_path.glob("results/*/*/SYNCED"))
    runs = stored(tmp_path)["runs"]
    assert runs["Street lights and crime", "FINISHED"] == 1
    assert not [name for name, status in runs if status == "RUNNING"]


@pytest.mark.timeout(120)
@pytest.mark.promise("trap-02", "fault-server-start")
def test_a_server_that_never_says_a_word_stops_no_study(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_data(write_study(tmp_path, study(checks=["sample_flow"])))
    monkeypatch.chdir(tmp_path)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(64)
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{silent.getsockname()[1]}")
        assert main(["run", "study=lights", "--json", "--quiet"]) == 6
    shown = json.loads(capsys.readouterr().out)
    assert "no answer within" in shown["not_synced"]
    assert list(tmp_path.glob("results/*/*/COMPLETE"))
