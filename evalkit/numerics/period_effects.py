"""Unit and period effects of one group of units by weighted least squares, exact also when unbalanced.

Unit effects are absorbed; what is left of the period effects is a weighted graph Laplacian over the
periods, S = sum_i [diag(w_i) - w_i w_i' / W_i]: two periods are linked when one unit is seen in both.
Only differences of period effects within a connected set of periods are identified.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csgraph

from evalkit.vocabulary import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class TwoWayFit:
    """m series of n units over T periods, each less its unit and period effects.

    Attributes
    ----------
    period
        (m, T) period effects; 0 in one period of each connected set, and where nobody is observed.
    unit
        (m, n) unit effects.
    residual
        (m, n, T) residuals; 0 where the weight is 0.
    inverse
        (T, T) generalized inverse of S: period effects are `inverse` times the unit-demeaned sums.
    component
        (T,) connected set of each period.
    """

    period: FloatArray
    unit: FloatArray
    residual: FloatArray
    inverse: FloatArray
    component: IntArray


def fit_two_way(values: FloatArray, weights: FloatArray | None) -> TwoWayFit:
    """Fit unit and period effects to several series at once.

    Parameters
    ----------
    values
        (m, n, T); ignored where the weight is 0.
    weights
        (n, T), 0 where not observed; None when every unit is observed in every period with weight 1.

    Examples
    --------
    >>> import numpy as np
    >>> additive = np.arange(3.0)[:, None] + np.array([0.0, 5.0, 7.0, 1.0])
    >>> fit = fit_two_way(additive[None], np.ones((3, 4)))
    >>> fit.period.round(9).tolist(), float(abs(fit.residual).max()) < 1e-12
    ([[0.0, 5.0, 7.0, 1.0]], True)
    """
    n, n_periods = values.shape[-2:]
    if weights is None:
        mean = values.mean(axis=2)
        residual = values - mean[:, :, None]
        period = residual.mean(axis=1)
        residual -= period[:, None, :]
        laplacian = n * (np.eye(n_periods) - 1.0 / n_periods)
        inverse, component = invert_laplacian(laplacian)
        return TwoWayFit(period - period[:, :1], mean + period[:, :1], residual, inverse, component)
    present = weights > 0.0
    share = unit_shares(weights)
    residual = np.where(present, values, 0.0)
    mean = np.einsum("mit,it->mi", residual, share)
    residual = np.where(present, residual - mean[:, :, None], 0.0)
    inverse, component = invert_laplacian(np.diag(weights.sum(axis=0)) - weights.T @ share)
    period = np.einsum("mit,it->mt", residual, weights) @ inverse
    unit_part = period @ share.T
    residual = np.where(present, residual - period[:, None, :] + unit_part[:, :, None], 0.0)
    return TwoWayFit(period, mean - unit_part, residual, inverse, component)


def unit_shares(weights: FloatArray) -> FloatArray:
    """(n, T) weights of each unit as shares that sum to 1; 0 for units without weight."""
    total = weights.sum(axis=1, keepdims=True)
    shares: FloatArray = weights / np.where(total > 0.0, total, 1.0)
    return shares


def invert_laplacian(laplacian: FloatArray) -> tuple[FloatArray, IntArray]:
    """Generalized inverse of a Laplacian, grounded at the first period of each connected set.

    Parameters
    ----------
    laplacian
        (T, T) symmetric, rows summing to 0, off-diagonal entries at most 0.

    Returns
    -------
    (T, T) array
        Inverse on all periods but the grounded ones, 0 elsewhere.
    (T,) array
        Connected set of each period; a period in which nobody is observed is a set of its own.

    Examples
    --------
    >>> inverse, component = invert_laplacian(np.array([[1.0, -1.0, 0.0], [-1.0, 1.0, 0.0], [0.0, 0.0, 0.0]]))
    >>> inverse.tolist()[1], component.tolist()
    ([0.0, 1.0, 0.0], [0, 0, 1])
    """
    linked = (laplacian < 0.0).astype(np.float64)
    component = np.asarray(csgraph.connected_components(linked, directed=False)[1], dtype=np.int64)
    inverse = np.zeros_like(laplacian)
    for label in np.unique(component):
        free = np.flatnonzero(component == label)[1:]
        if free.size:
            place = np.ix_(free, free)
            inverse[place] = np.linalg.inv(laplacian[place])
    return (inverse + inverse.T) / 2.0, component
