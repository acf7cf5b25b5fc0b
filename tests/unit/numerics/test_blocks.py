"""Rows in blocks."""

from __future__ import annotations

import numpy as np
import pytest

from evalkit.numerics.blocks import BLOCK_ROWS, column_major, distinct_columns, has_missing, pieces


@pytest.mark.parametrize("rows", [slice(0, 0), slice(3, 4), slice(0, BLOCK_ROWS), slice(7, 3 * BLOCK_ROWS + 1)])
def test_pieces_cover_the_rows_once_in_order(rows: slice) -> None:
    covered = [row for piece in pieces(rows) for row in range(piece.start, piece.stop)]
    assert covered == list(range(rows.start, rows.stop))
    assert all(piece.stop - piece.start <= BLOCK_ROWS for piece in pieces(rows))


def test_the_product_is_the_product() -> None:
    rng = np.random.default_rng(0)
    left, right = rng.standard_normal((20, 4)), rng.standard_normal((4, 3))
    product = column_major(left, right)
    assert product.flags.f_contiguous
    np.testing.assert_allclose(product, left @ right, rtol=1e-12, atol=1e-14)


def test_missing_values_are_found_also_where_one_value_a_row_is_held() -> None:
    values = np.array([[1.0], [np.nan], [3.0]])
    assert has_missing(values)
    assert has_missing(np.broadcast_to(values, (3, 5)))
    assert not has_missing(np.broadcast_to(values[:1], (3, 5)))


def test_the_distinct_columns_of_a_full_matrix_are_all_of_them() -> None:
    full = np.ones((3, 4))
    assert distinct_columns(full) is full
    assert distinct_columns(np.broadcast_to(full[:, :1], (3, 4))).shape == (3, 1)
