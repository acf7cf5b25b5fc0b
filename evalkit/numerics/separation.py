"""Rows that a Poisson regression fits perfectly with an infinite coefficient (Correia, Guimaraes and Zylkin 2021).

Where a combination of regressors is 0 in every row with events and at least 0, somewhere above 0, in rows without, the
likelihood rises for ever as its coefficient falls. Those rows say nothing about the other coefficients: without them
the rest has a maximum.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evalkit.numerics.demean import two_way_demean
from evalkit.vocabulary import BoolArray, FloatArray

ITERATIONS = 200
ROUNDING = 1e-5
"""A combination below this is 0: rows with events weigh 1e10 times as much, which leaves them at 1e-10."""
HEAVY = 1e10


@dataclass(frozen=True, slots=True)
class Empty:
    """Rows left once units and periods without events are gone.

    Attributes
    ----------
    used
        (N, T) rows that stay.
    units
        (N,) units left out because all their rows hold no event.
    periods
        (T,) periods left out because nobody has an event there.
    seen_once
        (N,) units with events and fewer than two rows left.
    """

    used: BoolArray
    units: BoolArray
    periods: BoolArray
    seen_once: BoolArray


def drop_empty(events: FloatArray, used: BoolArray) -> Empty:
    """Leave out units and periods without an event, again and again until none is left, and units seen once.

    Examples
    --------
    >>> found = drop_empty(np.array([[0.0, 0.0], [1.0, 2.0], [3.0, 4.0]]), np.ones((3, 2), bool))
    >>> found.units.tolist(), found.used.sum()
    ([True, False, False], np.int64(4))
    """
    had: BoolArray = np.asarray(used.any(axis=1))
    had_period: BoolArray = np.asarray(used.any(axis=0))
    kept = used.copy()
    seen_once = np.zeros(len(used), dtype=np.bool_)
    while True:
        before = int(kept.sum())
        total = np.where(kept, events, 0.0)
        alone = (kept.sum(axis=1) == 1) & (total.sum(axis=1) > 0.0)
        seen_once |= alone
        kept &= ((total.sum(axis=1) > 0.0) & ~alone)[:, None]
        kept &= (np.where(kept, events, 0.0).sum(axis=0) > 0.0)[None, :]
        if int(kept.sum()) == before:
            break
    return Empty(
        used=kept,
        units=had & ~kept.any(axis=1) & ~seen_once,
        periods=had_period & ~kept.any(axis=0),
        seen_once=seen_once,
    )


def separated(events: FloatArray, used: BoolArray, regressors: FloatArray) -> BoolArray:
    """Find separated rows by iterated rectification (their section 3.2), unit and period effects included.

    Parameters
    ----------
    events
        (N, T) counts.
    used
        (N, T) rows of the regression.
    regressors
        (k, N, T).

    Returns
    -------
    (N, T) bool array
        Rows to leave out; all of them have no event.

    Examples
    --------
    >>> events = np.array([[0.0, 0.0, 3.0], [1.0, 2.0, 2.0]])
    >>> treated = np.array([[[0.0, 0.0, 1.0], [0.0, 0.0, 0.0]]])
    >>> separated(events, np.ones((2, 3), bool), treated).tolist()
    [[True, True, False], [False, False, False]]
    """
    none = used & (events == 0.0)
    weights = np.where(used, np.where(none, 1.0, HEAVY), 0.0)
    target = none.astype(np.float64)
    found = np.zeros_like(none)
    demeaned = two_way_demean(regressors, weights) if len(regressors) else regressors
    flat = demeaned.reshape(len(regressors), events.size)
    gram = np.linalg.pinv((flat * weights.ravel()) @ flat.T, rcond=1e-12, hermitian=True)
    for _ in range(ITERATIONS):
        rest = two_way_demean(target, weights)
        if len(regressors):
            slope = gram @ (flat @ (rest * weights).ravel())
            rest = rest - np.tensordot(slope, demeaned, axes=1)
        combination = np.where(none, target - rest, 0.0)
        combination[np.abs(combination) < ROUNDING] = 0.0
        if combination.min(initial=0.0) >= 0.0:
            found = combination > 0.0
            break
        target = np.where(none, np.maximum(combination, 0.0), 0.0)
    return np.asarray(found & none)
