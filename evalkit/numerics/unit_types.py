"""Units sorted into types: same start, same observed periods, so every regressor made of the two is shared.

In two-way fixed effects the treatment and event-time dummies are functions of the first treated period and the
calendar. What the regression needs of them is one row of regressors a type, however many units it has; the
outcome enters through type means and the units' deviations from them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evalkit.numerics.blocks import pieces
from evalkit.vocabulary import BoolArray, FloatArray, IntArray

PERIODS_AT_ONCE = 32
"""Periods whose pattern is packed into one integer key."""


@dataclass(frozen=True, slots=True)
class UnitTypes:
    """n units in D types over T periods, with a response and p covariates.

    Attributes
    ----------
    order
        (n,) positions of the units among the caller's, sorted by type.
    edges
        (D + 1,) where each type begins in `order`.
    start
        (D,) first treated period of the type.
    weight
        (D, T) weight of a cell; 0 where the type is not observed.
    scale
        (n,) factor of each unit: its cells weigh ``scale * weight``.
    deviation
        (1 + p, n, T) response and covariates less the unit's own mean, less what the type then has on
        average in the period; 0 where the weight is 0.
    mean
        (1 + p, D, T) those averages.
    centre
        (D,) average of the units' own mean responses.
    squares
        (p,) weighted sums of squares of the covariates before anything was taken out.
    """

    order: IntArray
    edges: IntArray
    start: IntArray
    weight: FloatArray
    scale: FloatArray
    deviation: FloatArray
    mean: FloatArray
    centre: FloatArray
    squares: FloatArray

    def __len__(self) -> int:
        return len(self.start)

    @property
    def count(self) -> IntArray:
        """(D,) units of each type."""
        return np.diff(self.edges)

    @property
    def size(self) -> FloatArray:
        """(D,) sum of the units' factors."""
        return np.add.reduceat(self.scale, self.edges[:-1])

    @property
    def code(self) -> IntArray:
        """(n,) type of each unit, in the order of `order`."""
        return np.repeat(np.arange(len(self)), self.count)


def sort_into_types(
    values: Sequence[FloatArray], start: IntArray, usable: BoolArray, weight: FloatArray | None = None
) -> UnitTypes:
    """Sort units into types and split their series into type means and deviations.

    Parameters
    ----------
    values
        (N, T) response and covariates; ignored where not `usable`.
    start
        (N,) first treated period.
    usable
        (N, T) cells that enter; units with none are left out.
    weight
        (N, T) sampling weights, read where `usable`. Where they vary over a unit's periods, every unit is a type of
        its own and nothing is shared.

    Examples
    --------
    >>> y = np.array([[1.0, 4.0], [3.0, 8.0], [0.0, 1.0]])
    >>> types = sort_into_types([y], np.array([2, 2, 9]), np.ones((3, 2), bool))
    >>> types.start.tolist(), types.count.tolist(), types.mean[0].tolist()
    ([2, 9], [2, 1], [[-2.0, 2.0], [-0.5, 0.5]])
    """
    complete = bool(usable.all())
    used = np.arange(len(start)) if complete else np.flatnonzero(usable.any(axis=1))
    factor, changing = _factors(usable, weight, used)
    code = np.arange(len(used)) if changing else _codes(start[used], None if complete else usable[used])
    by_type = np.argsort(code, kind="stable")
    order, sorted_code = used[by_type], code[by_type]
    edges = np.flatnonzero(np.diff(sorted_code, prepend=-1, append=sorted_code[-1] + 1))
    first = order[edges[:-1]]
    pattern = usable[first].astype(np.float64)
    if changing and weight is not None:
        pattern *= np.nan_to_num(weight[first])
    scale, shared = factor[by_type], np.repeat(np.arange(len(first)), np.diff(edges))
    size = np.add.reduceat(scale, edges[:-1])
    seen = None if complete else usable[order]
    deviation = np.empty((len(values), len(order), usable.shape[1]))
    mean, squares = np.empty((len(values), len(first), usable.shape[1])), np.empty(len(values) - 1)
    centre = np.empty(0)
    for place, series in enumerate(values):
        rows = deviation[place]
        np.take(series, order, axis=0, out=rows)
        if seen is not None:
            rows[~seen] = 0.0
        if place > 0:
            squares[place - 1] = _squares(rows, scale, pattern, shared)
        own = _take_out_own_mean(rows, seen)
        if place == 0:
            centre = np.add.reduceat(scale * own, edges[:-1]) / size
        mean[place] = np.add.reduceat(rows if weight is None else scale[:, None] * rows, edges[:-1]) / size[:, None]
        for part in pieces(slice(0, len(rows))):
            rows[part] -= mean[place][shared[part]]
            if seen is not None:
                rows[part] *= seen[part]
    return UnitTypes(order, edges, start[first], pattern, scale, deviation, mean, centre, squares)


def _factors(usable: BoolArray, weight: FloatArray | None, used: IntArray) -> tuple[FloatArray, bool]:
    """(n,) factor of each unit, and whether weights change over a unit's periods (factors are then 1)."""
    if weight is None:
        return np.ones(len(used)), False
    high = np.where(usable, weight, -np.inf).max(axis=1)[used]
    low = np.where(usable, weight, np.inf).min(axis=1)[used]
    changing = bool((high != low).any())
    return (np.ones(len(used)) if changing else high), changing


def _codes(start: IntArray, usable: BoolArray | None) -> IntArray:
    """(n,) codes 0.. of what units share, in ascending order of the start."""
    code: IntArray = np.unique(start, return_inverse=True)[1].astype(np.int64)
    if usable is None:
        return code
    for begin in range(0, usable.shape[1], PERIODS_AT_ONCE):
        part = usable[:, begin : begin + PERIODS_AT_ONCE]
        key = part @ (1 << np.arange(part.shape[1], dtype=np.int64))
        code = np.unique(code * (1 << PERIODS_AT_ONCE) + key, return_inverse=True)[1].astype(np.int64)
    return code


def _take_out_own_mean(rows: FloatArray, seen: BoolArray | None) -> FloatArray:
    """Centre each unit on its own mean, in place; the means are returned."""
    own: FloatArray = rows.mean(axis=1) if seen is None else rows.sum(axis=1) / seen.sum(axis=1)
    rows -= own[:, None]
    if seen is not None:
        rows *= seen
    return own


def _squares(rows: FloatArray, scale: FloatArray, pattern: FloatArray, shared: IntArray) -> float:
    """Weighted sum of squares."""
    return sum(
        float(np.einsum("it,it,it,i->", rows[part], rows[part], pattern[shared[part]], scale[part]))
        for part in pieces(slice(0, len(rows)))
    )
