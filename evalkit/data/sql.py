"""Database queries: one reading statement, the database's address from the environment and never shown."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import unquote

import pandas as pd
import sqlalchemy as sa

from evalkit.data.schema import Located, check_columns, parse_dates
from evalkit.errors import ConfigError, DataError
from evalkit.study.spec import SqlSource

_OPAQUE = re.compile(
    r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|`[^`]*`|\$(\w*)\$.*?\$\1\$", flags=re.DOTALL
)
"""Comments, strings and quoted names: what they hold is no statement."""
_WRITES = re.compile(
    r"\b(insert|update|delete|merge|replace\s+into|drop|alter|create|truncate|grant|revoke|call|do|copy|into|attach|"
    r"detach|pragma|vacuum|set|lock|execute)\b",
    flags=re.IGNORECASE,
)
_BLOCK = 50_000
"""Rows fetched at a time."""


def read_sql(source: SqlSource) -> pd.DataFrame:
    """Run a query in a read-only transaction, which is rolled back.

    Raises
    ------
    ConfigError
        The environment variable is not set or holds no address; the query is no single reading statement.
    DataError
        The database cannot be reached, refuses the query, or returns other columns than declared.
    """
    require_reading(source.query)
    url = address(source.url_env)
    engine = connect(url, source.url_env)
    try:
        with engine.connect() as connection:
            read_only(connection)
            # A cursor of the server's: the rows are here once, and not a second time in the driver's buffer.
            streamed = connection.execution_options(no_parameters=True, stream_results=True, max_row_buffer=_BLOCK)
            result = streamed.exec_driver_sql(source.query)
            rows = [row for block in result.partitions(_BLOCK) for row in block]
            frame = pd.DataFrame(rows, columns=pd.Index(list(result.keys())))
            connection.rollback()
    except sa.exc.SQLAlchemyError as error:
        raise failed("The query", error, url, source.url_env) from None
    finally:
        engine.dispose()
    located = Located(f"the query on {source.url_env}", lambda row: f"row {row}")
    frame = parse_dates(frame, source.columns, located)
    check_columns(frame, source.columns, located)
    return frame


def require_reading(query: str) -> None:
    """Refuse anything but one SELECT (or WITH, VALUES) statement.

    This guards against mistakes; the read-only transaction and the account's rights guard against the rest.

    Raises
    ------
    ConfigError
        Several statements, or a word that writes outside strings, comments and quoted names.

    Examples
    --------
    >>> require_reading("SELECT city, 'drop; off' AS note FROM calls;")
    >>> require_reading("DELETE FROM calls")
    Traceback (most recent call last):
        ...
    evalkit.errors.ConfigError: The query starts with 'DELETE', which is no reading statement.
      Allowed: one statement that starts with SELECT, WITH or VALUES
      Next: Let the query only read; prepare tables in the database.
    """
    bare = _OPAQUE.sub(" ", query).strip().rstrip(";").strip()
    words = bare.split(None, 1)
    first = words[0] if words else ""
    writes = _WRITES.search(bare)
    if ";" in bare:
        problem = "The query holds more than one statement."
    elif first.upper().strip("(") not in ("SELECT", "WITH", "VALUES"):
        problem = f"The query starts with '{first}', which is no reading statement."
    elif writes:
        problem = f"The query holds the word '{writes.group()}', which may write."
    else:
        return
    raise ConfigError(
        problem,
        allowed="one statement that starts with SELECT, WITH or VALUES",
        next_step="Put a column of that name in double quotes."
        if problem.startswith("The query holds the word")
        else "Let the query only read; prepare tables in the database.",
    )


def redact(message: str, url: sa.URL) -> str:
    """A driver's message without any part of the database's address."""
    rendered = url.render_as_string(hide_password=False)
    values = [value for item in url.query.values() for value in ([item] if isinstance(item, str) else item)]
    parts = [rendered, url.password, url.username, url.host, url.database, *values]
    known = {text for part in parts if part for text in (str(part), unquote(str(part)))}
    for text in sorted(known, key=len, reverse=True):
        message = message.replace(text, "***")
    return message


def failed(what: str, error: sa.exc.SQLAlchemyError, url: sa.URL, url_env: str) -> DataError:
    """The error of a database that cannot be reached or refuses, without its address."""
    reason = redact(str(getattr(error, "orig", None) or error), url).splitlines()[0]
    return DataError(
        f"{what} on the database named in {url_env} failed: {reason}",
        next_step="Check that the database is up, the account may read the tables, and the query runs there.",
    )


def address(url_env: str) -> sa.URL:
    """The database's address from the environment.

    Raises
    ------
    ConfigError
        The variable is not set or holds no address.
    DataError
        It names a SQLite file that does not exist.
    """
    raw = os.environ.get(url_env)
    if not raw:
        raise ConfigError(
            f"The environment variable '{url_env}', which names the database, is not set.",
            next_step=f"Set it before the run, e.g. export {url_env}=postgresql+psycopg://user@host/database.",
        )
    try:
        url = sa.make_url(raw)
    except (sa.exc.ArgumentError, ValueError):
        raise ConfigError(
            f"The environment variable '{url_env}' holds no database address.",
            allowed="dialect+driver://user:password@host/database",
        ) from None
    on_disk = url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:")
    if on_disk and not Path(str(url.database).removeprefix("file:").split("?")[0]).is_file():
        raise DataError(
            f"The SQLite file named in {url_env} does not exist.",  # SQLite would make an empty one
            next_step="Check the path; four slashes start an absolute one (sqlite:////data/city.db).",
        )
    return url


def connect(url: sa.URL, url_env: str) -> sa.Engine:
    """An engine for an address; nothing is connected yet.

    Raises
    ------
    ConfigError
        No driver for this kind of database is installed.
    """
    try:
        return sa.create_engine(url)
    except (ImportError, TypeError, sa.exc.SQLAlchemyError) as error:
        needed = f" (it needs the package '{error.name}')" if isinstance(error, ImportError) else ""
        raise ConfigError(
            f"The kind of database named in {url_env}, '{url.drivername}', cannot be used here{needed}.",
            next_step="Install its SQLAlchemy driver (for PostgreSQL: pip install 'evalkit[server]') and begin the "
            "address with its name, e.g. postgresql+psycopg://.",
        ) from None


def read_only(connection: sa.Connection) -> None:
    """Make the transaction read-only where the database offers it."""
    name = connection.dialect.name
    if name == "sqlite":
        connection.exec_driver_sql("PRAGMA query_only = ON")
    elif name in ("postgresql", "mysql", "mariadb", "oracle"):
        connection.exec_driver_sql("SET TRANSACTION READ ONLY")
