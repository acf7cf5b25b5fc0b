"""Which column is what: read off a sample of the rows, as far as the data make it plain."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import pandas as pd

Kind = Literal["flag", "integer", "number", "date", "text", "empty"]

PERIOD_NAMES: Final = re.compile(
    r"(^|_)(year|yr|month|quarter|week|date|period|time|day|jahr|ano|año|anio|mes|fecha|data)s?($|_)", re.I
)
START_NAMES: Final = re.compile(r"(first|start|cohort|adopt|gvar|since|from|begin|inicio|desde)", re.I)
FLAG_NAMES: Final = re.compile(r"(treat|active|program|policy|law|post|on$|exposed|tratad)", re.I)
_TRUTH: Final = {"0", "1", "0.0", "1.0", "true", "false", "True", "False", "TRUE", "FALSE"}
_DATE: Final = re.compile(r"\d{4}-((0[1-9]|1[0-2])(-\d{2}([ T]00:00:00(\.0+)?)?)?|Q[1-4])|\d{4}Q[1-4]")
_MISSING: Final = {"", "NA", "NaN", "nan", "null", "NULL", "None", "<NA>", "NaT", "N/A"}
NEVER_CODES: Final = (9999, 99999, 999, 99, -1, -9, -99, -999, 10000)
"""Numbers that files write for "never treated" beside those that evalkit reads undeclared (0, empty, infinite)."""
_YEARS: Final = (1700, 2200)


@dataclass(frozen=True, slots=True)
class Profile:
    """One column of the sample.

    Attributes
    ----------
    kind
        What all its values are.
    distinct
        Different values.
    text
        The values as text, missing ones empty.
    """

    name: str
    kind: Kind
    distinct: int
    text: pd.Series

    @property
    def is_numeric(self) -> bool:
        """Whether an outcome can be in it."""
        return self.kind in ("flag", "integer", "number")

    @property
    def numbers(self) -> pd.Series:
        """Its values as numbers; NaN where there is none."""
        words = {"true": 1.0, "false": 0.0}
        lowered = self.text.str.lower()
        return pd.to_numeric(lowered.map(words).fillna(pd.to_numeric(lowered, errors="coerce")), errors="coerce")


def profile(sample: pd.DataFrame) -> dict[str, Profile]:
    """Profiles of all columns by name."""
    found = {}
    for name in sample.columns:
        text = sample[name].astype("str").where(sample[name].notna(), "").str.strip()
        text = text.where(~text.isin(_MISSING), "")
        found[str(name)] = Profile(str(name), _kind(text), int(text[text != ""].nunique()), text)
    return found


def _kind(text: pd.Series) -> Kind:
    present = text[text != ""]
    if present.empty:
        return "empty"
    if present.isin(_TRUTH).all():
        return "flag"
    if present.map(lambda value: bool(_DATE.fullmatch(value))).all():
        return "date"
    if present.str.match(r"[+-]?0\d").any():  # 007, postcodes
        return "text"
    numbers = pd.to_numeric(present, errors="coerce")
    if numbers.isna().any():
        return "text"
    return "integer" if (numbers == numbers.round()).all() else "number"


def guess_period(columns: dict[str, Profile]) -> str | None:
    """The column that says when: a date, or years, or numbers under a name for time."""
    scored = []
    for name, column in columns.items():
        if column.kind not in ("date", "integer", "number") or column.distinct < 2:
            continue
        numbers = column.numbers
        years = column.kind != "date" and bool(numbers.between(*_YEARS).all())
        score = 2 * (column.kind == "date") + 2 * bool(PERIOD_NAMES.search(name)) + years
        score -= 3 * bool(START_NAMES.search(name))
        scored.append((score, name))
    best = max(scored, default=(0, ""))
    return best[1] if best[0] > 0 and [score for score, _ in scored].count(best[0]) == 1 else None


def guess_unit(columns: dict[str, Profile], period: str) -> str | None:
    """The column that names each row once a period; text before numbers."""
    rows = len(columns[period].text)
    fits = []
    for name, column in columns.items():
        if name == period or column.kind not in ("text", "integer") or not 0 < column.distinct < rows:
            continue
        pair = pd.DataFrame({"who": column.text, "when": columns[period].text})
        if (column.text != "").all() and not pair.duplicated().any():
            fits.append((column.kind != "text", list(columns).index(name), name))
    return min(fits)[2] if fits else None


def guess_cohort(columns: dict[str, Profile], unit: str, period: str) -> str | None:
    """A column that is one value a unit, and for some a period: the first treated one."""
    when = columns[period]
    fits = []
    for name, column in columns.items():
        if name in (unit, period) or column.kind in ("empty", "text") or not _constant(columns, unit, name):
            continue
        share = _share_of_periods(column, when)
        if share > 0 and (column.kind == when.kind or START_NAMES.search(name)):
            fits.append((not START_NAMES.search(name), -share, name))
    best = min(fits, default=None)
    return best[2] if best and (not best[0] or len(fits) == 1) else None


def _constant(columns: dict[str, Profile], unit: str, name: str) -> bool:
    return bool((columns[name].text.groupby(columns[unit].text).nunique() == 1).all()) and columns[name].distinct > 0


def _share_of_periods(column: Profile, when: Profile) -> float:
    """Share of the values, codes for never-treated left out, that are periods of the data."""
    if when.kind == "date":
        present = column.text[~column.text.isin(["", "0"])]
        return float(present.str[:7].isin(when.text.str[:7]).mean()) if len(present) else 0.0  # the month is enough
    numbers, periods = column.numbers.dropna(), when.numbers
    numbers = numbers[~numbers.isin([0, *NEVER_CODES])]
    inside = numbers.between(periods.min() + 1e-9, periods.max() + 10)
    return float(inside.mean()) if len(numbers) and inside.all() else 0.0


def guess_treated(columns: dict[str, Profile], unit: str, period: str) -> str | None:
    """A 0/1 column that is 0 and then 1 for some units, and never 1 and then 0."""
    order = columns[period].text if columns[period].kind == "date" else columns[period].numbers
    fits = []
    for name, column in columns.items():
        if name in (unit, period) or column.kind != "flag":
            continue
        table = pd.DataFrame({"who": columns[unit].text, "when": order, "on": column.numbers}).sort_values("when")
        steps = table.groupby("who")["on"].diff().dropna()
        if (steps >= 0).all() and (steps > 0).any():
            fits.append((not FLAG_NAMES.search(name), name))
    best = min(fits, default=None)
    return best[1] if best and (len(fits) == 1 or not best[0]) else None


def never_code(column: Profile, when: Profile) -> int | None:
    """The number that stands for never-treated and has to be declared; None where there is none."""
    if column.kind not in ("integer", "number") or when.kind == "date":
        return None
    last = when.numbers.max()
    codes = [code for code in NEVER_CODES if (code < 0 or code > last) and bool((column.numbers == code).any())]
    return codes[0] if len(codes) == 1 else None


def guess_outcome(columns: dict[str, Profile], used: Sequence[str]) -> str | None:
    """The one column of numbers that nothing else is taken from."""
    left = [name for name, column in columns.items() if name not in used and column.is_numeric]
    varied = [name for name in left if columns[name].kind != "flag" or len(left) == 1]
    return varied[0] if len(varied) == 1 else None
