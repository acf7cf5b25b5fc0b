"""Other roll-outs that could have happened: the same starts, given to other clusters."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from evalkit.vocabulary import BoolArray, FloatArray, IntArray

TIE = 1e-9
"""Relative distance within which two statistics are the same number, computed in another order."""


@dataclass(frozen=True, slots=True)
class RollOut:
    """Starts by cluster, and which clusters may swap them.

    Attributes
    ----------
    starts
        (C,) first treated period of each cluster.
    codes
        (N,) cluster 0..C-1 of each unit.
    movable
        (C,) clusters whose start may be given to another; the others keep theirs.
    """

    starts: IntArray
    codes: IntArray
    movable: BoolArray

    @property
    def distinct(self) -> int:
        """Number of different ways to give the starts out: C! / prod_g C_g! over movable clusters."""
        _, counts = np.unique(self.starts[self.movable], return_counts=True)
        ways, left = 1, int(counts.sum())
        for count in counts.tolist():
            ways, left = ways * math.comb(left, count), left - count
        return ways

    @property
    def mirrors(self) -> int:
        """Assignments whose estimate has the same size whatever the data: 2 where one of two equal halves starts.

        Giving the only start to exactly those who did not have it turns the sign of every contrast.
        """
        _, counts = np.unique(self.starts[self.movable], return_counts=True)
        halves = len(counts) == 2 and counts[0] == counts[1]
        return 2 if halves and bool(self.movable.all()) else 1

    def every(self) -> Iterator[IntArray]:
        """Each different assignment once, the observed one among them, as (N,) first treated periods."""
        where = np.flatnonzero(self.movable)
        values, counts = np.unique(self.starts[where], return_counts=True)
        for given in _arrangements(values.tolist(), counts.tolist(), where.tolist()):
            starts = self.starts.copy()
            for position, value in given.items():
                starts[position] = value
            yield starts[self.codes]

    def drawn(self, count: int, rng: np.random.Generator) -> Iterator[IntArray]:
        """`count` random assignments, each as likely as any other, as (N,) first treated periods."""
        where = np.flatnonzero(self.movable)
        for _ in range(count):
            starts = self.starts.copy()
            starts[where] = rng.permutation(starts[where])
            yield starts[self.codes]


def roll_out(first_treated: IntArray, clusters: IntArray, always_treated: BoolArray) -> RollOut | None:
    """Starts by cluster; None where a cluster holds units of different starts, which then have no pattern to move.

    Parameters
    ----------
    first_treated
        (N,) first treated period of each unit.
    clusters
        (N,) any integer codes.
    always_treated
        (N,) units that are treated from the first period on: their clusters keep their start.

    Examples
    --------
    >>> made = roll_out(np.array([5, 5, 9, 9, 9]), np.array([0, 0, 1, 2, 3]), np.zeros(5, dtype=bool))
    >>> made.distinct
    4
    >>> [row.tolist() for row in made.every()][1]
    [9, 9, 5, 9, 9]
    """
    _, position, codes = np.unique(clusters, return_index=True, return_inverse=True)
    starts = first_treated[position]
    if not np.array_equal(starts[codes], first_treated):
        return None
    return RollOut(starts.astype(np.int64), codes.astype(np.int64), ~always_treated[position])


def randomization_p(observed: float, others: FloatArray, *, exact: bool) -> float:
    """Two-sided p-value: the share of assignments whose statistic is at least as far from 0 as the observed one.

    Parameters
    ----------
    observed
        Statistic of the assignment that happened.
    others
        (B,) statistics of the assignments compared; NaN, i.e. not estimable, counts as at least as far.
    exact
        True when `others` holds every assignment, the observed one included; False for random draws,
        to which the observed one is added, (1 + #) / (1 + B), so that the test keeps its level
        (Phipson and Smyth 2010).

    Examples
    --------
    >>> randomization_p(2.0, np.array([2.0, -1.0, -3.0, 0.5]), exact=True)
    0.5
    >>> randomization_p(2.0, np.array([1.0, -1.0, 0.5]), exact=False)
    0.25
    """
    beyond = int((~(np.abs(others) < abs(observed) * (1.0 - TIE))).sum())
    return beyond / len(others) if exact else (1 + beyond) / (1 + len(others))


def _arrangements(values: list[int], counts: list[int], positions: list[int]) -> Iterator[dict[int, int]]:
    """Every way to give each value its count of positions."""
    if len(values) == 1:
        yield dict.fromkeys(positions, values[0])
        return
    for chosen in combinations(positions, counts[0]):
        rest = [position for position in positions if position not in set(chosen)]
        for given in _arrangements(values[1:], counts[1:], rest):
            yield {**dict.fromkeys(chosen, values[0]), **given}
