"""Which units take which start in a placebo, in an order that depends on the data alone."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np

from evalkit.vocabulary import FloatArray, IntArray


def by_content(outcome: FloatArray) -> IntArray:
    """Rows sorted by their values: draws then depend on no name and no order of rows.

    Examples
    --------
    >>> by_content(np.array([[3.0, 1.0], [2.0, 5.0]])).tolist()
    [1, 0]
    """
    return np.asarray(np.lexsort(outcome.T[::-1]), dtype=np.int64)


def n_placements(n: int, sizes: Sequence[int]) -> int:
    """Ways to choose disjoint sets of these sizes out of n.

    Examples
    --------
    >>> n_placements(4, [1, 2])
    12
    """
    count, left = 1, n
    for size in sizes:
        count *= math.comb(left, size)
        left -= size
    return count


def placements(n: int, sizes: Sequence[int], draws: int, rng: np.random.Generator) -> Iterator[list[IntArray]]:
    """All ways to choose disjoint sets of these sizes where they are no more than `draws`, else so many random ones.

    Examples
    --------
    >>> [[rows.tolist() for rows in plan] for plan in placements(3, [1, 1], 6, np.random.default_rng(0))][:2]
    [[[0], [1]], [[0], [2]]]
    """
    if n_placements(n, sizes) <= draws:
        yield from _every(list(range(n)), sizes)
        return
    for _ in range(draws):
        order = rng.permutation(n)
        yield np.split(order[: sum(sizes)], np.cumsum(sizes)[:-1])


def _every(free: list[int], sizes: Sequence[int]) -> Iterator[list[IntArray]]:
    if not sizes:
        yield []
        return
    for chosen in combinations(free, sizes[0]):
        rest = [place for place in free if place not in chosen]
        for others in _every(rest, sizes[1:]):
            yield [np.array(chosen, dtype=np.int64), *others]
