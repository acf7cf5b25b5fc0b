"""Tables of one release, judged together: what is withheld in one must not come back from the sums of another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any, Final

import numpy as np
import pandas as pd
from scipy import sparse

from evalkit.errors import ConfigError
from evalkit.evidence.disclosure import (
    DisclosureRefused,
    Policy,
    blanked,
    counts_of,
    disarmed,
    unreliable,
)
from evalkit.evidence.standard import Disclosure
from evalkit.numerics.dominance import dominated
from evalkit.numerics.suppression import Linked, Suppression, suppress
from evalkit.vocabulary import FloatArray

Group = frozenset[tuple[str, str]]
"""People who have these values of these variables; all of them where it is empty."""
Key = tuple[str, Group]
"""A cell: what is counted, and in which group."""

SMALL: Final = "small_count"
HOMOGENEOUS: Final = "homogeneous"
DOMINANCE: Final = "dominance"
COMPLEMENTARY: Final = "complementary"
UNDECLARED: Final = "undeclared"


@dataclass(frozen=True, slots=True)
class CountTable:
    """A table of counts of people by groups, and what each of its columns is.

    Attributes
    ----------
    frame
        One row a group.
    keys
        Columns that name the group. Values of one variable share no person; a row over all its values says `total`.
    counts
        Columns that count people.
    shares
        Column of shares, percentages or rates to (column of its numerator, column of its denominator), of which only
        the denominator need be exported.
    amounts
        Column of sums or means of an amount (money, hours) to the contributions of the people in each row.
    along
        Further number columns, withheld with the counts of their row.
    unexported
        Columns that are read here and never leave, such as the numerators of shares.
    total
        Value of a key for all groups together.
    """

    frame: pd.DataFrame
    keys: tuple[str, ...]
    counts: tuple[str, ...]
    shares: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    amounts: Mapping[str, Sequence[FloatArray]] = field(default_factory=dict)
    along: tuple[str, ...] = ()
    unexported: tuple[str, ...] = ()
    total: str = "all"

    def group(self, row: int) -> Group:
        """The group that a row is of."""
        values = ((name, str(self.frame[name].iloc[row])) for name in self.keys)
        return frozenset((name, value) for name, value in values if value != self.total)

    @property
    def declared(self) -> set[str]:
        """All columns whose meaning is known."""
        return {*self.keys, *self.counts, *self.shares, *self.amounts, *self.along, *self.unexported}


@dataclass(frozen=True, slots=True)
class Release:
    """Tables as they may leave, with what was withheld in each.

    Attributes
    ----------
    tables
        Name to the table; withheld cells are missing.
    records
        Name to plain types for `disclosure.json`: rows withheld by column and the rules that were applied to the table.
        Which row fell to which rule is not told: it would bound the number.
    solved
        The choice of what to withhold beside small counts; None where nothing was small.
    """

    tables: Mapping[str, pd.DataFrame]
    records: Mapping[str, dict[str, Any]]
    solved: Suppression | None


def release(tables: Mapping[str, CountTable], rules: Policy, limits: Disclosure) -> Release:
    """Withhold small counts in tables that leave together, and as little else as keeps them from being computed.

    Cells of the same group in several tables are one cell; every group is the sum of its parts by each variable; a
    share publishes its numerator and the rest. Minimum-weight suppression over the whole system, each cell weighing
    the logarithm of its count and a margin `margin_weight` times that.

    Raises
    ------
    DisclosureRefused
        If a count cannot be read, a table has no declared counts, or no choice protects every small count.

    Examples
    --------
    >>> from evalkit.evidence.standard import shipped
    >>> frame = pd.DataFrame({"age": ["young", "old", "oldest", "all"], "n": [40, 3, 25, 68]})
    >>> made = release({"ages": CountTable(frame, ("age",), ("n",))}, Policy("persons", 11, ""), shipped().disclosure)
    >>> made.tables["ages"]["n"].tolist(), made.records["ages"]["withheld"]
    ([40, <NA>, <NA>, 68], {'n': [1, 2]})
    """
    for name, table in tables.items():
        if not table.counts:
            raise DisclosureRefused(
                f"The table '{name}' does not say which of its columns count people.",
                next_step="Declare its count columns, or leave the table out.",
            )
    if rules.subject != "persons":
        hidden: dict[tuple[str, int, str], str] = {}
        solved = None
    else:
        system = _System(tables, rules, limits)
        hidden, solved = system.solve()
        for name, table in tables.items():
            hidden |= _dominated(name, table, limits)
    shown, records = {}, {}
    for name, table in tables.items():
        own = {(row, column): rule for (of, row, column), rule in hidden.items() if of == name}
        shown[name], records[name] = _applied(table, own, rules, limits)
    return Release(shown, records, solved)


class _System:
    """Cells, sums and items of all tables."""

    def __init__(self, tables: Mapping[str, CountTable], rules: Policy, limits: Disclosure) -> None:
        self.tables, self.rules, self.limits = tables, rules, limits
        self.values: dict[Key, float] = {}
        self.sums: list[tuple[Key, tuple[Key, ...]]] = []
        self.items: dict[tuple[str, int, str], tuple[Key, ...]] = {}
        self.primary: dict[Key, str] = {}
        for name, table in tables.items():
            self._read(name, table)
        for table in tables.values():
            for measure in self._measures(table):
                self._add_up(table, measure)

    def solve(self) -> tuple[dict[tuple[str, int, str], str], Suppression | None]:
        """Items to withhold, each with its rule; and how they were found."""
        small = {key: SMALL for key, value in self.values.items() if 0 < value < self.rules.min_cell}
        primary = self.primary | small
        if not primary:
            return {}, None
        keys = list(self.values)
        place = {key: number for number, key in enumerate(keys)}
        protected = np.array([key in primary for key in keys])
        values = np.array([self.values[key] for key in keys], dtype=np.float64)
        sums = [[(place[whole], 1.0), *((place[part], -1.0) for part in parts)] for whole, parts in self.sums]
        linked = Linked(
            values=values,
            relations=_rows(sums, len(keys)),
            items=_rows([[(place[key], 1.0) for key in shown] for shown in self.items.values()], len(keys)),
            weights=np.array([self._weight(item) for item in self.items]),
            protected=protected,
            fixed=np.zeros(len(self.items), dtype=bool),
            low=np.where(values > 0.0, 1.0, 0.0),
            high=np.full(len(keys), float(self.rules.min_cell - 1)),
        )
        solved = suppress(
            linked, rounds=self.limits.solver_rounds, nodes=self.limits.solver_nodes, gap=self.limits.solver_gap
        )
        if not solved.protects:
            raise DisclosureRefused(
                "No choice of cells keeps the small counts of these tables from being computed.",
                next_step="Publish fewer tables together, or larger groups.",
            )
        hidden = {}
        for item, withheld in zip(self.items, solved.withheld, strict=True):
            if withheld:
                hidden[item] = next((primary[key] for key in self.items[item] if key in primary), COMPLEMENTARY)
        return hidden, solved

    def _read(self, name: str, table: CountTable) -> None:
        frame = table.frame.reset_index(drop=True)
        numerators = {numerator for numerator, _ in table.shares.values()}
        numbers = counts_of(frame, sorted({*table.counts, *numerators}))
        for row in range(len(frame)):
            group = table.group(row)
            for column in numbers:
                self._set((column, group), float(numbers[column].iloc[row]), name, row)
                if column in table.counts and column not in table.unexported:
                    self.items[name, row, column] = ((column, group),)
            for share, (numerator, denominator) in table.shares.items():
                rest = (f"{denominator} without {numerator}", group)
                whole, part = self.values[denominator, group], self.values[numerator, group]
                if part > whole:
                    raise DisclosureRefused(f"Table '{name}', row {row}: '{numerator}' is above '{denominator}'.")
                self._set(rest, whole - part, name, row)
                self.sums.append(((denominator, group), ((numerator, group), rest)))
                self.items[name, row, share] = ((numerator, group), rest)
                if whole > 0.0 and part in (0.0, whole):
                    self.primary[rest if part else (numerator, group)] = HOMOGENEOUS

    def _set(self, key: Key, value: float, name: str, row: int) -> None:
        if np.isnan(value):
            raise DisclosureRefused(
                f"Table '{name}', row {row}: nobody knows how many people '{key[0]}' counts.",
                next_step="Leave the row out, or count it.",
            )
        if self.values.setdefault(key, value) != value:
            raise ConfigError(f"Table '{name}', row {row} counts '{key[0]}' otherwise than another table does.")

    def _measures(self, table: CountTable) -> list[str]:
        pairs = table.shares.values()
        rests = {f"{denominator} without {numerator}" for numerator, denominator in pairs}
        return sorted({*table.counts, *(numerator for numerator, _ in pairs), *rests})

    def _add_up(self, table: CountTable, measure: str) -> None:
        """Each group is the sum of its parts by each variable; groups that no table names are cells as well."""
        named = {table.group(row) for row in range(len(table.frame))}
        finer: dict[tuple[Group, str], set[Group]] = {}
        for group in {part for of in named for part in _parts(of)}:
            for variable, value in group:
                finer.setdefault((group - {(variable, value)}, variable), set()).add(group)
        for whole, variable in sorted(finer, key=lambda each: (-len(each[0]), sorted(each[0]), each[1])):
            self._one_sum(measure, whole, variable, sorted(finer[whole, variable], key=sorted))

    def _one_sum(self, measure: str, whole: Group, variable: str, parts: Sequence[Group]) -> None:
        keys = tuple((measure, part) for part in parts)
        together = sum(self.values[key] for key in keys)
        left = self.values.setdefault((measure, whole), together) - together
        if left < 0.0:  # values of this variable share people: no sum
            return
        if left > 0.0:
            others = "not " + ", ".join(dict(part)[variable] for part in parts)
            other = (measure, whole | {(variable, others)})
            self.values.setdefault(other, left)
            keys = (*keys, other)
        if ((measure, whole), keys) not in self.sums:
            self.sums.append(((measure, whole), keys))

    def _weight(self, item: tuple[str, int, str]) -> float:
        table, row, _ = item
        group = self.tables[table].group(row)
        size = 1.0 + float(np.log1p(max(self.values[key] for key in self.items[item])))
        missing = len(self.tables[table].keys) - len(group)
        return size * self.limits.margin_weight**missing


def _parts(group: Group) -> Iterable[Group]:
    """The group and every wider one."""
    for size in range(1, len(group) + 1):
        yield from map(frozenset, combinations(sorted(group), size))


def _rows(rows: Sequence[Sequence[tuple[int, float]]], width: int) -> sparse.csr_array:
    made = sparse.lil_array((len(rows), width))
    for number, row in enumerate(rows):
        for place, value in row:
            made[number, place] += value
    return sparse.csr_array(made)


def _dominated(name: str, table: CountTable, limits: Disclosure) -> dict[tuple[str, int, str], str]:
    """Amounts of which one person makes up most; the whole column goes, as a sum gives one of them back."""
    hidden: dict[tuple[str, int, str], str] = {}
    for column, contributions in table.amounts.items():
        if len(contributions) != len(table.frame):
            raise DisclosureRefused(
                f"The amounts '{column}' of table '{name}' come without the contributions of each row.",
                next_step="Give the contributions of the people in each row, or leave the column out.",
            )
        if any(dominated(values, limits.dominance) for values in contributions):
            hidden |= {(name, row, column): DOMINANCE for row in range(len(table.frame))}
    return hidden


def _applied(
    table: CountTable, hidden: Mapping[tuple[int, str], str], rules: Policy, limits: Disclosure
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The table without the withheld cells, what goes with them, and columns that nobody declared."""
    shown = table.frame.reset_index(drop=True).drop(columns=list(table.unexported))
    gone: dict[str, set[int]] = {}
    for row, column in hidden:
        gone.setdefault(column, set()).add(row)
    counted = set().union(*(gone.get(name, set()) for name in table.counts))
    for share, (_, denominator) in table.shares.items():
        gone[share] = gone.get(share, set()) | gone.get(denominator, set())
    for name in (*table.along, *table.amounts):
        gone[name] = gone.get(name, set()) | counted
    unknown = sorted(set(map(str, shown.columns)) - table.declared)
    for name in unknown if rules.subject == "persons" else ():
        gone[name] = set(range(len(shown)))
    for name, rows in gone.items():
        if rows and name in shown:
            shown[name] = blanked(shown[name], sorted(rows))
    shown, escaped = disarmed(shown)
    record = {
        "rows": len(shown),
        "withheld": {name: sorted(rows) for name, rows in sorted(gone.items()) if rows},
        "rules": sorted({*hidden.values(), *((UNDECLARED,) if unknown and rules.subject == "persons" else ())}),
        "unstable": _unstable(table, gone, limits),
        "escaped": escaped,
    }
    return shown, record


def _unstable(table: CountTable, gone: Mapping[str, set[int]], limits: Disclosure) -> dict[str, list[int]]:
    """Rows whose shares are shown and rest on few events."""
    flagged: dict[str, list[int]] = {}
    for share, (numerator, _) in table.shares.items():
        events = table.frame[numerator].to_numpy(dtype=np.float64)
        rows = [row for row in range(len(events)) if row not in gone.get(share, ()) and unreliable(events[row], limits)]
        if rows:
            flagged[share] = rows
    return flagged
