"""Columns of a segmented regression: trend, season, other programmes, and what changes at the start.

In the notation of Wagner et al. (2002), Linden (2015) and Bernal, Cummins and Gasparrini (2017),

    Y_t = b0 + b1 T_t + b2 X_t + b3 (T_t - T_0) X_t + season + covariates + u_t

with X_t = 1 from the start T_0 on: b2 is the change of level at the start, b3 that of the slope.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from evalkit.vocabulary import BoolArray, FloatArray, IntArray

Trend = Literal["none", "linear", "quadratic"]
Change = Literal["step", "step_and_slope"]
Season = Literal["none", "dummies", "harmonics"]
FREE_OF = 1e-9
"""Share of a column's size that must be left over after the columns before it, for it to add anything."""


@dataclass(frozen=True, slots=True)
class Segmented:
    """A design matrix with named columns.

    Attributes
    ----------
    names
        Of the columns that are kept.
    columns
        (n, p) of full column rank.
    change
        (k,) positions of the columns that describe the programme: what they add is its effect.
    absorbed
        Names of columns left out because the others determine them.
    """

    names: tuple[str, ...]
    columns: FloatArray
    change: IntArray
    absorbed: tuple[str, ...]


def trend_columns(time: IntArray, kind: Trend) -> dict[str, FloatArray]:
    """Powers of time, centred and scaled so that they stay comparable in size."""
    if kind == "none":
        return {}
    middle = (time - time.mean()) / max(1.0, float(np.ptp(time)) / 2.0)
    linear = {"trend": middle}
    return linear if kind == "linear" else {**linear, "trend squared": middle**2}


def season_columns(time: IntArray, kind: Season, length: float, pairs: int) -> dict[str, FloatArray]:
    """One dummy a position within the season but the first, or sine and cosine pairs.

    Parameters
    ----------
    time
        (n,) ordinals.
    kind
        ``none``, ``dummies`` or ``harmonics``.
    length
        Periods in a season; whole for dummies.
    pairs
        Sine and cosine pairs, of 1, 2, ... waves a season.
    """
    if kind == "none":
        return {}
    if kind == "dummies":
        place = np.mod(time, round(length))
        return {f"season {at + 1}": (place == at).astype(np.float64) for at in range(1, round(length))}
    angle = 2.0 * np.pi * time / length
    waves: dict[str, FloatArray] = {}
    for number in range(1, pairs + 1):
        if 2 * number <= length:
            waves[f"cosine {number}"] = np.cos(number * angle)
        if 2 * number < length:
            waves[f"sine {number}"] = np.sin(number * angle)
    return waves


def change_columns(time: IntArray, start: int, kind: Change) -> dict[str, FloatArray]:
    """Step from the start on and, with ``step_and_slope``, periods since it."""
    on = (time >= start).astype(np.float64)
    if kind == "step":
        return {"level": on}
    return {"level": on, "slope": on * (time - start)}


def assemble(parts: Sequence[tuple[str, FloatArray]], change: Sequence[str], rows: BoolArray) -> Segmented:
    """Keep the columns that add to those before them; the programme's come first, so that nothing displaces them.

    Parameters
    ----------
    parts
        Name and (n,) values, the constant and the programme's columns first.
    change
        Names of the programme's columns.
    rows
        (n,) periods used.
    """
    kept: list[str] = []
    columns: list[FloatArray] = []
    absorbed: list[str] = []
    basis = np.empty((int(rows.sum()), 0))
    for name, values in parts:
        own = np.asarray(values[rows], dtype=np.float64)
        size = float(np.linalg.norm(own))
        rest = own - basis @ (basis.T @ own)
        rest = rest - basis @ (basis.T @ rest)
        left = float(np.linalg.norm(rest))
        if size == 0.0 or left <= FREE_OF * size:
            absorbed.append(name)
            continue
        basis = np.column_stack([basis, rest / left])
        kept.append(name)
        columns.append(own)
    position = np.array([kept.index(name) for name in change if name in kept], dtype=np.int64)
    return Segmented(tuple(kept), np.column_stack(columns), position, tuple(absorbed))
