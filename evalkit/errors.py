"""Errors a person can act on: what happened, where, what was allowed, what to do next.

Each class carries the exit code of the command line. A user error is printed without a
traceback; a programming error (any other exception) keeps its own.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import ClassVar, Final

ONE_AFTER_ANOTHER: Final = "; "
"""Between several reasons that fill one hole."""


class Reason:
    """Why something was refused: a template, and what fills its holes. As text it is English.

    A page tells it in the language of its study (:func:`evalkit.language.why`), which may be another than the one
    spoken where the error was raised.

    Parameters
    ----------
    template
        The English sentence or clause, always a literal: the extraction of templates finds it in the source.
    holes
        By name. A further reason is told in the language of the whole; several are told one after another.

    Examples
    --------
    >>> left = Reason("{count} cohorts are too small", count=2)
    >>> print(Reason("Nothing is left: {reasons}.", reasons=[left, Reason("nobody is untreated")]))
    Nothing is left: 2 cohorts are too small; nobody is untreated.
    """

    __slots__ = ("holes", "template")
    template: str
    holes: Mapping[str, object]

    def __init__(self, template: str, /, **holes: object) -> None:
        self.template = template
        self.holes = holes

    @classmethod
    def plain(cls, text: str) -> Reason:
        """A text that is in no catalogue, and the same in all languages."""
        return cls("{shown}", shown=text)

    @classmethod
    def of(cls, error: Exception) -> Reason:
        """The reason that an error of Python or NumPy was raised with, else its text."""
        given = error.args[0] if error.args else ""
        return given if isinstance(given, Reason) else cls.plain(str(error))

    def __str__(self) -> str:
        filled = {
            name: ONE_AFTER_ANOTHER.join(map(str, value)) if isinstance(value, list) else value
            for name, value in self.holes.items()
        }
        return self.template.format(**filled)


class EvalkitError(Exception):
    """Base of all errors raised on purpose.

    Parameters
    ----------
    what
        One sentence: what happened and where (file, column, row, unit, period); a :class:`Reason` where pages tell it
        to readers.
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

    def __init__(self, what: str | Reason, *, allowed: str | None = None, next_step: str | None = None) -> None:
        self.reason = Reason.plain(what) if isinstance(what, str) else what
        self.what = str(what)
        self.allowed = allowed
        self.next_step = next_step
        lines = [self.what]
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
    return str(named(names, limit))


def named(names: Iterable[object], limit: int = 5) -> Reason:
    """Names in quotation marks and how many were left out, for the hole of a :class:`Reason`."""
    listed = [str(name) for name in names]
    shown = ", ".join(f"'{name}'" for name in listed[:limit])
    return and_more(shown, len(listed) - limit)


def and_more(shown: str | list[Reason], more: int) -> Reason:
    """What is listed, and how many are not."""
    return Reason("{shown} and {more} more", shown=shown, more=more) if more > 0 else Reason("{shown}", shown=shown)
