"""A flipped byte of a parquet file is found, named by column and row group, and never read as data."""

from __future__ import annotations

from pathlib import Path

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
