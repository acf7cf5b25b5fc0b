"""`evalkit power` from the command line: sentences, files, exit codes, and blindness to treated outcomes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evalkit.cli.main import main
from tests.small_study import frame, study, write_data, write_study

DRAWS = ("--draws", "150")
HEADLINES = {
    "enterprise_zones": ("This design would detect a fall of ", " %", "the smallest change that matters is 10 %."),
    "organ_donation": (
        "This design would detect a rise of ",
        " percentage points",
        "the smallest change that matters is 2 percentage points.",
    ),
}


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    """The document of a run."""
    assert main(["power", *arguments, "--json", "--quiet"]) == 0
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return document


@pytest.mark.parametrize("name", list(HEADLINES))
def test_the_studies_say_what_they_would_detect(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    document = told(capsys, f"study={name}", *DRAWS)
    start, unit, end = HEADLINES[name]
    assert document["headline"].startswith(start)
    assert unit in document["headline"]
    assert document["headline"].endswith(end)
    share, error = document["size"]["share"], document["size"]["mc_error"]
    assert 0.0 <= share < 0.07 + 3.0 * error
    assert document["test"] == ("permutation" if name == "organ_donation" else "interval")


def test_castle_doctrine_could_not_see_the_change_that_matters(capsys: pytest.CaptureFixture[str]) -> None:
    """Its standard error is 0.0384 log points: 2.8 of them are 10 % down, within the noise's own uncertainty."""
    document = told(capsys, "study=castle_doctrine", *DRAWS)
    assert document["headline"].startswith("This design would detect a fall of ")
    assert document["headline"].endswith(" %.")
    assert document["test"] == "interval"
    (found,) = [row for row in document["detectable"] if row["way"] == "fall" and row["power"] == 0.8]
    assert abs(found["effect"] / (2.8 * 0.0384) - 1.0) < 0.3
    assert document["mid"]["power"] < 0.4


def test_treated_outcomes_after_the_start_change_nothing(city: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = told(capsys, "study=lights", *DRAWS)
    changed = frame()
    rng = np.random.default_rng(0)
    on = changed["active"] == 1
    changed.loc[on, "crimes"] = rng.normal(1e6, 1e5, int(on.sum()))
    write_data(city, changed)
    after = told(capsys, "study=lights", *DRAWS)
    assert before.pop("data_sha") != after.pop("data_sha")
    assert before == after


def test_an_effect_that_is_asked_about_and_another_power(city: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = told(capsys, "study=lights", "--effect", "0.5", "--power", "0.9", *DRAWS)
    assert document["effect"]["shown"] == 0.5
    assert "nine times in ten" in document["headline"]
    by_power = {row["power"]: row["effect"] for row in document["detectable"] if row["way"] == "fall"}
    assert by_power[0.5] < by_power[0.8] < by_power[0.9]


def test_another_roll_out_than_the_study_s_own(city: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = told(capsys, "study=lights", "--treated", "30", "--cohorts", "3", "--units", "60", *DRAWS)
    assert document["schedule"]["sizes"] == [10, 10, 10]
    exact = told(capsys, "study=lights", "--schedule", "2014=4,2016=6", *DRAWS)
    assert exact["schedule"]["sizes"] == [4, 6]
    assert exact["schedule"]["offsets"] == [0, 2]


def test_a_programme_that_has_not_begun_can_be_designed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_data(write_study(tmp_path, study()), frame(effect=0.0).assign(start=0))
    assert main(["power", "study=lights", "--quiet", *DRAWS]) == 2
    assert "Nobody has started yet" in capsys.readouterr().err
    document = told(capsys, "study=lights", "--treated", "12", *DRAWS)
    assert document["history"]["places"] == 24
    assert document["headline"].startswith("This design would detect a fall of ")


def test_people_read_sentences_and_files_are_written_where_asked(
    city: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["power", "study=lights", "--out", "design", *DRAWS]) == 0
    shown = capsys.readouterr()
    assert shown.out.startswith("This design would detect a fall of ")
    for name in ("Detectable", "What matters", "Size", "Design", "History", "Test", "Draws"):
        assert f"\n  {name}" in shown.out
    assert "Simulating placebo panels" in shown.err
    assert {file.name for file in Path("design").iterdir()} == {
        f"power.{end}" for end in ("csv", "svg", "png", "json", "md")
    }


def test_without_out_nothing_is_written(city: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted(city.rglob("*"))
    told(capsys, "study=lights", *DRAWS)
    assert sorted(city.rglob("*")) == before


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--treated", "300", "--units", "20"), 2, "--units 301"),
        (("--cohorts", "many"), 2, "--cohorts must be"),
        (("--schedule", "1066=3"), 2, "nobody can start"),
        (("--draws", "5"), 2, "100"),
        (("--effect", "-3"), 2, "cannot be"),
        (("--history", "none"), 2, "never_treated"),
        (("--power", "1.5"), 2, "0.99"),
    ],
)
def test_wrong_arguments_end_with_the_exit_code_of_every_verb(
    arguments: tuple[str, ...], code: int, words: str, city: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["power", "study=lights", "--quiet", *arguments]) == code
    shown = capsys.readouterr()
    assert words in shown.err
    assert "Traceback" not in shown.err
    assert shown.out == ""
