"""The database engine that reads records: in this process, bounded in memory, without a network."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from evalkit.errors import DataError

MEMORY: Final = "5GiB"
"""Of the engine's own pages; sorts and groups beyond it go to disk."""
_SETTINGS: Final = (
    f"SET memory_limit = '{MEMORY}'",
    "SET autoinstall_known_extensions = false",  # nothing is fetched while a study runs
    "SET autoload_known_extensions = false",
    "SET preserve_insertion_order = false",
    "SET TimeZone = 'UTC'",
    "SET Calendar = 'gregorian'",
)


@dataclass(frozen=True, slots=True)
class Engine:
    """An open connection and a private folder that goes with it."""

    connection: Any
    folder: Path

    def rows(self, sql: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        found: list[tuple[Any, ...]] = self.connection.execute(sql, list(values)).fetchall()
        return found

    def columns(self, sql: str, values: Sequence[object] = ()) -> dict[str, Any]:
        """The result of a query as one numpy array a column; masked where a value is missing."""
        found: dict[str, Any] = self.connection.execute(sql, list(values)).fetchnumpy()
        return found

    def run(self, sql: str) -> None:
        """Run a statement without a result."""
        self.connection.execute(sql)


@contextlib.contextmanager
def opened(name: str) -> Iterator[Engine]:
    """Open an engine for one source; whatever it could not do names the source, not the statement.

    Parameters
    ----------
    name
        The source, as messages name it.

    Raises
    ------
    DataError
        Damaged files, and a disk without room for what does not fit in memory.
    """
    import duckdb

    with tempfile.TemporaryDirectory(prefix="evalkit-records-") as folder:
        os.chmod(folder, 0o700)
        connection = duckdb.connect(":memory:")
        try:
            for setting in (*_SETTINGS, f"SET temp_directory = {text(folder)}"):
                connection.execute(setting)
            yield Engine(connection, Path(folder))
        except duckdb.Error as error:
            raise DataError(
                f"The records of {name} cannot be read: {_reason(str(error))}",
                next_step="Check that the files are whole; for memory or disk, free some or read fewer columns.",
            ) from None
        finally:
            connection.close()


def _reason(message: str) -> str:
    """What the engine says went wrong, without the rows that it quotes and the advice to its own users."""
    kept: list[str] = []
    for line in message.splitlines():
        if line.startswith(("Possible", "LINE ")):
            break
        if line.strip() and not line.startswith(("Original Line", "  ")):
            kept.append(line.strip().rstrip("."))
    return "; ".join(kept)[:300]


def name(column: str) -> str:
    """A column's name as SQL quotes it.

    Examples
    --------
    >>> name('the "odd" one; drop')
    '"the ""odd"" one; drop"'
    """
    return '"' + column.replace('"', '""') + '"'


def text(value: str) -> str:
    """A text as SQL quotes it.

    Examples
    --------
    >>> text("O'Hare")
    "'O''Hare'"
    """
    return "'" + value.replace("'", "''") + "'"


def literal(value: float | str) -> str:
    """A number or text as SQL writes it."""
    return text(value) if isinstance(value, str) else repr(value)
