"""A higher cap on workers' compensation: repeated cross-sections, subgroups, and a cell that is empty."""

from __future__ import annotations

import hashlib
import importlib.resources
import json
from pathlib import Path

import pytest
import yaml

import evalkit as ek
from evalkit.cli.main import main
from evalkit.data.fingerprint import fingerprint
from evalkit.data.study_panel import load_frame
from evalkit.errors import DesignRefused
from evalkit.evaluation import Evaluation

# Wooldridge, Introductory Econometrics (7th ed.), example 13.4, and the same on other rows: homoskedastic errors
PUBLISHED = {
    "Kentucky": ([], 0.1906, 0.0685, 5626, 4),
    "Michigan": (["study.data.where.ky=0"], 0.1920, 0.1542, 1524, 4),
    "Kentucky, men": (["study.data.where.male=1"], 0.164, 0.077, 4325, 3),
    "Kentucky, women": (["study.data.where.male=0"], -0.011, 0.248, 1290, 3),
}
ROBUST = {"Kentucky": 0.0690, "Michigan": 0.1580, "Kentucky, men": 0.0773, "Kentucky, women": 0.2777}
"""HC1, as statsmodels gives it."""
CARD = yaml.safe_load(Path(__file__).parents[2].joinpath("studies/workers_compensation/data.yaml").read_text("utf-8"))


def evaluate(*overrides: str) -> Evaluation:
    return ek.evaluate(ek.load_study("workers_compensation", overrides=list(overrides)))


@pytest.fixture(scope="module")
def kentucky() -> Evaluation:
    return evaluate()


@pytest.mark.parametrize("rows", PUBLISHED)
def test_each_subgroup_meets_the_published_figures(rows: str) -> None:
    overrides, effect, error, count, digits = PUBLISHED[rows]
    evaluation = evaluate(*overrides)
    as_published = evaluation.robustness["Homoskedastic errors, as published"]
    assert isinstance(as_published, ek.Estimate)
    found = as_published.aggregation("overall")
    assert round(float(found.estimate[0]), digits) == effect
    assert round(float(found.std_error[0]), digits) == error
    assert as_published.n_units == count
    robust = evaluation.estimate.aggregation("overall")
    assert robust.estimate[0] == pytest.approx(found.estimate[0])
    assert round(float(robust.std_error[0]), 4) == ROBUST[rows]


def test_callaway_santanna_agrees_as_primary_too(kentucky: Evaluation) -> None:
    other = evaluate("estimator=callaway_santanna")
    assert other.estimate.aggregation("overall").estimate[0] == pytest.approx(
        kentucky.estimate.aggregation("overall").estimate[0]
    )
    assert other.evidence.rating.label == "Very low"


def test_an_empty_subgroup_is_refused_by_group_period_and_subgroup() -> None:
    with pytest.raises(
        DesignRefused, match=r"rows with ky = 0 and male = 0: .* highearn = 1 and afchnge = 0"
    ) as refused:
        evaluate("study.data.where.ky=0", "study.data.where.male=0")
    assert refused.value.exit_code == 4


def test_the_summary_says_that_pre_trends_cannot_be_checked(kentucky: Evaluation) -> None:
    (pre_trends,) = (found for found in kentucky.diagnostics if found.id == "pre_trends")
    assert pre_trends.status == "not_run"
    steps = {step.rule: step for step in kentucky.evidence.rating.trail}
    assert steps["few_pre_periods"].points == -1
    assert steps["required_diagnostic:pre_trends"].state == "applied"
    limitations = [item["text"] for item in kentucky.evidence.to_dict()["use"]["limitations"]]
    assert any("one period before the start" in text and "cannot be checked" in text for text in limitations)


def test_the_rating_counts_groups_and_the_sample_counts_people(kentucky: Evaluation) -> None:
    sample = kentucky.evidence.to_dict()["sample"]
    assert [sample[name]["value"] for name in ("n_units", "n_clusters", "n_treated_clusters")] == [5626, 2, 1]
    steps = {step.rule: step for step in kentucky.evidence.rating.trail}
    assert steps["cap_single_unit"].cap == 1
    assert "1 treated and 1 comparison groups" in steps["cap_single_unit"].reason
    assert kentucky.evidence.rating.label == "Very low"


def test_its_design_validates_without_an_effect_being_seen(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", "study=workers_compensation", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["units"], facts["groups"], facts["pre_periods_by_start"]) == (5626, 2, {"1": 1})


def test_an_empty_subgroup_ends_the_command_with_exit_code_4(capsys: pytest.CaptureFixture[str]) -> None:
    overrides = ["study.data.where.ky=0", "study.data.where.male=0"]
    assert main(["validate", "study=workers_compensation", *overrides]) == 4
    assert "highearn = 1 and afchnge = 0" in capsys.readouterr().err


def test_the_title_says_which_rows_were_analysed(kentucky: Evaluation) -> None:
    assert kentucky.evidence.to_dict()["question"]["title"]["value"].endswith("(ky = 1)")
    (step,) = (step for step in kentucky.evidence.sample.flow if step.id == "subgroup")
    assert "1524 others are left out" in step.text


def test_the_data_card_describes_the_file_that_is_read() -> None:
    frame = load_frame(ek.load_study("workers_compensation"))
    assert CARD["rows"] == CARD["units"] == len(frame)
    assert CARD["periods"] == [frame["afchnge"].min(), frame["afchnge"].max()]
    assert {column["name"] for column in CARD["columns"]} <= set(frame.columns)
    assert fingerprint(frame) == CARD["fingerprint"]
    file = importlib.resources.files(CARD["source"]["package"]).joinpath(CARD["source"]["file"])
    assert hashlib.sha256(file.read_bytes()).hexdigest() == CARD["source"]["sha256"]
