"""Effects by period of one series, and the joint uncertainty of the effects of several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evalkit.numerics.autoregression import SeriesFit, unwhiten_transposed
from evalkit.numerics.newey_west import moving_sums
from evalkit.vocabulary import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class SeriesCells:
    """K gaps of one series between what was observed and what the model without the programme expects.

    In periods under the programme the gap is the model's effect z_t' (b2, b3) plus the residual less the mean
    residual of these periods: so their plain mean is the effect that the model estimates, and observed less gap is
    the model without the programme, up to that mean, which least squares makes 0. Before the start the gap is the
    residual.

    Attributes
    ----------
    gap
        (K,).
    of_model
        (K, p) weights of the coefficients in each gap.
    of_residual
        (K, n) weights of the residuals.
    row
        (K,) which of the n periods each is of: a count of 0 before the start has no gap, as its log does not exist.
    """

    gap: FloatArray
    of_model: FloatArray
    of_residual: FloatArray
    row: IntArray


def gaps(
    columns: FloatArray, change: IntArray, coefficient: FloatArray, misfit: FloatArray, on: BoolArray
) -> SeriesCells:
    """Gaps of the n periods of a series.

    Parameters
    ----------
    columns, change, coefficient
        (n, p) design, positions of the programme's columns, (p,) coefficients.
    misfit
        (n,) observed less fitted, on the scale of the effects; NaN where it does not exist (the log of a count of 0).
    on
        (n,) periods under the programme.
    """
    count = len(misfit)
    of_model = np.zeros(columns.shape)
    of_model[:, change] = np.where(on[:, None], columns[:, change], 0.0)
    of_residual = np.eye(count)
    if np.isnan(misfit[on]).any():
        of_residual[on] = 0.0
    else:
        of_residual[np.ix_(on, on)] -= 1.0 / on.sum()
    own = of_residual @ np.nan_to_num(misfit)
    row = np.flatnonzero(on | ~np.isnan(misfit))
    return SeriesCells((of_model @ coefficient + own)[row], of_model[row], of_residual[row], row)


def by_innovations(fit: SeriesFit, cells: SeriesCells, gaps_in_time: IntArray, root: FloatArray | None) -> FloatArray:
    """(n, K) what innovations of variance 1 add to each gap, where the errors' model is trusted.

    Coefficients and residuals are uncorrelated in generalized least squares, so the two parts add up.

    Parameters
    ----------
    fit, cells
        The regression and its gaps.
    gaps_in_time
        (n - 1,) steps between the periods.
    root
        (n,) square roots of the weights of the regression of counts; None without weights.
    """
    on_residual = cells.of_residual if root is None else cells.of_residual / root
    spread = unwhiten_transposed(on_residual.T, gaps_in_time, fit.rho)
    spread -= fit.whitened @ (fit.whitened.T @ spread)
    return np.asarray(np.sqrt(fit.variance) * (fit.loading.T @ cells.of_model.T + spread))


def by_scores(
    fits: Sequence[SeriesFit],
    cells: Sequence[SeriesCells],
    roots: Sequence[FloatArray | None],
    times: Sequence[IntArray],
    lags: int,
    factors: Sequence[float],
) -> FloatArray:
    """(R, K) influence functions of the gaps of all series, with Newey-West errors of the coefficients.

    Scores of one period add up over series before the moving sums are taken (Driscoll and Kraay 1998), so that shocks
    shared by places count. Residuals enter with their own variance, which averages out of the effect of a whole series.

    Parameters
    ----------
    fits, cells, roots, times
        One a series; rho is 0 in all fits.
    lags
        L.
    factors
        What each covariance is multiplied by: n / (n - p), or 1.
    """
    first = min(int(time[0]) for time in times)
    length = max(int(time[-1]) for time in times) - first + 1
    total = sum(len(each.gap) for each in cells)
    scores = np.zeros((length, total))
    own: list[FloatArray] = []
    start = 0
    for fit, each, root, time, factor in zip(fits, cells, roots, times, factors, strict=True):
        stop = start + len(each.gap)
        scores[time - first, start:stop] = np.sqrt(factor) * fit.innovation[:, None] * (fit.loading.T @ each.of_model.T)
        on_residual = (each.of_residual if root is None else each.of_residual / root).T
        on_residual = on_residual - fit.whitened @ (fit.whitened.T @ on_residual)
        block = np.zeros((len(on_residual), total))
        block[:, start:stop] = np.sqrt(fit.variance) * on_residual
        own.append(block)
        start = stop
    return np.vstack([moving_sums(scores, np.arange(length), lags), *own])


def correlation(innovations: Sequence[FloatArray], times: Sequence[IntArray]) -> FloatArray:
    """(U, U) correlations of the innovations of several series in the same periods; periods of one alone count as 0."""
    first = min(int(time[0]) for time in times)
    last = max(int(time[-1]) for time in times)
    full = np.zeros((len(times), last - first + 1))
    for row, (values, time) in enumerate(zip(innovations, times, strict=True)):
        size = float(np.linalg.norm(values))
        full[row, time - first] = values / size if size > 0.0 else 0.0
    found = full @ full.T
    np.fill_diagonal(found, 1.0)
    return np.asarray(found)


def joined(parts: Sequence[FloatArray], times: Sequence[IntArray], together: FloatArray) -> FloatArray:
    """(R, K) influence functions of several series whose innovations of one period are correlated.

    Parameters
    ----------
    parts
        (n_i, K_i) of each series, from :func:`by_innovations`.
    times
        (n_i,) ordinals of each.
    together
        (U, U) correlations.
    """
    if len(parts) == 1:
        return parts[0]
    first = min(int(time[0]) for time in times)
    length = max(int(time[-1]) for time in times) - first + 1
    values, vectors = np.linalg.eigh(together)
    factor = vectors * np.sqrt(np.clip(values, 0.0, None))
    kept = np.flatnonzero(values > values[-1] * np.finfo(float).eps * len(values))
    rows = np.zeros((len(kept), length, sum(part.shape[1] for part in parts)))
    start = 0
    for unit, (part, time) in enumerate(zip(parts, times, strict=True)):
        stop = start + part.shape[1]
        rows[:, time - first, start:stop] = factor[unit, kept][:, None, None] * part
        start = stop
    return np.asarray(rows.reshape(-1, rows.shape[2]))
