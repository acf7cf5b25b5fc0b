"""Ridge augmentation of donor weights (Ben-Michael, Feller and Rothstein 2021, Lemma 1).

    gamma = w + (x1 - X0 w)' (X0 X0' + lambda I)^-1 X0

with outcomes before the start, centred at the donors' mean, as X. What simplex weights w leave unfitted is fitted by a
ridge regression
among donors, so that weights may leave the simplex as far as lambda allows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from evalkit.numerics.simplex import simplex_least_squares
from evalkit.vocabulary import FloatArray

GRID: Final = 21
"""Penalties that are tried."""
LEAST: Final = 1e-8
"""The least of them, relative to the largest."""
ROUNDING: Final = 8.0 * float(np.finfo(np.float64).eps)
"""Relative to the largest outcome: differences between donors up to it are none."""
Rule = Literal["one_standard_error", "least_error"]


@dataclass(frozen=True, slots=True)
class Penalty:
    """A penalty chosen by leaving out one period before the start at a time.

    Attributes
    ----------
    chosen
        The penalty lambda; 0 where donors do not differ.
    tried
        (L,) from the largest down.
    error, standard_error
        (L,) mean squared error of the periods left out, and its standard error.
    """

    chosen: float
    tried: FloatArray
    error: FloatArray
    standard_error: FloatArray


def augmented(X0: FloatArray, x1: FloatArray, w: FloatArray, penalty: float) -> FloatArray:
    """(J,) augmented weights; they sum to 1 and may be negative.

    Parameters
    ----------
    X0, x1
        (m, J) and (m,) outcomes before the start.
    w
        (J,) simplex weights.
    penalty
        lambda, above 0.

    Examples
    --------
    >>> X0 = np.array([[0.0, 2.0]])
    >>> augmented(X0, np.array([3.0]), np.array([0.0, 1.0]), 1e-9).round(6).tolist()
    [-0.5, 1.5]
    """
    C, c1 = _centred(X0, x1)
    gamma: FloatArray = _augment(C, c1 - C @ w, w, np.array([penalty]))[0]
    return gamma


def choose_penalty(X0: FloatArray, x1: FloatArray, *, rule: Rule = "one_standard_error") -> Penalty:
    """The penalty whose fit predicts a left-out period best (their section 5.3).

    Parameters
    ----------
    X0, x1
        (m, J) and (m,) outcomes before the start; m of 2 or more.
    rule
        ``one_standard_error``: the largest penalty whose error is within one standard error of the least;
        ``least_error``.
    """
    C, c1 = _centred(X0, x1)
    tried = float(np.linalg.norm(C, 2)) ** 2 * np.geomspace(1.0, LEAST, GRID)
    errors = np.empty((len(c1), GRID))
    for t in range(len(c1)):
        rest = np.arange(len(c1)) != t
        w = simplex_least_squares(C[rest], c1[rest])
        gammas = _augment(C[rest], c1[rest] - C[rest] @ w, w, tried)
        errors[t] = (c1[t] - gammas @ C[t]) ** 2
    mean = errors.mean(axis=0)
    spread = errors.std(axis=0, ddof=1) / np.sqrt(len(c1))
    best = int(np.argmin(mean))
    if rule == "one_standard_error":
        best = int(np.flatnonzero(mean <= mean[best] + spread[best])[0])
    return Penalty(float(tried[best]), tried, mean, spread)


def _centred(X0: FloatArray, x1: FloatArray) -> tuple[FloatArray, FloatArray]:
    centre = X0.mean(axis=1)
    C = X0 - centre[:, None]
    C -= C.mean(axis=1, keepdims=True)
    return np.where(np.abs(C) > ROUNDING * np.abs(X0).max(), C, 0.0), x1 - centre


def _augment(C: FloatArray, unfitted: FloatArray, w: FloatArray, penalties: FloatArray) -> FloatArray:
    """(L, J) weights for each penalty, by the singular values of the donors' outcomes.

    Where donors do not differ (a single one never does) there is nothing to regress on, and weights stay.
    """
    U, scale, V = np.linalg.svd(C, full_matrices=False)
    share = np.divide(scale, scale**2 + penalties[:, None], out=np.zeros((len(penalties), len(scale))), where=scale > 0)
    move = (share * (U.T @ unfitted)) @ V
    moved: FloatArray = w + move - move.mean(axis=1, keepdims=True)
    return moved
