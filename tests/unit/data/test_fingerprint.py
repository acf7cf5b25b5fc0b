"""The fingerprint stays when only the form of the data changes, and changes with any cell."""

from __future__ import annotations

import datetime as dt
import decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit.data.files import read_file
from evalkit.data.fingerprint import fingerprint
from evalkit.errors import DataError
from evalkit.study.spec import FileSource
from tests.frames import long_frame

KEY = b"thirty-two bytes of a test's key"


def mixed_frame() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    frame = long_frame(day=pd.date_range("2001-01-01", periods=12, freq="MS"), share=rng.uniform(size=12))
    return frame.assign(city=frame.city.replace("Kent", "NA"), count=rng.integers(0, 9, 12))


@settings(max_examples=25, deadline=None)
@given(rows=st.permutations(range(12)), columns=st.permutations(list(mixed_frame().columns)))
@pytest.mark.promise("trap-06")
def test_the_order_of_rows_and_columns_does_not_count(rows: list[int], columns: list[str]) -> None:
    frame = mixed_frame()
    assert fingerprint(frame.iloc[rows][columns]) == fingerprint(frame)


@settings(max_examples=60, deadline=None)
@given(
    values=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20),
    place=st.integers(0, 19),
    other=st.floats(allow_nan=True),
)
def test_any_changed_number_changes_the_fingerprint(values: list[float], place: int, other: float) -> None:
    changed = list(values)
    changed[place % len(values)] = other
    same = sorted(values) == sorted(changed)
    assert (fingerprint(pd.DataFrame({"y": values})) == fingerprint(pd.DataFrame({"y": changed}))) == same


@pytest.mark.parametrize("column", list(mixed_frame().columns))
@pytest.mark.parametrize("row", [0, 5, 11])
@pytest.mark.promise("trap-06")
def test_any_changed_cell_changes_the_fingerprint(column: str, row: int) -> None:
    frame = mixed_frame()
    changed = frame.copy()
    value = changed[column].iloc[row]
    if isinstance(value, str):
        changed.loc[row, column] = value + " "
    else:
        changed.loc[row, column] = value + (pd.Timedelta(days=1) if column == "day" else 1)
    assert fingerprint(changed) != fingerprint(frame)


@pytest.mark.promise("trap-06")
def test_the_last_of_very_many_rows_counts() -> None:
    frame = pd.DataFrame({"y": np.arange(300_000)})
    changed = frame.copy()
    changed.loc[299_999, "y"] = 7
    assert fingerprint(changed) != fingerprint(frame)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (np.array([1, 2], "int32"), np.array([1, 2], "int64")),
        ([1, 2], [1.0, 2.0]),
        ([1, 2], pd.array([1, 2], "Int64")),
        ([1.5, np.nan], pd.array([1.5, None], "Float64")),
        (np.array([0.5, 3], "float32"), [0.5, 3.0]),
        ([0.0], [-0.0]),
        ([True, False], [1, 0]),
        (["a", "b"], pd.Categorical(["a", "b"])),
        (["a", None], ["a", ""]),
        (pd.Series(["a", "b"], dtype=object), ["a", "b"]),
        (["17", "-4"], [17, -4]),
        (pd.to_datetime(["2004-05-01"]), ["2004-05-01"]),
        (pd.Series([dt.date(2004, 5, 1)], dtype=object), pd.to_datetime(["2004-05-01"])),
        (pd.Series([decimal.Decimal("1.5")], dtype=object), [1.5]),
        ([2**60 + 1], np.array([2**60 + 1], "uint64")),
    ],
)
@pytest.mark.promise("trap-06")
def test_the_form_of_a_value_does_not_count(one: Any, other: Any) -> None:
    assert fingerprint(pd.DataFrame({"x": one})) == fingerprint(pd.DataFrame({"x": other}))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (["007"], [7]),
        (["NA"], [None]),
        ([2**60 + 1], [2**60]),
        ([2**63 - 1], [2**63 - 2]),
        (np.array([0.1], "float32"), [0.1]),
        (["a", "b"], ["b", "c"]),
        ([1, 1, 2], [1, 2, 2]),
        ([1], [1, 1]),
        ([0], [None]),
        ([1.0, None], [1.0, 0.0]),
    ],
)
def test_another_value_is_another_fingerprint(one: Any, other: Any) -> None:
    assert fingerprint(pd.DataFrame({"x": one})) != fingerprint(pd.DataFrame({"x": other}))


def test_cells_that_change_places_are_noticed() -> None:
    frame = pd.DataFrame({"a": [1, 2], "b": [3, 4]})
    assert fingerprint(frame) != fingerprint(pd.DataFrame({"a": [1, 2], "b": [4, 3]}))
    assert fingerprint(frame) != fingerprint(frame.rename(columns={"a": "b", "b": "a"}))
    assert fingerprint(frame) != fingerprint(frame.rename(columns={"a": "c"}))


@pytest.mark.promise("trap-06")
def test_a_csv_or_parquet_round_trip_keeps_the_fingerprint(tmp_path: Path) -> None:
    frame = mixed_frame()
    frame.loc[3, "share"] = np.nan
    frame.to_csv(tmp_path / "data.csv", index=False)
    frame.to_parquet(tmp_path / "data.parquet")
    by_csv = read_file(FileSource(kind="file", path="data.csv"), tmp_path, ["city", "count"])
    by_parquet = read_file(FileSource(kind="file", path="data.parquet"), tmp_path)
    assert fingerprint(by_csv) == fingerprint(frame) == fingerprint(by_parquet)


@pytest.mark.promise("trap-06")
def test_a_key_makes_a_fingerprint_that_nobody_else_can_compute() -> None:
    frame = mixed_frame()
    keyed = fingerprint(frame, key=KEY)
    assert keyed.startswith("hmac-sha256:")
    assert keyed == fingerprint(frame.sample(frac=1, random_state=1), key=KEY)
    assert keyed.split(":")[1] != fingerprint(frame).split(":")[1]
    assert keyed != fingerprint(frame, key=KEY[::-1])
    with pytest.raises(DataError, match="shorter than 16 bytes"):
        fingerprint(frame, key=b"short")


def test_the_frame_is_not_changed() -> None:
    frame = mixed_frame()
    before = frame.copy(deep=True)
    fingerprint(frame)
    pd.testing.assert_frame_equal(frame, before)


def test_the_published_form_of_a_known_table_does_not_drift() -> None:
    # Computed once with version 1; a change means that every stored fingerprint loses its meaning.
    frame = pd.DataFrame({"city": ["Gary", "NA"], "year": [2001, 2002], "y": [1.5, np.nan]})
    assert fingerprint(frame) == "sha256:f989372d161ff1661cc5a90ead58115f512d8d92773a8a6276104414300eb87d"


def test_columns_without_a_value_are_refused_by_name() -> None:
    with pytest.raises(DataError, match="column 'x' holds list"):
        fingerprint(pd.DataFrame({"x": pd.Series([[1]], dtype=object)}))


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (np.array([1j, 2j]), "complex"),
        (np.array([1, 2], dtype="timedelta64[s]"), "Timedelta"),
        (pd.Series([("a", 1)], dtype=object), "tuple"),
    ],
)
def test_values_that_a_table_cannot_show_are_refused_by_name(values: Any, kind: str) -> None:
    with pytest.raises(DataError, match=f"column 'x' holds {kind}"):
        fingerprint(pd.DataFrame({"x": values}))


def test_two_columns_of_one_name_have_no_fingerprint() -> None:
    with pytest.raises(DataError, match="Two columns of the data have the same name"):
        fingerprint(pd.concat([long_frame(), long_frame()[["y"]]], axis=1))
