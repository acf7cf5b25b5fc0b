"""Paths of a structural series given draws of its parameters: what would have been, in every period."""

from __future__ import annotations

import numpy as np

from evalkit.numerics.structural import Smoother, Trend, smoother
from evalkit.numerics.structural_exact import Drawn
from evalkit.numerics.structural_regression import Series
from evalkit.vocabulary import FloatArray


def draw_expected(series: Series, trend: Trend, drawn: Drawn, normal: FloatArray) -> FloatArray:
    """(S, T) draws of mu + u + x' beta in every period given the used ones (Durbin and Koopman 2012, section 4.9).

    Parameters
    ----------
    series, trend, drawn
        What was fitted, and the draws of its parameters.
    normal
        (S, T x states) standard normals: series whose normals are correlated get correlated paths.
    """
    expected = np.empty((len(drawn), len(series.used)))
    joined = series.joined()
    order = np.argsort(drawn.point, kind="stable")
    starts = np.flatnonzero(np.diff(drawn.point[order], prepend=-1))
    for rows in np.split(order, starts[1:]):
        used = series.used
        if drawn.weights is not None:
            used = np.zeros_like(series.used)
            used[: drawn.weights.shape[1]] = drawn.weights[rows[0]]
        smooth = smoother(trend, drawn.shape, int(rows[0]), used)
        expected[rows] = _given(smooth, joined, series.columns, drawn.sigma[rows], drawn.beta[rows], normal[rows].T)
    return expected


def _given(
    smooth: Smoother, joined: FloatArray, columns: FloatArray, sigma: FloatArray, beta: FloatArray, normal: FloatArray
) -> FloatArray:
    """(S, T) for draws that share their ratios: the smoother is linear in the outcome less the regression."""
    signal = smooth.signal(joined)
    width = columns.shape[1]
    expected = smooth.noise(normal).T
    expected *= sigma[:, None]
    expected += signal[:, width]
    if width:
        expected += beta @ (columns - signal[:, :width]).T
    return expected
