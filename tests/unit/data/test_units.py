"""Unit labels of any type are kept to the letter and sorted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from evalkit.data.units import read_units
from evalkit.errors import DataError
from tests.frames import long_frame, read


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        (["NA", "007", "Gary", "7"], ["007", "7", "Gary", "NA"]),
        ([30, 10, 20, 40], [10, 20, 30, 40]),
        ([-3, 10**12, 5, -4], [-4, -3, 5, 10**12]),
        (np.array([250, 3, 128, 7], dtype="uint8"), [3, 7, 128, 250]),
        (pd.Categorical(["b", "a", "d", "c"], categories=["d", "c", "b", "a", "unused"]), ["a", "b", "c", "d"]),
        ([2.5, 1.0, 3.0, 2.0], [1.0, 2.0, 2.5, 3.0]),
        (pd.array([3, 1, 2, 4], dtype="Int64"), [1, 2, 3, 4]),
        (pd.Series(["b", "a", "d", "c"], dtype=object), ["a", "b", "c", "d"]),
    ],
)
def test_labels_are_kept_and_sorted_and_codes_point_back_to_them(values: Any, labels: list[object]) -> None:
    frame = pd.DataFrame({"unit": values})
    codes, found = read_units(frame, "unit")
    assert found.tolist() == labels
    assert found[codes].tolist() == list(values)
    assert found.name == "unit"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["a", None], "unit column 'unit' is empty in row 1"),
        ([1.0, np.nan], "is empty in row 1"),
        (["a", " "], "is empty in row 1"),
        ([[1], [2]], "unit column 'unit' holds lists"),
        ([1, "1"], "mixes types: 1 and '1'"),
    ],
)
def test_empty_or_mixed_identifiers_are_refused(values: list[object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_units(pd.DataFrame({"unit": pd.Series(values, dtype=None)}), "unit")


def test_clusters_become_codes_of_their_units() -> None:
    panel = read(long_frame(county=["Summit"] * 4 + ["Lake"] * 4 + ["Portage"] * 4), cluster="county")
    assert panel.cluster_codes.tolist() == [2, 0, 1]


def test_units_are_their_own_clusters_when_none_is_named() -> None:
    assert read(long_frame()).cluster_codes.tolist() == [0, 1, 2]


def test_a_cluster_that_changes_within_a_unit_is_refused_by_name() -> None:
    county = ["Summit", "Stark", "Stark", "Stark"] + ["Lake"] * 4 + ["Portage"] * 4
    with pytest.raises(DataError, match="changes over time in 1 unit: 'Akron'"):
        read(long_frame(county=county), cluster="county")


def test_an_empty_cluster_is_refused_by_row() -> None:
    with pytest.raises(DataError, match="cluster column 'county' is empty in row 2 "):
        read(long_frame(county=["a", "a", None, *["b"] * 9]), cluster="county")
