"""From a table to one series: what is refused, where, and that nothing is filled in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evalkit.errors import ConfigError, DataError, EvalkitError
from evalkit.indicators.series import Series, read_series
from tests.indicator_worlds import frame, spec, write


def read(folder: Path, kind: str = "count", table: pd.DataFrame | None = None, **changes: Any) -> Series:
    return read_series(spec(kind, **changes), write(folder, frame() if table is None else table))


def test_counts_shares_and_measurements_are_read_as_they_are(tmp_path: Path) -> None:
    table = frame()
    assert read(tmp_path).value.tolist() == table["calls"].tolist()
    share = read(tmp_path, "share")
    assert share.value == pytest.approx((table["calls"] / table["all"]).to_numpy())
    assert read(tmp_path, "measurement").value.tolist() == table["days"].tolist()


def test_rows_of_one_period_are_added_up(tmp_path: Path) -> None:
    table = frame()
    doubled = pd.concat([table, table])
    assert read(tmp_path, "count", doubled).count.tolist() == (2 * table["calls"]).tolist()
    assert read(tmp_path, "share", doubled).value == pytest.approx(read(tmp_path, "share").value)


def test_the_timeline_reaches_to_the_target(tmp_path: Path) -> None:
    when = read(tmp_path, season=True).timeline
    assert (when.observed, when.total, when.season, when.over) == (60, 72, 12, 12)
    assert when.labels[-1].startswith("2024-12")
    assert when.position(72)[60] == 0, "January opens the season"


def test_rows_may_be_held_at_a_value(tmp_path: Path) -> None:
    table = pd.concat([frame().assign(line="a"), frame(seed=1).assign(line="b")])
    columns = [{"name": "month", "type": "date"}, {"name": "line", "type": "string"}]
    found = read(tmp_path, "count", table, **{"data.where": {"line": "b"}, "data.source.columns": columns})
    assert found.count.tolist() == frame(seed=1)["calls"].tolist()


def broken(**columns: Any) -> pd.DataFrame:
    table = frame()
    for name, (row, value) in columns.items():
        table[name] = table[name].astype(object if isinstance(value, str) else float)
        table.loc[row, name] = value
    return table


@pytest.mark.parametrize(
    ("kind", "changes", "table", "words"),
    [
        ("count", {"target.date": "2018-12"}, None, "is not after the baseline"),
        ("count", {"target.date": "2021-12"}, None, "is not after the baseline"),
        ("count", {"baseline.start": "2022-01"}, None, "is before baseline.start"),
        ("count", {"baseline.start": "2018-01"}, None, "is not within the data: 2019-01-01 to 2023-12-01"),
        ("count", {"baseline.start": "2021-08"}, None, "has 5 periods"),
        ("count", {"season": True, "baseline.start": "2020-06"}, None, "2 whole seasons"),
        ("count", {"target.date": "soon"}, None, "is no period of the data"),
        ("count", {"target.date": "2060-01"}, None, "periods after the data end"),
        ("count", {"target.over": 40}, None, "reach back into the baseline"),
        ("count", {"measure.column": "call"}, None, "calls"),
        ("count", {}, broken(calls=(4, 2.5)), "2019-05-01: 2.5 is not a count"),
        ("count", {}, broken(calls=(4, np.nan)), "Periods of the baseline have no 'calls': '2019-05-01'"),
        ("count", {}, frame().drop(index=range(3, 5)), "'2019-04-01', '2019-05-01'"),
        ("count", {}, frame().assign(calls=30), "is the same in every period"),
        ("share", {}, broken(all=(4, 3.0)), "'all' is less than 'calls' in 2019-05-01"),
        ("share", {}, broken(all=(4, 0.0)), "'all' is not above 0 in 2019-05-01"),
        ("measurement", {}, pd.concat([frame(), frame()]), "has 2 rows, and a measurement has one"),
        ("measurement", {"measure.scale": "log"}, broken(days=(4, -1.0)), "is 0 or below in 2019-05-01"),
        ("count", {}, frame(1), "series of periods"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_by_name(
    tmp_path: Path, kind: str, changes: dict[str, Any], table: pd.DataFrame | None, words: str
) -> None:
    with pytest.raises(EvalkitError) as error:
        read(tmp_path, kind, table, **changes)
    assert isinstance(error.value, ConfigError | DataError)
    assert words in str(error.value)


def test_a_season_that_the_calendar_does_not_tell_has_to_be_given(tmp_path: Path) -> None:
    table = frame().assign(month=range(1, 61)).rename(columns={"month": "month"})
    changes = {"baseline.start": 1, "baseline.end": 36, "target.date": 72, "data.source.columns": []}
    with pytest.raises(ConfigError, match="no season that the calendar tells"):
        read(tmp_path, "count", table, season=True, **changes)
    when = read(tmp_path, "count", table, season=6, **changes).timeline
    assert when.season == 6
    assert when.position(8).tolist() == [0, 1, 2, 3, 4, 5, 0, 1], "counted from the first period of the data"


def test_gaps_after_the_baseline_stay_gaps(tmp_path: Path) -> None:
    found = read(tmp_path, "count", frame().drop(index=[40, 41]))
    assert np.flatnonzero(np.isnan(found.value)).tolist() == [40, 41]


def test_a_restricted_source_has_no_fingerprint(tmp_path: Path) -> None:
    assert read(tmp_path).data_sha
    assert read(tmp_path, "count", None, **{"data.restricted": True}).data_sha is None
