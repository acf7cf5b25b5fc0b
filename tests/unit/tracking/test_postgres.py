"""The tracking store on a real PostgreSQL, as a team runs it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from evalkit.tracking.log import log_bundle
from evalkit.tracking.store import opened, resolve
from tests.services import Postgres
from tests.unit.tracking.bundles import write_bundle

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(600)]
PROCESSES = 8
LOGS = "import sys; from evalkit.tracking.log import log_bundle; log_bundle(sys.argv[1], tracking_uri=sys.argv[2])"


@pytest.fixture(autouse=True)
def _artifacts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A bare database has no place for files: MLflow takes the working folder."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.slow
@pytest.mark.promise("fault-processes-postgresql")
def test_eight_processes_at_once_lose_no_run_in_a_fresh_database(postgres: Postgres, tmp_path: Path) -> None:
    uri = postgres.new_database()
    bundles = [write_bundle(tmp_path / f"city{number}") for number in range(PROCESSES)]
    started = [
        subprocess.Popen([sys.executable, "-c", LOGS, str(bundle), uri], cwd=tmp_path, stderr=subprocess.PIPE)
        for bundle in bundles
    ]
    ended = [(process.communicate()[1].decode(), process.returncode) for process in started]
    assert [code for _, code in ended] == [0] * PROCESSES, ended
    with opened(resolve(uri)) as client:
        experiment = client.get_experiment_by_name("evalkit/public_safety")
        assert experiment is not None
        parents = client.search_runs([experiment.experiment_id], "tags.`evalkit.role` = 'study'")
    assert len(parents) == PROCESSES
    assert {run.info.status for run in parents} == {"FINISHED"}
    assert all("effect" in run.data.metrics for run in parents)


@pytest.mark.promise("secure-canary")
def test_the_password_of_the_store_is_nowhere_in_what_was_logged(postgres: Postgres, tmp_path: Path) -> None:
    logged = log_bundle(write_bundle(tmp_path / "results"), tracking_uri=postgres.new_database())
    assert postgres.password not in repr(logged)
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert postgres.password.encode() not in path.read_bytes(), path
