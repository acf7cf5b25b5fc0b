"""Rows in blocks that fit a processor's cache: temporary arrays stay small whatever the number of units."""

from __future__ import annotations

from collections.abc import Iterator

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
