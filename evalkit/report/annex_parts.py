"""What the annex is made of: sections of text, and tables whose cells are text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import pandas as pd

from evalkit.language import Phrases, coded, localized, phrase, readable
from evalkit.report.figures.words import MINUS

DIGITS = 4


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text under a caption; `numeric` names the columns that line up on the right."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        object.__setattr__(self, "caption", phrase(self.caption))
        object.__setattr__(self, "head", tuple(phrase(name) for name in self.head))


@dataclass(frozen=True, slots=True)
class Section:
    """One part of the annex."""

    title: str
    text: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    code: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "title", phrase(self.title))


def rule_name(code: str) -> str:
    """A rule of the rating, and what it is about where it says so.

    Examples
    --------
    >>> rule_name("required_diagnostic:placebo_outcomes"), rule_name("pre_fit")
    ('Required diagnostic: placebo outcomes', 'Pre fit')
    """
    name, _, about = code.partition(":")
    return f"{readable(name)}: {readable(about, lower=True)}" if about else readable(name)


def found(value: object) -> str:
    """What a rule found, or held it against: a number, or a code in words."""
    return readable(value, lower=True) if isinstance(value, str) else cell(value)


def cell(value: object, digits: int = DIGITS) -> str:
    """A value as the annex prints it: `digits` significant digits, a dash where there is none.

    Examples
    --------
    >>> cell(0.0194123), cell(-12345.678), cell(None), cell(True), cell(1e-7)
    ('0.01941', '−12,346', '–', 'yes', '1e−07')
    """
    if value is None or value is pd.NA or (isinstance(value, float) and value != value):  # noqa: PLR0124 (NaN)
        return "–"
    if isinstance(value, bool):
        return readable("yes" if value else "no", lower=True)
    if isinstance(value, float):
        large = abs(value) >= 10 ** (digits - 1)
        return localized(f"{value:,.0f}" if large else f"{value:.{digits}g}").replace("-", MINUS)
    return str(value).replace("-", MINUS, 1) if isinstance(value, int) else str(value)


def frame_table(frame: pd.DataFrame, caption: str) -> Table:
    """A frame as a table of text.

    Examples
    --------
    >>> frame_table(pd.DataFrame({"event_time": [-1], "estimate": [0.5]}), "Effects").rows
    (('−1', '0.5'),)
    """
    columns = [[_shown(value, str(name)) for value in frame[name].astype(object)] for name in frame]
    numeric = frozenset(
        i for i, name in enumerate(frame)
        # an empty column has no type once it was stored
        if pd.api.types.is_numeric_dtype(frame[name]) and frame[name].notna().any()
    )  # fmt: skip
    head = tuple(HEADS[str(name)] if name in HEADS else readable(str(name)) for name in frame)
    return Table(caption, head, tuple(zip(*columns, strict=True)), numeric)


_HEADS: Final = {"low": "Lower end", "high": "Upper end"}
HEADS: Final = Phrases(_HEADS)
"""Columns whose names are codes of something else: a certainty is low or high, too."""
CODED = frozenset(
    {
        "aggregation",
        "check",
        "domain",
        "estimator",
        "inference",
        "interval_kind",
        "kind",
        "level",
        "role",
        "run",
        "status",
    }
)
"""Columns that hold codes, and names that are codes where the study gives none."""


def _shown(value: object, column: str) -> str:
    if isinstance(value, str):
        return coded(value) if column in CODED else phrase(value)
    return cell(value)
