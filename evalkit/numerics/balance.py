"""How alike two arms were before the start: standardized differences, and the overlap of their propensity scores."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evalkit.numerics.least_squares import independent_columns
from evalkit.numerics.logit import fit_logit, scores
from evalkit.vocabulary import BoolArray, FloatArray

DEFINED_FROM = 3.0
"""Units above which the small-sample correction is defined."""


@dataclass(frozen=True, slots=True)
class Overlap:
    """Odds weights p / (1 - p) that make the comparison arm resemble the treated one.

    Attributes
    ----------
    weights
        (n0,) adding up to 1; empty where the arms can be told apart perfectly.
    effective
        Kish's effective number of comparison units, 1 / sum of squared weights.
    heaviest
        Largest weight.
    largest_score
        Largest propensity score of either arm.
    """

    weights: FloatArray
    effective: float
    heaviest: float
    largest_score: float


def small_sample_factor(n: float) -> float:
    """Hedges' correction: omega = 1 - 3 / (4 N - 9).

    Raises
    ------
    ValueError
        For N of 3 or less, where it is not defined.
    """
    if n <= DEFINED_FROM:
        raise ValueError(f"the small-sample correction needs more than 3 units, got {n:g}")
    return 1.0 - 3.0 / (4.0 * n - 9.0)


def pooled_sd(n_treated: float, n_comparison: float, sd_treated: float, sd_comparison: float) -> float:
    """Pooled standard deviation within arms, sqrt(((n1 - 1) s1^2 + (n0 - 1) s0^2) / (n1 + n0 - 2))."""
    total = (n_treated - 1.0) * sd_treated**2 + (n_comparison - 1.0) * sd_comparison**2
    return float(np.sqrt(total / (n_treated + n_comparison - 2.0)))


def standardized_difference(
    treated: FloatArray, comparison: FloatArray, weights: FloatArray | None = None
) -> float | None:
    """Hedges' g of two samples: their difference in means over the spread within them, corrected for size.

    Parameters
    ----------
    treated, comparison
        (n1,) and (n0,) values, none missing.
    weights
        (n0,) weights of the comparison's mean; the spread stays that of the plain samples, so that
        weighted and plain differences are on one scale.

    Returns
    -------
    float or None
        None where an arm has fewer than two units, or nothing varies.

    Examples
    --------
    >>> round(standardized_difference(np.array([1.0, 3.0]), np.array([0.0, 2.0])), 6)
    0.404061
    """
    sizes = treated.size, comparison.size
    if min(sizes) < 2 or sum(sizes) <= DEFINED_FROM:
        return None
    spread = pooled_sd(*sizes, float(treated.std(ddof=1)), float(comparison.std(ddof=1)))
    if not spread > 0.0:
        return None
    gap = float(treated.mean() - np.average(comparison, weights=weights))
    return small_sample_factor(sum(sizes)) * gap / spread


def unit_means(values: FloatArray) -> FloatArray:
    """(N,) means over the observed periods of each unit; missing where there is none.

    Examples
    --------
    >>> unit_means(np.array([[1.0, 3.0], [np.nan, 5.0], [np.nan, np.nan]])).tolist()
    [2.0, 5.0, nan]
    """
    known = ~np.isnan(values)
    count = known.sum(axis=1)
    total = np.where(known, values, 0.0).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def unit_slopes(values: FloatArray, time: FloatArray) -> FloatArray:
    """(N,) least-squares slopes over the observed periods of each unit; missing with fewer than two.

    Examples
    --------
    >>> unit_slopes(np.array([[1.0, 3.0, 5.0], [np.nan, 5.0, np.nan]]), np.arange(3.0)).tolist()
    [2.0, nan]
    """
    known = ~np.isnan(values)
    when = np.where(known, time, np.nan)
    moment = np.where(known, time - unit_means(when)[:, None], 0.0)
    squares = (moment**2).sum(axis=1)
    product = (moment * np.where(known, values, 0.0)).sum(axis=1)
    return np.where(squares > 0.0, product / np.where(squares > 0.0, squares, 1.0), np.nan)


def overlap(treated: FloatArray, comparison: FloatArray) -> Overlap:
    """Fit a logit of belonging to the treated arm and weigh the comparison by its odds.

    Parameters
    ----------
    treated, comparison
        (n1, p) and (n0, p) covariates, none missing; constants and collinear columns play no part.
    """
    both = np.vstack([treated, comparison])
    spread = both.std(axis=0)
    scaled = (both - both.mean(axis=0)) / np.where(spread > 0.0, spread, 1.0)
    design = np.column_stack([np.ones(len(both)), scaled])
    design = design[:, independent_columns(design.T @ design)]
    arm: BoolArray = np.arange(len(both)) < len(treated)
    fit = fit_logit(design[arm], np.ones(int(arm.sum())), design[~arm], np.ones(int((~arm).sum())))
    # an index that puts every treated unit above every other one has no likeliest size: its odds say nothing
    if fit is None or float((design[arm] @ fit.gamma).min()) > float((design[~arm] @ fit.gamma).max()):
        return Overlap(np.empty(0), 0.0, 1.0, 1.0)
    p = scores(design[~arm], fit.gamma)
    odds = p / (1.0 - p)
    weights = odds / odds.sum()
    return Overlap(weights, float(1.0 / (weights @ weights)), float(weights.max()), fit.largest)
