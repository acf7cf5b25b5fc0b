"""Rows are placed in the (N, T) matrix, and repeated cells are named."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from evalkit.errors import DataError
from tests.frames import long_frame, read


def test_sorted_and_shuffled_rows_give_the_same_matrix() -> None:
    frame = long_frame()
    shuffled = frame.sample(frac=1, random_state=0)
    np.testing.assert_array_equal(read(frame).outcome, read(shuffled).outcome)
    np.testing.assert_array_equal(read(frame).outcome.reshape(-1), frame.y)


def test_repeated_cells_are_refused_with_unit_period_and_rows() -> None:
    frame = pd.concat([long_frame(), long_frame().iloc[[5]]], ignore_index=True)
    with pytest.raises(DataError, match=r"unit 'Gary' in 2002 \(rows 5, 12\)"):
        read(frame)


def test_a_balanced_number_of_rows_with_a_repeated_cell_is_refused_too() -> None:
    frame = long_frame()
    frame.loc[1, "year"] = 2001
    with pytest.raises(DataError, match=r"unit 'Akron' in 2001 \(rows 0, 1\)"):
        read(frame)


def test_many_repeated_cells_are_counted() -> None:
    with pytest.raises(DataError, match="and 9 more"):
        read(pd.concat([long_frame(), long_frame()], ignore_index=True))
