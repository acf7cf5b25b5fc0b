"""From an empty folder to a study that validates and an estimator that keeps its laws, by typing."""

from __future__ import annotations

import io
import json
import os
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from evalkit.cli.main import main
from evalkit.workspace.words import worded
from tests.small_study import frame

ROOT = str(Path(__file__).parents[2])
EVALKIT = Path(sys.executable).with_name("evalkit")
ANSWERS = ["--direction", "lower_better", "--priority", "public_safety"]
SECRET = 987_654.0  # an outcome of a treated place after its start: nothing may repeat it


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace with the small study's data, and the working folder in it."""
    monkeypatch.chdir(tmp_path)
    assert main(["init", "my-city", "--json"]) == 0
    monkeypatch.chdir(tmp_path / "my-city")
    frame().to_csv("data/lights.csv", index=False)
    return tmp_path / "my-city"


def made(name: str, capsys: pytest.CaptureFixture[str], *more: str) -> dict[str, object]:
    """Make a study from its data and return what was found."""
    capsys.readouterr()
    assert main(["new", "study", name, "--json", *ANSWERS, *more]) == 0, capsys.readouterr().err
    found: dict[str, object] = json.loads(capsys.readouterr().out)
    return found


def refused(capsys: pytest.CaptureFixture[str], *words: str, code: int = 2) -> str:
    capsys.readouterr()
    assert main([*words]) == code
    return capsys.readouterr().err


def test_a_workspace_has_all_its_parts_and_git_ignores_results_and_data(workspace: Path) -> None:
    for name in ("README.md", "configs/study", "studies", "estimators", "data/public", ".github/workflows/check.yml"):
        assert (workspace / name).exists() or name == "estimators"
    assert yaml.safe_load((workspace / ".github/workflows/check.yml").read_text("utf-8"))["jobs"]
    subprocess.run(["git", "init", "-q"], cwd=workspace, check=True)
    for name in ("results/x", "mlflow.db", "data/persons.csv"):
        assert subprocess.run(["git", "check-ignore", "-q", name], cwd=workspace, check=False).returncode == 0
    for name in ("data/public/counts.csv", "studies/lights/plan.lock.json"):
        assert subprocess.run(["git", "check-ignore", "-q", name], cwd=workspace, check=False).returncode == 1


def test_a_workspace_is_never_written_over(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (workspace / "README.md").write_text("mine", encoding="utf-8")
    assert "nothing was written" in refused(capsys, "init", ".")
    assert (workspace / "README.md").read_text("utf-8") == "mine"


def test_a_study_is_written_from_what_the_data_hold(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = made("lights", capsys, "--data", "data/lights.csv")
    assert found["columns"] == {
        "unit": "place", "period": "year", "cohort": "start", "treated": None, "outcome": "crimes", "never": None,
    }  # fmt: skip
    assert (found["units"], found["periods"], found["starts"]) == (24, 8, {"2013": 5, "2015": 5})
    text = (workspace / "configs/study/lights.yaml").read_text("utf-8")
    assert "# First treated: 2013 (5), 2015 (5); 14 never treated" in text
    assert "'start' writes never-treated as zero" in text
    card = yaml.safe_load((workspace / "studies/lights/data.yaml").read_text("utf-8"))
    assert (card["rows"], card["units"], card["periods"]) == (192, 24, ["2010", "2017"])
    assert "24 units" in (workspace / "studies/lights/protocol.md").read_text("utf-8")
    assert main(["validate", "study=lights", "--json"]) == 0
    assert "question.population" in json.loads(capsys.readouterr().out)["to_fill_in"]
    assert main(["list", "studies", "--json"]) == 0
    listed = [row["study"] for row in json.loads(capsys.readouterr().out)]
    assert {"lights", "castle_doctrine"} <= set(listed)


def test_the_check_of_a_new_workspace_passes_without_its_data(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made("lights", capsys, "--data", "data/lights.csv")
    (workspace / "data/lights.csv").unlink()
    environment = {**os.environ, "PATH": f"{EVALKIT.parent}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": ROOT}
    done = subprocess.run(
        ["bash", ".ci/check"], cwd=workspace, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "the config is sound; the data were not read" in done.stdout


def months() -> pd.DataFrame:
    """Monthly counts by district, text dates, semicolons, an adoption date and one code for never."""
    rng = np.random.default_rng(3)
    dates = pd.date_range("2019-01-01", periods=18, freq="MS")
    starts = ["2020-01-01"] * 4 + ["2020-03-01"] * 4 + [""] * 8
    rows = [
        (f"00{number}", date.date().isoformat(), start, int(rng.poisson(30)), round(float(rng.normal()), 3))
        for number, start in enumerate(starts)
        for date in dates
    ]
    return pd.DataFrame(rows, columns=["district_id", "month", "service_start", "calls", "weather"])


def test_dates_delimiters_and_leading_zeros_are_found(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    months().to_csv("data/calls.csv", index=False, sep=";", encoding="utf-8-sig")
    found = made("calls", capsys, "--data", "data/calls.csv", "--outcome", "calls")
    assert found["starts"] == {"2020-01-01": 4, "2020-03-01": 4}
    assert (found["family"], found["never_treated"]) == ("count", 8)
    study = yaml.safe_load((workspace / "configs/study/calls.yaml").read_text("utf-8"))
    assert study["data"]["source"] == {
        "kind": "file", "path": "data/calls.csv", "encoding": "utf-8-sig", "delimiter": ";",
        "columns": [
            {"name": "month", "type": "date"},
            {"name": "service_start", "type": "date", "nullable": True},
        ],
    }  # fmt: skip
    assert study["assignment"]["unit"] == "district"
    assert main(["validate", "study=calls", "--quiet"]) == 0


def test_a_code_for_never_and_gaps_are_found_in_parquet(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = frame().replace({"start": {0: 9999}}).drop(columns="active").sample(frac=0.9, random_state=1)
    data.to_parquet("data/lights.parquet")
    found = made("coded", capsys, "--data", "data/lights.parquet")
    assert found["columns"]["never"] == 9999  # type: ignore[index]
    assert found["never_treated"] == 14
    assert "of all pairs of unit and period have no outcome" in Path("configs/study/coded.yaml").read_text("utf-8")


def test_one_treated_place_calls_for_a_synthetic_control(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = frame()
    data["start"] = np.where(data["place"] == "place 00", 2015, 0)
    data.drop(columns="active").to_csv("data/one.csv", index=False)
    assert made("one", capsys, "--data", "data/one.csv")["estimator"] == "synthetic_control"


def test_a_zero_one_column_is_taken_for_the_treatment(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame().drop(columns="start").to_csv("data/flags.csv", index=False)
    found = made("flags", capsys, "--data", "data/flags.csv")
    assert found["columns"]["treated"] == "active"  # type: ignore[index]


def test_outcomes_after_the_start_are_not_repeated_anywhere(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = frame()
    data.loc[(data["start"] > 0) & (data["year"] >= data["start"]), "crimes"] = SECRET
    data.to_csv("data/secret.csv", index=False)
    found = made("secret", capsys, "--data", "data/secret.csv")
    assert main(["validate", "study=secret"]) == 0
    shown = capsys.readouterr()
    written = [path.read_text("utf-8") for path in workspace.rglob("*") if path.suffix in (".yaml", ".md")]
    for text in (json.dumps(found), shown.out, shown.err, *written):
        assert "987654" not in text
        assert "987,654" not in text


def test_at_a_terminal_it_asks_and_offers_what_it_found(
    workspace: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    typed = io.StringIO("\n\n\n\nhigher_better\nmobility\n")
    monkeypatch.setattr(typed, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(sys, "stdin", typed)
    assert main(["new", "study", "asked", "--data", "data/lights.csv"]) == 0
    study = yaml.safe_load(Path("configs/study/asked.yaml").read_text("utf-8"))
    assert (study["priority"], study["outcomes"][0]["direction"]) == ("mobility", "higher_better")
    assert "Column of the unit" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["12 monkeys", "--data", "data/lights.csv"], "cannot name a study"),
        (["castle_doctrine", "--data", "data/lights.csv"], "ships with evalkit"),
        (["fine", "--data", "data/none.csv"], "There is no file"),
        (["fine", "--data", "data/lights.csv", "--unit", "plce"], "Did you mean 'place'?"),
        (["fine", "--data", "data/lights.csv", "--direction", "lower_better"], "--priority"),
        (["fine", "--data", "data/lights.csv", *ANSWERS[:2], "--priority", "mobilty"], "Did you mean 'mobility'?"),
        (["fine", "--data", "data/lights.csv", "--cohort", "start", "--treated", "active"], "both name a treatment"),
        (["fine", "--data", "../outside.csv", *ANSWERS], "lies outside"),
    ],
)
def test_what_cannot_be_is_refused_with_the_next_step(
    words: list[str], said: str, workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frame().to_csv("../outside.csv", index=False)
    error = refused(capsys, "new", "study", *words)
    assert said in error
    assert "Next:" in error
    assert not Path("configs/study/fine.yaml").exists()


def test_a_study_is_never_written_over(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made("lights", capsys, "--data", "data/lights.csv")
    before = Path("configs/study/lights.yaml").read_text("utf-8")
    words = ["new", "study", "lights", "--data", "data/lights.csv", "--outcome", "crimes", *ANSWERS]
    assert "never writes over" in refused(capsys, *words)
    assert Path("configs/study/lights.yaml").read_text("utf-8") == before


def test_an_estimator_comes_with_a_test_that_passes_and_runs_in_a_study(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["new", "estimator", "my_means"]) == 0
    names = runpy.run_path("tests/test_my_means.py")  # what `python -m pytest tests/test_my_means.py` calls
    tests = [test for name, test in names.items() if name.startswith("test_")]
    assert len(tests) == 2
    for test in tests:
        test()
    made("lights", capsys, "--data", "data/lights.csv")
    words = ["--plugin", "estimators/my_means.py", "study=lights", "estimator=my_means", "--quiet"]
    assert main(["validate", *words]) == 0
    assert "already" in refused(capsys, "new", "estimator", "my_means")


@pytest.mark.parametrize("name", ["MyMeans", "my-means", "class", "1st"])
def test_a_name_that_no_module_can_have_is_refused(
    name: str, workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "cannot name an estimator" in refused(capsys, "new", "estimator", name)


def test_a_name_that_is_taken_is_refused(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "already an estimator" in refused(capsys, "new", "estimator", "sun_abraham")


def test_one_place_calls_for_an_interrupted_time_series(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = months().query("district_id == '000'")
    one.to_csv("data/one.csv", index=False)
    found = made("one", capsys, "--data", "data/one.csv", "--outcome", "calls")
    assert (found["estimator"], found["starts"]) == ("interrupted_time_series", {"2020-01-01": 1})
    study = yaml.safe_load((workspace / "configs/study/one.yaml").read_text("utf-8"))
    assert [each["label"] for each in study["robustness"]] == ["Level and slope"]
    assert "residual_autocorrelation" in str(study["checks"])


def test_an_estimator_that_is_named_is_taken_and_those_treated_all_along_are_told(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = frame()
    data.loc[data["place"] == "place 00", ["start", "active"]] = [2010, 1]
    data.to_csv("data/lights.csv", index=False)
    found = made("asked", capsys, "--data", "data/lights.csv", "--outcome", "crimes", "--estimator", "imputation")
    assert found["estimator"] == "imputation"
    text = (workspace / "configs/study/asked.yaml").read_text("utf-8")
    assert "override /estimator: imputation" in text
    assert [each if isinstance(each, str) else each["name"] for each in yaml.safe_load(text)["robustness"]] == [
        "two_way_fixed_effects", "callaway_santanna"
    ]  # fmt: skip
    pages = "".join(file.read_text("utf-8") for file in workspace.rglob("*asked*") if file.is_file())
    assert worded("found_always", count=1) in pages
    words = (
        "new",
        "study",
        "other",
        "--data",
        "data/lights.csv",
        "--outcome",
        "crimes",
        *ANSWERS,
        "--estimator",
        "imputaton",
    )
    assert "Did you mean 'imputation'?" in refused(capsys, *words)


def test_rows_that_come_twice_are_refused_with_the_columns_to_name(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    named = ("--unit", "place", "--period", "year", "--cohort", "start", "--outcome", "crimes")
    words = ("new", "study", "fine", "--data", "data/lights.csv", *named, *ANSWERS)
    pd.concat([frame(), frame().tail(2)]).to_csv("data/lights.csv", index=False)
    error = refused(capsys, *words, code=3)
    assert "place 23" in error
    assert worded("duplicates_next") in error
    frame().assign(crimes=7.0).to_csv("data/lights.csv", index=False)
    error = refused(capsys, *words, code=3)
    assert "never varies" in error
    assert worded("duplicates_next") not in error


def test_a_column_that_the_data_do_not_make_plain_is_asked_for_by_its_option(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frame().drop(columns=["start", "active"]).to_csv("data/lights.csv", index=False)
    error = refused(capsys, "new", "study", "fine", "--data", "data/lights.csv", "--outcome", "crimes", *ANSWERS)
    assert "--cohort COLUMN" in error
    assert "place, year, crimes" in error


def test_one_start_calls_for_no_second_comparison(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame().query("start != 2013").to_csv("data/lights.csv", index=False)
    assert made("single", capsys, "--data", "data/lights.csv")["starts"] == {"2015": 5}
    study = yaml.safe_load(Path("configs/study/single.yaml").read_text("utf-8"))
    assert study["robustness"] == ["imputation", "two_way_fixed_effects"]
