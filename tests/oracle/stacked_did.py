"""Slow, plain stacked regressions and local projections: rows really stacked, every dummy written out, lstsq.

Nothing is shared with the package. Periods are 0..T-1, units whose first treated period is T or later never start.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
Kind = Literal["saturated", "corrective", "variance"]


@dataclass
class Answer:
    """Coefficients by key, with their clustered covariance without small-sample factor."""

    keys: list[tuple[int, ...]]
    effect: Array
    covariance: Array


@dataclass
class Rows:
    """The stack: one row a stack, unit and period."""

    stack: Array
    unit: Array
    event: Array
    treated: Array
    y: Array
    weight: Array
    cluster: Array


def stack_rows(
    y: Array,
    first: Array,
    window: tuple[int, int],
    *,
    weight: Array | None = None,
    cluster: Array | None = None,
    anticipation: int = 0,
    never: bool = False,
) -> Rows:
    """Write out every stack whose window lies within the data; units that miss a period of it are left out."""
    n, periods = y.shape
    rows = []
    for a in sorted({int(g) for g in first if 0 < g < periods}):
        span = range(a + window[0], a + window[1] + 1)
        until = (periods - 1 if never else span[-1]) + anticipation
        if span[0] < 0 or span[-1] >= periods or not (first > until).any():
            continue
        reference = a - 1 - anticipation
        for i in range(n):
            if (first[i] == a or first[i] > until) and not np.isnan(y[i, list(span)]).any():
                w = 1.0 if weight is None else weight[i, reference]
                code = i if cluster is None else cluster[i]
                rows += [(a, i, t - a, float(first[i] == a), y[i, t], w, code) for t in span]
    return Rows(*np.array(rows).T)


def stacked(rows: Rows, kind: Kind, reference: int = -1) -> Answer:
    """Run one weighted regression on the stack.

    ``saturated``: one effect a stack and event time, with unit-by-stack and stack-by-event effects.
    ``variance``: one effect an event time, with the same effects.
    ``corrective``: D, event times and their products alone, comparison rows weighted by Q (Wing et al. 2024, eq. for
    the trimmed aggregate ATT): the stack's share of treated rows over its share of comparison rows.
    """
    times = sorted({int(e) for e in rows.event if e != reference})
    stacks = sorted({int(a) for a in rows.stack})
    if kind == "corrective":
        keys: list[tuple[int, ...]] = [(e,) for e in times]
        effects = [rows.treated * (rows.event == e) for e in times]
        others = [np.ones(len(rows.y)), rows.treated, *((rows.event == e).astype(float) for e in times)]
        w = rows.weight * np.where(rows.treated == 1.0, 1.0, _corrective(rows))
    else:
        if kind == "saturated":
            keys = [(a, e) for a in stacks for e in times]
            effects = [rows.treated * (rows.stack == a) * (rows.event == e) for a, e in keys]
        else:
            keys = [(e,) for e in times]
            effects = [rows.treated * (rows.event == e) for e in times]
        others = [((rows.stack == a) & (rows.event == e)).astype(float) for a in stacks for e in times]
        others += [((rows.stack == a) & (rows.unit == i)).astype(float) for a in stacks for i in np.unique(rows.unit)]
        w = rows.weight
    return _regress(np.column_stack([*effects, *others]), rows.y, w, rows.cluster, keys)


def projection(
    y: Array,
    first: Array,
    horizon: int,
    *,
    weight: Array | None = None,
    cluster: Array | None = None,
    mean_base: bool = False,
) -> Answer:
    """Regress long differences on entry and start-period effects: entrants against units untreated through it."""
    n, periods = y.shape
    rows = []
    for a in sorted({int(g) for g in first if 0 < g < periods}):
        if not 0 <= a + horizon < periods:
            continue
        for i in range(n):
            before = y[i, :a] if mean_base else y[i, a - 1 : a]
            change = y[i, a + horizon] - before.mean()
            if (first[i] == a or first[i] > max(a, a + horizon)) and not np.isnan(change):
                w = 1.0 if weight is None else weight[i, a - 1]
                rows.append((a, float(first[i] == a), change, w, i if cluster is None else cluster[i]))
    start, entry, change, w, code = np.array(rows).T
    dummies = [(start == a).astype(float) for a in np.unique(start)]
    return _regress(np.column_stack([entry, *dummies]), change, w, code, [(horizon,)])


def _corrective(rows: Rows) -> Array:
    """Q of each row's stack and event time."""

    def total(mask: Array) -> float:
        return float(rows.weight[mask].sum())

    q = np.empty(len(rows.y))
    for place in range(len(q)):
        at = rows.event == rows.event[place]
        own = at & (rows.stack == rows.stack[place])
        on, off = rows.treated == 1.0, rows.treated == 0.0
        q[place] = (total(own & on) / total(at & on)) / (total(own & off) / total(at & off))
    return q


def _regress(X: Array, y: Array, w: Array, cluster: Array, keys: list[tuple[int, ...]]) -> Answer:
    root = np.sqrt(w)
    beta = np.linalg.lstsq(X * root[:, None], y * root, rcond=None)[0]
    bread = np.linalg.pinv((X * w[:, None]).T @ X)
    scores = X * (w * (y - X @ beta))[:, None]
    sums = np.array([scores[cluster == c].sum(axis=0) for c in np.unique(cluster)])
    covariance = bread @ (sums.T @ sums) @ bread
    m = len(keys)
    return Answer(keys, beta[:m], covariance[:m, :m])
