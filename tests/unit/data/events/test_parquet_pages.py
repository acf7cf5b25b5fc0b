"""A flipped byte of a parquet file is found, named by column and row group, and never read as data."""

from __future__ import annotations

import zlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from evalkit.data.events.parquet_pages import verify
from evalkit.errors import DataError

ROWS, FLIPS = 20_000, 25
COLUMNS = ("place", "value", "when")


def table() -> pa.Table:
    rng = np.random.default_rng(3)
    return pa.table(
        {
            "place": [f"place {number % 97}" for number in range(ROWS)],
            "value": pa.array(rng.normal(size=ROWS), mask=rng.random(ROWS) < 0.1),
            "when": pa.array(np.sort(rng.integers(0, 10**9, ROWS)), pa.timestamp("s")),
        }
    )


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("compression", ["snappy", "zstd", "none"])
@pytest.mark.promise("trap-07")
def test_every_flipped_byte_of_the_columns_in_use_is_found(tmp_path: Path, version: str, compression: str) -> None:
    path = tmp_path / "records.parquet"
    pq.write_table(
        table(),
        path,
        write_page_checksum=True,
        data_page_version=version,
        compression=compression,
        row_group_size=8_000,
    )
    metadata = pq.ParquetFile(path).metadata
    pages = verify(path, path.name, COLUMNS, metadata)
    assert pages.without == 0
    assert pages.verified >= 3 * metadata.num_row_groups
    whole = path.read_bytes()
    end = max(
        metadata.row_group(group).column(place).data_page_offset
        for group in range(metadata.num_row_groups)
        for place in range(3)
    )
    for at in np.random.default_rng(4).integers(4, end, FLIPS):
        damaged = bytearray(whole)
        damaged[at] ^= 0x20
        path.write_bytes(damaged)
        with pytest.raises(DataError, match=r"'records.parquet' is damaged: the column '\w+' .* row group \d"):
            verify(path, path.name, COLUMNS, metadata)


def test_pages_without_a_checksum_are_counted_and_not_taken_for_sound(tmp_path: Path) -> None:
    path = tmp_path / "records.parquet"
    pq.write_table(table(), path)
    pages = verify(path, path.name, ["place"], pq.ParquetFile(path).metadata)
    assert pages.verified == 0
    assert pages.without >= 2


def test_a_truncated_page_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "records.parquet"
    pq.write_table(table(), path, write_page_checksum=True)
    metadata = pq.ParquetFile(path).metadata
    path.write_bytes(path.read_bytes()[:2_000])
    with pytest.raises(DataError, match=r"longer than its column|cannot be read|does not match"):
        verify(path, path.name, COLUMNS, metadata)


def test_pages_without_a_dictionary_are_compared_too(tmp_path: Path) -> None:
    path = tmp_path / "records.parquet"
    pq.write_table(table(), path, write_page_checksum=True, use_dictionary=False)
    metadata = pq.ParquetFile(path).metadata
    assert verify(path, path.name, ["value"], metadata).without == 0
    content = bytearray(path.read_bytes())
    column = metadata.row_group(0).column(1)
    content[column.data_page_offset + column.total_compressed_size - 5] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"the column 'value' .* row group 0"):
        verify(path, path.name, ["value"], metadata)


def test_a_file_without_rows_has_no_pages(tmp_path: Path) -> None:
    path = tmp_path / "records.parquet"
    with pq.ParquetWriter(path, table().schema):
        pass
    pages = verify(path, path.name, COLUMNS, pq.ParquetFile(path).metadata)
    assert (pages.verified, pages.without) == (0, 0)


BODY = b"eight by"
STATISTICS = bytes([0x08, 2, 3, *b"max", 0x00])
"""A structure of another writer's: field 1 with its number written out, and the text "max"."""


def header(size: int = len(BODY), more: bytes = b"") -> bytes:
    """A page header in the compact protocol: kind, sizes and checksum, then `more`, then the end."""

    def number(value: int) -> bytes:
        zigzag = (value << 1) ^ (value >> 63)
        written = []
        while zigzag > 0x7F:
            written.append(zigzag & 0x7F | 0x80)
            zigzag >>= 7
        return bytes([*written, zigzag])

    crc = zlib.crc32(BODY)
    signed = crc - (1 << 32) if crc >= 1 << 31 else crc
    return b"\x15\x00\x15" + number(len(BODY)) + b"\x15" + number(size) + b"\x15" + number(signed) + more + b"\x00"


def written(path: Path, head: bytes) -> Any:
    """Write a page as the only one of a column, and describe it as parquet's metadata do."""
    path.write_bytes(b"PAR1" + head + BODY)
    column = SimpleNamespace(
        path_in_schema="value", data_page_offset=4, has_dictionary_page=False, total_compressed_size=len(head + BODY)
    )
    group = SimpleNamespace(num_columns=1, column=lambda _: column)
    return SimpleNamespace(num_row_groups=1, row_group=lambda _: group)


@pytest.mark.parametrize(
    "more",
    [
        b"",
        b"\x05\x2e\x08",  # field 23, its number written out
        b"\x19\x35\x02\x04\x06",  # a list of three numbers
        b"\x1a\xf5\x10" + bytes(16),  # a set of sixteen numbers, its count written out
        b"\x1c" + STATISTICS,
    ],
)
def test_fields_that_another_writer_adds_to_a_header_are_passed_over(tmp_path: Path, more: bytes) -> None:
    path = tmp_path / "records.parquet"
    pages = verify(path, path.name, ["value"], written(path, header(more=more)))
    assert (pages.verified, pages.without) == (1, 0)


@pytest.mark.parametrize(
    ("head", "message"),
    [
        (header(len(BODY) + 1), "longer than its column"),
        (header(-1), "longer than its column"),
        (header(more=b"\x1b\x00"), "header cannot be read"),  # a kind that page headers do not have
        (header(more=b"\x15" + b"\xff" * 12), "header cannot be read"),  # a number without an end
    ],
)
def test_a_header_that_cannot_be_is_damage(tmp_path: Path, head: bytes, message: str) -> None:
    path = tmp_path / "records.parquet"
    with pytest.raises(DataError, match=message):
        verify(path, path.name, ["value"], written(path, head))
