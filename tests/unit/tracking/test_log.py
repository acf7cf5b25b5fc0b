from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from mlflow.exceptions import MlflowException

from evalkit.errors import NotSynced
from evalkit.tracking.live import REASON, log_failure, running
from evalkit.tracking.log import _adopted, log_bundle
from evalkit.tracking.store import opened, resolve
from tests.unit.tracking.bundles import evidence, quantity, write_bundle

TABLES = ("runs", "metrics", "latest_metrics", "params", "tags", "inputs", "datasets", "experiments", "experiment_tags")


def _everything(uri: str) -> dict[str, list[tuple[object, ...]]]:
    with sqlite3.connect(resolve(uri).uri.removeprefix("sqlite:///")) as database:
        # Names of the tables come from the list above.
        rows = {table: database.execute(f"select * from {table}").fetchall() for table in TABLES}
    database.close()
    return {table: sorted(found, key=repr) for table, found in rows.items()}


def _count(uri: str, query: str) -> int:
    with sqlite3.connect(resolve(uri).uri.removeprefix("sqlite:///")) as database:
        count = int(database.execute(query).fetchone()[0])
    database.close()
    return count


def test_a_study_becomes_one_run_with_its_estimators_nested(tmp_path: Path, uri: str) -> None:
    logged = log_bundle(write_bundle(tmp_path), tracking_uri=uri)
    with opened(resolve(uri)) as client:
        study = client.get_run(logged.run_id)
        nested = [client.get_run(run_id) for run_id in logged.children.values()]
        artifacts = {item.path for item in client.list_artifacts(logged.run_id)}
        experiment = client.get_experiment(logged.experiment_id)
    assert experiment.name == "evalkit/public_safety"
    assert study.info.status == "FINISHED"
    assert study.info.run_name == "Castle doctrine laws and homicide"
    assert {run.data.tags["mlflow.parentRunId"] for run in nested} == {logged.run_id}
    assert [run.info.status for run in nested] == ["FINISHED", "FINISHED", "FAILED"]
    assert sorted(artifacts)[0] == "brief.html"
    assert study.data.params["study.design.event_window"] == "[-5, 5]"
    assert study.inputs is not None
    assert study.inputs.dataset_inputs[0].dataset.digest == "d" * 36


def test_artifacts_lie_beside_the_database(tmp_path: Path, uri: str) -> None:
    logged = log_bundle(write_bundle(tmp_path), tracking_uri=uri)
    folder = tmp_path / "mlartifacts/evalkit/public_safety" / logged.run_id / "artifacts"
    assert (folder / "brief.html").is_file()
    assert (folder / "figures/strip.svg").is_file()


@pytest.mark.promise("fault-server-upload")
def test_logging_again_changes_nothing_at_all(tmp_path: Path, uri: str) -> None:
    bundle = write_bundle(tmp_path)
    first = log_bundle(bundle, tracking_uri=uri)
    before = _everything(uri)
    assert log_bundle(bundle, tracking_uri=uri) == first
    assert _everything(uri) == before


@pytest.mark.promise("fault-server-upload")
def test_a_half_logged_bundle_is_completed(tmp_path: Path, uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from mlflow import MlflowClient

    bundle = write_bundle(tmp_path)

    def disk_full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with (
        running("castle_doctrine", "public_safety", "Castle", tracking_uri=uri) as live,
        monkeypatch.context() as broken,
    ):
        broken.setattr(MlflowClient, "log_artifact", disk_full)
        with pytest.raises(NotSynced, match="No space left"):
            log_bundle(bundle, tracking_uri=uri, parent_run_id=live.run_id)
    assert not (bundle / "SYNCED").exists()
    assert _count(uri, "select count(*) from runs where status = 'KILLED'") == 1
    reason = f"select count(*) from tags where key = '{REASON}' and run_uuid = '{live.run_id}'"
    assert _count(uri, reason) == 1
    logged = log_bundle(bundle, tracking_uri=uri)
    assert logged.run_id == live.run_id
    assert _count(uri, reason) == 0, "it has its results now"
    assert _count(uri, "select count(*) from runs") == 4
    assert _count(uri, "select count(*) from runs where status = 'RUNNING'") == 0
    assert json.loads((bundle / "SYNCED").read_text())["run_id"] == logged.run_id


def test_two_bundles_of_one_study_are_two_runs(tmp_path: Path, uri: str) -> None:
    first = log_bundle(write_bundle(tmp_path), tracking_uri=uri)
    second = log_bundle(write_bundle(tmp_path), tracking_uri=uri)
    assert first.run_id != second.run_id
    assert first.experiment_id == second.experiment_id


@pytest.mark.promise("trap-10")
def test_an_infinite_bound_is_named_instead_of_logged(tmp_path: Path, uri: str) -> None:
    summary = evidence("u-1")
    # JSON as Python writes it can hold what the schema forbids; the store must not take it for a number.
    summary["estimates"][0]["effect"] = quantity(0.1, -0.2, float("inf"))
    logged = log_bundle(write_bundle(tmp_path, summary=summary), tracking_uri=uri)
    with opened(resolve(uri)) as client:
        run = client.get_run(logged.run_id)
    assert "effect_high" not in run.data.metrics
    assert run.data.tags["evalkit.unlogged"] == "effect_high is inf"


@pytest.mark.promise("trap-10")
def test_more_than_a_hundred_choices_all_arrive(tmp_path: Path, uri: str) -> None:
    settings = "\n".join(f"  s{index}: {index}" for index in range(250))
    logged = log_bundle(write_bundle(tmp_path, study_yaml=f"study: {{}}\nestimator:\n{settings}\n"), tracking_uri=uri)
    with opened(resolve(uri)) as client:
        assert len(client.get_run(logged.run_id).data.params) == 250


@pytest.mark.promise("secure-addresses")
def test_no_secret_reaches_the_store(tmp_path: Path, uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CITY_DB", "postgresql://ana:canary@db/x")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "canary")
    bundle = write_bundle(tmp_path / "results")
    log_failure("castle_doctrine", "public_safety", "Castle", "no answer from https://ana:canary@x", tracking_uri=uri)
    log_bundle(bundle, tracking_uri=uri)
    stored = [tmp_path / "mlflow.db", bundle / "SYNCED", *(tmp_path / "mlartifacts").rglob("*")]
    assert not [path for path in stored if path.is_file() and b"canary" in path.read_bytes()]


def test_the_launchers_run_leads_to_the_study(tmp_path: Path, uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(resolve(uri)) as client:
        launcher = client.create_run("0").info.run_id
    monkeypatch.setenv("EVALKIT_LAUNCHING_RUN", "")
    monkeypatch.setenv("MLFLOW_RUN_ID", launcher)
    logged = log_bundle(write_bundle(tmp_path), tracking_uri=uri)
    with opened(resolve(uri)) as client:
        tags = client.get_run(launcher).data.tags
        assert "mlflow.parentRunId" not in client.get_run(logged.run_id).data.tags
    assert logged.run_id != launcher
    assert tags["evalkit.study_run"] == logged.run_id
    assert logged.run_page in tags["mlflow.note.content"]


def test_a_launchers_run_in_another_store_is_left_alone(
    tmp_path: Path, uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVALKIT_LAUNCHING_RUN", "0123456789abcdef0123456789abcdef")
    assert log_bundle(write_bundle(tmp_path), tracking_uri=uri).run_id


@pytest.mark.timeout(60)
@pytest.mark.promise("trap-02", "fault-server-upload")
def test_a_server_that_falls_silent_leaves_the_bundle_for_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    stop = threading.Event()

    class HealthOnly(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path != "/health":
                stop.wait()
                return
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), HealthOnly)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    bundle = write_bundle(tmp_path)
    try:
        with pytest.raises(NotSynced, match="evalkit sync"):
            log_bundle(bundle, tracking_uri=f"http://127.0.0.1:{server.server_port}")
    finally:
        stop.set()
        server.shutdown()
        server.server_close()
        thread.join()
    assert not (bundle / "SYNCED").exists()


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    "processes", [4, pytest.param(8, marks=[pytest.mark.calibration, pytest.mark.promise("fault-processes-sqlite")])]
)
@pytest.mark.promise("trap-01")
def test_processes_that_start_together_on_a_fresh_store_lose_nothing(tmp_path: Path, processes: int) -> None:
    program = "import sys; from evalkit.tracking.log import log_bundle; log_bundle(sys.argv[1])"
    bundles = [write_bundle(tmp_path / "results") for _ in range(processes)]
    working = [
        subprocess.Popen([sys.executable, "-c", program, str(bundle)], cwd=tmp_path, stderr=subprocess.PIPE)
        for bundle in bundles
    ]
    ended = [(process.communicate()[1], process.returncode) for process in working]
    assert [code for _, code in ended] == [0] * processes, ended
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    assert _count(uri, "select count(*) from runs where status != 'RUNNING'") == processes * 4
    assert _count(uri, "select count(*) from experiments where name = 'evalkit/public_safety'") == 1
    assert _count(uri, "select count(*) from metrics where key = 'effect'") == processes * 3
    assert all((bundle / "SYNCED").is_file() for bundle in bundles)
    together = _everything(uri)
    log_bundle(write_bundle(tmp_path / "alone"), tracking_uri=uri)
    further = _everything(uri)
    for table in ("runs", "metrics", "latest_metrics", "params", "tags", "inputs"):
        one = len(further[table]) - len(together[table])
        assert len(together[table]) == processes * one > 0, table


def test_a_live_run_is_given_up_only_where_the_store_says_that_it_is_gone(uri: str) -> None:
    with opened(resolve(uri)) as client:
        assert _adopted(client, "ab12") is None
        assert _adopted(client, None) is None
        run_id = client.create_run("0").info.run_id
        assert _adopted(client, run_id) == run_id
        client.delete_run(run_id)
        assert _adopted(client, run_id) is None

    def broken(run_id: str) -> None:
        raise MlflowException("the disk is gone")

    silent: Any = SimpleNamespace(get_run=broken)
    with pytest.raises(MlflowException, match="the disk is gone"):
        _adopted(silent, "ab12")
