"""Sources: one function that reads whatever `study.data.source` names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from evalkit.data.events.build import Names, build
from evalkit.data.events.intake import Intake
from evalkit.data.files import read_file
from evalkit.data.packages import read_package
from evalkit.data.sql import read_sql
from evalkit.study.events import EventsSource
from evalkit.study.spec import FileSource, PackageSource, Source


def read(source: Source, *, root: Path, identifiers: Sequence[str] = ()) -> pd.DataFrame:
    """Read a source into a frame, checked against what it declares.

    Parameters
    ----------
    source
        A package's data set, a file under `root`, a database query, or records that become a panel.
    root
        Folder that file paths are relative to, and may not leave.
    identifiers
        Columns (unit, cluster, groups) that stay text when they come from a CSV file: ``007``, ``NA``.

    Raises
    ------
    ConfigError
        A package, data set, environment variable or query that cannot be used.
    DataError
        A file that is missing, damaged, or not what the source declares.
    """
    return read_with_accounts(source, root=root, identifiers=identifiers, report=False)[0]


def read_with_accounts(
    source: Source,
    *,
    root: Path,
    identifiers: Sequence[str] = (),
    names: Names | None = None,
    report: bool = True,
) -> tuple[pd.DataFrame, Intake | None]:
    """Read a source; of records also what became of them.

    Parameters
    ----------
    source, root, identifiers
        As :func:`read` takes them.
    names
        Of the columns that records are given: unit, period and first treated period.
    report
        Whether the data-quality report is to follow; without it records are passed over fewer times.

    Raises
    ------
    ConfigError, DataError
        As :func:`read` does.
    """
    if isinstance(source, EventsSource):
        return build(source, root, names or Names(), describe(source), report=report)
    if isinstance(source, PackageSource):
        return read_package(source), None
    if isinstance(source, FileSource):
        return read_file(source, root, identifiers), None
    return read_sql(source), None


def describe(source: Source) -> str:
    """The source in a few words, as messages name it; never an address or a password.

    Examples
    --------
    >>> describe(PackageSource(kind="package", package="causaldata", name="castle"))
    'causaldata castle'
    """
    if isinstance(source, PackageSource):
        return f"{source.package} {source.name}"
    if isinstance(source, EventsSource):
        table = source.database
        return str(source.path) if table is None else f"the table '{table.table}' on {table.url_env}"
    return source.path if isinstance(source, FileSource) else f"the query on {source.url_env}"
