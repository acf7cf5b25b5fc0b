"""Meta-analysis of studies that nest in cities: effects differ between cities and within them.

y_ij = mu + u_j + w_ij + e_ij with u_j ~ N(0, between), w_ij ~ N(0, within) and e_ij ~ N(0, v_ij), v_ij known
(Konstantopoulos 2011, Research Synthesis Methods 2(1), eqs. 1 to 3).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import optimize, stats

from evalkit.vocabulary import FloatArray, IntArray

FLOOR: Final = 1e-10
"""Variance, in units of that of the effects, taken as 0 while searching on the log scale."""


@dataclass(frozen=True, slots=True)
class Nested:
    """The mean effect and both variances.

    Attributes
    ----------
    mean, std_error, low, high, p_value
        Of mu; t reference with one degree of freedom less than there are cities.
    between, within
        Variance of true effects between cities, and between the studies of one city.
    prediction_low, prediction_high
        Where the true effect of a new study in a new city may lie.
    n_studies, n_cities
        Numbers behind it.
    """

    mean: float
    std_error: float
    low: float
    high: float
    p_value: float
    between: float
    within: float
    prediction_low: float
    prediction_high: float
    level: float
    n_studies: int
    n_cities: int


def pool_nested(effects: FloatArray, variances: FloatArray, city: IntArray, *, level: float = 0.95) -> Nested:
    """Put together studies of which some are of the same city, by restricted maximum likelihood.

    Parameters
    ----------
    effects, variances
        (k,) effects and their squared standard errors.
    city
        (k,) codes 0..C-1.
    level
        Of intervals.

    Raises
    ------
    ValueError
        With fewer than 2 cities, or where each city has one study: the two variances cannot be told apart.

    Examples
    --------
    >>> y, v = np.array([0.1, 0.2, 0.9, 1.0]), np.full(4, 0.001)
    >>> found = pool_nested(y, v, np.array([0, 0, 1, 1]))
    >>> round(found.mean, 3), found.between > 10 * found.within
    (0.55, True)
    """
    y, v = np.asarray(effects, dtype=np.float64), np.asarray(variances, dtype=np.float64)
    codes = np.unique(city, return_inverse=True)[1]
    cities = int(codes.max()) + 1
    if cities < 2 or len(y) == cities:
        raise ValueError(f"a nested meta-analysis needs 2 cities and one with 2 studies; got {len(y)} in {cities}")
    if not (np.isfinite(y).all() and np.isfinite(v).all() and (v > 0.0).all()):
        raise ValueError("effects must be finite numbers and variances positive ones")
    scale = float(np.var(y)) + float(v.mean())
    between, within = _restricted(y, v, codes, scale)
    mean, precision = _mean(y, v + within, codes, between)
    error = float(1.0 / np.sqrt(precision))
    law = stats.t(cities - 1)
    critical = float(law.ppf(0.5 + level / 2.0))
    ahead = critical * float(np.sqrt(error**2 + between + within))
    return Nested(
        mean=mean,
        std_error=error,
        low=mean - critical * error,
        high=mean + critical * error,
        p_value=float(2.0 * law.sf(abs(mean) / error)),
        between=between,
        within=within,
        prediction_low=mean - ahead,
        prediction_high=mean + ahead,
        level=level,
        n_studies=len(y),
        n_cities=cities,
    )


def _restricted(y: FloatArray, v: FloatArray, codes: IntArray, scale: float) -> tuple[float, float]:
    """Both variances at the highest restricted likelihood, from several starts, zeros included."""

    def value(between: float, within: float) -> float:
        spread = v + within
        weights = 1.0 / spread
        sums = np.bincount(codes, weights)
        mean, precision = _mean(y, spread, codes, between)
        left = y - mean
        shrunk = between * np.bincount(codes, weights * left) ** 2 / (1.0 + between * sums)
        quadratic = weights @ left**2 - shrunk.sum()
        log_determinant = np.log(spread).sum() + np.log1p(between * sums).sum()
        return float(0.5 * (log_determinant + np.log(precision) + quadratic))

    def at(logs: FloatArray) -> float:
        return value(*(scale * np.exp(logs)))

    bounds = [(np.log(FLOOR), np.log(1e3))] * 2
    starts = np.log([[0.1, 0.1], [1.0, 0.1], [0.1, 1.0], [FLOOR * 100, 0.5], [0.5, FLOOR * 100]])
    rough = min((optimize.minimize(at, start, method="L-BFGS-B", bounds=bounds) for start in starts), key=_reached)
    fine = optimize.minimize(
        at, rough.x, method="Nelder-Mead", bounds=bounds, options={"xatol": 1e-9, "fatol": 1e-12, "maxiter": 4000}
    )
    best = (value(0.0, 0.0), 0.0, 0.0)
    for logs in (rough.x, fine.x):
        between, within = (0.0 if part <= 10.0 * FLOOR else float(scale * part) for part in np.exp(logs))
        best = min(best, (value(between, within), between, within))
    return best[1], best[2]


def _reached(found: optimize.OptimizeResult) -> float:
    return float(found.fun)


def _mean(y: FloatArray, spread: FloatArray, codes: IntArray, between: float) -> tuple[float, float]:
    """Generalized least squares mean and its precision; cities share `between`, inverted in closed form."""
    weights = 1.0 / spread
    sums = np.bincount(codes, weights)
    by_city = 1.0 / (1.0 + between * sums)
    precision = float((sums * by_city).sum())
    return float((np.bincount(codes, weights * y) * by_city).sum() / precision), precision
