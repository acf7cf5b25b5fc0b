"""Rows in blocks that fit a processor's cache: temporary arrays stay small whatever the number of units."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from evalkit.vocabulary import FloatArray

BLOCK_ROWS = 8_192
"""A block of 50 columns is 3 MB."""


def pieces(rows: slice) -> Iterator[slice]:
    """Cut consecutive rows into blocks.

    Examples
    --------
    >>> [(piece.start, piece.stop) for piece in pieces(slice(5, 8_200))]
    [(5, 8197), (8197, 8200)]
    """
    for start in range(rows.start, rows.stop, BLOCK_ROWS):
        yield slice(start, min(start + BLOCK_ROWS, rows.stop))


def column_major(left: FloatArray, right: FloatArray) -> FloatArray:
    """Matrix product whose columns are contiguous.

    Arrays of many rows and few columns are scaled row by row all the time; numpy's loops then run
    along the rows, several times faster than over a handful of columns.

    Examples
    --------
    >>> product = column_major(np.ones((4, 2)), np.ones((2, 3)))
    >>> product.shape, product.flags.f_contiguous
    ((4, 3), True)
    """
    return (right.T @ left.T).T


def has_missing(values: FloatArray) -> bool:
    """Whether any value is NaN; one pass without an array of flags.

    Examples
    --------
    >>> has_missing(np.array([1.0, np.nan]))
    True
    """
    return bool(np.isnan(distinct_columns(values).sum()))


def distinct_columns(values: FloatArray) -> FloatArray:
    """The first column of a matrix that holds one value a row in memory, else the matrix itself.

    Examples
    --------
    >>> distinct_columns(np.broadcast_to(np.ones((3, 1)), (3, 4))).shape
    (3, 1)
    """
    return values[:, :1] if values.ndim == 2 and values.strides[1] == 0 else values
