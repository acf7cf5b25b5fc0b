from __future__ import annotations

from typing import Any

import pytest

from evalkit.cli.main import main
from evalkit.cli.rollout import _line


def test_help_names_the_options_it_shares_with_power(capsys: pytest.CaptureFixture[str]) -> None:
    for verb in ("power", "rollout"):
        assert main([verb, "--help"]) == 0
        shown = capsys.readouterr().out
        assert all(
            option in shown for option in ("--cohorts", "--schedule", "--history", "--draws", "--power", "--out")
        )


def test_a_list_without_a_folder_is_refused_before_any_data_are_read(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rollout", "study=castle_doctrine", "--strata", "3", "--quiet"]) == 2
    assert "needs the schedule that it is for" in capsys.readouterr().err


def test_a_schedule_that_cannot_be_estimated_is_named_without_numbers() -> None:
    row: dict[str, Any] = {"cohorts": "4 in 2027", "reason": "no comparison place is left"}
    made: Any = None  # nothing else is read
    assert _line(row, "crimes", made) == "4 in 2027: not estimable"
