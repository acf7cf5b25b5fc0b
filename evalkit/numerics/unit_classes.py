"""Units that share all that decides their likelihood, and their precision once what is a unit's own is integrated out.

A unit's errors are V = sigma^2 R(rho) + omega^2 diag(noise) + site^2 d d': autocorrelated shocks, noise of known
relative variance (a survey estimate's, or that of a mean of n persons), and a deviation of the unit's own effect in its
treated periods d. Its level is flat and integrated out: P = V^-1 - V^-1 1 1' V^-1 / (1' V^-1 1).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evalkit.numerics.panel_moments import Moments
from evalkit.vocabulary import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class ErrorLaw:
    """Values of the variance components: `shock` and `noise` multiply variances, `site` is an sd."""

    rho: float = 0.0
    shock: float = 1.0
    noise: float = 0.0
    site: float = 0.0


@dataclass(frozen=True, slots=True)
class UnitClasses:
    """C classes of units with one cohort, pattern of observed periods and noise.

    Attributes
    ----------
    mask, slope
        (C, T) observed periods; periods in which the unit's own deviation acts.
    noise
        (C, T) relative variances of the noise; zeros without.
    group, count
        (C,) cohort code and number of units.
    total, square
        (C, T, m) and (C, T, T, m, m) sums of the series and of their outer products.
    member
        (N,) class of each unit; -1 for units left out.
    links
        (4, L) class, period, next observed period and ordinals between, for all neighbours in time.
    """

    mask: BoolArray
    slope: FloatArray
    noise: FloatArray
    group: IntArray
    count: FloatArray
    total: FloatArray
    square: FloatArray
    member: IntArray
    links: IntArray

    @property
    def n_observations(self) -> int:
        """Rows."""
        return int(self.count @ self.mask.sum(axis=1))


def classify(
    series: FloatArray,
    used: BoolArray,
    slope: BoolArray,
    group: IntArray,
    time: IntArray,
    noise: FloatArray | None = None,
) -> UnitClasses:
    """Sum the series of units of one class.

    Parameters
    ----------
    series
        (N, T, m).
    used, slope
        (N, T) rows that enter; rows in which the unit's own deviation acts.
    group
        (N,) cohort codes; negative for units left out.
    time
        (T,) ordinals.
    noise
        (N, T) relative variances of the noise, one class a unit; None without.
    """
    keep = np.flatnonzero((group >= 0) & used.any(axis=1))
    slope = slope & used
    key = np.concatenate([group[keep, None], np.packbits(used[keep], axis=1), np.packbits(slope[keep], axis=1)], axis=1)
    if noise is not None:
        key = np.concatenate([key, np.arange(len(keep))[:, None]], axis=1)
    _, first, inverse = np.unique(key, axis=0, return_index=True, return_inverse=True)
    inverse = inverse.reshape(-1)
    values = np.where(used[keep][:, :, None], series[keep], 0.0)
    n_periods, width = series.shape[1:]
    total = np.zeros((len(first), n_periods, width))
    np.add.at(total, inverse, values)
    flat = values.reshape(len(keep), -1)
    outer = np.stack([flat[inverse == c].T @ flat[inverse == c] for c in range(len(first))])
    square = outer.reshape(-1, n_periods, width, n_periods, width).transpose(0, 1, 3, 2, 4)
    member = np.full(len(group), -1, dtype=np.int64)
    member[keep] = inverse
    chosen = keep[first]
    return UnitClasses(
        used[chosen],
        slope[chosen].astype(np.float64),
        np.zeros((len(first), n_periods)) if noise is None else np.where(used[chosen], noise[chosen], 0.0),
        group[chosen],
        np.bincount(inverse, minlength=len(first)).astype(np.float64),
        total,
        np.ascontiguousarray(square),
        member,
        _links(used[chosen], time),
    )


def _links(mask: BoolArray, time: IntArray) -> IntArray:
    row, column = np.nonzero(mask)
    next_to = np.flatnonzero(row[1:] == row[:-1])
    before, after = column[next_to], column[next_to + 1]
    return np.stack([row[next_to], before, after, time[after] - time[before]]).astype(np.int64)


def unit_precision(classes: UnitClasses, time: IntArray, law: ErrorLaw) -> tuple[FloatArray, FloatArray]:
    """(C, T, T) inverse of V, zeros where unobserved, and (C,) log determinants.

    Examples
    --------
    >>> used, time = np.ones((1, 2), bool), np.arange(2)
    >>> classes = classify(np.zeros((1, 2, 1)), used, ~used, np.zeros(1, np.int64), time)
    >>> inverse, log_det = unit_precision(classes, time, ErrorLaw(rho=0.5))
    >>> inverse[0].round(4).tolist(), log_det.round(4).tolist()
    ([[1.3333, -0.6667], [-0.6667, 1.3333]], [-0.2877])
    """
    precision, log_det = _markov(classes, law) if law.noise == 0.0 else _dense(classes, time, law)
    if law.site > 0.0:
        onto = np.matmul(precision, classes.slope[:, :, None])[:, :, 0]
        more = 1.0 + law.site**2 * np.sum(onto * classes.slope, axis=1)
        precision = precision - (law.site**2 / more)[:, None, None] * onto[:, :, None] * onto[:, None, :]
        log_det = log_det + np.log(more)
    return precision, log_det


def _markov(classes: UnitClasses, law: ErrorLaw) -> tuple[FloatArray, FloatArray]:
    """Without noise: an AR(1) is a Markov chain, so its precision links neighbours in time alone."""
    row, before, after, gap = classes.links
    phi = np.power(law.rho, gap)
    variance = 1.0 - phi**2
    precision = np.zeros((len(classes.mask), classes.mask.shape[1], classes.mask.shape[1]))
    diagonal = classes.mask.astype(np.float64)  # 1 for a first period; 1 / variance for one after another
    diagonal[row, after] += 1.0 / variance - 1.0
    diagonal[row, before] += phi**2 / variance
    every = np.arange(classes.mask.shape[1])
    precision[:, every, every] = diagonal
    precision[row, before, after] = precision[row, after, before] = -phi / variance
    log_det = np.bincount(row, weights=np.log(variance), minlength=len(classes.mask))
    return precision / law.shock, log_det + classes.mask.sum(axis=1) * np.log(law.shock)


def _dense(classes: UnitClasses, time: IntArray, law: ErrorLaw) -> tuple[FloatArray, FloatArray]:
    lag = np.abs(time[:, None] - time[None, :])
    both = classes.mask[:, :, None] & classes.mask[:, None, :]
    variance = np.where(both, law.shock * np.power(law.rho, lag), 0.0)
    every = np.arange(len(time))
    # an unobserved period stands apart with variance 1, which adds nothing to the determinant
    variance[:, every, every] += np.where(classes.mask, law.noise * classes.noise, 1.0)
    root = np.linalg.cholesky(variance)
    log_det = 2.0 * np.log(np.diagonal(root, axis1=1, axis2=2)).sum(axis=1)
    return np.where(both, np.linalg.inv(variance), 0.0), log_det


def project(precision: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(C, T, T) precision once the unit's level is integrated out, and (C,) of 1' V^-1 1."""
    ones = precision.sum(axis=2)
    total = ones.sum(axis=1)
    return precision - ones[:, :, None] * ones[:, None, :] / total[:, None, None], total


def class_moments(classes: UnitClasses, time: IntArray, law: ErrorLaw, n_groups: int) -> Moments:
    """The sums of :func:`evalkit.numerics.panel_moments.moments` under this law of errors."""
    precision, log_det = unit_precision(classes, time, law)
    projection, total = project(precision)
    width = classes.total.shape[2]
    of_group = (np.arange(n_groups)[:, None] == classes.group).astype(np.float64)
    information = np.tensordot(of_group * classes.count, projection, axes=1)
    score = np.tensordot(of_group, projection @ classes.total, axes=1)
    cross = (projection.reshape(-1) @ classes.square.reshape(-1, width * width)).reshape(width, width)
    half = -0.5 * float(classes.count @ (log_det + np.log(total)))
    return Moments(
        np.array([law.rho]), information[None], score[None], cross[None], np.array([half]),
        classes.n_observations, int(classes.count.sum()),
    )  # fmt: skip
