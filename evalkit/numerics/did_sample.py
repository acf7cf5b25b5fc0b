"""Prepare the series of a panel for a regression with unit and period effects."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evalkit.numerics.did_layout import Layout, lay_out
from evalkit.vocabulary import BoolArray, FloatArray, IntArray

NO_VARIATION = 1e-9
"""Sd of a covariate within units and periods, over its largest absolute value, at which it counts as absorbed."""
ROUNDING = 1e-14
"""What sweeping leaves of an outcome that unit and period effects explain wholly, over its largest absolute value."""
SWEEPS = 2


@dataclass(frozen=True, slots=True)
class Sample:
    """Rows and series of one fit.

    Attributes
    ----------
    series
        (N, T, 1 + p): the outcome, then the covariates at sd 1, all less unit and period means.
    layout
        Rows used and cells.
    time
        (T,) ordinals.
    kept
        (p',) True for covariates that vary within units and periods; the others are absorbed.
    incomplete
        Rows left out because a covariate is missing.
    spread
        (p,) sds of the kept covariates within units and periods, in their own units.
    """

    series: FloatArray
    layout: Layout
    time: IntArray
    kept: BoolArray
    incomplete: int
    spread: FloatArray


def prepare(
    outcome: FloatArray, covariates: FloatArray, time: IntArray, first_treated: IntArray, anticipation: int
) -> Sample:
    """Choose rows, take out unit and period means and scale the covariates.

    Parameters
    ----------
    outcome
        (N, T); NaN where not observed.
    covariates
        (N, T, p'); NaN where not observed.
    time, first_treated
        (T,) and (N,) ordinals.
    anticipation
        Periods before the start in which effects are allowed.
    """
    observed = ~np.isnan(outcome)
    complete = observed & ~np.isnan(covariates).any(axis=2)
    layout = lay_out(complete, time, first_treated, anticipation=anticipation)
    stacked = np.concatenate([outcome[:, :, None], covariates], axis=2)
    centred = sweep(stacked, layout.used)
    spread = np.sqrt((centred[:, :, 1:] ** 2).sum(axis=(0, 1)) / max(int(layout.used.sum()), 1))
    largest = np.max(np.abs(np.where(layout.used[:, :, None], covariates, 0.0)), axis=(0, 1), initial=0.0)
    kept = spread > NO_VARIATION * largest
    largest_outcome = np.max(np.abs(outcome[layout.used]), initial=0.0)
    if np.max(np.abs(centred[:, :, 0])) <= ROUNDING * largest_outcome:
        centred[:, :, 0] = 0.0
    series = np.concatenate([centred[:, :, :1], centred[:, :, 1:][:, :, kept] / spread[kept]], axis=2)
    return Sample(series, layout, time, kept, int((observed & ~complete).sum()), spread[kept])


def sweep(values: FloatArray, used: BoolArray) -> FloatArray:
    """Values (N, T, m) less period means and unit means over the used rows; 0 elsewhere.

    Whatever a level or a common trend adds is absorbed later anyway; without it sums of squares keep their digits.
    A few alternating passes suffice for that; the last one leaves unit means at zero.

    Examples
    --------
    >>> sweep(np.array([[[1.0], [3.0]], [[5.0], [9.0]]]), np.ones((2, 2), bool))[:, :, 0].tolist()
    [[0.5, -0.5], [-0.5, 0.5]]
    """
    values = np.where(used[:, :, None], values, 0.0)
    for axis in (1, 0, 1) * SWEEPS:
        count = np.maximum(used.sum(axis=axis, keepdims=True), 1)[:, :, None]
        values = np.where(used[:, :, None], values - values.sum(axis=axis, keepdims=True) / count, 0.0)
    return values
