"""Tables of databases are read through a cursor, block by block, and their address is never shown."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from evalkit.data.events import record_table
from evalkit.data.events.build import Names, build
from evalkit.data.sources import read
from evalkit.data.sql import read_sql
from evalkit.errors import ConfigError, DataError
from evalkit.study.events import EventsSource
from evalkit.study.spec import SqlSource
from tests import event_worlds
from tests.services import SUPERUSER, Postgres, postgres

NAMES = Names("district", "month", "start")


def of_table(table: str, **changes: object) -> EventsSource:
    database = {"url_env": "CITY_DB", "table": table}
    return EventsSource.model_validate(event_worlds.source(path=None, database=database, **changes))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return event_worlds.write(tmp_path_factory.mktemp("city"), name="requests.parquet")


@pytest.fixture(scope="module")
def from_file(folder: Path) -> pd.DataFrame:
    return build(EventsSource.model_validate(event_worlds.source(path="data/requests.parquet")), folder, NAMES, "")[0]


def test_a_table_of_a_file_database_gives_the_panel_of_the_file(
    folder: Path, from_file: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = sqlite3.connect(tmp_path / "city.db")
    event_worlds.requests().astype({"created": str, "closed": str, "entered": str}).replace("NaT", None).to_sql(
        "requests", connection, index=False
    )
    connection.close()
    monkeypatch.setenv("CITY_DB", f"sqlite:///{tmp_path / 'city.db'}")
    monkeypatch.setattr(record_table, "BLOCK", 1_000)
    frame, intake = build(of_table("requests"), folder, NAMES, "requests")
    assert frame.equals(from_file)
    assert intake.rows == len(event_worlds.requests())


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with postgres() as server:
        yield server


@pytest.fixture
def city(server: Postgres, monkeypatch: pytest.MonkeyPatch) -> Iterator[sa.Engine]:
    monkeypatch.setenv("CITY_DB", server.url())
    engine = sa.create_engine(server.url())
    yield engine
    engine.dispose()


def _as_text(records: pd.DataFrame) -> list[list[str | None]]:
    """Rows as PostgreSQL reads them, moments of creation and closing with their zone."""
    zoned = {
        name: records[name].astype(str).add("+00").where(records[name].notna(), None) for name in ("created", "closed")
    }
    written = records.assign(**zoned).astype(object)[["id", "created", "tract", "closed", "entered", "type", "cost"]]
    return [[None if pd.isna(cell) else str(cell) for cell in row] for row in written.to_numpy().tolist()]


@pytest.mark.postgres
@pytest.mark.timeout(120)
def test_a_table_of_postgresql_gives_the_panel_of_the_file_whatever_its_types(
    city: sa.Engine, folder: Path, from_file: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = event_worlds.requests()
    with city.begin() as connection:
        connection.exec_driver_sql("CREATE SCHEMA IF NOT EXISTS open311")
        connection.exec_driver_sql(
            'CREATE TABLE open311."Service Requests" (id text, created timestamptz, tract text, closed timestamptz, '
            "entered timestamp, type varchar(40), cost numeric(12,2))"
        )
    with city.begin() as connection:
        cursor = connection.connection.cursor()
        with cursor.copy(
            'COPY open311."Service Requests" (id, created, tract, closed, entered, type, cost) FROM STDIN'
        ) as copy:
            for row in _as_text(records):
                copy.write_row(row)
    monkeypatch.setattr(record_table, "BLOCK", 5_000)
    source = of_table("open311.Service Requests", time_zone="UTC")
    frame, intake = build(source, folder, NAMES, "requests")
    assert frame.equals(from_file)
    assert intake.rows == len(records)


@pytest.mark.postgres
def test_memory_stays_bounded_over_a_table_of_many_blocks(city: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server's cursor hands over a block at a time: no block ever holds more rows than asked for."""
    with city.begin() as connection:
        connection.exec_driver_sql(
            "CREATE TABLE calls AS SELECT (DATE '2020-01-01' + mod(n, 366)::int) AS day, 'area ' || mod(n, 3) AS area, "
            "n AS id FROM generate_series(1, 40000) n"
        )
    monkeypatch.setattr(record_table, "BLOCK", 3_000)
    sizes: list[int] = []
    partitions = sa.CursorResult.partitions

    def watched(self: sa.CursorResult[object], size: int | None = None) -> Iterator[object]:
        for block in partitions(self, size):
            sizes.append(len(block))
            yield block

    monkeypatch.setattr(sa.CursorResult, "partitions", watched)
    source = EventsSource.model_validate(
        {"kind": "events", "database": {"url_env": "CITY_DB", "table": "calls"}, "time": "day", "every": "quarter",
         "place": "area", "measures": [{"name": "n", "kind": "count"}]}
    )  # fmt: skip
    frame = read(source, root=Path())
    assert frame["n"].sum() == 40_000
    assert max(sizes) == 3_000
    assert sum(sizes) == 40_000


@pytest.mark.postgres
def test_a_query_on_postgresql_reads_typed_columns_and_cannot_write(city: sa.Engine, server: Postgres) -> None:
    with city.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE panel (city text, year int, y numeric, t double precision)")
        connection.exec_driver_sql("INSERT INTO panel VALUES ('NA', 2001, 1.5, 'NaN'), ('007', 2002, NULL, 2)")

    def asked(query: str) -> pd.DataFrame:
        return read_sql(SqlSource.model_validate({"kind": "sql", "url_env": "CITY_DB", "query": query}))

    frame = asked("SELECT * FROM panel WHERE city LIKE '%0%' OR city = 'NA' ORDER BY year")
    assert frame["city"].tolist() == ["NA", "007"]
    assert float(frame["y"].iloc[0]) == 1.5
    assert np.isnan(frame["t"].iloc[0])
    with city.begin() as connection:
        connection.exec_driver_sql("CREATE FUNCTION wipe() RETURNS int LANGUAGE sql AS 'DELETE FROM panel RETURNING 1'")
    with pytest.raises(DataError, match="read-only transaction"):
        asked("SELECT wipe()")
    assert len(asked("SELECT * FROM panel")) == 2


@pytest.mark.postgres
def test_no_part_of_the_address_shows_in_a_failure(
    city: sa.Engine, server: Postgres, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = server.url().replace(server.password, "canary-4711")
    monkeypatch.setenv("CITY_DB", wrong)
    for attempt in (
        lambda: build(of_table("requests"), folder, NAMES, "requests"),
        lambda: read_sql(SqlSource(kind="sql", url_env="CITY_DB", query="SELECT 1")),
    ):
        with pytest.raises(DataError, match="on the database named in CITY_DB failed") as failed:
            attempt()
        assert "canary-4711" not in str(failed.value)
        assert SUPERUSER not in str(failed.value).replace("***", "")


@pytest.mark.postgres
def test_a_table_or_column_that_does_not_exist_is_named(city: sa.Engine, folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"has no table 'nowhere.requests'"):
        build(of_table("nowhere.requests"), folder, NAMES, "requests")
    with city.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE IF NOT EXISTS bare (id text, created date)")
    with pytest.raises(ConfigError, match="names the column 'tract', which is not in 'bare'"):
        build(of_table("bare"), folder, NAMES, "requests")


@pytest.mark.parametrize(
    ("declared", "kind"),
    [
        (sa.Boolean(), "truth"),
        (sa.Numeric(12, 2), "number"),
        (sa.BigInteger(), "number"),
        (sa.Date(), "date"),
        (sa.DateTime(), "timestamp"),
        (sa.DateTime(timezone=True), "zoned"),
        (sa.String(40), "text"),
        (sa.types.NullType(), "text"),  # of the server's own, which the driver does not know
    ],
)
def test_a_column_is_read_by_its_declared_type_where_the_database_keeps_to_it(declared: Any, kind: str) -> None:
    assert record_table._kind(declared, "postgresql") == kind
    assert record_table._kind(declared, "sqlite") == "text"


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> sqlite3.Connection:
    """A file database with a truth value and a column without a type."""
    connection = sqlite3.connect(tmp_path / "calls.db")
    connection.execute("CREATE TABLE calls (day DATE, area, urgent BOOLEAN)")
    rows = [("2020-01-01", "a", 1), ("2020-01-05", "a", 0), ("2020-01-09", "b", 1), ("2020-01-31", "b", None)]
    connection.executemany("INSERT INTO calls VALUES (?, ?, ?)", rows)
    connection.commit()
    monkeypatch.setenv("CITY_DB", f"sqlite:///{tmp_path / 'calls.db'}")
    return connection


def test_dates_and_truth_values_of_sqlite_are_read_and_columns_without_a_type(calls: sqlite3.Connection) -> None:
    urgent = {"name": "urgent", "kind": "mean", "column": "urgent"}
    source = EventsSource.model_validate(
        {"kind": "events", "database": {"url_env": "CITY_DB", "table": "calls"}, "time": "day", "every": "month",
         "place": "area", "measures": [{"name": "n", "kind": "count"}, urgent]}
    )  # fmt: skip
    frame, _ = build(source, Path(), Names("area", "month"), "calls")
    assert frame[["area", "n", "urgent"]].to_numpy().tolist() == [["a", 2, 0.5], ["b", 2, 1.0]]
    calls.close()


def test_a_cell_of_a_table_that_is_no_number_is_shown_without_a_row(calls: sqlite3.Connection) -> None:
    calls.execute("ALTER TABLE calls ADD COLUMN cost REAL")
    calls.execute("UPDATE calls SET cost = CASE area WHEN 'a' THEN '1.5' ELSE 'much' END")
    calls.commit()
    source = EventsSource.model_validate(
        {"kind": "events", "database": {"url_env": "CITY_DB", "table": "calls"}, "time": "day", "every": "month",
         "place": "area", "measures": [{"name": "cost", "kind": "sum", "column": "cost"}]}
    )  # fmt: skip
    with pytest.raises(DataError, match="'much'") as refused:
        read(source, root=Path())
    assert " row " not in refused.value.what
    calls.close()
