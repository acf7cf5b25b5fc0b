"""Sources: one function that reads whatever `study.data.source` names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from evalkit.data.files import read_file
from evalkit.data.packages import read_package
from evalkit.data.sql import read_sql
from evalkit.study.spec import FileSource, PackageSource, Source


def read(source: Source, *, root: Path, identifiers: Sequence[str] = ()) -> pd.DataFrame:
    """Read a source into a frame, checked against what it declares.

    Parameters
    ----------
    source
        A package's data set, a file under `root`, or a database query.
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
    if isinstance(source, PackageSource):
        return read_package(source)
    if isinstance(source, FileSource):
        return read_file(source, root, identifiers)
    return read_sql(source)


def describe(source: Source) -> str:
    """The source in a few words, as messages name it; never an address or a password.

    Examples
    --------
    >>> describe(PackageSource(kind="package", package="causaldata", name="castle"))
    'causaldata castle'
    """
    if isinstance(source, PackageSource):
        return f"{source.package} {source.name}"
    return source.path if isinstance(source, FileSource) else f"the query on {source.url_env}"
