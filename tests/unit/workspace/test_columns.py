from __future__ import annotations

import pandas as pd
import pytest

from evalkit.workspace import columns as guess
from evalkit.workspace.columns import Profile, profile

PANEL = pd.DataFrame(
    {
        "place": ["a"] * 4 + ["b"] * 4 + ["c"] * 4,
        "year": [2001, 2002, 2003, 2004] * 3,
        "first": [2003] * 4 + [0] * 8,
        "on": [0, 0, 1, 1] + [0] * 8,
        "y": [1.5, 2.5, 3.5, 4.5] * 3,
    }
)


def found(frame: pd.DataFrame = PANEL) -> dict[str, Profile]:
    return profile(frame)


def test_each_column_has_its_kind() -> None:
    text = PANEL.astype("str").assign(code="007", day="2001-05", gone="NA", share="0.5")
    kinds = {name: column.kind for name, column in profile(text).items()}
    assert kinds == {
        "place": "text", "year": "integer", "first": "integer", "on": "flag", "y": "number", "code": "text",
        "day": "date", "gone": "empty", "share": "number",
    }  # fmt: skip


def test_a_school_year_is_no_month() -> None:
    assert profile(pd.DataFrame({"year": ["2019-20", "2020-21"]}))["year"].kind == "text"


def test_the_columns_of_a_panel_are_found() -> None:
    columns = found()
    period = guess.guess_period(columns)
    assert period == "year"
    assert guess.guess_unit(columns, period) == "place"
    assert guess.guess_cohort(columns, "place", period) == "first"
    assert guess.guess_treated(columns, "place", period) == "on"
    assert guess.guess_outcome(columns, ["place", "year", "first", "on"]) == "y"


def test_what_the_data_leave_open_is_not_guessed() -> None:
    columns = found(PANEL.assign(other=1.5, year_again=PANEL["year"]))
    assert guess.guess_period(columns) is None  # two columns of years
    assert guess.guess_outcome(columns, ["place", "year", "year_again", "first", "on"]) is None
    assert guess.guess_unit(found(PANEL.assign(place="a")), "year") is None


def test_treatment_that_ends_is_no_zero_one_column_of_starts() -> None:
    frame = PANEL.assign(on=[0, 1, 0, 1] + [0] * 8).drop(columns="first")
    assert guess.guess_treated(found(frame), "place", "year") is None


@pytest.mark.parametrize(("code", "declared"), [(9999, 9999), (-1, -1), (0, None), (2010, None)])
def test_a_code_for_never_is_told_from_a_late_start(code: int, declared: int | None) -> None:
    columns = found(PANEL.replace({"first": {0: code}}))
    assert guess.never_code(columns["first"], columns["year"]) == declared


def test_a_constant_of_the_unit_that_is_no_period_is_no_start() -> None:
    frame = PANEL.drop(columns="first").assign(households=[5000] * 4 + [6000] * 8)
    assert guess.guess_cohort(found(frame), "place", "year") is None
