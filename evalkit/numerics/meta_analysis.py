"""Random-effects meta-analysis: effects of several studies, their mean, and how far they differ.

The model is y_i = mu + u_i + e_i with u_i ~ N(0, tau2) and e_i ~ N(0, v_i), v_i known, in the notation of
Viechtbauer (2010), Journal of Statistical Software 36(3).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from scipy import optimize, stats

from evalkit.vocabulary import FloatArray

Method = Literal["reml", "dersimonian_laird", "sidik_jonkman", "fixed"]
Adjustment = Literal["hartung_knapp", "none"]
FEWEST: Final = 2
"""Studies below which there is nothing to put together."""
WIDEST: Final = 1e4
"""Search for tau2 ends at this many times the spread of the effects."""


@dataclass(frozen=True, slots=True)
class Pooled:
    """The mean of several effects and how far they differ.

    Attributes
    ----------
    mean, std_error, low, high
        Of mu, in the unit of the effects.
    p_value
        Two-sided, of "mu is 0".
    degrees_of_freedom
        Of the t reference; None for the normal.
    tau2, tau2_low, tau2_high
        Variance of the true effects across studies, with its Q-profile interval; NaN bounds for ``fixed``.
    i2
        Share of the spread of the observed effects that is not sampling error, from 0 to 1.
    q, q_p
        Cochran's Q and its p-value under equal effects.
    prediction_low, prediction_high
        Where the true effect in a new place may lie; NaN with fewer than 3 studies or ``fixed``.
    level
        Of all intervals.
    n_studies
        k.
    """

    mean: float
    std_error: float
    low: float
    high: float
    p_value: float
    degrees_of_freedom: float | None
    tau2: float
    tau2_low: float
    tau2_high: float
    i2: float
    q: float
    q_p: float
    prediction_low: float
    prediction_high: float
    level: float
    n_studies: int


def pool(
    effects: FloatArray,
    variances: FloatArray,
    *,
    method: Method = "reml",
    adjustment: Adjustment = "hartung_knapp",
    level: float = 0.95,
) -> Pooled:
    """Put the effects of several studies together.

    Parameters
    ----------
    effects, variances
        (k,) effects y_i in one unit, and their squared standard errors v_i.
    method
        How tau2 is estimated: restricted maximum likelihood; DerSimonian and Laird (1986); Sidik and Jonkman
        (2005); or ``fixed``, which takes all true effects as equal.
    adjustment
        Hartung and Knapp (2001): a t interval whose width follows the spread that is seen. Never narrower than
        the unadjusted error would be, as Rover, Knapp and Friede (2015) advise for few studies.
    level
        Of intervals.

    Raises
    ------
    ValueError
        With fewer than 2 studies, variances that are not positive, or numbers that are not finite.

    Examples
    --------
    >>> found = pool(np.array([28.0, 8, -3, 7, -1, 1, 18, 12]), np.array([15.0, 10, 16, 11, 9, 11, 10, 18]) ** 2,
    ...              adjustment="none")
    >>> round(found.mean, 4), round(found.std_error, 4), round(found.tau2, 6), round(found.q, 4)
    (7.6856, 4.0719, 0.0, 4.7071)
    """
    y, v = _checked(effects, variances)
    k = len(y)
    tau2 = between_variance(y, v, method)
    weights = 1.0 / (v + tau2)
    mean = float(weights @ y / weights.sum())
    error = float(1.0 / np.sqrt(weights.sum()))
    degrees: float | None = None
    if adjustment == "hartung_knapp" and method != "fixed":
        degrees = float(k - 1)
        error *= float(np.sqrt(max(1.0, float(weights @ (y - mean) ** 2) / (k - 1))))
    law = stats.norm() if degrees is None else stats.t(degrees)
    critical = float(law.ppf(0.5 + level / 2.0))
    q, q_p = heterogeneity(y, v)
    low_tau2, high_tau2 = (float("nan"),) * 2 if method == "fixed" else between_variance_interval(y, v, level=level)
    ahead = float("nan")
    if method != "fixed" and k > FEWEST:  # Higgins, Thompson and Spiegelhalter 2009, eq. 12
        ahead = float(stats.t.ppf(0.5 + level / 2.0, k - 2) * np.sqrt(tau2 + error**2))
    return Pooled(
        mean=mean,
        std_error=error,
        low=mean - critical * error,
        high=mean + critical * error,
        p_value=float(2.0 * law.sf(abs(mean) / error)),
        degrees_of_freedom=degrees,
        tau2=tau2,
        tau2_low=low_tau2,
        tau2_high=high_tau2,
        i2=share_between(v, tau2) if method != "fixed" else max(0.0, 1.0 - (k - 1) / q) if q > 0 else 0.0,
        q=q,
        q_p=q_p,
        prediction_low=mean - ahead,
        prediction_high=mean + ahead,
        level=level,
        n_studies=k,
    )


def heterogeneity(effects: FloatArray, variances: FloatArray) -> tuple[float, float]:
    """Cochran's Q and its p-value under equal true effects (chi-squared, k - 1)."""
    y, v = _checked(effects, variances)
    q = _generalized_q(y, v, 0.0)
    return q, float(stats.chi2.sf(q, len(y) - 1))


def between_variance(effects: FloatArray, variances: FloatArray, method: Method = "reml") -> float:
    """Variance tau2 of the true effects across studies, 0 or more.

    Examples
    --------
    >>> between_variance(np.array([1.0, 1.0, 1.0]), np.array([0.1, 0.2, 0.3]))
    0.0
    """
    y, v = _checked(effects, variances)
    if method == "fixed":
        return 0.0
    weights = 1.0 / v
    if method == "dersimonian_laird":
        spare = weights.sum() - (weights**2).sum() / weights.sum()
        return max(0.0, float((_generalized_q(y, v, 0.0) - (len(y) - 1)) / spare))
    if method == "sidik_jonkman":
        start = float(np.var(y))
        if start == 0.0:
            return 0.0
        return _generalized_q(y, v / start, 1.0) / (len(y) - 1)
    return _restricted(y, v)


def between_variance_interval(
    effects: FloatArray, variances: FloatArray, *, level: float = 0.95
) -> tuple[float, float]:
    """Q-profile interval of tau2 (Viechtbauer 2007): the values at which the generalized Q is no surprise."""
    y, v = _checked(effects, variances)
    tail = (1.0 - level) / 2.0

    def at(target: float) -> float:
        if _generalized_q(y, v, 0.0) <= target:
            return 0.0
        return float(optimize.brentq(lambda tau2: _generalized_q(y, v, tau2) - target, 0.0, _widest(y, v), xtol=1e-12))

    law = stats.chi2(len(y) - 1)
    return at(float(law.ppf(1.0 - tail))), at(float(law.ppf(tail)))


def share_between(variances: FloatArray, tau2: float) -> float:
    """I2 of a given tau2 (Higgins and Thompson 2002): tau2 over tau2 plus the typical sampling variance."""
    weights = 1.0 / variances
    typical = (len(weights) - 1) * weights.sum() / (weights.sum() ** 2 - (weights**2).sum())
    return float(tau2 / (tau2 + typical))


def leave_one_out(
    effects: FloatArray, variances: FloatArray, *, method: Method = "reml", adjustment: Adjustment = "hartung_knapp",
    level: float = 0.95,
) -> tuple[Pooled, ...]:  # fmt: skip
    """The pooled effect without each study in turn; needs 3 studies or more."""
    y, v = _checked(effects, variances)
    kept = ~np.eye(len(y), dtype=bool)
    return tuple(pool(y[k], v[k], method=method, adjustment=adjustment, level=level) for k in kept)


@dataclass(frozen=True, slots=True)
class SmallStudies:
    """Whether small studies show other effects than large ones (Egger, Davey Smith, Schneider and Minder 1997).

    Attributes
    ----------
    intercept, std_error
        Of y_i / s_i on 1 / s_i: 0 where effects do not go with their precision.
    p_value
        Two-sided, t with k - 2 degrees of freedom.
    limit
        Effect that a study of unlimited size would show.
    """

    intercept: float
    std_error: float
    p_value: float
    limit: float


def small_studies(effects: FloatArray, variances: FloatArray) -> SmallStudies | None:
    """Egger's regression; None with fewer than 3 studies or where all are of one precision."""
    y, v = _checked(effects, variances)
    s = np.sqrt(v)
    if len(y) <= FEWEST or np.ptp(s) <= 1e-12 * s.max():
        return None
    design = np.column_stack([np.ones(len(y)), 1.0 / s])
    gram = np.linalg.inv(design.T @ design)
    solved = gram @ (design.T @ (y / s))
    left = y / s - design @ solved
    error = float(np.sqrt(left @ left / (len(y) - 2) * gram[0, 0]))
    p = float(2.0 * stats.t.sf(abs(solved[0]) / error, len(y) - 2)) if error > 0.0 else float("nan")
    return SmallStudies(float(solved[0]), error, p, float(solved[1]))


def _restricted(y: FloatArray, v: FloatArray) -> float:
    """Restricted maximum likelihood: the highest point of the profile over tau2, found globally."""

    def negative(tau2: float) -> float:
        weights = 1.0 / (v + tau2)
        mean = weights @ y / weights.sum()
        return float(0.5 * (np.log(v + tau2).sum() + np.log(weights.sum()) + weights @ (y - mean) ** 2))

    grid = np.concatenate([[0.0], np.geomspace(1e-6, 1.0, 200) * _widest(y, v) / WIDEST * 100.0])
    values = np.array([negative(tau2) for tau2 in grid])
    best = int(values.argmin())
    if best == 0 and negative(grid[1]) >= values[0]:
        return 0.0
    low, high = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
    refined = optimize.minimize_scalar(negative, bounds=(low, high), method="bounded", options={"xatol": 1e-12 * high})
    return float(refined.x) if refined.fun < values[0] else 0.0


def _generalized_q(y: FloatArray, v: FloatArray, tau2: float) -> float:
    weights = 1.0 / (v + tau2)
    mean = weights @ y / weights.sum()
    return float(weights @ (y - mean) ** 2)


def _widest(y: FloatArray, v: FloatArray) -> float:
    return WIDEST * float(np.var(y, ddof=1) + v.max())


def _checked(effects: FloatArray, variances: FloatArray) -> tuple[FloatArray, FloatArray]:
    y, v = np.asarray(effects, dtype=np.float64), np.asarray(variances, dtype=np.float64)
    if y.ndim != 1 or y.shape != v.shape or len(y) < FEWEST:
        raise ValueError(
            f"a meta-analysis needs {FEWEST} effects or more, each with a variance; got {y.shape}, {v.shape}"
        )
    if not (np.isfinite(y).all() and np.isfinite(v).all() and (v > 0.0).all()):
        raise ValueError("effects must be finite numbers and variances positive ones")
    return y, v
