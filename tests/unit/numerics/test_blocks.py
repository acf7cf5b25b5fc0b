"""Rows in blocks."""

from __future__ import annotations

import numpy as np
import pytest

from evalkit.numerics.blocks import BLOCK_ROWS, column_major, pieces


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
