"""After a run: repeat it from the store alone, and put it beside another, by typing."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from evalkit.cli.main import main
from evalkit.report.comparison import WORDS
from tests.functional.conftest import Planned
from tests.small_study import frame, write_data


def run_id(planned: Planned) -> str:
    """Id in the store of the run as planned."""
    marker = planned.folder / planned.kept["bundle"] / "SYNCED"
    return str(json.loads(marker.read_text("utf-8"))["run_id"])


def said(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> dict[str, Any]:
    capsys.readouterr()
    assert main([*words, "--json"]) == code, capsys.readouterr().err
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


@pytest.mark.promise("repeat-conditions", "repeat-figures")
def test_a_run_is_reproduced_from_the_store_alone_and_other_data_are_named(
    planned: Planned,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = planned.folder
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder / 'mlflow.db'}")
    write_data(tmp_path)  # neither configs nor results: the config comes from the store
    same = said(capsys, "reproduce", run_id(planned), "--quiet")
    assert same["result"] == "identical"
    assert all(condition["same"] for condition in same["conditions"].values())
    assert {number["state"] for number in same["numbers"]} == {"identical"}
    assert len(same["numbers"]) > 15

    changed = frame()
    first_row = changed.index == 0
    write_data(tmp_path, changed.assign(crimes=changed["crimes"].where(~first_row, changed["crimes"] + 5.0)))
    other = said(capsys, "reproduce", run_id(planned), "--quiet", code=7)
    assert other["result"] == "differs"
    assert other["conditions"]["data fingerprint"]["same"] is False
    assert other["conditions"]["config"]["same"] is True
    assert "primary: effect" in {number["name"] for number in other["numbers"] if number["state"] == "differs"}


def test_a_run_that_is_not_there_is_refused(city: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reproduce", "no such run"]) == 2
    assert "neither a bundle nor the id of a run" in capsys.readouterr().err


def test_two_runs_stand_side_by_side(
    planned: Planned,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = planned.folder
    monkeypatch.chdir(folder)
    found = said(capsys, "compare", run_id(planned), planned.departed["bundle"])
    assert [row["item"] for row in found["config"]] == ["design.event_window"]
    assert found["same_data"] is True
    primary = next(row for row in found["estimates"] if row["estimate"] == "primary")
    assert primary["difference"] == "0"
    page = Path(found["page"]).read_text("utf-8")
    assert "data:image/svg+xml" in page
    assert "<script" not in page
    assert all(headline in page.replace("&#39;", "'") for headline in found["headlines"])


def test_runs_in_different_units_are_not_drawn_together(
    planned: Planned,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = planned.folder
    monkeypatch.chdir(folder)
    other = tmp_path / "other"
    shutil.copytree(folder / planned.departed["bundle"], other)
    evidence = json.loads((other / "evidence.json").read_text("utf-8"))
    evidence["estimates"][0]["effect"]["unit"] = "log points"
    (other / "evidence.json").write_text(json.dumps(evidence), encoding="utf-8")
    page = tmp_path / "page.html"
    assert main(["compare", planned.kept["bundle"], str(other), "--out", str(page)]) == 0
    assert "are in different units" in page.read_text("utf-8")
    assert "data:image/svg+xml" not in page.read_text("utf-8")
    assert "Page:" in capsys.readouterr().err


def test_two_runs_are_compared_in_the_readers_language(
    planned: Planned, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(planned.folder)
    page = tmp_path / "page.html"
    words = ["compare", planned.kept["bundle"], planned.departed["bundle"], "--language", "pt", "--out", str(page)]
    assert main(words) == 0
    written = page.read_text("utf-8")
    assert '<html lang="pt">' in written
    assert written.count('lang="en"') == 4  # the sentences of both runs, which speak English
    assert "O que difere na configuração" in written
    assert not {"The estimates", "Treated units", "What else differs"} & set(re.findall(r">([^<]+)<", written))


def test_a_run_compared_with_itself_differs_in_nothing(
    planned: Planned, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(planned.folder)
    assert main(["compare", planned.kept["bundle"], planned.kept["bundle"], "--out", str(tmp_path / "page.html")]) == 0
    shown = capsys.readouterr()
    assert WORDS["config_same"] in shown.err
    assert WORDS["machine"] not in shown.out
    assert WORDS["config"] not in shown.out.splitlines()
