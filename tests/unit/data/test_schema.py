"""Declared columns are converted and checked, and the first wrong cell is named."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from evalkit.data.schema import Located, check_columns, convert_text, parse_dates
from evalkit.errors import DataError
from evalkit.study.spec import ColumnSchema

HERE = Located("data.csv", lambda row: f"line {row + 2}")


def converted(values: list[str], kind: str, **more: Any) -> pd.Series[Any]:
    column = ColumnSchema.model_validate({"name": "x", "type": kind, **more})
    frame = convert_text(pd.DataFrame({"x": values}), [column], {"x"} if kind == "string" else set(), HERE)
    check_columns(frame, [column], HERE)
    return frame["x"]


@pytest.mark.parametrize(
    ("kind", "values", "expected"),
    [
        ("integer", ["1", "-20"], [1, -20]),
        ("number", ["1.5", "2e3"], [1.5, 2000.0]),
        ("string", ["007", "NA"], ["007", "NA"]),
        ("date", ["2004-02-29", "2005-01-01"], [pd.Timestamp("2004-02-29"), pd.Timestamp("2005-01-01")]),
        ("date", ["2004-02", "2005-01"], [pd.Timestamp("2004-02-01"), pd.Timestamp("2005-01-01")]),
        ("date", ["2004-Q2", "2005Q4"], [pd.Timestamp("2004-04-01"), pd.Timestamp("2005-10-01")]),
        ("boolean", ["TRUE", "0"], [True, False]),
    ],
)
def test_text_becomes_what_is_declared(kind: str, values: list[str], expected: list[object]) -> None:
    assert converted(values, kind).tolist() == expected


@pytest.mark.parametrize(
    ("kind", "values", "message"),
    [
        ("integer", ["1", "1.5"], r"must be of type integer, but is '1\.5' in line 3"),
        ("number", ["1,234", "2"], "must be of type number, but is '1,234' in line 2"),
        ("date", ["2004-01-01", "1/2/2004", "x"], "must be of type date, but is '1/2/2004' in line 3 and 1 more"),
        ("date", ["2004-02-30"], "'2004-02-30' in line 2"),
        ("date", ["2004-13"], "'2004-13' in line 2"),
        ("boolean", ["yes"], "must be of type boolean, but is 'yes'"),
        ("integer", ["1", "NA"], "is empty in line 3"),
        ("string", ["a", ""], "is empty in line 3"),
    ],
)
def test_the_first_cell_that_is_not_as_declared_is_named(kind: str, values: list[str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        converted(values, kind)


@pytest.mark.parametrize("kind", ["integer", "number", "date", "boolean"])
def test_nullable_columns_may_be_empty(kind: str) -> None:
    good = {"date": "2004-01-01", "boolean": "true"}.get(kind, "1")
    assert converted([good, "", "NA"], kind, nullable=True).isna().tolist() == [False, True, True]


def test_values_outside_the_declared_range_are_named() -> None:
    with pytest.raises(DataError, match=r"is -1 in line 3, below its declared limit 0"):
        converted(["1", "-1"], "integer", minimum=0)
    with pytest.raises(DataError, match=r"is 7\.0 in line 2, above its declared limit 5"):
        converted(["7", "1"], "number", maximum=5)


def test_a_declared_column_that_drifted_away_names_the_nearest() -> None:
    column = ColumnSchema(name="homicide", type="number")
    with pytest.raises(DataError, match=r"declared, but not in 'data\.csv'(.|\n)*Did you mean 'homicides'"):
        check_columns(pd.DataFrame({"homicides": [1.0]}), [column], HERE)


def test_typed_frames_are_held_to_their_declaration_too() -> None:
    with pytest.raises(DataError, match=r"must be of type integer, but is float64, e\.g\. 1\.5"):
        check_columns(pd.DataFrame({"x": [1.5]}), [ColumnSchema(name="x", type="integer")], HERE)
    with pytest.raises(DataError, match="must be of type string, but is int64"):
        check_columns(pd.DataFrame({"x": [7]}), [ColumnSchema(name="x", type="string")], HERE)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["1", "2"], [1, 2]),
        (["True", "False"], [True, False]),
        (["1", "2x"], ["1", "2x"]),
        (["1,234", "5"], ["1,234", "5"]),
        (["inf", "2004"], [float("inf"), 2004.0]),
    ],
)
def test_undeclared_columns_are_numbers_only_if_every_value_is_one(values: list[str], expected: list[object]) -> None:
    assert convert_text(pd.DataFrame({"x": values}), [], set(), HERE)["x"].tolist() == expected


def test_values_on_the_limits_are_within_the_declared_range() -> None:
    assert converted(["0", "5"], "integer", minimum=0, maximum=5).tolist() == [0, 5]


def test_dates_that_came_as_dates_stay_as_they_are() -> None:
    days = pd.to_datetime(["2004-02-29", "2005-01-01"])
    frame = pd.DataFrame({"x": days, "y": ["2004-02", None]})
    declared = [ColumnSchema(name="x", type="date"), ColumnSchema(name="y", type="date", nullable=True)]
    parsed = parse_dates(frame, declared, HERE)
    assert parsed["x"].tolist() == days.tolist()
    assert parsed["y"].iloc[0] == pd.Timestamp("2004-02-01")
    assert pd.isna(parsed["y"].iloc[1])
