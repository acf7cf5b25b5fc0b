"""A plan from its lock to the runs that keep it and the one that does not, by typing."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path

import pytest

from evalkit.cli.main import main
from evalkit.errors import NotSynced
from tests.functional.conftest import DEPARTURE, Planned
from tests.small_study import frame, study, write_data, write_study

SECRET = 987_654.0  # an outcome of a treated place after its start: nothing may repeat it


def said(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> dict[str, object]:
    capsys.readouterr()
    assert main([*words, "--json", "--quiet"]) == code
    found: dict[str, object] = json.loads(capsys.readouterr().out)
    return found


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    capsys.readouterr()
    assert main([*words, "--quiet"]) == 2
    return capsys.readouterr().err


def plan_tags(folder: Path) -> list[str]:
    with sqlite3.connect(folder / "mlflow.db") as store:
        query = (
            "select tags.value from tags join runs using (run_uuid) where tags.key = 'evalkit.plan' "
            "order by runs.start_time"
        )
        return [str(value) for (value,) in store.execute(query)]


def test_a_lock_says_who_what_and_that_nobody_had_read_outcomes(planned: Planned) -> None:
    assert planned.lock["path"] == "studies/lights/plan.lock.json"
    written = json.loads((planned.folder / "studies/lights/plan.lock.json").read_text("utf-8"))
    assert written["who"] == "Evaluation office"
    assert written["outcomes_read_before"]["times"] == 0
    assert written["data"]["last"] == "2017"


def test_a_run_that_follows_the_plan_is_confirmatory(planned: Planned) -> None:
    assert planned.kept["plan"].startswith("Confirmatory: the run follows the plan that Evaluation office locked on")
    evidence = json.loads((planned.folder / planned.kept["bundle"] / "evidence.json").read_text("utf-8"))
    assert (evidence["plan"]["status"], evidence["plan"]["analysis"]) == ("internal_lock", "confirmatory")
    assert not any("No analysis plan was locked" in item["text"] for item in evidence["use"]["limitations"])


def test_a_run_that_departs_says_so_in_page_and_store(planned: Planned) -> None:
    page = (planned.folder / planned.departed["brief"]).read_text("utf-8")
    assert "Exploratory: the run departs from the plan" in page
    assert "Departures from the plan" in page
    assert plan_tags(planned.folder) == ["internal_lock", "exploratory"]


def test_the_difference_ends_with_7_where_it_is_not_declared(
    planned: Planned, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(planned.folder)
    assert not said(capsys, "plan", "diff", "study=lights")
    (row,) = said(capsys, "plan", "diff", "study=lights", DEPARTURE, code=7)
    assert row["item"] == "design.event_window"  # type: ignore[index]


def test_a_plan_is_locked_once_linked_to_a_registry_and_replaced_with_a_reason(
    planned: Planned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(planned.folder, folder)
    monkeypatch.chdir(folder)
    assert "it is not locked again" in refused(capsys, "plan", "lock", "study=lights", "--who", "Other")
    linked = said(capsys, "plan", "lock", "study=lights", "--registry", "https://osf.io/ab12c")
    assert linked["registry"]["url"] == "https://osf.io/ab12c"  # type: ignore[index]
    again = said(capsys, "plan", "lock", "study=lights", "--who", "Office", "--replace", "a better comparison")
    before = again["outcomes_read_before"]
    assert before["times"] == 2  # type: ignore[index]
    assert before["asked"] == ["results/access.jsonl", f"sqlite:///{folder / 'mlflow.db'}"]  # type: ignore[index]
    assert again["earlier"][0]["reason"] == "a better comparison"  # type: ignore[index]


def test_nothing_before_the_run_repeats_an_outcome_after_the_start(
    city: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = frame()
    data.loc[(data["start"] > 0) & (data["year"] >= data["start"]), "crimes"] = SECRET
    write_data(city, data)
    for words in (["validate"], ["plan", "lock", "--who", "Office"], ["plan", "diff"]):
        assert main([*words, "study=lights"]) == 0
        shown = capsys.readouterr()
        assert "987654" not in shown.out + shown.err
        assert "9.877e+05" not in shown.out + shown.err
    assert "987654" not in (city / "studies/lights/plan.lock.json").read_text("utf-8")
    first = json.loads((city / "studies/lights/plan.lock.json").read_text("utf-8"))["data"]
    write_data(city, frame())
    assert main(["plan", "lock", "study=lights", "--who", "Office", "--replace", "again"]) == 0
    assert json.loads((city / "studies/lights/plan.lock.json").read_text("utf-8"))["data"] == first


def test_a_plan_with_unwritten_texts_is_not_locked(city: Path, capsys: pytest.CaptureFixture[str]) -> None:
    question = {**study()["question"], "population": "FILL IN: who"}
    write_study(city, study(question=question))
    assert "question.population" in refused(capsys, "plan", "lock", "study=lights", "--who", "Office")
    assert not (city / "studies").exists()


def test_there_is_nothing_to_compare_without_a_lock(city: Path, capsys: pytest.CaptureFixture[str]) -> None:
    error = refused(capsys, "plan", "diff", "study=lights")
    assert "No plan of 'lights' was locked" in error
    assert "evalkit plan lock study=lights" in error


def test_a_plan_may_be_locked_and_compared_before_there_are_data(
    city: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (city / "data/lights.csv").unlink()
    seen = "a dashboard of 2016"
    words = ["plan", "lock", "study=lights", "--who", "Office", "--no-data", "--outcomes-seen", seen, "--quiet"]
    assert main(words) == 0
    shown = capsys.readouterr().out
    assert "not read" in shown
    assert seen in shown
    assert json.loads((city / "studies/lights/plan.lock.json").read_text("utf-8"))["data"] is None
    assert main(["plan", "diff", "study=lights", "--no-data"]) == 0
    told = capsys.readouterr().err
    assert "data" in told.lower()
    assert "edited" not in told


def test_a_lock_that_was_edited_never_compares_as_kept(city: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "lock", "study=lights", "--who", "Office", "--no-data", "--quiet"]) == 0
    path = city / "studies/lights/plan.lock.json"
    content = json.loads(path.read_text("utf-8"))
    content["plan"]["seed"] = 8
    path.write_text(json.dumps(content), encoding="utf-8")
    assert main(["plan", "diff", "study=lights", "--no-data", "seed=8"]) == 7
    assert main(["plan", "diff", "study=lights", "--no-data"]) == 7
    assert "lock" in capsys.readouterr().err


def test_a_store_that_is_silent_is_told_of_when_a_plan_is_locked(
    city: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def silent(store: object, study_id: str) -> None:
        raise NotSynced("The store is away.")

    monkeypatch.setattr("evalkit.cli.planning.exists", lambda store: True)
    monkeypatch.setattr("evalkit.cli.planning.outcome_reads", silent)
    assert main(["plan", "lock", "study=lights", "--who", "Office", "--no-data"]) == 0
    assert "The store is away." in capsys.readouterr().err
    locked = json.loads((city / "studies/lights/plan.lock.json").read_text("utf-8"))
    assert locked["outcomes_read_before"]["asked"] == ["results/access.jsonl"]
