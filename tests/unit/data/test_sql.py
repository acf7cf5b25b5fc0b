"""Queries only read, and the database's address is never shown."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa

from evalkit.data.sql import read_only, read_sql, redact, require_reading
from evalkit.errors import ConfigError, DataError
from evalkit.study.spec import SqlSource

CANARY = "hunter2-canary"


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "city.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE calls (city TEXT, year INTEGER, y REAL)")
    connection.executemany("INSERT INTO calls VALUES (?, ?, ?)", [("NA", 2001, 1.5), ("007", 2002, None)])
    connection.commit()
    connection.close()
    monkeypatch.setenv("CITY_DB", f"sqlite:///{path}")
    return path


def query(text: str, **more: Any) -> SqlSource:
    return SqlSource.model_validate({"kind": "sql", "url_env": "CITY_DB", "query": text, **more})


def rows(path: Path) -> int:
    connection = sqlite3.connect(path)
    (count,) = connection.execute("SELECT count(*) FROM calls").fetchone()
    connection.close()
    return int(count)


def test_a_query_returns_typed_columns_and_keeps_identifiers(database: Path) -> None:
    frame = read_sql(query("SELECT city, year, y FROM calls -- all of them\nWHERE city <> '; drop' ORDER BY year;"))
    assert frame.city.tolist() == ["NA", "007"]
    assert frame.year.tolist() == [2001, 2002]
    assert frame.y.isna().tolist() == [False, True]


@pytest.mark.parametrize(
    "text",
    [
        "DELETE FROM calls",
        "SELECT 1; DELETE FROM calls",
        "WITH gone AS (DELETE FROM calls RETURNING *) SELECT * FROM gone",
        "SELECT * INTO copy FROM calls",
        "/* harmless */ DROP TABLE calls",
        "",
        "PRAGMA query_only = OFF",
    ],
)
def test_anything_but_one_reading_statement_is_refused_before_it_runs(database: Path, text: str) -> None:
    with pytest.raises(ConfigError, match=r"statement|word"):
        read_sql(SqlSource.model_construct(kind="sql", url_env="CITY_DB", query=text, columns=()))
    assert rows(database) == 2


def test_the_database_itself_refuses_what_slips_through(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evalkit.data.sql.require_reading", lambda text: None)
    with pytest.raises(DataError, match=r"readonly|read-only|query_only"):
        read_sql(query("DELETE FROM calls"))
    assert rows(database) == 2


@pytest.mark.parametrize(
    "text",
    [
        "select 'insert; delete' as a",
        'SELECT "update" FROM calls',
        "(SELECT 1)",
        "VALUES (1)",
        "WITH a AS (SELECT 1) SELECT * FROM a",
        "SELECT created_at, last_update FROM calls /* drop; */",
    ],
)
def test_strings_comments_and_quoted_names_are_no_statements(text: str) -> None:
    require_reading(text)


def test_declared_columns_are_checked(database: Path) -> None:
    with pytest.raises(DataError, match="'y' of 'the query on CITY_DB' is empty in row 1"):
        read_sql(query("SELECT * FROM calls ORDER BY year", columns=[{"name": "y", "type": "number"}]))


def test_dates_that_a_database_keeps_as_text_are_read_as_declared(database: Path) -> None:
    days = "SELECT '2018-01-31' AS day UNION SELECT '2018-02-28 00:00:00.000000' UNION SELECT NULL ORDER BY day"
    declared = {"name": "day", "type": "date", "nullable": True}
    read = read_sql(query(days, columns=[declared])).day
    assert read.dropna().tolist() == [pd.Timestamp("2018-01-31"), pd.Timestamp("2018-02-28")]
    assert read.isna().sum() == 1
    with pytest.raises(DataError, match="'2018-01-31 12:00:00' in row 0"):
        read_sql(query("SELECT '2018-01-31 12:00:00' AS day", columns=[declared]))


def test_a_failing_query_names_the_reason_and_not_the_address(database: Path) -> None:
    with pytest.raises(DataError, match="no such table: missing") as caught:
        read_sql(query("SELECT * FROM missing"))
    assert str(database) not in str(caught.value)
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    ("address", "kind", "message"),
    [
        (None, ConfigError, "'CITY_DB', which names the database, is not set"),
        (f"no address {CANARY}", ConfigError, "holds no database address"),
        (f"sqlite:////nowhere/{CANARY}.db", DataError, "SQLite file named in CITY_DB does not exist"),
        (f"nosuchdb://user:{CANARY}@host/db", ConfigError, "CITY_DB"),
        (f"mssql+nodriver://user:{CANARY}@host/db?key={CANARY}", ConfigError, "CITY_DB"),
    ],
)
@pytest.mark.promise("secure-addresses")
def test_an_address_that_does_not_work_is_never_shown(
    monkeypatch: pytest.MonkeyPatch, address: str | None, kind: type[Exception], message: str
) -> None:
    monkeypatch.delenv("CITY_DB", raising=False)
    if address is not None:
        monkeypatch.setenv("CITY_DB", address)
    with pytest.raises(kind, match=message) as caught:
        read_sql(query("SELECT 1"))
    assert CANARY not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.promise("secure-addresses")
def test_every_part_of_an_address_is_taken_out_of_a_drivers_message() -> None:
    url = sa.make_url(f"postgresql://mayor:{CANARY}%21@db.city.gov:5432/calls?sslkey=private-key-file")
    message = redact(f'connection to "db.city.gov" failed for mayor / {CANARY}! ({url.query["sslkey"]}) on calls', url)
    assert message == 'connection to "***" failed for *** / *** (***) on ***'


@pytest.mark.parametrize(
    ("dialect", "asked"),
    [("sqlite", ["PRAGMA query_only = ON"]), ("postgresql", ["SET TRANSACTION READ ONLY"]), ("mssql", [])],
)
def test_a_transaction_is_read_only_in_the_words_of_the_database(dialect: str, asked: list[str]) -> None:
    said: list[str] = []
    connection: Any = SimpleNamespace(dialect=SimpleNamespace(name=dialect), exec_driver_sql=said.append)
    read_only(connection)
    assert said == asked
