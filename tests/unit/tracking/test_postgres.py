"""The tracking store on a real PostgreSQL, as a team runs it."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
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


@pytest.fixture(scope="module")
def uri(postgres: Postgres) -> str:
    """Address of a database that MLflow has set up, which takes seconds."""
    found = postgres.new_database()
    with opened(resolve(found)):
        pass
    return found


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
        nested = client.search_runs([experiment.experiment_id], "tags.`evalkit.role` != 'study'")
        alone = log_bundle(write_bundle(tmp_path / "alone"), tracking_uri=uri)
        one = client.get_run(alone.run_id).data
    assert len(parents) == PROCESSES
    assert {run.info.status for run in parents} == {"FINISHED"}
    assert len(nested) == PROCESSES * len(alone.children) > 0
    assert Counter(run.data.tags["mlflow.parentRunId"] for run in nested) == {
        run.info.run_id: len(alone.children) for run in parents
    }
    assert "effect" in one.metrics
    for run in parents:
        assert (run.data.metrics, set(run.data.params)) == (one.metrics, set(one.params))


@pytest.mark.promise("secure-canary")
def test_the_password_of_the_store_is_nowhere_in_what_was_logged(postgres: Postgres, uri: str, tmp_path: Path) -> None:
    logged = log_bundle(write_bundle(tmp_path / "results"), tracking_uri=uri)
    assert postgres.password not in repr(logged)
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert postgres.password.encode() not in path.read_bytes(), path


Connection = psycopg.Connection[tuple[Any, ...]]


def _about_to_be_written(connection: Connection, table: str, where: str) -> None:
    """Let rows look as if another process had just inserted and not committed them."""
    rows = connection.execute(f"delete from {table} where {where} returning *".encode()).fetchall()
    assert rows
    connection.commit()
    for row in rows:
        connection.execute(f"insert into {table} values ({', '.join(['%s'] * len(row))})".encode(), row)


def _blocks_somebody(connection: Connection) -> bool:
    query = "select count(*) from pg_stat_activity where %s = any(pg_blocking_pids(pid))"
    found = connection.execute(query, [connection.info.backend_pid]).fetchone()
    return found is not None and found[0] > 0


@pytest.mark.promise("fault-processes-postgresql")
def test_rows_that_another_process_writes_at_the_same_moment_cost_no_run(uri: str, tmp_path: Path) -> None:
    # What jobs of a sweep share: the experiment's tags, and the row of their data. Here both collide for certain.
    first, second = (write_bundle(tmp_path / name) for name in ("first", "second"))
    log_bundle(first, tracking_uri=uri)
    direct = uri.replace("+psycopg", "")
    with psycopg.connect(direct) as tags, psycopg.connect(direct) as data, ThreadPoolExecutor(1) as other:
        _about_to_be_written(tags, "experiment_tags", "key like 'mlflow.sharedViewState%%'")
        _about_to_be_written(data, "datasets", "true")
        logged = other.submit(log_bundle, second, tracking_uri=uri)
        for connection in (tags, data):
            while not _blocks_somebody(connection):
                assert not logged.done(), logged.exception()
                time.sleep(0.02)
            connection.commit()
        run = logged.result()
    with opened(resolve(uri)) as client:
        found = client.get_run(run.run_id)
    assert found.info.status == "FINISHED"
    assert found.inputs is not None
    assert len(found.inputs.dataset_inputs) == 1
