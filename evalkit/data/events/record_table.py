"""A table of a database, copied in blocks to a private file that the engine reads: memory stays bounded."""

from __future__ import annotations

import datetime as dt
import decimal
from collections.abc import Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa

from evalkit.data.events.engine import Engine, text
from evalkit.data.events.records import Kind, Records, require_used, used
from evalkit.data.sql import address, connect, failed, read_only
from evalkit.errors import ConfigError
from evalkit.study.events import Database, EventsSource

BLOCK: Final = 50_000
"""Rows that are in memory at a time."""


def open_table(engine: Engine, source: EventsSource, table: Database) -> Records:
    """Copy the columns in use through a cursor of the server's.

    Names are quoted by the database's own dialect; the transaction is read-only and rolled back.

    Raises
    ------
    ConfigError
        The environment variable is not set, or the table has no such column.
    DataError
        The database cannot be reached or refuses.
    """
    wanted, shown = used(source), table.table
    schema, _, bare = shown.rpartition(".")
    url = address(table.url_env)
    database = connect(url, table.url_env)
    copy = engine.folder / "records.parquet"
    try:
        found = {column["name"]: column["type"] for column in _columns(database, bare, schema, shown)}
        require_used(list(found), wanted, shown)
        kinds = {column: _kind(found[column], database.dialect.name) for column in wanted}
        selected = sa.table(bare, *(sa.column(column) for column in wanted), schema=schema or None)
        with database.connect() as connection:
            read_only(connection)
            options = {"stream_results": True, "max_row_buffer": BLOCK}
            _copied(connection.execution_options(**options).execute(sa.select(selected)), kinds, copy)
            connection.rollback()
    except sa.exc.SQLAlchemyError as error:
        raise failed(f"Reading the table '{shown}'", error, url, table.url_env) from None
    finally:
        database.dispose()
    return Records(f"read_parquet({text(str(copy))})", (), kinds)


def _columns(database: sa.Engine, bare: str, schema: str, shown: str) -> Sequence[Any]:
    try:
        return sa.inspect(database).get_columns(bare, schema=schema or None)
    except sa.exc.NoSuchTableError:
        raise ConfigError(
            f"The database has no table '{shown}', or the account may not see it.",
            allowed="table, or schema.table",
            next_step="Check data.source.database.table.",
        ) from None


def _kind(declared: Any, dialect: str) -> Kind:
    """Kind of a database's type, by the Python type of its values.

    A cell of SQLite may hold anything, whatever its column declares, and dates have no type there: all is text, as
    in a CSV file.
    """
    if dialect == "sqlite":
        return "text"
    try:
        plain = declared.python_type
    except NotImplementedError:
        return "text"
    if plain is bool:
        return "truth"
    if plain in (int, float, decimal.Decimal):
        return "number"
    if plain is dt.datetime:
        return "zoned" if getattr(declared, "timezone", False) else "timestamp"
    return "date" if plain is dt.date else "text"


def _copied(result: Any, kinds: Mapping[str, Kind], path: Any) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    types = {
        "text": pa.string(),
        "number": pa.float64(),
        "timestamp": pa.timestamp("us"),
        "zoned": pa.timestamp("us", tz="UTC"),
        "date": pa.date32(),
        "truth": pa.bool_(),
    }
    schema = pa.schema([(column, types[kind]) for column, kind in kinds.items()])
    with pq.ParquetWriter(path, schema) as writer:
        for rows in result.partitions(BLOCK):
            columns = [
                pa.array([_plain(value, kind) for value in values], type=types[kind])
                for values, kind in zip(zip(*rows, strict=True), kinds.values(), strict=True)
            ]
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))


def _plain(value: Any, kind: Kind) -> Any:
    if value is None:
        return None
    if kind == "text":
        return value if isinstance(value, str) else str(value)
    return float(value) if kind == "number" else value
