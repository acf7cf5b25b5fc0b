"""Page checksums of parquet files: a flipped byte is otherwise read as data.

The engine does not verify them, so that the pages of the columns in use are walked here: each header (Thrift's compact
protocol) says how long the page is and, where the writer put one, the CRC-32 of its bytes as stored.
"""

from __future__ import annotations

import mmap
import os
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from evalkit.errors import DataError

_BINARY, _LIST, _SET, _STRUCT = 8, 9, 10, 12
_FIXED: Final = {1: 0, 2: 0, 3: 1, 7: 8}
"""True, false, a byte, a double: types of a fixed length."""
_VARINTS: Final = (4, 5, 6)
_COMPRESSED_SIZE, _CRC = 3, 4
"""Fields of a page header."""


@dataclass(frozen=True, slots=True)
class Pages:
    """Pages of a file with a checksum that holds, and pages without one."""

    verified: int
    without: int


@dataclass(frozen=True, slots=True)
class _Chunk:
    """One column of one row group, as bytes of the file."""

    column: str
    group: int
    start: int
    end: int


def verify(path: Path, shown: str, columns: Sequence[str], metadata: Any) -> Pages:
    """Compare every page of some columns with its checksum.

    Parameters
    ----------
    path, shown
        The file, and how messages name it.
    columns
        Top-level columns.
    metadata
        Of the file, as pyarrow reads it.

    Raises
    ------
    DataError
        With column and row group of the first page that is not what was written.
    """
    chunks = list(_chunks(metadata, set(columns)))
    if not chunks:
        return Pages(0, 0)
    with (
        path.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content,
        ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool,
    ):
        found = list(pool.map(lambda chunk: _walk(content, chunk, shown), chunks))
    return Pages(sum(each.verified for each in found), sum(each.without for each in found))


def _chunks(metadata: Any, columns: set[str]) -> Iterator[_Chunk]:
    for group in range(metadata.num_row_groups):
        rows = metadata.row_group(group)
        for place in range(rows.num_columns):
            column = rows.column(place)
            top = column.path_in_schema.split(".")[0]
            if top not in columns:
                continue
            start = column.data_page_offset
            if column.has_dictionary_page and column.dictionary_page_offset:
                start = min(start, column.dictionary_page_offset)
            yield _Chunk(top, group, start, start + column.total_compressed_size)


def _walk(content: mmap.mmap, chunk: _Chunk, shown: str) -> Pages:
    verified = without = 0
    at = chunk.start
    with memoryview(content) as view:
        while at < chunk.end:
            try:
                size, crc, body = _header(view, at)
            except (IndexError, ValueError):
                raise _damaged(chunk, shown, "has a page whose header cannot be read") from None
            if size < 0 or body + size > chunk.end:
                raise _damaged(chunk, shown, "has a page that is longer than its column")
            if crc is None:
                without += 1
            else:
                with view[body : body + size] as page:
                    if zlib.crc32(page) != crc & 0xFFFFFFFF:
                        raise _damaged(chunk, shown, "does not match its page checksum")
                verified += 1
            at = body + size
    return Pages(verified, without)


def _damaged(chunk: _Chunk, shown: str, what: str) -> DataError:
    return DataError(
        f"The parquet file '{shown}' is damaged: the column '{chunk.column}' {what} in row group {chunk.group} "
        f"(counted from 0).",
        next_step="Fetch the file again, and declare its hash under data.source.sha256.",
    )


def _header(view: memoryview, at: int) -> tuple[int, int | None, int]:
    """Compressed size and checksum of the page at a place, and where its bytes begin."""
    size, crc, field = -1, None, 0
    while True:
        byte = view[at]
        at += 1
        if byte == 0:
            return size, crc, at
        kind, delta = byte & 0x0F, byte >> 4
        if delta:
            field += delta
        else:
            number, at = _varint(view, at)
            field = _unzigzag(number)
        if kind in _VARINTS:
            number, at = _varint(view, at)
            if field == _COMPRESSED_SIZE:
                size = _unzigzag(number)
            elif field == _CRC:
                crc = _unzigzag(number)
        else:
            at = _skip(view, at, kind)


def _skip(view: memoryview, at: int, kind: int) -> int:
    """The place after a value of a kind that a page header has and this reading does not need."""
    if kind in _FIXED:
        return at + _FIXED[kind]
    if kind in _VARINTS:
        return _varint(view, at)[1]
    if kind == _BINARY:
        length, at = _varint(view, at)
        return at + length
    if kind in (_LIST, _SET):
        head, at = view[at], at + 1
        count = head >> 4
        if count == 15:
            count, at = _varint(view, at)
        for _ in range(count):
            at = _skip(view, at, head & 0x0F)
        return at
    if kind == _STRUCT:
        while view[at]:
            byte, at = view[at], at + 1
            if not byte >> 4:
                _, at = _varint(view, at)
            at = _skip(view, at, byte & 0x0F)
        return at + 1
    raise ValueError(kind)


def _varint(view: memoryview, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = view[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, at
        shift += 7
        if shift > 63:
            raise ValueError(shift)


def _unzigzag(number: int) -> int:
    return (number >> 1) ^ -(number & 1)
