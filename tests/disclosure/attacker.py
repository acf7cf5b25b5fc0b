"""A reader with a linear-programming solver, who has nothing but what was published.

Shares no code with the gate. `System` collects unknown counts, sums that everybody knows and published numbers;
`bounds` gives the least and greatest value that each unknown count can have.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import linprog

EXACT = 1e-6
"""Published counts are whole numbers."""


@dataclass
class System:
    """Unknown counts, none below 0, with linear equations and published intervals."""

    names: dict[Hashable, int] = field(default_factory=dict)
    equations: list[tuple[dict[int, float], float]] = field(default_factory=list)
    intervals: list[tuple[dict[int, float], float, float]] = field(default_factory=list)
    known: dict[Hashable, float] = field(default_factory=dict)

    def cell(self, name: Hashable) -> int:
        """Number of an unknown; it is made where it is new."""
        return self.names.setdefault(name, len(self.names))

    def add_up(self, whole: Hashable, parts: Iterable[Hashable]) -> None:
        """Everybody knows that the parts add up to the whole."""
        row = {self.cell(whole): 1.0}
        for part in parts:
            row[self.cell(part)] = row.get(self.cell(part), 0.0) - 1.0
        self.equations.append((row, 0.0))

    def publish(self, name: Hashable, value: float) -> None:
        """A count was published."""
        self.known[name] = float(value)
        self.equations.append(({self.cell(name): 1.0}, float(value)))

    def between(self, terms: Mapping[Hashable, float], low: float, high: float) -> None:
        """A combination of counts is known to lie in an interval, such as that of a rounded percentage."""
        self.intervals.append(({self.cell(name): factor for name, factor in terms.items()}, low, high))

    def publish_share(self, part: Hashable, whole: Hashable, shown: float, digits: int | None = None) -> None:
        """A share was published, whole or rounded to so many decimals: bounds on part - share * whole."""
        half = EXACT if digits is None else 0.5 * 10.0**-digits
        self.between({part: 1.0, whole: -(shown - half)}, 0.0, np.inf)
        self.between({part: 1.0, whole: -(shown + half)}, -np.inf, 0.0)

    def joined(self, later: System) -> System:
        """Both publications together, where people may join from one to the next and none leaves."""
        both = System()
        for mark, each in (("earlier", self), ("later", later)):
            places = {place: both.cell((mark, name)) for name, place in each.names.items()}
            both.equations += [
                ({places[at]: factor for at, factor in row.items()}, value) for row, value in each.equations
            ]
            both.intervals += [
                ({places[at]: factor for at, factor in row.items()}, low, high) for row, low, high in each.intervals
            ]
        for name in self.names.keys() & later.names.keys():
            both.add_up(("later", name), [("earlier", name), ("came", name)])
        return both

    def bounds(self, name: Hashable) -> tuple[float, float]:
        """Least and greatest value of an unknown."""
        n = len(self.names)
        equal = np.zeros((len(self.equations), n))
        for line, (row, _) in enumerate(self.equations):
            for place, factor in row.items():
                equal[line, place] = factor
        at_most, limits = [], []
        for row, low, high in self.intervals:
            dense = np.zeros(n)
            for place, factor in row.items():
                dense[place] = factor
            if np.isfinite(high):
                at_most.append(dense)
                limits.append(high)
            if np.isfinite(low):
                at_most.append(-dense)
                limits.append(-low)
        ends = []
        for sign in (1.0, -1.0):
            aim = np.zeros(n)
            aim[self.cell(name)] = sign
            found = linprog(
                aim, A_eq=equal if len(equal) else None, b_eq=[value for _, value in self.equations] or None,
                A_ub=np.array(at_most) if at_most else None, b_ub=limits or None, bounds=(0, None), method="highs",
            )  # fmt: skip
            if found.status == 3:
                ends.append(np.inf)
                continue
            assert found.status == 0, f"what was published contradicts itself: {found.message}"
            ends.append(sign * float(found.fun or 0.0))
        return ends[0], ends[1]


def determined(bounds: tuple[float, float], min_cell: int) -> bool:
    """Whether the reader knows more of a small count than the rule says: that it is from 1 to min_cell - 1."""
    return bounds[0] > 1.0 + EXACT or bounds[1] < min_cell - 1 - EXACT
