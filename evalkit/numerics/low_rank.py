"""Unit effects, period effects and a low-rank matrix fitted to the known cells of a panel.

    min over a, x, L:  1/2 sum_known (Y_it - a_i - x_t - L_it)^2 + mu |L|_*     or, with rank(L) <= r,  mu = 0.

The first form is matrix completion (Athey, Bayati, Doudchenko, Imbens and Khosravi 2021, eq. 4.3; their lambda is 2 mu
over the number of known cells); the second the interactive fixed effects of Bai (2009) and Xu (2017). Both are solved
by filling the other cells with the current fit (soft-impute, Mazumder, Hastie and Tibshirani 2010): in a filled panel
effects are means and L is a truncated or shrunken singular value decomposition. Steps are extrapolated (Nesterov), with
a restart when the objective rises.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from evalkit.vocabulary import BoolArray, FloatArray

TIGHT: Final = 1e-11
"""Largest change of a filled cell, relative to the spread of the outcome, at which iterations stop."""
MOST_STEPS: Final = 5_000


@dataclass(frozen=True, slots=True)
class LowRank:
    """A fit to known cells.

    Attributes
    ----------
    fitted
        (N, T) a_i + x_t + L_it, in every cell.
    low_rank
        (N, T) L.
    period
        (T,) x_t, up to a constant.
    settled
        Whether the iterations came to rest; with more factors than the data bear they may wander.
    """

    fitted: FloatArray
    low_rank: FloatArray
    period: FloatArray
    settled: bool


def additive(outcome: FloatArray, known: BoolArray) -> FloatArray:
    """(N, T) least-squares unit and period effects from known cells, in every cell.

    Where known cells fall into parts that share no unit and no period, effects of least norm are taken.

    Examples
    --------
    >>> y = np.array([[1.0, 2.0], [5.0, np.nan]])
    >>> additive(y, ~np.isnan(y)).round(12).tolist()
    [[1.0, 2.0], [5.0, 6.0]]
    """
    weight = known.astype(np.float64)
    filled = np.where(known, outcome, 0.0)
    rows = np.maximum(weight.sum(axis=1), 1.0)
    own = filled.sum(axis=1) / rows
    centred = np.where(known, filled - own[:, None], 0.0)
    normal = np.diag(weight.sum(axis=0)) - weight.T @ (weight / rows[:, None])
    period = np.linalg.pinv(normal, rcond=1e-12, hermitian=True) @ centred.sum(axis=0)
    return np.asarray((own - weight @ period / rows)[:, None] + period)


def fit_low_rank(
    outcome: FloatArray,
    known: BoolArray,
    *,
    rank: int | None = None,
    mu: float = 0.0,
    start: FloatArray | None = None,
    tolerance: float = TIGHT,
    most_steps: int = MOST_STEPS,
) -> LowRank:
    """Fit effects and a matrix of the given rank, or with the given penalty.

    Parameters
    ----------
    outcome
        (N, T); read where `known`.
    known
        (N, T); every unit and every period has a known cell.
    rank
        Largest rank of L; None for the penalty.
    mu
        Penalty on the sum of singular values.
    start
        (N, T) fit to start from.
    tolerance
        Largest change of a cell at the end, relative to the spread of what unit and period effects leave.
    most_steps
        Iterations after which it gives up.

    Examples
    --------
    >>> y = np.outer([1.0, 2.0, 3.0, 4.0], [1.0, -1.0, 2.0, 0.5])
    >>> known = np.ones((4, 4), dtype=bool)
    >>> known[3, 3] = False
    >>> float(fit_low_rank(y, known, rank=1).fitted[3, 3].round(6))
    2.0
    """
    base = additive(outcome, known)
    error = np.where(known, outcome - base, 0.0)
    spread = float(np.sqrt((error**2).sum() / max(int(known.sum()), 1)))
    if rank == 0 or spread == 0.0:
        return LowRank(base, np.zeros_like(base), base.mean(axis=0), True)
    if known.all():
        effects, low = _step(error, rank, mu)
        return LowRank(base + effects + low, low, base.mean(axis=0) + effects.mean(axis=0), True)
    fitted = np.zeros_like(base) if start is None else start - base
    before, ahead, momentum, objective, settled = fitted, fitted, 1.0, np.inf, False
    effects = low = np.zeros_like(base)
    for _ in range(most_steps):
        effects, low = _step(np.where(known, error, ahead), rank, mu)
        fitted = effects + low
        value = 0.5 * float(((error - fitted)[known] ** 2).sum()) + (mu * _nuclear(low) if mu else 0.0)
        settled = float(np.abs(fitted - before).max()) <= tolerance * spread
        if settled:
            break
        if value > objective:
            momentum = 1.0
        following = (1.0 + np.sqrt(1.0 + 4.0 * momentum**2)) / 2.0
        ahead = fitted + (momentum - 1.0) / following * (fitted - before)
        before, momentum, objective = fitted, following, value
    return LowRank(base + fitted, low, base.mean(axis=0) + effects.mean(axis=0), settled)


def _step(filled: FloatArray, rank: int | None, mu: float) -> tuple[FloatArray, FloatArray]:
    """Effects and low-rank part of a filled panel: exact, as the two are orthogonal there."""
    effects = filled.mean(axis=1, keepdims=True) + filled.mean(axis=0) - filled.mean()
    rest = filled - effects
    tall = len(rest) >= rest.shape[1]
    values, vectors = np.linalg.eigh(rest.T @ rest if tall else rest @ rest.T)
    if rank is not None:
        kept = vectors[:, max(len(values) - rank, 0) :]
        return effects, (rest @ kept) @ kept.T if tall else kept @ (kept.T @ rest)
    single = np.sqrt(np.clip(values, 0.0, None))
    share = np.divide(np.clip(single - mu, 0.0, None), single, out=np.zeros_like(single), where=single > 0.0)
    kept, share = vectors[:, share > 0.0], share[share > 0.0]
    return effects, (rest @ (kept * share)) @ kept.T if tall else (kept * share) @ (kept.T @ rest)


def _nuclear(low: FloatArray) -> float:
    """Sum of singular values."""
    values = np.linalg.eigvalsh(low.T @ low if len(low) >= low.shape[1] else low @ low.T)
    return float(np.sqrt(np.clip(values, 0.0, None)).sum())


def largest_mu(outcome: FloatArray, known: BoolArray) -> float:
    """The least penalty at which L is 0: the largest singular value of what unit and period effects leave.

    Examples
    --------
    >>> y = np.array([[1.0, -1.0], [-1.0, 1.0]])
    >>> round(largest_mu(y, np.ones((2, 2), dtype=bool)), 9)
    2.0
    """
    error = np.where(known, outcome - additive(outcome, known), 0.0)
    return float(np.linalg.norm(error, 2))


def factors_of(low_rank: FloatArray, rank: int) -> FloatArray:
    """(T, r) orthonormal factors of a low-rank part."""
    if rank == 0:
        return np.empty((low_rank.shape[1], 0))
    values, vectors = np.linalg.eigh(low_rank.T @ low_rank)
    return np.asarray(vectors[:, len(values) - rank :][:, ::-1])
