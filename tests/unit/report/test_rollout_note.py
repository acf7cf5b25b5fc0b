from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from evalkit.errors import EvalkitError
from evalkit.power.rollout_words import Comparison
from evalkit.power.rollouts import compare
from evalkit.power.schedule import Wishes
from evalkit.report.rollout_note import figure_of, write_rollout
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
