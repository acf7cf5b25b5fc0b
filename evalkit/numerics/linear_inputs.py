"""Arrays of a panel as a linear regression takes them: weights with holes, standardized covariates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evalkit.vocabulary import BoolArray, FloatArray


@dataclass(frozen=True, slots=True)
class LinearInputs:
    """Series of N units over T periods.

    Attributes
    ----------
    outcome
        (N, T); NaN where not observed.
    covariates
        (p, N, T) centred, at sd 1; NaN where missing.
    weights
        (N, T), 0 where a row cannot be used; None when every row is used with weight 1.
    incomplete
        Rows with an outcome left out because a covariate is missing.
    seen_once
        (N,) units with fewer than two usable periods: they carry no information.
    """

    outcome: FloatArray
    covariates: FloatArray
    weights: FloatArray | None
    incomplete: int
    seen_once: BoolArray

    def full_weights(self) -> FloatArray:
        """(N, T) weights, ones where there are none."""
        return np.ones(self.outcome.shape) if self.weights is None else self.weights

    def share_weight(self, weight: FloatArray | None) -> FloatArray:
        """(N,) sampling weight of each unit in the first period it is used in; ones without weights."""
        if weight is None or self.weights is None:
            return np.ones(len(self.outcome))
        first = (self.weights > 0.0).argmax(axis=1)
        return np.asarray(self.weights[np.arange(len(first)), first])

    def restricted(self, n_periods: int) -> LinearInputs:
        """The first periods only."""
        if n_periods == self.outcome.shape[1]:
            return self
        weights = None if self.weights is None else self.weights[:, :n_periods]
        return linear_inputs(self.outcome[:, :n_periods], self.covariates[:, :, :n_periods], weights)


def linear_inputs(outcome: FloatArray, covariates: FloatArray, weight: FloatArray | None) -> LinearInputs:
    """Find the usable rows and standardize the covariates.

    Parameters
    ----------
    outcome, weight
        (N, T); weight None when unweighted.
    covariates
        (p, N, T).

    Examples
    --------
    >>> inputs = linear_inputs(np.array([[1.0, np.nan, 2.0]]), np.empty((0, 1, 3)), None)
    >>> inputs.weights.tolist()
    [[1.0, 0.0, 1.0]]
    """
    observed = ~np.isnan(outcome)
    complete = observed & ~np.isnan(covariates).any(axis=0) if len(covariates) else observed
    scaled = np.stack([_standardized(values) for values in covariates]) if len(covariates) else covariates
    weights = None if weight is None else np.where(complete, np.nan_to_num(weight), 0.0)
    if weights is None and not complete.all():
        weights = complete.astype(np.float64)
    usable = complete if weights is None else weights > 0.0
    seen_once = usable.sum(axis=1) < 2
    return LinearInputs(outcome, scaled, weights, int(observed.sum() - complete.sum()), seen_once)


def stack_covariates(covariates: Sequence[FloatArray], like: FloatArray) -> FloatArray:
    """(p, N, T) the covariates, each (N, T); N and T those of `like` where there are none.

    Examples
    --------
    >>> stack_covariates([], np.ones((2, 3))).shape
    (0, 2, 3)
    """
    return np.stack(covariates) if covariates else np.empty((0, *like.shape))


def _standardized(values: FloatArray) -> FloatArray:
    """Centre and scale, so that a covariate in other units changes nothing."""
    spread = float(np.nanstd(values))
    return (values - np.nanmean(values)) / (spread if spread > 0.0 else 1.0)
