"""Conditions hold values against cells and never read them as code."""

from __future__ import annotations

from typing import Any

import pytest

from evalkit.errors import ConfigError
from evalkit.study.events import Condition
from tests.unit.data.events.conftest import Read

RECORDS = """day,area,type,size
2020-01-01,a,O'Hare,1
2020-01-02,a,"x'); DROP TABLE t; --",2.5
2020-01-31,a,noise,
2020-02-01,a,,10
2020-02-29,a,noise,3
"""


@pytest.mark.parametrize(
    ("asked", "kept"),
    [
        ({"column": "type", "operator": "equals", "value": "O'Hare"}, 1),
        ({"column": "type", "operator": "equals", "value": "x'); DROP TABLE t; --"}, 1),
        ({"column": "type", "operator": "in", "values": ["noise", "O'Hare"]}, 3),
        ({"column": "type", "operator": "not_in", "values": ["noise", "O'Hare"]}, 2),
        ({"column": "type", "operator": "not_equals", "value": "noise"}, 3),
        ({"column": "type", "operator": "is_missing"}, 1),
        ({"column": "type", "operator": "is_present"}, 4),
        ({"column": "type", "operator": "starts_with", "value": "no"}, 2),
        ({"column": "size", "operator": "at_least", "value": 2.5}, 3),
        ({"column": "size", "operator": "above", "value": 2.5}, 2),
        ({"column": "size", "operator": "at_most", "value": 2.5}, 2),
        ({"column": "size", "operator": "below", "value": 2.5}, 1),
        ({"column": "size", "operator": "equals", "value": 10}, 1),
    ],
)
def test_each_operator_keeps_the_records_that_it_says(asked: dict[str, Any], kept: int, read: Read) -> None:
    frame, intake = read(RECORDS, where=[asked], recording={"since": "2020-01-01", "until": "2020-02-29"})
    assert frame["n"].sum() == kept
    assert (intake.used, intake.filtered) == (kept, 5 - kept)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"column": "a", "operator": "in", "value": 1}, "takes 'values', a list"),
        ({"column": "a", "operator": "equals"}, "takes 'value'"),
        ({"column": "a", "operator": "is_missing", "value": 1}, "takes neither"),
        ({"column": "a", "operator": "above", "value": "1"}, "compares numbers"),
        ({"column": "a", "operator": "in", "values": [1, "b"]}, "all numbers or all text"),
        ({"column": "a", "operator": "matches", "value": ".*"}, "Input should be"),
        ({"column": "a", "operator": "equals", "value": True}, "true/false"),
        ({"column": "a", "operator": "equals", "value": [1, 2]}, "a value is one number or text"),
        ({"column": "a", "operator": "in", "values": [1, [2, 3]]}, "a value is one number or text"),
    ],
)
def test_a_condition_that_means_nothing_is_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Condition.model_validate(wrong)


def test_text_is_not_compared_with_a_column_of_numbers(tmp_path: Any, read: Read) -> None:
    import pandas as pd

    frame = pd.DataFrame({"day": pd.to_datetime(["2020-01-01", "2020-03-31"]), "area": [1.0, 1.0], "size": [1, 2]})
    frame.to_parquet(tmp_path / "records.parquet")
    asked = {"column": "size", "operator": "equals", "value": "1"}
    with pytest.raises(ConfigError, match="compares with text, but the column holds numbers"):
        read(path="records.parquet", where=[asked])
    frame, _ = read(path="records.parquet")
    assert frame["area"].unique().tolist() == ["1"]
