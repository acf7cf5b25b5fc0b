"""Linear regression on one series whose errors are autoregressive: u_t = rho u_{t-1} + e_t.

Exact for any rho in (-1, 1) and any gaps between the periods: errors d steps apart have correlation rho^d, so that

    (u_t - rho^d u_s) sqrt{(1 - rho^2) / (1 - rho^(2d))}        s the period observed before t, d steps earlier
    u_1 sqrt(1 - rho^2)                                         the first one (Prais and Winsten 1954)

all have the variance of e and are not correlated.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from scipy import optimize

from evalkit.vocabulary import FloatArray, IntArray

RhoBy = Literal["reml", "prais_winsten", "none"]
LOWEST, HIGHEST = -0.95, 0.99
"""Where rho is looked for: at 1 the level of the series has no meaning."""
GRID: Final = 24
"""Values of rho at which the likelihood is tried first; it may have two tops in short series."""
STEP: Final = 1e-3
"""Half the distance in rho over which derivatives are taken."""
PRECISION: Final = 1e-10
ROUNDING: Final = 1e-13
"""Residuals of this share of the largest outcome say nothing of how errors follow each other."""
MOST_ROUNDS: Final = 500
FLATTEST: Final = 1e-3
"""Least information on rho that is counted: a flat likelihood gives next to no degrees of freedom."""


@dataclass(frozen=True, slots=True)
class SeriesFit:
    """Generalized least squares on one series.

    Attributes
    ----------
    coefficient, covariance
        (p,), (p, p).
    loading
        (p, n): what each standardized innovation, of variance `variance`, adds to each coefficient.
    innovation
        (n,) residuals after the correlation with the period before is taken out.
    residual
        (n,) outcome less fitted value.
    whitened
        (n, p) orthonormal columns that span the whitened design.
    variance
        Of the innovations, over n - p degrees of freedom.
    rho
        Correlation of errors one step apart.
    degrees
        n - p.
    exact
        Whether the fit leaves nothing but rounding: `variance` then says nothing, and rho is 0.
    nearby
        Covariances at rho less and plus `STEP`, and the information on rho in the data; None where rho is not estimated
        by likelihood, or the fit is exact.
    """

    coefficient: FloatArray
    covariance: FloatArray
    loading: FloatArray
    innovation: FloatArray
    residual: FloatArray
    whitened: FloatArray
    variance: float
    rho: float
    degrees: int
    exact: bool = False
    nearby: tuple[FloatArray, FloatArray, float] | None = None

    def degrees_of(self, combination: FloatArray) -> float:
        """Degrees of freedom of a t reference for one linear combination of coefficients.

        Satterthwaite's, v^2 over half the variance of v, with v the estimated variance of the combination: it varies
        because the innovations' variance is estimated, var(log s^2) = 2 / (n - p), and because rho is, through the
        derivative of log v along the profile likelihood.

        Parameters
        ----------
        combination
            (p,).
        """
        if self.nearby is None or not combination.any():
            return float(self.degrees)
        below, above, information = self.nearby
        slope = np.log((combination @ above @ combination) / (combination @ below @ combination)) / (2.0 * STEP)
        return max(1.0, float(2.0 / (2.0 / self.degrees + slope**2 / information)))


def fit_series(outcome: FloatArray, design: FloatArray, time: IntArray, by: RhoBy) -> SeriesFit:
    """Fit one series.

    Parameters
    ----------
    outcome
        (n,).
    design
        (n, p) of full column rank, n > p.
    time
        (n,) ordinals, increasing.
    by
        ``reml``: rho maximizes the restricted likelihood, which does not lean towards 0 as the residuals' own
        correlation does when there are many regressors (Cheang and Reinsel 2000). ``prais_winsten``: rho is the slope
        of residuals on those of the period before, and the two steps are repeated until it settles. ``none``: rho =
        0.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> errors = np.zeros(400)
    >>> for t in range(1, 400):
    ...     errors[t] = 0.6 * errors[t - 1] + rng.standard_normal()
    >>> fit = fit_series(3.0 + errors, np.ones((400, 1)), np.arange(400), "reml")
    >>> round(fit.rho, 1)
    0.6
    """
    gaps = np.diff(time)
    if by == "reml":
        rho = _most_likely(outcome, design, gaps)
    else:
        rho = 0.0 if by == "none" else _iterated(outcome, design, gaps)
    return _at(outcome, design, gaps, rho, information=by == "reml")


def whiten(values: FloatArray, gaps: IntArray, rho: float) -> FloatArray:
    """Rows of `values` (n,) or (n, p) with the part that the row before foretells taken out."""
    share, scale = _weights(gaps, rho)
    if values.ndim == 2:
        share, scale = share[:, None], scale[:, None]
    whitened = values * scale
    whitened[1:] -= share[1:] * scale[1:] * values[:-1]
    return np.asarray(whitened)


def unwhiten_transposed(values: FloatArray, gaps: IntArray, rho: float) -> FloatArray:
    """P'^-1 `values`, with P the matrix that whitens: for (n, k) `values`, by one pass from the last row back."""
    share, scale = _weights(gaps, rho)
    found = values.astype(np.float64, copy=True)
    for row in range(len(found) - 2, -1, -1):
        found[row] += share[row + 1] * found[row + 1]
    return np.asarray(found / scale[:, None])


def _weights(gaps: IntArray, rho: float) -> tuple[FloatArray, FloatArray]:
    """(n,) share of the row before, and scale."""
    share = np.concatenate([[0.0], np.asarray(rho, dtype=np.float64) ** gaps])
    scale = np.sqrt((1.0 - rho**2) / (1.0 - share**2))
    return share, scale


def _slopes(gaps: IntArray, rho: float) -> tuple[FloatArray, FloatArray]:
    """(n,) derivatives with respect to rho of the share of the row before, and of the log of the scale."""
    share = _weights(gaps, rho)[0]
    steps = np.concatenate([[0], gaps])
    change = np.zeros(len(steps))
    change[1:] = gaps * np.asarray(rho, dtype=np.float64) ** (gaps - 1)
    return change, share * change / (1.0 - share**2) - rho / (1.0 - rho**2)


def log_restricted_likelihood(outcome: FloatArray, design: FloatArray, gaps: IntArray, rho: float) -> float:
    """-1/2 {(n - p) log RSS + log|V| + log|X'V^-1 X|}, up to a constant, the variance profiled out."""
    _, scale = _weights(gaps, rho)
    orthogonal, upper = np.linalg.qr(whiten(design, gaps, rho))
    y = whiten(outcome, gaps, rho)
    residual = y - orthogonal @ (orthogonal.T @ y)
    n, p = design.shape
    spread = (n - p) * np.log(max(float(residual @ residual), np.finfo(float).tiny))
    return -0.5 * float(spread - 2.0 * np.log(scale).sum() + 2.0 * np.log(np.abs(np.diag(upper))).sum())


def restricted_score(outcome: FloatArray, design: FloatArray, gaps: IntArray, rho: float) -> float:
    """Derivative of :func:`log_restricted_likelihood` with respect to rho.

    With P the matrix that whitens and dP its derivative, the derivatives of RSS and log|X'P'PX| are 2 (Pu)'(dP u) and
    2 tr{(X'P'PX)^-1 X'P' dP X}; that of the slopes does not enter, as they make RSS least.
    """
    scale = _weights(gaps, rho)[1]
    change, log_scale = _slopes(gaps, rho)
    whitened = whiten(design, gaps, rho)
    orthogonal, upper = np.linalg.qr(whitened)
    y = whiten(outcome, gaps, rho)
    inside = orthogonal.T @ y
    slopes = np.linalg.solve(upper, inside)
    error, residual = outcome - design @ slopes, y - orthogonal @ inside
    moved = log_scale * residual
    moved[1:] -= scale[1:] * change[1:] * error[:-1]
    turned = log_scale[:, None] * whitened
    turned[1:] -= (scale[1:] * change[1:])[:, None] * design[:-1]
    rss = max(float(residual @ residual), np.finfo(float).tiny)
    trace = float(np.trace(np.linalg.solve(upper, orthogonal.T @ turned)))
    n, p = design.shape
    return float(-(n - p) * (residual @ moved) / rss + log_scale.sum() - trace)


def _most_likely(outcome: FloatArray, design: FloatArray, gaps: IntArray) -> float:
    """Rho at the top of the restricted likelihood."""
    centred = _residual(outcome, design)
    size = float(np.abs(centred).max())
    if size == 0.0:
        return 0.0
    centred = centred / size
    grid = np.linspace(LOWEST, HIGHEST, GRID)
    best = int(np.argmax([log_restricted_likelihood(centred, design, gaps, rho) for rho in grid]))
    low, high = float(grid[max(best - 1, 0)]), float(grid[min(best + 1, GRID - 1)])

    def score(rho: float) -> float:
        return restricted_score(centred, design, gaps, rho)

    if score(low) <= 0.0:
        return low
    if score(high) >= 0.0:
        return high
    return float(optimize.brentq(score, low, high, xtol=1e-15, rtol=8.9e-16))


def _iterated(outcome: FloatArray, design: FloatArray, gaps: IntArray) -> float:
    """Rho of residuals, refitted until it settles."""
    residual, rho = _residual(outcome, design), 0.0
    next_to = gaps == 1
    for _ in range(MOST_ROUNDS):
        before, after = residual[:-1][next_to], residual[1:][next_to]
        total = float(before @ before)
        found = float(np.clip(before @ after / total, LOWEST, HIGHEST)) if total > 0.0 else 0.0
        if abs(found - rho) < PRECISION:
            return found
        rho = found
        slopes = np.linalg.lstsq(whiten(design, gaps, rho), whiten(outcome, gaps, rho))[0]
        residual = outcome - design @ slopes
    return rho


def _residual(outcome: FloatArray, design: FloatArray) -> FloatArray:
    """(n,) least-squares residuals; all 0 where they are what rounding leaves of an exact fit."""
    residual = np.asarray(outcome - design @ np.linalg.lstsq(design, outcome)[0])
    return residual if np.abs(residual).max() > ROUNDING * np.abs(outcome).max() else np.zeros_like(residual)


def _at(outcome: FloatArray, design: FloatArray, gaps: IntArray, rho: float, *, information: bool) -> SeriesFit:
    """The fit at one rho."""
    n, p = design.shape
    orthogonal, upper = np.linalg.qr(whiten(design, gaps, rho))
    y = whiten(outcome, gaps, rho)
    loading = np.linalg.solve(upper, orthogonal.T)
    coefficient = loading @ y
    innovation = y - orthogonal @ (orthogonal.T @ y)
    variance = float(innovation @ innovation) / (n - p)
    nearby = None
    centred = _residual(outcome, design)
    if information and centred.any():
        middle = float(np.clip(rho, LOWEST + STEP, HIGHEST - STEP))
        low, top, high = (
            log_restricted_likelihood(centred, design, gaps, at) for at in (middle - STEP, middle, middle + STEP)
        )
        below, above = (_covariance(centred, design, gaps, at) for at in (middle - STEP, middle + STEP))
        nearby = (below, above, max(-(high - 2.0 * top + low) / STEP**2, FLATTEST))
    return SeriesFit(
        coefficient=coefficient,
        covariance=variance * (loading @ loading.T),
        loading=loading,
        innovation=innovation,
        residual=outcome - design @ coefficient,
        whitened=orthogonal,
        variance=variance,
        rho=rho,
        degrees=n - p,
        exact=not centred.any(),
        nearby=nearby,
    )


def _covariance(outcome: FloatArray, design: FloatArray, gaps: IntArray, rho: float) -> FloatArray:
    n, p = design.shape
    orthogonal, upper = np.linalg.qr(whiten(design, gaps, rho))
    y = whiten(outcome, gaps, rho)
    rest = y - orthogonal @ (orthogonal.T @ y)
    inverse = np.linalg.inv(upper)
    return np.asarray(rest @ rest / (n - p) * (inverse @ inverse.T))
