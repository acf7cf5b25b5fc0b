"""Conformal inference for one treated series (Chernozhukov, Wuthrich and Zhu 2021)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from evalkit.vocabulary import BoolArray, FloatArray

POINTS: Final = 81
"""Effects that are tried between bounds that are rejected; each takes one fit."""
HALVINGS: Final = 24
"""Steps towards each bound: a relative error of 1e-7 of one grid step."""
DOUBLINGS: Final = 16
"""How far out a rejected effect is looked for."""
TIE: Final = 1e-9
"""Relative distance within which two statistics are the same number."""

Residuals = Callable[[float], FloatArray]
"""Residuals (T,) of the model fitted to all periods, after the effect is taken off those under treatment."""


def conformal_p(residuals: FloatArray, post: BoolArray) -> float:
    """Share of cyclic shifts of the residuals whose mean after the start is at least as far from 0.

    The statistic is ``|sum of residuals after the start| / sqrt(T*)``, the permutations are the moving
    block ones, which allow for autocorrelation.

    Parameters
    ----------
    residuals
        (T,) under the null, in order of time.
    post
        (T,) True after the start.

    Examples
    --------
    >>> conformal_p(np.array([1.0, -1.0, 1.0, 9.0]), np.array([False, False, False, True]))
    0.25
    """
    count = len(residuals)
    shifted = np.stack([np.roll(residuals, shift)[post].sum() for shift in range(count)])
    statistic = np.abs(shifted)
    return float((statistic >= statistic[0] - TIE * statistic.max()).mean())


def conformal_interval(
    residuals: Residuals, post: BoolArray, *, level: float, centre: float, width: float
) -> tuple[float, float] | None:
    """Constant effects that are not rejected, as the interval from the least to the largest.

    Parameters
    ----------
    residuals
        Refits under a constant effect.
    post
        (T,) True after the start.
    level
        Of the interval.
    centre, width
        Where to look first: an estimate, and its rough error.

    Returns
    -------
    tuple or None
        None where no effect can be rejected: 1/T is above 1 - level, or the search ends without one.
    """
    alpha = 1.0 - level
    if 1.0 / len(post) > alpha + TIE:
        return None

    def kept(effect: float) -> bool:
        return conformal_p(residuals(effect), post) > alpha + TIE

    bounds = []
    for side in (-1.0, 1.0):
        step, far = side * max(width, 1e-12 * max(1.0, abs(centre))), None
        for _ in range(DOUBLINGS):
            if not kept(centre + step) and not kept(centre + 1.5 * step):
                far = centre + step
                break
            step *= 2.0
        if far is None:
            return None
        bounds.append(far)
    grid = np.linspace(bounds[0], bounds[1], POINTS)
    inside = np.array([kept(float(effect)) for effect in grid])
    if not inside.any():
        return None
    first, last = int(np.argmax(inside)), len(grid) - 1 - int(np.argmax(inside[::-1]))
    low = _edge(kept, float(grid[max(first - 1, 0)]), float(grid[first]))
    high = _edge(kept, float(grid[min(last + 1, len(grid) - 1)]), float(grid[last]))
    return low, high


def _edge(kept: Callable[[float], bool], out: float, inside: float) -> float:
    """Where keeping ends between a rejected and a kept effect."""
    for _ in range(HALVINGS):
        middle = 0.5 * (out + inside)
        if kept(middle):
            inside = middle
        else:
            out = middle
    return inside
