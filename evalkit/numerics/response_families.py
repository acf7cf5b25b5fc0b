"""Log likelihoods of counts and shares as functions of a linear index, with the derivatives that Newton steps need."""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy import special

from evalkit.vocabulary import FloatArray

ResponseFamily = Literal["poisson", "negative_binomial", "binomial"]
SMALLEST_DISPERSION = 1e-3
"""Below it a negative binomial is a Poisson to all digits that matter, and its density loses its own."""


def log_density(
    family: ResponseFamily, outcome: FloatArray, index: FloatArray, trials: FloatArray, dispersion: float
) -> FloatArray:
    """(..., n) log probability of each outcome.

    Parameters
    ----------
    family
        ``poisson`` and ``negative_binomial`` with a log link (variance m + dispersion^2 m^2), ``binomial`` with a
        logit.
    outcome, trials
        (n,) counts; trials of the binomial alone.
    index
        (..., n) linear index, offset included.
    dispersion
        Of the negative binomial alone.

    Examples
    --------
    >>> log_density("binomial", np.array([1.0]), np.array([0.0]), np.array([2.0]), 0.0).round(4).tolist()
    [-0.6931]
    """
    if family == "poisson":
        return np.asarray(outcome * index - np.exp(index) - special.gammaln(outcome + 1.0))
    if family == "binomial":
        ways = special.gammaln(trials + 1.0) - special.gammaln(outcome + 1.0) - special.gammaln(trials - outcome + 1.0)
        return np.asarray(ways + outcome * index - trials * np.logaddexp(0.0, index))
    size = max(dispersion, SMALLEST_DISPERSION) ** -2
    ways = special.gammaln(outcome + size) - special.gammaln(size) - special.gammaln(outcome + 1.0)
    log_total = np.logaddexp(np.log(size), index)
    return np.asarray(ways + size * (np.log(size) - log_total) + outcome * (index - log_total))


def slope_and_weight(
    family: ResponseFamily, outcome: FloatArray, index: FloatArray, trials: FloatArray, dispersion: float
) -> tuple[FloatArray, FloatArray]:
    """(n,) first derivative of the log density and minus the second, which is positive."""
    if family == "poisson":
        mean = np.exp(index)
        return outcome - mean, mean
    if family == "binomial":
        share = special.expit(index)
        return outcome - trials * share, trials * share * (1.0 - share)
    size = max(dispersion, SMALLEST_DISPERSION) ** -2
    share = special.expit(index - np.log(size))  # mean / (size + mean)
    return outcome - (outcome + size) * share, (outcome + size) * share * (1.0 - share)


def starting_index(family: ResponseFamily, outcome: FloatArray, trials: FloatArray) -> FloatArray:
    """(n,) index that fits each outcome by itself, pulled away from the ends."""
    if family == "binomial":
        return np.asarray(np.log(outcome + 0.5) - np.log(trials - outcome + 0.5))
    return np.asarray(np.log(outcome + 0.5))


def replicate(
    family: ResponseFamily, index: FloatArray, trials: FloatArray, dispersion: FloatArray, rng: np.random.Generator
) -> FloatArray:
    """(R, n) outcomes drawn at (R, n) indexes; `dispersion` (R,)."""
    if family == "binomial":
        return np.asarray(rng.binomial(trials.astype(np.int64), special.expit(index)), dtype=np.float64)
    mean = np.exp(np.minimum(index, 40.0))
    if family == "poisson":
        return np.asarray(rng.poisson(np.minimum(mean, 1e15)), dtype=np.float64)
    size = np.maximum(dispersion[:, None], SMALLEST_DISPERSION) ** -2
    rate = np.minimum(mean * rng.standard_gamma(size, index.shape) / size, 1e15)
    return np.asarray(rng.poisson(rate), dtype=np.float64)


def percentage_points(index: FloatArray, effect: FloatArray) -> FloatArray:
    """Difference of shares, in percentage points, that an effect on the log odds makes.

    Examples
    --------
    >>> percentage_points(np.array([0.0]), np.array([np.log(3.0)])).round(6).tolist()
    [25.0]
    """
    return np.asarray(100.0 * (special.expit(index) - special.expit(index - effect)))
