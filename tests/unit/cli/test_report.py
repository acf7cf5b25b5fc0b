from __future__ import annotations

import json
from pathlib import Path

import pytest

from evalkit.cli.main import main

EVIDENCE = {
    "identity": {"study_id": "lights"},
    "sentences": {"headline": "Lights may reduce crime.", "certainty": "Certainty is Low because the test says so."},
    "finding": {"label": "little_or_no_difference"},
    "rating": {"label": "Low"},
}


@pytest.fixture
def finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A finished bundle, as far as the verb reads it."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "results" / "lights" / "abc"
    folder.mkdir(parents=True)
    (folder / "evidence.json").write_text(json.dumps(EVIDENCE), encoding="utf-8")
    (folder / "COMPLETE").touch()
    return folder


def test_a_bundle_is_reported_with_headline_certainty_and_paths(
    finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(finished.rglob("*"))
    assert main(["report", "abc"]) == 0
    shown = capsys.readouterr().out
    for words in (
        "Lights may reduce crime.",
        "Certainty is Low",
        "little or no difference",
        "brief.html",
        "not logged",
    ):
        assert words in shown
    assert sorted(finished.rglob("*")) == before


def test_the_link_of_a_logged_bundle_is_shown(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = {"store": "https://runs.city.gov", "experiment_id": "3", "run_id": "r7"}
    (finished / "SYNCED").write_text(json.dumps(where), encoding="utf-8")
    assert main(["report", "r7"]) == 0
    assert "https://runs.city.gov/#/experiments/3/runs/r7/artifacts/brief.html" in capsys.readouterr().out


def test_json_is_the_whole_evidence_with_its_bundle(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(finished), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"bundle": str(finished), **EVIDENCE}


def test_a_bundle_that_was_not_finished_is_refused(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (finished / "COMPLETE").unlink()
    assert main(["report", str(finished)]) == 3
    assert "not a finished bundle" in capsys.readouterr().err


def test_evidence_that_cannot_be_read_is_refused(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (finished / "evidence.json").write_text("{", encoding="utf-8")
    assert main(["report", str(finished)]) == 3
    assert "cannot be read" in capsys.readouterr().err


def test_an_unknown_run_is_a_usage_error(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "nothing"]) == 2
    assert "no bundle for 'nothing'" in capsys.readouterr().err
