"""The static two-way coefficient of many assignments and outcomes at once, on a balanced panel."""

from __future__ import annotations

import numpy as np

from evalkit.vocabulary import FloatArray, IntArray

BLOCK_CELLS = 4_000_000
"""Unit-periods of assignments held at a time, to bound memory."""


def two_way_batch(outcomes: FloatArray, starts: IntArray, time: IntArray, clusters: IntArray) -> FloatArray:
    """Coefficients and CR1 errors as :func:`~evalkit.numerics.static_two_way.fit_static_two_way` gives them one by one.

    On a balanced panel without weights both effects are taken out by subtracting means, so assignments and
    outcomes are multiplied as arrays.

    Parameters
    ----------
    outcomes
        (K, N, T), no value missing.
    starts
        (B, N) first treated periods.
    time
        (T,) ordinals of the periods.
    clusters
        (N,) any integer codes.

    Returns
    -------
    ndarray
        (B, K, 2) coefficient and error; NaN where treatment does not vary once the effects are taken out.

    Examples
    --------
    >>> y = np.array([[[0.0, 3.0], [0.0, 1.0], [0.0, 1.0]]])
    >>> found = two_way_batch(y, np.array([[1, 9, 9], [9, 1, 9]]), np.array([0, 1]), np.arange(3))
    >>> found[:, 0, 0].round(12).tolist()
    [2.0, -1.0]
    """
    count, units, periods = outcomes.shape
    response = _demeaned(outcomes - outcomes.mean(axis=(1, 2), keepdims=True))
    codes = np.unique(clusters, return_inverse=True)[1]
    n_clusters = int(codes.max()) + 1
    member = np.zeros((units, n_clusters))
    member[np.arange(units), codes] = 1.0
    cells = units * periods
    correction = n_clusters / max(n_clusters - 1, 1) * (cells - 1) / max(cells - 1 - periods, 1)
    found = np.full((len(starts), count, 2), np.nan)
    block = max(BLOCK_CELLS // cells, 1)
    for first in range(0, len(starts), block):
        chosen = starts[first : first + block]
        treated = (chosen[:, :, None] <= time).astype(np.float64)
        deviation = _demeaned(treated)
        squares = (deviation**2).sum(axis=2)  # (b, N)
        total = squares.sum(axis=1)
        alive = total > 1e-18 * treated.sum(axis=(1, 2))
        safe = np.where(alive, total, 1.0)
        products = np.einsum("bit,kit->bki", deviation, response)
        coefficient = products.sum(axis=2) / safe[:, None]
        scores = (products - coefficient[:, :, None] * squares[:, None, :]) @ member
        error = np.sqrt(correction * (scores**2).sum(axis=2)) / safe[:, None]
        made = np.stack([coefficient, error], axis=2)
        made[~alive] = np.nan
        found[first : first + block] = made
    return found


def _demeaned(values: FloatArray) -> FloatArray:
    """Less unit means and period means, plus the mean: the last two axes are units and periods."""
    left: FloatArray = (
        values - values.mean(axis=-1, keepdims=True) - values.mean(axis=-2, keepdims=True)
        + values.mean(axis=(-2, -1), keepdims=True)
    )  # fmt: skip
    return left
