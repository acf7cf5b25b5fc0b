"""Errors of least squares on one series that allow for autocorrelation, and an interval that holds with them.

Newey and West (1987): the variance of sum_t h_t, h the scores, is sum_{|j| <= L} {1 - |j| / (L + 1)} sum_t h_t
h_{t-j}'. It equals the cross product of moving sums,

    1 / (L + 1) sum_s (h_{s-L} + ... + h_s) (h_{s-L} + ... + h_s)'        s = 1 .. T + L, h = 0 outside

which is never negative and serves as influence functions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from evalkit.numerics.autoregression import HIGHEST, LOWEST, STEP
from evalkit.vocabulary import FloatArray, IntArray


def usual_lags(n: int) -> int:
    """Integer part of 4 (n / 100)^(2/9) (Newey and West 1994), and at least 1.

    Examples
    --------
    >>> usual_lags(108), usual_lags(50)
    (4, 3)
    """
    return max(1, int(4.0 * (n / 100.0) ** (2.0 / 9.0)))


def moving_sums(scores: FloatArray, time: IntArray, lags: int) -> FloatArray:
    """(T + L, k) sums of L + 1 neighbouring periods over sqrt(L + 1): their cross product is Newey and West's.

    Parameters
    ----------
    scores
        (n, k) one row a period.
    time
        (n,) ordinals, increasing; periods without a row count as zeros, so that lags are lags in time.
    lags
        L.

    Examples
    --------
    >>> moving_sums(np.ones((2, 1)), np.arange(2), 1).ravel().round(3).tolist()
    [0.707, 1.414, 0.707]
    """
    place = (time - time[0]).astype(np.int64)
    full = np.zeros((int(place[-1]) + 1 + 2 * lags + 1, scores.shape[1]))
    full[place + lags + 1] = scores
    sums = np.cumsum(full, axis=0)
    return np.asarray((sums[lags + 1 :] - sums[: -lags - 1]) / np.sqrt(lags + 1.0))


@dataclass(frozen=True, slots=True)
class Calibrated:
    """A t test of one combination of coefficients by Newey-West errors, made right under autoregressive errors.

    Attributes
    ----------
    factor
        What the variance is multiplied by: its true value over its expectation at `rho`.
    degrees
        Of the t reference (Satterthwaite).
    """

    factor: float
    degrees: float

    def half_width(self, std_error: float, level: float) -> float:
        """Of the interval."""
        return float(stats.t.ppf(0.5 + level / 2.0, self.degrees) * np.sqrt(self.factor) * std_error)

    def p_value(self, estimate: float, std_error: float) -> float:
        """Two-sided, of "the effect is 0"."""
        if std_error == 0.0:
            return float("nan")
        return float(2.0 * stats.t.sf(abs(estimate) / (np.sqrt(self.factor) * std_error), self.degrees))


def calibrate(
    design: FloatArray, time: IntArray, combination: FloatArray, lags: int, rho: float, information: float
) -> Calibrated:
    """Bias and degrees of freedom of a Newey-West variance where errors are AR(1) with correlation `rho`.

    The variance is a quadratic form of the errors, e'A e with e = M u: with Omega their correlation, its expectation
    is tr(A M Omega M) and its variance 2 tr{(A M Omega M)^2}, as Bell and McCaffrey (2002) and Imbens and Kolesar
    (2016) do for clusters. That `rho` is estimated adds the square of the derivative of the log of the factor, over
    the information on it.

    Parameters
    ----------
    design
        (n, p) of full column rank.
    time
        (n,) ordinals.
    combination
        (p,) weights on the coefficients.
    lags, rho, information
        Of the errors; the information on rho in the restricted likelihood.
    """
    orthogonal, upper = np.linalg.qr(design)
    on_errors = orthogonal @ np.linalg.solve(upper.T, combination)
    distance = np.abs(time[:, None] - time[None, :]).astype(np.float64)
    kernel = np.clip(1.0 - distance / (lags + 1.0), 0.0, None)
    quadratic = on_errors[:, None] * kernel * on_errors[None, :]

    def moments(at: float) -> tuple[float, float, float]:
        correlation = np.asarray(at, dtype=np.float64) ** distance
        left = correlation - orthogonal @ (orthogonal.T @ correlation)
        both = left - (left @ orthogonal) @ orthogonal.T
        product = quadratic @ both
        return (
            float(on_errors @ correlation @ on_errors),
            float(np.trace(product)),
            float(np.einsum("ij,ji->", product, product)),
        )

    true, expected, square = moments(rho)
    middle = float(np.clip(rho, LOWEST + STEP, HIGHEST - STEP))
    (above, wide, _), (below, narrow, _) = moments(middle + STEP), moments(middle - STEP)
    slope = np.log((above / wide) / (below / narrow)) / (2.0 * STEP)
    own = expected**2 / square
    return Calibrated(true / expected, max(1.0, float(2.0 / (2.0 / own + slope**2 / information))))
