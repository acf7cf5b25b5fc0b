"""Every aggregate is what pandas makes of the same records, and the same to the bit whatever their order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evalkit.data.events.build import Names, build
from evalkit.errors import ConfigError
from evalkit.study.events import EventsSource
from tests import event_worlds
from tests.unit.data.events.conftest import Read

CELL = 1e-9
"""Relative: sums are of whole millionths, pandas adds doubles."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("city")
    event_worlds.write(folder, name="requests.parquet")
    event_worlds.write(folder, event_worlds.requests().sample(frac=1.0, random_state=2), name="shuffled.csv")
    return folder


def panel(folder: Path, **changes: Any) -> pd.DataFrame:
    source = EventsSource.model_validate(event_worlds.source(**changes))
    return build(source, folder, Names("district", "month", "start"), "requests")[0]


def test_counts_sums_and_shares_are_those_of_pandas(folder: Path) -> None:
    measures = [
        {"name": "n", "kind": "count"},
        {"name": "sum", "kind": "sum", "column": "cost"},
        {"name": "mean", "kind": "mean", "column": "cost"},
        {"name": "median", "kind": "median", "column": "cost"},
        {"name": "noise", "kind": "share", "where": [{"column": "type", "operator": "equals", "value": "noise"}]},
        {"name": "dear", "kind": "count", "where": [{"column": "cost", "operator": "above", "value": 150}]},
    ]
    found = panel(folder, path="data/requests.parquet", measures=measures).set_index(["district", "month"])
    records = event_worlds.requests().merge(event_worlds.geography(), on="tract")
    by_cell = records.groupby(["district", records["created"].dt.to_period("M").rename("month")])
    expected = pd.DataFrame(
        {
            "n": by_cell.size(),
            "sum": by_cell["cost"].sum(),
            "mean": by_cell["cost"].mean(),
            "median": by_cell["cost"].median(),
            "noise": by_cell["type"].agg(lambda types: (types == "noise").mean()),
            "dear": by_cell["cost"].agg(lambda costs: (costs > 150).sum()),
        }
    )
    pd.testing.assert_frame_equal(
        found[list(expected)], expected.reindex(found.index), check_dtype=False, rtol=CELL, check_names=False
    )


def test_text_and_parquet_in_any_order_of_rows_give_the_same_panel_to_the_bit(folder: Path) -> None:
    first = panel(folder, path="data/requests.parquet")
    assert panel(folder, path="data/shuffled.csv").equals(first)
    assert first.groupby("district")["start"].first().notna().sum() == len(event_worlds.TREATED)


def test_decimals_that_a_measure_does_not_count_are_rounded_off(read: Read) -> None:
    text = "day,area,x\n2020-01-01,a,0.1\n2020-01-15,a,0.24\n2020-01-31,a,0.26\n"
    frame, _ = read(text, measures=[{"name": "x", "kind": "sum", "column": "x", "decimals": 1}])
    assert frame["x"].tolist() == [0.6]


def test_a_sum_without_any_known_amount_is_missing_and_one_over_no_records_zero(read: Read) -> None:
    text = "day,area,x,type\n2020-01-01,a,,y\n2020-02-01,a,3,n\n2020-03-31,a,2,y\n"
    only = [{"column": "type", "operator": "equals", "value": "y"}]
    frame, _ = read(text, measures=[{"name": "x", "kind": "sum", "column": "x", "where": only}])
    assert np.isnan(frame["x"].iloc[0])
    assert frame["x"].tolist()[1:] == [0.0, 2.0]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"kind": "sum"}, "'sum' needs 'column'"),
        ({"kind": "count", "column": "x"}, "takes no 'column'"),
        ({"kind": "share"}, "'share' needs 'where'"),
        ({"kind": "duration", "end": "x"}, "needs 'end' and 'statistic'"),
        ({"kind": "duration", "end": "x", "statistic": "share_within"}, "'within' belongs"),
        ({"kind": "count", "end": "x"}, "takes no 'end'"),
    ],
)
def test_a_measure_that_lacks_something_is_refused(wrong: dict[str, Any], message: str, read: Read) -> None:
    with pytest.raises(ValueError, match=message):
        read("day,area,x\n", measures=[{"name": "m", **wrong}])


def test_dates_are_not_added_up(tmp_path: Path, read: Read) -> None:
    days = pd.to_datetime(["2020-01-01", "2020-01-31"])
    pd.DataFrame({"day": days, "area": ["a", "a"]}).to_parquet(tmp_path / "r.parquet")
    with pytest.raises(ConfigError, match="'day' holds dates, and a measure reads it as numbers"):
        read(path="r.parquet", measures=[{"name": "m", "kind": "mean", "column": "day"}])
