"""A study whose source are records: from the files to the brief, and blind while it is only validated."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path

import pytest

import evalkit as ek
from evalkit.cli.main import main
from evalkit.evaluation import Evaluation
from evalkit.report.brief_html import brief_html
from evalkit.report.compose import compose
from tests import event_worlds
from tests.small_study import study, write_study

FAR = 0.12
"""Log points: three standard errors of 0.04; a wrong sign or coding of the start is off by more."""
FIGURES = {"data_records", "data_closures", "data_composition", "data_lag"}


def write_city(folder: Path) -> None:
    """Requests whose kinds are named anew when the crews start: noise becomes graffiti, everywhere."""
    records = event_worlds.requests()
    renamed = (records["created"] >= event_worlds.START) & (records["type"] == "noise")
    records.loc[renamed, "type"] = "graffiti"
    event_worlds.write(folder, records, name="requests.parquet")
    outcome = {
        "name": "service requests",
        "column": "requests",
        "unit": "requests per district and month",
        "direction": "lower_better",
        "transform": "log",
        "mid": {"value": 5.0, "unit": "%", "rationale": "set"},
    }
    content = study(
        id="requests",
        programme="The street crews",
        assignment={"mechanism": "policy_choice", "unit": "district"},
        data={"source": event_worlds.source(path="data/requests.parquet"), "unit": "district", "period": "month",
              "cohort": "opened"},
        outcomes=[outcome],
        checks=["sample_flow"],
    )  # fmt: skip
    write_study(folder, content, name="requests")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("city")
    write_city(found)
    return found


@pytest.fixture(scope="module")
def evaluation(folder: Path) -> Iterator[Evaluation]:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        yield ek.evaluate(ek.load_study("requests"))


def test_the_effect_on_requests_is_recovered_from_the_records(evaluation: Evaluation) -> None:
    effect = float(evaluation.estimate.aggregate("overall")["estimate"].iloc[0])
    assert abs(effect - math.log(event_worlds.EFFECT)) < FAR
    assert evaluation.n_rows == 12 * 48


def test_a_new_naming_of_records_at_the_start_weakens_the_claim(evaluation: Evaluation) -> None:
    found = {each.id: each for each in evaluation.diagnostics}
    assert found["data_definition_changes"].status == "fail"
    step = next(each for each in evaluation.evidence.rating.trail if each.rule == "measurement_change")
    assert (step.state, step.points) == ("applied", -1)
    assert "the mix of records shifted next to the start" in step.because


def test_the_brief_has_a_part_on_the_data_with_its_figures(evaluation: Evaluation) -> None:
    contents = compose(evaluation, study_yaml="study: {id: requests}\nseed: 0\n", provenance={})
    page = brief_html(contents)
    weakens = page.partition("What weakens the claim")[2].partition("</ul>")[0]
    assert "mix of records shifted" in weakens
    assert "Data quality" in page
    assert "Did what counts as a record change?" in page
    assert {figure.id for figure in contents.figures} >= FIGURES
    assert {f"figures/{kind}" for kind in FIGURES} <= set(contents.disclosure["tables"])


def test_validate_tells_what_is_wrong_with_the_records(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    assert main(["validate", "study=requests", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["data_quality"]["definition changes"].startswith("fail.")
    assert told["units_by_start"] == {"2021-07": 5}


def test_a_source_that_is_misspelt_is_refused_with_the_closest_key(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    assert main(["validate", "study=requests", "+study.data.source.extracte=2023-03-15"]) == 2
    assert "extracted" in capsys.readouterr().err
