"""Treatment paths of units: their first dose, when and in which direction it first changes, by how much."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evalkit.vocabulary import NEVER, BoolArray, FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Paths:
    """Treatment of N units over T periods, seen from each unit's first dose.

    Attributes
    ----------
    level, levels
        (N,) code of the unit's period-one dose D_{g,1}; (Q,) the doses behind the codes.
    first
        (N,) ordinal F_g of the first period with another dose; ``NEVER`` where there is none.
    sign
        (N,) S_g: 1 where that dose is higher, -1 where it is lower, 0 for units that never change.
    reached
        (N,) dose in period F_g; NaN for units that never change.
    change
        (N, T) S_g (D_{g,t} - D_{g,1}), a missing dose taken as the last known one; None where treatment is 0 or 1 and
        stays on, so that it is 1 from F_g on.
    apart
        (N, T) cells left out because the unit has been both above and below its first dose; None where there are none.
    unclear
        (N, T) cells left out because the dose may have changed unseen; None where there are none.
    """

    level: IntArray
    levels: FloatArray
    first: IntArray
    sign: FloatArray
    reached: FloatArray
    change: FloatArray | None = None
    apart: BoolArray | None = None
    unclear: BoolArray | None = None


def adoption_paths(first_treated: IntArray, time: IntArray) -> Paths:
    """Paths of units that are at 0 until they are at 1 for good; units at 1 throughout never change.

    Examples
    --------
    >>> paths = adoption_paths(np.array([0, 2, NEVER]), np.arange(4))
    >>> paths.level.tolist(), paths.sign.tolist(), (paths.first == NEVER).tolist()
    ([1, 0, 0], [0.0, 1.0, 0.0], [True, False, True])
    """
    always = first_treated <= time[0]
    first = np.where(always, NEVER, first_treated)
    changes = first <= time[-1]
    return Paths(
        level=always.astype(np.int64),
        levels=np.array([0.0, 1.0]),
        first=first,
        sign=changes.astype(np.float64),
        reached=np.where(changes, 1.0, np.nan),
    )


def dose_paths(dose: FloatArray, time: IntArray) -> Paths:
    """Paths of units by dose.

    A unit's first dose is its first known one. Where the dose is not known just before it is first seen changed, the
    unit is taken to be unchanged until its last known first dose, and is left out after it. Cells from which on a
    unit has been both above and below its first dose mix effects of opposite sign, and are left out.

    Parameters
    ----------
    dose
        (N, T); NaN where not known.
    time
        (T,) ordinals.

    Examples
    --------
    >>> paths = dose_paths(np.array([[1.0, 1.0, 3.0, 0.0], [2.0, 0.0, 0.0, np.nan]]), np.arange(4))
    >>> paths.first.tolist(), paths.sign.tolist(), paths.change.tolist()
    ([2, 1], [1.0, -1.0], [[0.0, 0.0, 2.0, -1.0], [0.0, 2.0, 2.0, 2.0]])
    >>> paths.apart.tolist()[0]
    [False, False, False, True]
    """
    n, width = dose.shape
    rows, columns = np.arange(n), np.arange(width)
    known = ~np.isnan(dose)
    start = dose[rows, known.argmax(axis=1)]
    levels, level = np.unique(start, return_inverse=True)
    differs = known & (dose != start[:, None])
    changes, position = differs.any(axis=1), differs.argmax(axis=1)
    last_same = np.where(known & (columns < position[:, None]), columns, -1).max(axis=1)
    unseen = changes & (last_same < position - 1)
    unclear = unseen[:, None] & (columns > last_same[:, None])
    changes &= ~unseen
    carried = np.maximum.accumulate(np.where(known, columns, 0), axis=1)
    filled = np.take_along_axis(dose, carried, axis=1)
    reached = np.where(changes, dose[rows, position], np.nan)
    sign = np.where(changes, np.sign(np.where(changes, reached - start, 1.0)), 0.0)
    change = np.where(
        columns < np.where(changes, position, width)[:, None], 0.0, sign[:, None] * (filled - start[:, None])
    )
    apart = np.logical_or.accumulate(change < 0.0, axis=1)
    return Paths(
        level=level.astype(np.int64),
        levels=levels,
        first=np.where(changes, time[position], NEVER).astype(np.int64),
        sign=sign,
        reached=reached,
        change=change,
        apart=apart if apart.any() else None,
        unclear=unclear if unseen.any() else None,
    )
