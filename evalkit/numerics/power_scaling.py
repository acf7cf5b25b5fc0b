"""What a little more or less weight on prior or data does to a posterior, without sampling again.

Power scaling (Kallioinen, Paananen, Bürkner and Vehtari 2023) raises the prior, or the likelihood, to a power alpha:
below 1 it says less, above 1 more. The draws of the posterior stand for those of the scaled one with importance
weights exp((alpha - 1) log prior), Pareto-smoothed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from evalkit.numerics.pareto_smoothing import Smoothed, smooth
from evalkit.vocabulary import FloatArray

ALPHAS: Final = (0.8, 1.25)
"""A fifth less and, on the logarithmic scale as far, a quarter more."""
SHUFFLES, SHUFFLE_SEED = 60, 2023
STEP: Final = 0.01
"""Of the finite difference behind the sensitivity at alpha = 1, as in the authors' own software."""
NOTABLE: Final = 0.05
"""Sensitivity from which the authors call a component influential."""


@dataclass(frozen=True, slots=True)
class Scaled:
    """One quantity under a scaled prior or likelihood.

    Attributes
    ----------
    alpha
        The power.
    draws
        (S,) in ascending order, each standing for the same share: those of the scaled posterior.
    shift
        Of the mean, in sds of the posterior as it was.
    distance
        Cumulative Jensen-Shannon distance from the posterior as it was, 0 to 1.
    weights
        Behind it, with the shape of their tail.
    """

    alpha: float
    draws: FloatArray
    shift: float
    distance: float
    weights: Smoothed


def scale(draws: FloatArray, log_component: FloatArray, alphas: Sequence[float] = ALPHAS) -> tuple[Scaled, ...]:
    """The quantity with the component raised to each power.

    Parameters
    ----------
    draws
        (S,) of one quantity.
    log_component
        (S,) log prior, or log likelihood summed over observations, of the same draws.
    alphas
        Powers.

    Examples
    --------
    A normal mean with prior N(0, 1) and one observation of 2 with error 1: the posterior is N(1, 1/2), and with the
    prior to the power 1.25 it is N(2 / 2.25, 1 / 2.25).

    >>> draws = 1.0 + np.sqrt(0.5) * np.random.default_rng(0).standard_normal(20_000)
    >>> lower, upper = scale(draws, -0.5 * draws**2)
    >>> round(float(upper.draws.mean()), 2), round(2 / 2.25, 2)
    (0.89, 0.89)
    """
    spread, mean = float(draws.std()), float(draws.mean())
    found = []
    for alpha in alphas:
        weights = smooth((alpha - 1.0) * log_component)
        moved = float(weights.weights @ draws) - mean
        found.append(
            Scaled(
                alpha=alpha,
                draws=resampled(draws, weights.weights),
                shift=moved / spread if spread > 0.0 else 0.0,
                distance=distance(draws, weights.weights),
                weights=weights,
            )
        )
    return tuple(found)


def sensitivity(draws: FloatArray, log_component: FloatArray) -> float:
    """Gradient of the distance at alpha = 1, per doubling of the power; `NOTABLE` or more counts.

    Parameters
    ----------
    draws, log_component
        As in :func:`scale`.
    """
    step = 1.0 + STEP
    lower, upper = (distance(draws, smooth((alpha - 1.0) * log_component).weights) for alpha in (1.0 / step, step))
    return (lower + upper) / (2.0 * float(np.log2(step)))


def noise_of_sensitivity(draws: FloatArray, log_component: FloatArray) -> float:
    """Sensitivity that chance alone gives these draws: the 95th percentile where component and quantity are unrelated.

    The distance has no negative values, so finitely many draws never give 0, and a component that varies much
    between draws gives more. The component is shuffled over the draws, by a fixed seed.
    """
    rng = np.random.default_rng(SHUFFLE_SEED)
    shuffled = [sensitivity(draws, rng.permutation(log_component)) for _ in range(SHUFFLES)]
    return float(np.quantile(shuffled, 0.95))


def distance(draws: FloatArray, weights: FloatArray) -> float:
    """Cumulative Jensen-Shannon distance between draws and the same draws weighted (Nguyen and Vreeken 2015).

    The square root of the divergence over its bound, the larger of that of the draws and of their mirror image.
    """
    if not np.ptp(draws) > 0.0:
        return 0.0
    return max(_one_sided(draws, weights), _one_sided(-draws, weights))


def resampled(draws: FloatArray, weights: FloatArray) -> FloatArray:
    """(S,) draws of equal weight, ascending: the weighted sample's quantiles at (i + 1/2) / S.

    Examples
    --------
    >>> resampled(np.array([3.0, 1.0, 2.0, 4.0]), np.array([0.5, 0.0, 0.25, 0.25])).tolist()
    [2.0, 3.0, 3.0, 4.0]
    """
    order = np.argsort(draws, kind="stable")
    cumulative = np.cumsum(weights[order])
    at = (np.arange(len(draws)) + 0.5) / len(draws)
    place = np.searchsorted(cumulative / cumulative[-1], at, side="left")
    return np.asarray(draws[order[np.minimum(place, len(draws) - 1)]])


def _one_sided(draws: FloatArray, weights: FloatArray) -> float:
    order = np.argsort(draws, kind="stable")
    size, width = len(draws), np.diff(draws[order])
    before = np.linspace(1.0 / size, 1.0 - 1.0 / size, size - 1)
    after = np.cumsum(weights[order])[:-1] / np.sum(weights)
    middle = _log2(0.5 * (before + after))
    excess = 0.5 / np.log(2.0) * float(width @ (after - before))
    first = float(width @ (before * (_log2(before) - middle))) + excess
    second = float(width @ (after * (_log2(after) - middle))) - excess
    return float(np.sqrt((max(first, 0.0) + max(second, 0.0)) / (width @ (before + after))))


def _log2(share: FloatArray) -> FloatArray:
    return np.log2(share, out=np.zeros_like(share), where=share > 0.0)
