"""Poisson regression on unit effects, taken out exactly, and on terms that cohorts share.

Given a unit's total the counts are multinomial with shares p_it = m_it exp(xi_it) / sum_s m_is exp(xi_is), and the
score of that likelihood is the one of the Poisson likelihood whose unit effects are at their maximum (Hausman, Hall
and Griliches 1984, section 2). Newton's method on it is the weighted least squares of Poisson regression with units
taken out exactly, not by iteration. Terms that a cohort shares cost one T x T sum; covariates are read row by row.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evalkit.numerics.blocks import pieces
from evalkit.numerics.least_squares import independent_columns, inverse_on
from evalkit.numerics.unit_scores import ScoreBlock
from evalkit.vocabulary import BoolArray, FloatArray, IntArray

MAX_STEPS = 40
MAX_HALVINGS = 30
STEP_TOLERANCE = 1e-8
"""Newton's error after a step of size s is of order s squared."""
FLAT = 1e-13
"""Relative change of the likelihood that rounding can make."""
ABSORBED = 1e-10
"""Share of a term's sum of squares that other terms must leave of it."""
FAR = 25.0
"""Log ratios that no data give: a coefficient beyond is on its way to infinity."""


@dataclass(frozen=True, slots=True)
class CountRows:
    """Counts of N units over T periods.

    Attributes
    ----------
    events, size
        (N, T) weight times count and weight times exposure; 0 where a row is not used.
    covariates
        (p, N, T), 0 where a row is not used.
    groups
        Positions of the units of each of H cohorts.
    design
        (H, T, q) terms that the units of a cohort share, period dummies among them.
    """

    events: FloatArray
    size: FloatArray
    covariates: FloatArray
    groups: tuple[IntArray, ...]
    design: FloatArray


@dataclass(frozen=True, slots=True)
class CountFit:
    """The maximum.

    Attributes
    ----------
    coefficient
        (q + p,); 0 for terms that are not identified.
    kept
        (q + p,) terms that are.
    inverse
        (q + p, q + p) inverse of the information, 0 where not kept.
    """

    coefficient: FloatArray
    kept: BoolArray
    inverse: FloatArray


@dataclass(slots=True)
class _Sums:
    value: float
    gradient: FloatArray
    information: FloatArray


def fit_counts(rows: CountRows) -> CountFit | None:
    """Maximize the conditional likelihood; terms that others take in are left out, the later ones first.

    Returns
    -------
    CountFit or None
        None when a coefficient grows without end: some term separates rows with events from rows without.

    Examples
    --------
    >>> events = np.array([[2.0, 2.0], [5.0, 20.0], [1.0, 2.0]])
    >>> design = np.array([[[0.0, 0.0], [1.0, 0.0]], [[0.0, 0.0], [1.0, 1.0]]])
    >>> rows = CountRows(events, np.ones((3, 2)), np.empty((0, 3, 2)), (np.array([0, 2]), np.array([1])), design)
    >>> np.exp(fit_counts(rows).coefficient).round(6).tolist()
    [1.333333, 3.0]
    """
    count = rows.design.shape[2] + len(rows.covariates)
    coefficient = np.zeros(count)
    here = _sums(rows, coefficient)
    kept = _varying(rows, here.information)
    if not kept.any():
        return CountFit(coefficient, kept, np.zeros((count, count)))
    for _ in range(MAX_STEPS):
        try:
            inverse = inverse_on(here.information, kept)
        except np.linalg.LinAlgError:
            return None
        step = inverse @ here.gradient
        for _ in range(MAX_HALVINGS):
            after = _sums(rows, coefficient + step)
            if after.value >= here.value - FLAT * abs(here.value):
                break
            step = step / 2.0
        coefficient, here = coefficient + step, after
        if np.abs(coefficient).max() > FAR:
            return None
        if np.abs(step).max() < STEP_TOLERANCE:
            return CountFit(coefficient, kept, inverse_on(here.information, kept))
    return None


def count_scores(rows: CountRows, fit: CountFit) -> tuple[tuple[ScoreBlock, ...], float]:
    """Scores and loadings of the coefficients, a block a cohort, and Pearson's chi square.

    Returns
    -------
    tuple of ScoreBlock
        Scores are residuals by period, then their products with the covariates.
    float
        Sum of squared residuals over fitted means.
    """
    q = rows.design.shape[2]
    blocks, pearson = [], 0.0
    for group, units in enumerate(rows.groups):
        if units.size == 0:
            continue
        x = rows.covariates[:, units]
        _, mean = _fitted(rows, group, units, fit.coefficient, x)
        residual = rows.events[units] - mean
        with np.errstate(divide="ignore", invalid="ignore"):
            pearson += float(np.where(mean > 0.0, residual**2 / mean, 0.0).sum())
        scores = np.hstack([residual, np.einsum("pit,it->ip", x, residual)]) if len(x) else residual
        loading = np.vstack([rows.design[group] @ fit.inverse[:q], fit.inverse[q:]])
        blocks.append(ScoreBlock(units, scores, loading))
    return tuple(blocks), pearson


def fitted_means(rows: CountRows, fit: CountFit) -> FloatArray:
    """(N, T) fitted means, weights included; 0 where a row is not used."""
    mean = np.zeros(rows.events.shape)
    for group, units in enumerate(rows.groups):
        mean[units] = _fitted(rows, group, units, fit.coefficient, rows.covariates[:, units])[1]
    return mean


def _fitted(
    rows: CountRows, group: int, units: IntArray, coefficient: FloatArray, x: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """(n, T) shares of each unit's total, and means."""
    q = rows.design.shape[2]
    index = rows.design[group] @ coefficient[:q]
    if len(x):
        index = index + np.tensordot(coefficient[q:], x, axes=1)
    share = rows.size[units] * np.exp(index - index.max(axis=-1, keepdims=True))
    total = share.sum(axis=1, keepdims=True)
    share = share / np.where(total > 0.0, total, 1.0)
    return share, share * rows.events[units].sum(axis=1, keepdims=True)


def _varying(rows: CountRows, information: FloatArray) -> BoolArray:
    """Terms that unit effects and the terms before them leave something of."""
    q = rows.design.shape[2]
    squares = np.zeros(len(information))
    for group, units in enumerate(rows.groups):
        for piece in pieces(slice(0, len(units))):
            own = units[piece]
            x = rows.covariates[:, own]
            _, mean = _fitted(rows, group, own, np.zeros(len(information)), x)
            squares[:q] += mean.sum(axis=0) @ rows.design[group] ** 2
            squares[q:] += np.einsum("pit,it->p", x**2, mean)
    kept = np.asarray(np.diag(information) > ABSORBED * squares)
    kept[kept] = independent_columns(information[np.ix_(kept, kept)], ABSORBED)
    return kept


def _sums(rows: CountRows, coefficient: FloatArray) -> _Sums:
    """Likelihood (up to a constant), gradient and information, in blocks of units."""
    q, p = rows.design.shape[2], len(rows.covariates)
    found = _Sums(0.0, np.zeros(q + p), np.zeros((q + p, q + p)))
    for group, units in enumerate(rows.groups):
        design = rows.design[group]
        for piece in pieces(slice(0, len(units))):
            own = units[piece]
            if p == 0:
                value, gradient, information = _shared_terms(rows.events[own], rows.size[own], design @ coefficient)
            else:
                value, gradient, information = _with_covariates(rows, found, group, own, coefficient)
            found.value += value
            found.gradient[:q] += design.T @ gradient
            found.information[:q, :q] += design.T @ information @ design
    found.information[q:, :q] = found.information[:q, q:].T
    return found


def _shared_terms(events: FloatArray, size: FloatArray, index: FloatArray) -> tuple[float, FloatArray, FloatArray]:
    """Likelihood, (T,) gradient and (T, T) information of units whose index is the same."""
    index = index - index.max()
    factor, total = np.exp(index), events.sum(axis=1)
    whole = size @ factor
    whole[total == 0.0] = 1.0
    by_period = events.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):  # a sum of 0 where there are events: the step is too long
        value = float(by_period @ index - np.where(total > 0.0, total * np.log(whole), 0.0).sum())
        root = size * (np.sqrt(total) / whole)[:, None]
    mean = ((total / np.where(whole > 0.0, whole, 1.0)) @ size) * factor
    information = np.diag(mean) - (root.T @ root) * np.outer(factor, factor)
    return value, by_period - mean, information


def _with_covariates(
    rows: CountRows, found: _Sums, group: int, units: IntArray, coefficient: FloatArray
) -> tuple[float, FloatArray, FloatArray]:
    """Likelihood, gradient and information of the shared terms by period; the covariates' are added to `found`."""
    q = rows.design.shape[2]
    x, events = rows.covariates[:, units], rows.events[units]
    share, mean = _fitted(rows, group, units, coefficient, x)
    some = events > 0.0
    with np.errstate(divide="ignore"):  # a share of 0 where there are events: the step is too long
        value = float((events[some] * np.log(share[some] / rows.size[units][some])).sum())
    residual = events - mean
    centred = x - np.einsum("pit,it->pi", x, share)[:, :, None]
    weighted = centred * mean
    found.gradient[q:] += np.einsum("pit,it->p", x, residual)
    found.information[q:, q:] += weighted.reshape(len(x), -1) @ centred.reshape(len(x), -1).T
    found.information[:q, q:] += rows.design[group].T @ weighted.sum(axis=1).T
    return value, residual.sum(axis=0), np.diag(mean.sum(axis=0)) - mean.T @ share
