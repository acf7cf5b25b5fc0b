"""Prepare the series of a panel for a regression with unit effects: rows used, centred, covariates to unit sd."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evalkit.numerics.did_layout import Layout, lay_out
from evalkit.vocabulary import BoolArray, FloatArray, IntArray

NO_VARIATION = 1e-9
"""Within-unit sd of a covariate, over its largest absolute value, at which it counts as constant."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Rows and series of one fit.

    Attributes
    ----------
    series
        (N, T, 1 + p): the outcome less its unit mean, then the covariates less theirs, at within-unit sd 1.
    layout
        Rows used and cells.
    time
        (T,) ordinals.
    kept
        (p',) True for covariates that vary within units; the others are absorbed by the unit effects.
    incomplete
        Rows left out because a covariate is missing.
    """

    series: FloatArray
    layout: Layout
    time: IntArray
    kept: BoolArray
    incomplete: int


def prepare(
    outcome: FloatArray, covariates: FloatArray, time: IntArray, first_treated: IntArray, anticipation: int
) -> Sample:
    """Choose rows, take out unit means and scale the covariates.

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
    centred = within_units(stacked, layout.used)
    spread = np.sqrt((centred[:, :, 1:] ** 2).sum(axis=(0, 1)) / max(int(layout.used.sum()), 1))
    largest = np.max(np.abs(np.where(layout.used[:, :, None], covariates, 0.0)), axis=(0, 1), initial=0.0)
    kept = spread > NO_VARIATION * largest
    series = np.concatenate([centred[:, :, :1], centred[:, :, 1:][:, :, kept] / spread[kept]], axis=2)
    return Sample(series, layout, time, kept, int((observed & ~complete).sum()))


def within_units(values: FloatArray, used: BoolArray) -> FloatArray:
    """Values (N, T, m) less their mean over the unit's used rows; 0 elsewhere.

    The mean is taken twice: what rounding leaves of a large common level is gone after the second pass.

    Examples
    --------
    >>> within_units(np.array([[[1.0], [3.0]]]), np.ones((1, 2), bool))[0, :, 0].tolist()
    [-1.0, 1.0]
    """
    count = np.maximum(used.sum(axis=1), 1)[:, None, None]
    values = np.where(used[:, :, None], values, 0.0)
    for _ in range(2):
        mean = values.sum(axis=1, keepdims=True) / count
        values = np.where(used[:, :, None], values - mean, 0.0)
    return values
