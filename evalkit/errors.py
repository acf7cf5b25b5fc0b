"""Errors a person can act on: what happened, where, what was allowed, what to do next.

Each class carries the exit code of the command line. A user error is printed without a
traceback; a programming error (any other exception) keeps its own.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import ClassVar


class EvalkitError(Exception):
    """Base of all errors raised on purpose.

    Parameters
    ----------
    what
        One sentence: what happened and where (file, column, row, unit, period).
    allowed
        What would have been accepted, if that can be said.
    next_step
        What the reader can do now.

    Examples
    --------
    >>> print(DataError("Column 'yr' is not in castle.csv.", allowed="year, sid", next_step="Set data.period."))
    Column 'yr' is not in castle.csv.
      Allowed: year, sid
      Next: Set data.period.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, *, allowed: str | None = None, next_step: str | None = None) -> None:
        self.what = what
        self.allowed = allowed
        self.next_step = next_step
        lines = [what]
        if allowed:
            lines.append(f"  Allowed: {allowed}")
        if next_step:
            lines.append(f"  Next: {next_step}")
        super().__init__("\n".join(lines))


class ConfigError(EvalkitError):
    """The command line or a config asks for something that does not exist or contradicts itself."""

    exit_code: ClassVar[int] = 2


class DataError(EvalkitError):
    """The data cannot be read, or are not what the study declares."""

    exit_code: ClassVar[int] = 3


class DesignRefused(EvalkitError):
    """The data are sound, but this design cannot answer the question with them."""

    exit_code: ClassVar[int] = 4


class EstimationFailed(EvalkitError):
    """The estimator ran and has no trustworthy answer."""

    exit_code: ClassVar[int] = 5


class NotSynced(EvalkitError):
    """The study is done and safe on disk, but did not reach the tracking store."""

    exit_code: ClassVar[int] = 6


class ReproductionDiffers(EvalkitError):
    """A repeated run gave other numbers."""

    exit_code: ClassVar[int] = 7


def closest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name nearest to `name`, or None when none is near.

    Examples
    --------
    >>> closest("anticipaton", ["anticipation", "comparison"])
    'anticipation'
    """
    matches = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return matches[0] if matches else None


def quote_names(names: Iterable[object], limit: int = 5) -> str:
    """Join names for a message, saying how many were left out.

    Examples
    --------
    >>> quote_names(["a", "b", "c"], limit=2)
    "'a', 'b' and 1 more"
    """
    listed = [str(name) for name in names]
    shown = ", ".join(f"'{name}'" for name in listed[:limit])
    more = len(listed) - limit
    return f"{shown} and {more} more" if more > 0 else shown
