"""Numeric columns are taken as they are, or refused with row and value."""

from __future__ import annotations

import decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evalkit.data.columns import codes_in_range, name_rows, read_numbers
from evalkit.errors import DataError


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([1, 2], dtype="uint8"), [1.0, 2.0]),
        (np.array([1, 2], dtype="float32"), [1.0, 2.0]),
        ([True, False], [1.0, 0.0]),
        (pd.array([1, None], dtype="Int64"), [1.0, np.nan]),
        (pd.array([True, None], dtype="boolean"), [1.0, np.nan]),
        (pd.Categorical([3, 1]), [3.0, 1.0]),
        (pd.Series([decimal.Decimal("1.5"), None], dtype=object), [1.5, np.nan]),
    ],
)
def test_numbers_of_every_type_become_floats(values: Any, expected: list[float]) -> None:
    np.testing.assert_array_equal(read_numbers(pd.DataFrame({"x": values}), "x", "outcome"), expected)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["1", "1,234"], r"outcome column 'x' must hold numbers, but holds text: '1,234' in row 1 \(counted from 0\)"),
        (["1", "2"], "holds text: '1' in rows 0, 1"),
        (pd.Series([1, "2 (est.)"], dtype=object), r"'2 \(est\.\)' in row 1"),
        (pd.to_datetime(["2001-01-01", "2002-01-01"]), "holds datetime64"),
        ([1.0, np.inf], "is infinite in row 1"),
        ([1 + 1j, 2], "holds complex128"),
    ],
)
def test_anything_else_is_refused_with_row_and_value(values: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_numbers(pd.DataFrame({"x": values}), "x", "outcome")


def test_rows_beyond_the_fifth_are_counted() -> None:
    assert name_rows(pd.RangeIndex(9), np.ones(9, dtype=bool)) == "rows 0, 1, 2, 3, 4 and 4 more (counted from 0)"


@pytest.mark.parametrize("dtype", ["int8", "uint16", "int64"])
def test_a_lookup_table_gives_the_codes_that_hashing_gives(dtype: str) -> None:
    values = np.random.default_rng(0).choice(np.array([3, 90, 7, 100], dtype=dtype), 50)
    found = codes_in_range(values, 1000)
    assert found is not None
    labels, codes = np.unique(values, return_inverse=True)
    np.testing.assert_array_equal(found[0], codes)
    np.testing.assert_array_equal(found[1], labels)


def test_the_whole_range_of_a_narrow_type_does_not_overflow() -> None:
    values = np.array([-128, 127, 0], dtype="int8")
    found = codes_in_range(values, 1000)
    assert found is not None
    assert found[1][found[0]].tolist() == [-128, 127, 0]


def test_a_range_wider_than_allowed_is_left_to_hashing() -> None:
    assert codes_in_range(np.array([0, 10_000]), 100) is None
    assert codes_in_range(np.array([2**63, 2**63 + 1], dtype="uint64"), 100) is None
