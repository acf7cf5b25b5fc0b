from __future__ import annotations

import contextlib
import json
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import SimpleNamespace

import pytest

from evalkit.cli import doctor
from evalkit.cli.main import main
from evalkit.tracking.live import PID, running
from evalkit.tracking.stale import find_stale


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def findings(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> dict[str, dict[str, str]]:
    assert main(["doctor", "--json", *arguments]) == code
    return {row["looked at"]: row for row in json.loads(capsys.readouterr().out)}


def test_a_sound_installation_has_no_problem_and_no_store_is_created(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = findings(capsys)
    assert {"Python", "Packages", "Disk", "Configs", "Store", "Bundles"} <= set(found)
    assert all(row["state"] != "problem" for row in found.values())
    assert "none yet" in found["Store"]["detail"]
    assert list(tmp_path.iterdir()) == []


def test_a_missing_package_is_a_problem(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(doctor.PACKAGES, "absent-package", "absent_package")
    found = findings(capsys, code=1)
    assert "absent-package" in found["Packages"]["detail"]


def test_a_full_disk_is_a_warning(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "FREE_GB", 1e9)
    assert findings(capsys)["Disk"]["state"] == "warning"


def test_a_broken_study_is_a_warning_that_names_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "configs" / "study").mkdir(parents=True)
    (tmp_path / "configs" / "study" / "broken.yaml").write_text("[", encoding="utf-8")
    assert "cannot be read: broken" in findings(capsys)["Configs"]["detail"]


def test_a_finished_bundle_that_was_not_logged_is_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle = tmp_path / "results" / "lights" / "abc"
    bundle.mkdir(parents=True)
    (bundle / "COMPLETE").touch()
    assert findings(capsys)["Bundles"]["detail"].startswith("1 finished and not logged")


def test_a_server_that_does_not_answer_is_a_problem(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    assert findings(capsys, code=1)["Store"]["state"] == "problem"


@pytest.mark.parametrize("answers", [True, False])
def test_a_server_that_answers_without_a_login_is_warned_of(
    answers: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "exists", lambda store: True)
    monkeypatch.setattr("evalkit.tracking.stale.find_stale", list)
    monkeypatch.setattr("evalkit.tracking.store.open_to_strangers", lambda store: answers)
    found = findings(capsys).get("Access")
    assert (found is not None) == answers
    if found is not None:
        assert found["state"] == "warning"
        assert "reads and deletes every run" in found["detail"]


def test_a_run_whose_process_is_gone_is_found_and_closed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient

    with running("lights", "public_safety", "Street lights") as live:
        assert live.run_id is not None
        client = MlflowClient(tracking_uri=f"sqlite:///{Path.cwd() / 'mlflow.db'}")
        client.set_tag(live.run_id, PID, str(2**22 + 1))  # no process has this number: it is above the kernel's limit
        found = findings(capsys)["Open runs"]
        assert found["state"] == "warning"
        assert live.run_id in found["detail"]
        assert findings(capsys, "--fix")["Open runs"]["detail"] == "1 closed as KILLED"
        assert find_stale() == []
        assert client.get_run(live.run_id).info.status == "KILLED"


def test_a_compiler_that_fails_is_found_where_the_sampler_is_asked_after(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def sample(**settings: object) -> None:
        raise OSError("g++: not found\nand a long log")

    failing = SimpleNamespace(
        __spec__=ModuleSpec("pymc", None),
        Model=contextlib.nullcontext,
        Normal=lambda *values, **more: 0.0,
        sample=sample,
    )
    monkeypatch.setitem(sys.modules, "pymc", failing)
    assert "Sampler" not in findings(capsys)
    found = findings(capsys, "--sampler", code=1)["Sampler"]
    assert (found["state"], found["detail"]) == ("problem", "OSError: g++: not found")
