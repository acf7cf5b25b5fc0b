from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from evalkit.cli.main import main


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_without_a_store_the_next_step_is_a_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ui"]) == 2
    assert "evalkit run study=NAME" in capsys.readouterr().err


def test_a_port_in_use_is_named_before_anything_starts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mlflow.db").touch()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main(["ui", "--port", str(port)]) == 2
    assert f"Port {port} is in use" in capsys.readouterr().err


def test_a_team_s_server_is_pointed_to_without_its_password(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://ana:secret@runs.city.gov")
    assert main(["ui"]) == 0
    shown = capsys.readouterr().out
    assert "https://runs.city.gov" in shown
    assert "secret" not in shown


def test_the_server_is_started_on_loopback_and_the_links_lead_to_the_latest_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mlflow.db").touch()
    bundle = tmp_path / "results" / "lights" / "abc"
    bundle.mkdir(parents=True)
    where = {"store": f"sqlite:///{tmp_path / 'mlflow.db'}", "experiment_id": "1", "run_id": "r1"}
    (bundle / "SYNCED").write_text(json.dumps(where), encoding="utf-8")
    started: list[list[str]] = []

    class Server:
        def __init__(self, command: list[str], env: dict[str, str]) -> None:
            started.append(command)
            assert env["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] == "false"

        def wait(self, timeout: float | None = None) -> int:
            return 0

        def poll(self) -> int:
            return 0

    monkeypatch.setattr("evalkit.cli.ui.subprocess.Popen", Server)
    assert main(["ui", "--port", "5987"]) == 0
    (command,) = started
    assert command[command.index("--host") + 1] == "127.0.0.1"
    assert command[command.index("--backend-store-uri") + 1] == where["store"]
    shown = capsys.readouterr().out
    assert "lights: http://evalkit.localhost:5987/#/experiments/1/runs/r1?workflowType=machine_learning" in shown
