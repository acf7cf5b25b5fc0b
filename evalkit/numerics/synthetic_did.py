"""Synthetic difference-in-differences of one cohort, in arrays (Arkhangelsky, Athey, Hirshberg, Imbens and Wager 2021).

Notation of the paper: N_co comparison and N_tr treated units, T_pre periods that weights are fitted to, T_post treated
periods, unit weights omega, time weights lambda.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from evalkit.numerics.simplex import simplex_least_squares
from evalkit.vocabulary import FloatArray

TIME_RIDGE: Final = 1e-6
"""zeta of the time weights over sigma: makes them unique, and nothing more (their footnote 3)."""


@dataclass(frozen=True, slots=True)
class Window:
    """Which periods of a cohort are what; those in between (anticipation) are neither.

    Attributes
    ----------
    pre
        T_pre: weights are fitted to the periods 0 .. pre - 1.
    start
        The first treated period.
    """

    pre: int
    start: int


@dataclass(frozen=True, slots=True)
class Weights:
    """Weights of one cohort.

    Attributes
    ----------
    unit
        (N_co,) omega, over comparison units.
    time
        (T_pre,) lambda.
    zeta
        Root of the ridge of the unit weights (eq. 5).
    """

    unit: FloatArray
    time: FloatArray
    zeta: float


def noise_level(comparison: FloatArray, pre: int) -> float:
    """sigma: standard deviation of the first differences of comparison units before the start (eq. 5).

    Differences are centred on their one overall mean, as in the paper, and divided by their number less 1, as in R
    `synthdid`. Where units have one period before the start there are no differences, and it is 0.

    Examples
    --------
    >>> noise_level(np.array([[0.0, 1.0, 3.0, 9.0]]), 3)
    0.7071067811865476
    """
    differences = np.diff(comparison[:, :pre], axis=1)
    return float(np.std(differences, ddof=1)) if differences.size > 1 else 0.0


def zeta_of(comparison: FloatArray, window: Window, n_treated: int) -> float:
    """Root of the ridge of the unit weights: (N_tr T_post)^(1/4) sigma (eq. 5)."""
    n_post = comparison.shape[1] - window.start
    return float((n_treated * n_post) ** 0.25) * noise_level(comparison, window.pre)


def fit_weights(comparison: FloatArray, treated: FloatArray, window: Window, zeta: float, sigma: float) -> Weights:
    """Unit weights (eq. 4) and time weights (eq. 6), both with an intercept, both exact.

    Parameters
    ----------
    comparison
        (N_co, T) outcomes of comparison units.
    treated
        (T,) mean outcome of the treated units.
    window
        Its periods.
    zeta
        From :func:`zeta_of`; the ridge of the unit weights is zeta^2 T_pre.
    sigma
        From :func:`noise_level`.
    """
    level = comparison.mean()  # weights are the same for all levels; a large one costs digits
    before = comparison[:, : window.pre] - level
    after = comparison[:, window.start :].mean(axis=1) - level
    return Weights(
        unit=simplex_least_squares(before.T, treated[: window.pre] - level, ridge=zeta**2 * window.pre, intercept=True),
        time=simplex_least_squares(before, after, ridge=(TIME_RIDGE * sigma) ** 2 * len(before), intercept=True),
        zeta=zeta,
    )


def effects(gap: FloatArray, weights: Weights) -> FloatArray:
    """(..., T) gaps between treated and synthetic, less their time-weighted mean before the start.

    The mean over treated periods is tau of eq. 1; single periods follow Clarke, Pailanir, Athey and Imbens (2023)
    and Ciccia (2024). In every period, observed less effect is the counterfactual.

    Parameters
    ----------
    gap
        (..., T) treated mean less the weighted comparison mean.
    weights
        Of the cohort; its time weights are used.

    Examples
    --------
    >>> effects(np.array([1.0, 2.0, 5.0]), Weights(np.ones(1), np.array([0.5, 0.5]), 0.0)).tolist()
    [-0.5, 0.5, 3.5]
    """
    shift = gap[..., : len(weights.time)] @ weights.time
    return np.asarray(gap - shift[..., None])
