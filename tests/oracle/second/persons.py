"""Callaway and Sant'Anna in repeated cross-sections: cells by the printed formulas, pulls by moving each weight."""

from __future__ import annotations

import numpy as np

from tests.oracle import cross_sections as printed
from tests.oracle.panels import NEVER, Persons
from tests.oracle.plain import Answer, NotIdentified, shares


def figures(world: Persons, *, comparison: str, method: str) -> dict[str, float]:
    """All cells, their averages and errors."""
    start = np.where(world.start == NEVER, printed.NEVER, world.start)[world.group]
    X = np.column_stack([np.ones(len(world.y)), world.x])
    keys: list[tuple[int, int]] = []

    def cells(
        w: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    ) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        found = printed.all_cells(world.y, start, world.period, X, w, method=method, comparison=comparison)
        keys[:] = sorted(found)
        return np.array([found[key] for key in keys])

    effect = cells(world.weight)
    if not any(t >= g for g, t in keys):
        raise NotIdentified("no cell after a start")
    psi = printed.jackknife(cells, world.weight)
    n = len(world.y)
    everybody = np.ones(n, dtype=bool)
    share, pull = shares(world.weight, start, everybody, sorted({g for g, _ in keys}))
    codes = np.arange(n) if world.cluster is None else world.cluster
    return Answer(keys, effect, psi, share, pull, codes).figures()
