"""A plan from its lock to the runs that keep it and the one that does not, by typing."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from evalkit.cli.main import main
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


def test_a_locked_plan_is_held_against_every_run(city: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_study(city, study(checks=["sample_flow"]))
    locked = said(capsys, "plan", "lock", "study=lights", "--who", "Evaluation office")
    path = city / "studies" / "lights" / "plan.lock.json"
    assert locked["path"] == "studies/lights/plan.lock.json"
    assert json.loads(path.read_text("utf-8"))["outcomes_read_before"]["times"] == 0
    assert not said(capsys, "plan", "diff", "study=lights")

    kept = said(capsys, "run", "study=lights")
    assert str(kept["plan"]).startswith("Confirmatory: the run follows the plan that Evaluation office locked on")
    evidence = json.loads((Path(str(kept["bundle"])) / "evidence.json").read_text("utf-8"))
    assert (evidence["plan"]["status"], evidence["plan"]["analysis"]) == ("internal_lock", "confirmatory")
    assert not any("No analysis plan was locked" in item["text"] for item in evidence["use"]["limitations"])

    words = ["study.design.event_window=[-2,2]"]
    departed = said(capsys, "run", "study=lights", *words)
    page = Path(str(departed["brief"])).read_text("utf-8")
    assert "Exploratory: the run departs from the plan" in page
    assert "Departures from the plan" in page
    assert plan_tags(city) == ["internal_lock", "exploratory"]
    (row,) = said(capsys, "plan", "diff", "study=lights", *words, code=7)
    assert row["item"] == "design.event_window"  # type: ignore[index]

    assert "it is not locked again" in refused(capsys, "plan", "lock", "study=lights", "--who", "Other")
    linked = said(capsys, "plan", "lock", "study=lights", "--registry", "https://osf.io/ab12c")
    assert linked["registry"]["url"] == "https://osf.io/ab12c"  # type: ignore[index]
    again = said(capsys, "plan", "lock", "study=lights", "--who", "Office", "--replace", "a better comparison")
    assert again["outcomes_read_before"]["times"] == 2  # type: ignore[index]
    assert again["outcomes_read_before"]["asked"] == [  # type: ignore[index]
        "results/access.jsonl", f"sqlite:///{city / 'mlflow.db'}",
    ]  # fmt: skip
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
