"""`evalkit portfolio` and `evalkit decide`, from logged runs to the site."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from evalkit.cli.main import main
from evalkit.cli.portfolio import _measures
from evalkit.config import resolved_yaml
from evalkit.report.bundle import write_bundle
from evalkit.report.measure_bundle import FOLDERS
from evalkit.tracking.log import log_bundle
from evalkit.tracking.portfolio import StoredStudy
from tests import report_samples as samples


@pytest.fixture
def logged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """One study in the local store, run from this folder; returns the id of its run."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    evaluation = samples.castle()
    bundle = write_bundle(
        evaluation, tmp_path / "results", provenance={"git_sha": None}, study_yaml=resolved_yaml(evaluation.study)
    )
    return log_bundle(bundle).run_id


def test_a_logged_study_its_decision_and_what_is_planned_are_on_the_site(
    logged: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["decide", logged, "--next-step", "scale", "--who", "City council", "--date", "2026-11-23"]) == 0
    assert "scale (City council, 2026-11-23)" in capsys.readouterr().out
    assert main(["portfolio", "--out", "site", "--quiet", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["stages"]["decided"] == 1
    assert shown["stages"]["planned"] >= 3
    assert (shown["launched"], shown["adapted"]) == (1, 1)
    page = (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    assert "Scale it up" in page
    brief = (tmp_path / "site" / "briefs" / "0000.html").read_text(encoding="utf-8")
    assert "Decided: scale it up, by City council on 23 November 2026." in brief


def test_a_decision_on_a_bundle_that_is_not_logged_yet_is_kept_and_sent_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    evaluation = samples.castle()
    bundle = write_bundle(
        evaluation, tmp_path / "results", provenance={"git_sha": None}, study_yaml=resolved_yaml(evaluation.study)
    )
    assert main(["decide", str(bundle), "--next-step", "stop", "--who", "City council", "--date", "2026-11-23"]) == 6
    assert "evalkit sync" in capsys.readouterr().out
    run_id = log_bundle(bundle).run_id
    assert main(["portfolio", "--results", "results", "--out", "one", "--quiet", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["stages"]["decided"] == 1
    assert main(["portfolio", "--out", "two", "--quiet", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["stages"]["decided"] == 1
    # a second decision, from a machine that has no bundle: what was logged is fetched and amended
    assert main(["decide", run_id, "--next-step", "scale", "--who", "Mayor", "--results", "elsewhere", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["version"], [each["next_step"] for each in shown["decisions"]]) == (3, ["stop", "scale"])


def test_bundles_alone_make_a_site_too(logged: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["portfolio", "--results", "results", "--out", "site", "--experiment", "housing", "--quiet"]) == 0
    assert "Finished" in capsys.readouterr().out
    assert (tmp_path / "site" / "findings.csv").is_file()


def test_nothing_to_show_is_said_without_a_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["portfolio", "--results", "results", "--out", "site"]) == 3
    assert "holds no finished bundle" in capsys.readouterr().err


def test_a_decision_needs_a_known_word(logged: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["decide", logged, "--next-step", "celebrate", "--who", "Council"]) == 2
    assert "'celebrate' is not one of" in capsys.readouterr().err


def test_a_store_without_a_study_and_a_folder_without_a_plan_have_nothing_to_show(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "configs" / "study").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("evalkit.tracking.portfolio.stored_studies", lambda *given, **more: [])
    monkeypatch.setattr("evalkit.tracking.measures.stored_measures", lambda *given, **more: [])
    assert main(["portfolio", "--out", "site", "--quiet"]) == 3
    assert "There is no study to show" in capsys.readouterr().err
    assert not (tmp_path / "site").exists()


@pytest.mark.parametrize(("running", "stage"), [(True, "running"), (False, "no result")])
def test_a_study_without_evidence_is_shown_by_its_stage(
    running: bool, stage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "configs" / "study").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    found = StoredStudy("lights", "public_safety", "Street lights", running, "ab12", None, None, 0, None)
    monkeypatch.setattr("evalkit.tracking.portfolio.stored_studies", lambda *given, **more: [found])
    monkeypatch.setattr("evalkit.tracking.measures.stored_measures", lambda *given, **more: [])
    assert main(["portfolio", "--out", "site", "--quiet", "--json"]) == 0
    stages = json.loads(capsys.readouterr().out)["stages"]
    assert {name: count for name, count in stages.items() if count} == {stage: 1}


def test_of_several_runs_of_an_indicator_the_newest_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for run in ("a", "b", "c"):
        (tmp_path / FOLDERS["indicator"] / "calls" / run).mkdir(parents=True)
        (tmp_path / FOLDERS["indicator"] / "calls" / run / "COMPLETE").touch()
        (tmp_path / FOLDERS["indicator"] / "calls" / run / "brief.html").write_bytes(run.encode())

    def document(folder: Path) -> Any:
        return SimpleNamespace(identity=SimpleNamespace(id="calls", created_at={"a": 1, "b": 3, "c": 2}[folder.name]))

    monkeypatch.setattr("evalkit.report.measure_bundle.read_document", document)
    ((name, newest),) = _measures(tmp_path, ()).items()
    assert (name, newest[1]) == ("indicator/calls", b"b")
