"""A study with groups, from its config to the sentences of the brief."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from evalkit.cli.main import main
from evalkit.testing.simulate import StaggeredDesign, simulate_staggered

STUDY = """
defaults:
  - override /estimator: callaway_santanna
  - _self_
id: lights
title: Street lights by side of town
programme: the street lights
city: Example City
priority: public_safety
question: {population: tracts, intervention: lights, comparator: tracts without, outcome: calls, setting: a city,
           theory_of_change: light deters}
assignment: {mechanism: policy_choice, unit: tract, selection_rule: the council chose}
data: {source: {kind: file, path: lights.csv}, unit: unit, period: period, cohort: cohort}
outcomes:
  - {name: calls, column: y, role: primary, family: rate, unit: "calls per 1,000 residents", direction: lower_better}
equity: [{name: side of town, column: side, reference: north}]
checks: [pre_trends]
use: {limitations: [made up]}
"""


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the study and its data: lights help the north by 2, the south by 0.5 and nobody knows the west."""
    parts = []
    for seed, (side, effect, level) in enumerate([("north", -2.0, 20.0), ("south", -0.5, 26.0)]):
        design = StaggeredDesign(n_units=60, n_periods=8, effect=effect, noise=0.5)
        frame = simulate_staggered(design, seed).frame
        parts.append(frame.assign(unit=side + frame["unit"].astype(str), side=side, y=frame["y"] + level))
    west = parts[0].assign(unit="west" + parts[0]["unit"], side="west", cohort=0)
    pd.concat([*parts, west]).to_csv(tmp_path / "lights.csv", index=False)
    (tmp_path / "configs" / "study").mkdir(parents=True)
    (tmp_path / "configs" / "study" / "lights.yaml").write_text(STUDY, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_difference_of_effects_is_told_and_a_group_without_an_estimate_says_why(workspace: Path) -> None:
    assert main(["run", "study=lights", "--quiet"]) == 0
    (bundle,) = (workspace / "results" / "lights").glob("*/COMPLETE")
    evidence = json.loads((bundle.parent / "evidence.json").read_text(encoding="utf-8"))
    south, west = evidence["equity"]
    apart = south["difference_of_effects"]
    assert apart["low"] <= 1.5 <= apart["high"]
    assert apart["low"] > 0.0
    assert west["effect"]["how"] == "missing"
    assert "no estimate for west" in west["effect"]["reason"]
    page = (bundle.parent / "brief.html").read_text(encoding="utf-8")
    assert "the gap came out wider" in page
    assert "Gaps between groups" in page
    assert "Effects and gaps by group" in page


def test_a_column_of_amounts_is_no_group(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    changed = STUDY.replace("column: side, reference: north", "column: unit, reference: north1")
    (workspace / "configs" / "study" / "lights.yaml").write_text(changed, encoding="utf-8")
    assert main(["run", "study=lights", "--quiet"]) == 2
    assert "12 groups or fewer" in capsys.readouterr().err
