"""A log-linear regression for the counts of one series, with errors that may be autoregressive."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from evalkit.errors import EstimationFailed, Reason
from evalkit.numerics.autoregression import RhoBy, SeriesFit, fit_series
from evalkit.vocabulary import FloatArray, IntArray

PRECISION: Final = 1e-11
"""Change of the linear predictor, relative to its size, at which iterations stop."""
MOST_ROUNDS: Final = 200
LARGEST_STEP: Final = 3.0
"""Most by which the log of a mean may move in a round: far from the solution whole steps overshoot."""


@dataclass(frozen=True, slots=True)
class CountSeries:
    """The fit, as least squares on weighted working residuals.

    Attributes
    ----------
    fit
        Its design is `root` X and its outcome `root` (eta + (y - mu) / mu): at the solution its residuals are
        Pearson's.
    root
        (n,) square roots of the weights, `weight` mu.
    mean
        (n,) fitted means mu.
    """

    fit: SeriesFit
    root: FloatArray
    mean: FloatArray


def fit_counts(
    outcome: FloatArray,
    design: FloatArray,
    time: IntArray,
    by: RhoBy,
    *,
    offset: FloatArray | None = None,
    weight: FloatArray | None = None,
) -> CountSeries:
    """Fit E[y_t] = exp(offset_t + x_t' beta), var(y_t) proportional to the mean.

    With rho = 0 this is Poisson maximum likelihood (iteratively reweighted least squares). Otherwise errors over
    their standard deviations are AR(1), and the estimate solves X' W^{1/2} R^-1 W^{1/2} (y - mu) / mu = 0, the
    generalized estimating equation of Zeger (1988) and Liang and Zeger (1986), with rho from the working residuals.

    Parameters
    ----------
    outcome
        (n,) counts or rates, 0 or more.
    design, time, by
        As in :func:`evalkit.numerics.autoregression.fit_series`.
    offset
        (n,) logs of exposures; None for none.
    weight
        (n,) denominators of rates; None for counts.

    Raises
    ------
    EstimationFailed
        When iterations do not settle: some term fits the zeros of the series without bound.
    """
    shift = np.zeros(len(outcome)) if offset is None else offset
    size = np.ones(len(outcome)) if weight is None else weight / weight.mean()
    linear = np.log((outcome + outcome.mean()) / 2.0)
    coefficient = np.linalg.lstsq(design, linear - shift)[0]
    for _ in range(MOST_ROUNDS):
        linear = shift + design @ coefficient
        mean = np.exp(linear)
        root = np.sqrt(size * mean)
        working = (linear - shift) + (outcome - mean) / mean
        fit = fit_series(root * working, root[:, None] * design, time, by)
        moved = design @ (fit.coefficient - coefficient)
        largest = float(np.abs(moved).max())
        coefficient = coefficient + (fit.coefficient - coefficient) * min(
            1.0, LARGEST_STEP / max(largest, LARGEST_STEP)
        )
        if largest <= PRECISION * (1.0 + float(np.abs(linear).max())):
            return CountSeries(fit, root, mean)
    raise EstimationFailed(
        Reason("The regression of counts did not settle: some term fits the series without bound."),
        next_step="Look for a season or programme in which every count is 0, and leave that term out.",
    )
