"""One city, one date, one file: the whole way, alone, against others, and refused by estimators that compare units."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from evalkit.checks import registry as checks
from evalkit.cli.main import main
from tests.monthly_worlds import SeriesWorld, frame
from tests.small_study import study as small_study

WORLD = SeriesWorld(months=72, start=48, level=-3.0, rho=0.3)


def write(folder: Path, *, others: int = 0, **changes: Any) -> Path:
    """A study of Tulsa, and of `others` cities without the programme."""
    rng = np.random.default_rng(5)
    cities = [frame(WORLD, rng)]
    for number in range(others):
        calm = SeriesWorld(months=72, start=48, rho=0.3)
        cities.append(frame(calm, rng).assign(city=f"city {number}").drop(columns="start"))
    data = pd.concat(cities)
    data["month"] = data["month"].dt.to_timestamp()
    data["on"] = ((data["month"] >= "2014-01-01") & (data["city"] == "Tulsa")).astype(int)
    (folder / "data").mkdir()
    data.drop(columns="start").to_csv(folder / "data" / "calls.csv", index=False)
    spec = small_study()
    spec |= {
        "defaults": [{"override /estimator": "interrupted_time_series"}, "_self_"],
        "id": "calls",
        "programme": "the new dispatch rule",
        "data": {
            "source": {
                "kind": "file", "path": "data/calls.csv", "columns": [{"name": "month", "type": "date"}],
            },
            "unit": "city", "period": "month", "treated": "on",
        },
        "outcomes": [
            {"name": "the number of calls", "column": "y", "role": "primary", "unit": "calls",
             "direction": "lower_better", "mid": {"value": 0.5, "rationale": "as the department says"}},
        ],
        "design": {"event_window": [-24, 12]},
        "robustness": [],
        "checks": ["residual_autocorrelation", "placebo_dates", "sample_flow"],
    }  # fmt: skip
    spec["assignment"] = {"mechanism": "policy_choice", "unit": "city"}
    spec |= changes
    (folder / "configs" / "study").mkdir(parents=True)
    file = folder / "configs" / "study" / "calls.yaml"
    file.write_text(yaml.safe_dump(spec, sort_keys=False), encoding="utf-8")
    return folder


def run(folder: Path, monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.chdir(folder)
    return main(["run", "study=calls", "--quiet", *words])


def evidence(folder: Path) -> dict[str, Any]:
    (file,) = (folder / "results" / "calls").glob("*/evidence.json")
    found: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return found


def test_one_city_goes_the_whole_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(write(tmp_path), monkeypatch) == 0
    found = evidence(tmp_path)
    assert found["finding"]["label"] == "favourable"
    assert found["sentences"]["headline"].startswith("The new dispatch rule may reduce the number of calls by about ")
    assert found["rating"]["label"] == "Low"
    assert found["estimates"][0]["inference"]["method"] == "hac"
    (page,) = (tmp_path / "results" / "calls").glob("*/brief.md")
    text = page.read_text("utf-8")
    assert "One city over time: 48 periods before the start and 24 from it on" in text
    for nonsense in ("0 comparison", "0 units", "compared with 0", "of 1 (", "None"):
        assert nonsense not in text


def test_other_cities_make_it_a_controlled_series(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(write(tmp_path, others=3), monkeypatch) == 0
    found = evidence(tmp_path)
    steps = {step["rule"]: step for step in found["rating"]["trail"]}
    assert steps["cap_time_series"]["state"] == "not_triggered"
    assert steps["cap_single_unit"]["state"] == "applied"
    assert found["rating"]["label"] == "Low"
    assert "rests on a single place" in found["sentences"]["certainty"]


def test_validate_shows_one_unit_and_no_outcome_after_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(write(tmp_path))
    assert main(["validate", "study=calls"]) == 0
    said = capsys.readouterr().out
    assert "interrupted_time_series" in said
    assert "The data are of one unit" in said
    assert "0 units have no treated period" not in said


def test_estimators_that_compare_units_refuse_one_city(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(write(tmp_path), monkeypatch, "estimator=imputation") == 4
    said = capsys.readouterr().err
    assert "imputation compares units, and this panel has one: 'Tulsa'" in said


def test_every_check_answers_on_one_series(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    needed: dict[str, Any] = {"spillover": {"neighbours": "y"}}
    listed = [name for name in checks.names() if name not in needed]
    assert run(write(tmp_path, checks=listed), monkeypatch) == 0
    status = {found["id"]: found["status"] for found in evidence(tmp_path)["diagnostics"]}
    assert status["residual_autocorrelation"] == "pass"
    assert status["randomization_inference"] == "not_run"
