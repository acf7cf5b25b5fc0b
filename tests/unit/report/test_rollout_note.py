from __future__ import annotations

import io
from pathlib import Path

import pandas as pd
import pytest

from evalkit.errors import ConfigError, EvalkitError
from evalkit.power.rollout_words import Comparison
from evalkit.power.rollouts import RollOutOption, compare
from evalkit.power.schedule import Schedule, Wishes
from evalkit.report.rollout_note import assign, figure_of, write_rollout
from tests.designs import outcome, study
from tests.designs import panel as simulated

ASKED = study("imputation", **outcome(mid={"value": 0.5, "rationale": "r"}))


@pytest.fixture(scope="module")
def made() -> Comparison:
    """12 of 30 places, two cohorts."""
    wishes = Wishes(cohorts=(4, 8), units=30)
    panel = simulated(n_units=120, n_periods=5)
    return Comparison(ASKED.spec, compare(ASKED, panel, wishes, hold_back=0.0, draws=100), 0.8)


def test_table_figure_and_note_are_written(made: Comparison, tmp_path: Path) -> None:
    files = write_rollout(tmp_path / "design", ASKED, made, made.to_dict(), None)
    assert [file.name for file in files] == [f"rollout.{end}" for end in ("csv", "svg", "png", "json", "md")]
    table = pd.read_csv(tmp_path / "design" / "rollout.csv")
    assert table["schedule"].tolist() == ["all at once", "equal waves", "early-heavy", "late-heavy (as planned)"]
    assert made.headline() in (tmp_path / "design" / "rollout.md").read_text("utf-8")


def test_the_figure_has_one_line_a_schedule(made: Comparison) -> None:
    assert all(f"{name}: 80 % power" in figure_of(ASKED, made).alt for name in made.table()["schedule"])


def test_a_folder_that_cannot_be_made_is_an_error_a_person_can_act_on(made: Comparison, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(EvalkitError, match="Could not write"):
        write_rollout(tmp_path / "taken", ASKED, made, made.to_dict(), None)


def test_a_list_is_balanced_within_groups_of_the_untreated_outcome(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evalkit.report.rollout_note.load_frame", lambda asked: pd.DataFrame())
    panel = simulated(n_units=40, n_periods=5)
    option = RollOutOption("all at once", Schedule((0,), (8,), 20, before=3, after=2), waiting=0, found=None)
    drawn = assign(ASKED, panel, option, columns=(), groups=2)
    table = pd.read_csv(io.BytesIO(drawn.content))
    assert table["stratum"].nunique() == 2
    assert table.groupby("stratum")["arm"].value_counts().unstack()["cohort 1"].tolist() == [4, 4]
    assert drawn.facts["stratified_by"] == ["untreated outcome, 2 groups"]
    data = ASKED.spec.data.model_copy(update={"unit": None})
    persons = ASKED.model_copy(update={"spec": ASKED.spec.model_copy(update={"data": data})})
    with pytest.raises(ConfigError, match="followed over time"):
        assign(persons, panel, option, columns=(), groups=2)
