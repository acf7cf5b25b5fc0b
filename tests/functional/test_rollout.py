"""`evalkit rollout` from the command line: the comparison, the list of who starts when, and what it refuses."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pandas as pd
import pytest

from evalkit.cli.main import main
from tests.small_study import frame, write_data

ASKED = (
    "rollout",
    "study=lights",
    "estimator=imputation",
    "--cohorts",
    "3,6",
    "--every",
    "2",
    "--units",
    "20",
    "--draws",
    "100",
)
LIST = ("--list", "equal waves", "--stratify", "district", "--out", "design")


@pytest.fixture
def districts(city: Path) -> Path:
    """The small study with a column to stratify by."""
    data = frame()
    write_data(city, data.assign(district=data["place"].str[-1].isin(list("02468")).map({True: "even", False: "odd"})))
    return city


def test_people_read_which_schedule_detects_most_and_what_it_costs(
    districts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*ASKED, "--quiet"]) == 0
    shown = capsys.readouterr().out
    assert "detects the smallest change four times in five: a fall of " in shown.splitlines()[0]
    for name in ("as planned", "all at once", "equal waves", "early-heavy", "late-heavy", "20 % held back"):
        assert name in shown
    assert "Within the window it delivers " in shown


def test_the_files_and_the_list_are_written_and_the_list_can_be_checked(
    districts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*ASKED, *LIST, "--json", "--quiet"]) == 0
    document = json.loads(capsys.readouterr().out)
    content = Path("design/randomization_list.csv").read_bytes()
    assert hashlib.sha256(content).hexdigest() == document["list"]["sha256"]
    assert document["list"]["seed"] == document["seed"]
    table = pd.read_csv("design/randomization_list.csv")
    assert table["arm"].value_counts().to_dict() == {"cohort 1": 5, "cohort 2": 4, "not in the programme": 5}
    assert set(table["stratum"]) == {"district=even", "district=odd"}
    note = Path("design/rollout.md").read_text("utf-8")
    assert document["headline"] in note
    assert document["list"]["sha256"] in note
    assert {file.name for file in Path("design").glob("rollout.*")} == {
        f"rollout.{end}" for end in ("csv", "svg", "png", "json", "md")
    }


def test_a_list_is_drawn_once(districts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("design").mkdir()
    Path("design/randomization_list.csv").write_text("place,arm\n", encoding="utf-8")
    assert main([*ASKED, *LIST, "--quiet"]) == 2
    assert "holds another randomization list" in capsys.readouterr().err
    assert [file.name for file in Path("design").iterdir()] == ["randomization_list.csv"]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--list", "equal waves"), "a folder to be written to"),
        (("--list", "equal wave", "--out", "d"), "Did you mean 'equal waves'"),
        (("--list", "equal waves", "--stratify", "distrct", "--out", "d"), "Did you mean 'district'"),
        (("--list", "equal waves", "--stratify", "year", "--out", "d"), "varies within"),
        (("--hold-back", "0.9"), "held back cannot make 2 cohorts"),
    ],
)
def test_wrong_arguments_are_refused_and_leave_nothing(
    more: tuple[str, ...], words: str, districts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(districts.rglob("*"))
    assert main([*ASKED, *more, "--quiet"]) == 2
    assert words in capsys.readouterr().err
    assert sorted(districts.rglob("*")) == before
