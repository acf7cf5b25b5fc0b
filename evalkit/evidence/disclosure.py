"""Disclosure control: the gate that every exported table passes. It fails closed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd

from evalkit.errors import EvalkitError
from evalkit.evidence.standard import Disclosure, Standard
from evalkit.language import mark, phrase, say
from evalkit.study.spec import StudySpec
from evalkit.vocabulary import FloatArray

Subject = Literal["persons", "places"]
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
UNITS_ARE_PLACES = mark("units are places")


class DisclosureRefused(EvalkitError):
    """A table or summary would give persons away, or cannot be judged, so it is not made."""

    exit_code: ClassVar[int] = 4


@dataclass(frozen=True, slots=True)
class Policy:
    """What counts are about in this study, and from which size on they may be shown.

    Attributes
    ----------
    subject
        ``persons`` or ``places``.
    min_cell
        Counts of persons from 1 to this less 1 are withheld.
    reason
        Why the subject is what it is.
    """

    subject: Subject
    min_cell: int
    reason: str


@dataclass(frozen=True, slots=True)
class DisclosureRecord:
    """What the gate did to one table; goes to `disclosure.json`.

    Attributes
    ----------
    subject, min_cell
        The policy used.
    reason
        Why, e.g. ``units are places``.
    rows
        Rows of the table.
    suppressed
        Rows withheld because of a small count.
    complementary
        Rows withheld so that these cannot be computed from a total.
    homogeneous
        Rows whose share is 0 or 1 exactly: everybody in the group is alike.
    escaped
        Text cells that a spreadsheet would have run as a formula.
    """

    subject: Subject
    min_cell: int
    reason: str
    rows: int
    suppressed: tuple[int, ...]
    complementary: tuple[int, ...]
    homogeneous: tuple[int, ...]
    escaped: int

    def to_dict(self) -> dict[str, Any]:
        """Plain types, as written to `disclosure.json`."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}


def policy(spec: StudySpec, standard: Standard) -> Policy:
    """Decide whether counts are about persons: they are, unless the study says that its units are places.

    A restricted source is always treated as being about persons: what must not leave is not for this
    gate to find out.
    """
    least = standard.disclosure.min_cell
    unit = spec.assignment.unit.strip().lower()
    if spec.data.restricted:
        return Policy("persons", least, phrase("the source is restricted"))
    if unit in standard.disclosure.places:
        return Policy("places", least, phrase(UNITS_ARE_PLACES))
    return Policy("persons", least, say("the unit '{unit}' is not listed as a place", unit=spec.assignment.unit))


def require_enough_people(rules: Policy, *, restricted: bool, treated: int, comparison: int) -> None:
    """Refuse to summarize a restricted source on an arm that is too small to speak of.

    A summary names its numbers in sentences and in the steps of the rating, where no cell can be
    withheld; with so few people the summary itself would be about them.

    Raises
    ------
    DisclosureRefused
        Without the counts in its message.
    """
    for arm, count in (("treated", treated), ("comparison", comparison)):
        if restricted and 0 < count < rules.min_cell:
            raise DisclosureRefused(
                f"The {arm} group of this restricted source has fewer than {rules.min_cell} people or units.",
                allowed=f"{rules.min_cell} or more in each group",
                next_step="Widen the population, or report on a higher level, such as districts.",
            )


def small(rules: Policy, count: float) -> bool:
    """Whether a count of persons is to be withheld."""
    return rules.subject == "persons" and 0 < count < rules.min_cell


def gate(
    table: pd.DataFrame,
    *,
    counts: Sequence[str],
    min_cell: int,
    subject: Subject = "persons",
    reason: str = "",
    values: Sequence[str] | None = None,
    shares: Sequence[str] = (),
    keep: Sequence[str] = (),
) -> tuple[pd.DataFrame, DisclosureRecord]:
    """Withhold what small groups would give away, and make text safe to open in a spreadsheet.

    Parameters
    ----------
    table
        To be exported; not changed.
    counts
        Columns that count units. All other columns are taken not to.
    min_cell
        Counts of 1 to ``min_cell - 1`` are withheld, with all numbers of their row. 0 may be shown.
    subject
        What the counts count. Without word to the contrary, persons.
    reason
        Recorded.
    values
        Columns that are withheld along with a small count; by default every number column but `keep`.
    shares
        Columns of shares between 0 and 1, flagged where a group is homogeneous.
    keep
        Number columns that are labels (a year, an event time) and stay.

    Returns
    -------
    table, record
        The withheld cells are missing; the record says which rows.

    Raises
    ------
    DisclosureRefused
        If a count column is not there, or holds what cannot be a count.

    Examples
    --------
    >>> frame = pd.DataFrame({"group": ["a", "b", "c", "d"], "n": [40, 3, 25, 90], "effect": [.1, .9, .2, .3]})
    >>> shown, record = gate(frame, counts=["n"], min_cell=11)
    >>> shown["n"].isna().tolist(), record.suppressed, record.complementary
    ([False, True, True, False], (1,), (2,))
    """
    numbers = counts_of(table, counts)
    shown = table.copy()
    hidden: set[int] = set()
    extra: set[int] = set()
    if subject == "persons":
        for column in numbers.values():
            hidden |= _small(column, min_cell)
        hidden -= _empty(shown.drop(columns=list(keep), errors="ignore"))
        for column in numbers.values():
            extra |= covered(column.to_numpy(dtype=np.float64), hidden | extra, min_cell)
    withheld = sorted(hidden | extra)
    named = {*counts, *shares, *(values if values is not None else _number_columns(shown))} - set(keep)
    for name in named if withheld else ():
        shown[name] = blanked(shown[name], withheld)
    shown, escaped = disarmed(shown)
    record = DisclosureRecord(
        subject=subject,
        min_cell=min_cell,
        reason=reason or (phrase("counts are of persons") if subject == "persons" else phrase(UNITS_ARE_PLACES)),
        rows=len(table),
        suppressed=tuple(sorted(hidden)),
        complementary=tuple(sorted(extra)),
        homogeneous=_homogeneous(table, shares),
        escaped=escaped,
    )
    return shown, record


def unstable(events: float, standard: Standard) -> str | None:
    """Say that a rate rests on few events; None where there are enough.

    The relative standard error of a Poisson count is 100 / sqrt(n) percent.

    Examples
    --------
    >>> from evalkit.evidence.standard import shipped
    >>> unstable(16, shipped())
    'rests on 16 events: relative standard error 25 %'
    """
    if not unreliable(events, standard.disclosure):
        return None
    error = (
        say("relative standard error {sqrt:.0f} %", sqrt=100.0 / np.sqrt(events))
        if events > 0
        else phrase("no relative standard error")
    )
    return say("rests on {events:.0f} events: {error}", events=events, error=error)


def unreliable(events: float, limits: Disclosure) -> bool:
    """Whether a rate on so many events is to be flagged as unstable."""
    return events < limits.unstable_events


def counts_of(table: pd.DataFrame, counts: Sequence[str]) -> dict[str, pd.Series]:
    """Count columns as numbers; anything that cannot be judged closes the gate."""
    found: dict[str, pd.Series] = {}
    for name in counts:
        if name not in table.columns:
            raise DisclosureRefused(
                f"The table has no column '{name}', which should count the units behind each row.",
                allowed=", ".join(str(column) for column in table.columns),
                next_step="Name the count column, or leave the table out.",
            )
        numbers = pd.to_numeric(table[name], errors="coerce").reset_index(drop=True)
        unreadable = numbers.isna() & table[name].reset_index(drop=True).notna()
        wrong = unreadable | (numbers < 0) | (np.isfinite(numbers) & (numbers % 1 != 0)) | np.isinf(numbers)
        if wrong.any():
            row = int(np.flatnonzero(wrong.to_numpy())[0])
            raise DisclosureRefused(
                f"Column '{name}', row {row}: {table[name].iloc[row]!r} is not a count.",
                allowed="0, 1, 2, ... or empty",
            )
        found[name] = numbers
    return found


def _small(column: pd.Series, min_cell: int) -> set[int]:
    """Rows to withhold: small counts, and counts that nobody knows."""
    values = column.to_numpy(dtype=np.float64)
    return {int(row) for row in np.flatnonzero(np.isnan(values) | ((values > 0) & (values < min_cell)))}


def _empty(table: pd.DataFrame) -> set[int]:
    """Rows without any number, such as one that says why there is none."""
    return {int(row) for row in np.flatnonzero(table[_number_columns(table)].isna().all(axis=1).to_numpy())}


def covered(values: FloatArray, hidden: set[int], min_cell: int) -> set[int]:
    """Further rows to withhold so that a column total gives nothing away.

    The hidden counts of a column are known in sum to whoever knows its total. That sum must cover at
    least two rows and reach `min_cell`; the smallest other counts are added until it does, rows of 0 last.
    """
    if not hidden or len(values) == 1:
        return set()
    chosen: set[int] = set()
    others = sorted(set(range(len(values))) - hidden, key=lambda row: (values[row] == 0, values[row]))
    for row in others:
        together = hidden | chosen
        if len(together) > 1 and np.nansum(values[list(together)]) >= min_cell:
            break
        chosen.add(row)
    return chosen


def _number_columns(table: pd.DataFrame) -> list[str]:
    numeric = [name for name in table.columns if pd.api.types.is_numeric_dtype(table[name])]
    return [name for name in numeric if not pd.api.types.is_bool_dtype(table[name])]


def blanked(column: pd.Series, rows: Sequence[int]) -> pd.Series:
    """The column without the values of these rows."""
    hidden = np.zeros(len(column), dtype=np.bool_)
    hidden[list(rows)] = True
    return (column.astype("Int64") if pd.api.types.is_integer_dtype(column) else column).mask(hidden)


def _homogeneous(table: pd.DataFrame, shares: Sequence[str]) -> tuple[int, ...]:
    rows: set[int] = set()
    for name in shares:
        values = pd.to_numeric(table[name], errors="coerce").to_numpy(dtype=np.float64)
        rows |= {int(row) for row in np.flatnonzero((values == 0.0) | (values == 1.0))}
    return tuple(sorted(rows))


def disarmed(table: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Put an apostrophe before text that a spreadsheet would run, headers included."""
    count = 0

    def safe(value: object) -> object:
        nonlocal count
        if not isinstance(value, str):
            return value
        said = formula_safe(value)
        count += said != value
        return said

    escaped = table.copy()
    for name in table.columns:
        if not (pd.api.types.is_numeric_dtype(table[name]) or pd.api.types.is_datetime64_any_dtype(table[name])):
            escaped[name] = table[name].map(safe)
    escaped.columns = pd.Index([safe(name) for name in table.columns])
    return escaped, count


def formula_safe(text: str) -> str:
    """Text with an apostrophe before it where a spreadsheet would run it.

    Examples
    --------
    >>> formula_safe("=1+1"), formula_safe("-5"), formula_safe("Lima")
    ("'=1+1", '-5', 'Lima')
    """
    return f"'{text}" if text.startswith(_FORMULA) and not _is_number(text) else text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
