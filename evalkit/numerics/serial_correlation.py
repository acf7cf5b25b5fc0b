"""Whether residuals of one series are correlated over time, and at which lags."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats

from evalkit.vocabulary import FloatArray, IntArray

ErrorsAllowed = Literal["ar1", "prais_winsten", "newey_west", "independent"]


@dataclass(frozen=True, slots=True)
class SeriesResiduals:
    """What the regression of one place leaves over.

    Attributes
    ----------
    place
        Its name.
    time, residual
        (n,) ordinals and residuals; innovations where errors are modelled as autoregressive.
    season
        Periods after which the season repeats; None where it is not known.
    errors
        What the estimator allows for.
    lags
        Lags up to which Newey-West errors allow for autocorrelation; None for other errors.
    """

    place: str
    time: IntArray
    residual: FloatArray
    season: float | None
    errors: ErrorsAllowed
    lags: int | None


def autocorrelations(residual: FloatArray, time: IntArray, lags: int) -> FloatArray:
    """(lags,) sum of e_t e_{t+h} over the sum of e_t^2, pairs h periods apart; missing periods make no pair.

    Examples
    --------
    >>> autocorrelations(np.array([1.0, -1.0, 1.0, -1.0]), np.arange(4), 2).tolist()
    [-0.75, 0.5]
    """
    full = np.zeros(int(time[-1] - time[0]) + 1 + lags)
    full[time - time[0]] = residual
    total = float(residual @ residual)
    if total == 0.0:
        return np.zeros(lags)
    return np.array([float(full[:-lag] @ full[lag:]) / total for lag in range(1, lags + 1)])


def durbin_watson(residual: FloatArray, time: IntArray) -> float:
    """Sum of squared changes between neighbouring periods over the sum of squares: 2 without autocorrelation."""
    total = float(residual @ residual)
    change = np.diff(residual)[np.diff(time) == 1]
    return float(change @ change) / total if total > 0.0 else float("nan")


def ljung_box(found: FloatArray, count: int, estimated: int) -> tuple[float, float]:
    """Statistic n (n + 2) sum r_h^2 / (n - h) and its p-value, chi-squared with a degree less for each AR parameter.

    Parameters
    ----------
    found
        (m,) autocorrelations.
    count
        n.
    estimated
        AR parameters that were estimated (Box and Pierce 1970).
    """
    lag = np.arange(1, len(found) + 1)
    statistic = float(count * (count + 2.0) * np.sum(found**2 / (count - lag)))
    return statistic, float(stats.chi2.sf(statistic, max(1, len(found) - estimated)))


def beyond(found: FloatArray, count: int, lags: int) -> tuple[float, float]:
    """Wald statistic and p-value of "no autocorrelation beyond `lags`", whatever there is up to them.

    With autocorrelation up to L only, sqrt(n) r_h at h > L is normal with covariances sum_i rho_i rho_{i+s} between
    lags s apart (Bartlett 1946), as in the test of Cumby and Huizinga (1992).

    Parameters
    ----------
    found
        (m,) autocorrelations, m > `lags`.
    count
        n.
    lags
        L.
    """
    around = np.concatenate([found[:lags][::-1], [1.0], found[:lags]])
    both = np.correlate(around, around, mode="full")[len(around) - 1 :]
    later = found[lags:]
    place = np.arange(len(later))
    distance = np.abs(place[:, None] - place[None, :])
    covariance = np.where(distance < len(both), both[np.minimum(distance, len(both) - 1)], 0.0)
    precision = np.linalg.pinv(covariance, hermitian=True)
    statistic = float(count * later @ precision @ later)
    return statistic, float(stats.chi2.sf(statistic, np.linalg.matrix_rank(covariance, hermitian=True)))
