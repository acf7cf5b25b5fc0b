"""Interrupted series with full covariance matrices: segmented regression, four kinds of errors, counts."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize_scalar

from tests.oracle import interrupted_time_series as dense
from tests.oracle.panels import Small
from tests.oracle.plain import Array, NotIdentified, overall

LOWEST, HIGHEST = -0.95, 0.99
STEP = 1e-3


def figures(
    world: Small, *, errors: str, change: str, trend: str, comparison: str, anticipation: int, donut: int,
    family: str = "gaussian", small_sample: bool = True,
) -> dict[str, float]:  # fmt: skip
    """The overall effect with the error, degrees of freedom and p-value of its kind."""
    i = int(np.flatnonzero((world.first > 0) & (world.first < world.periods))[0])
    y, start = world.y[i], int(world.first[i])
    others = world.first >= world.periods
    if comparison == "controlled" or (comparison == "auto" and others.any()):
        if not others.any():
            raise NotIdentified("nobody to compare with")
        y = y - world.y[others].mean(axis=0)
    t = np.arange(world.periods)
    used = ~np.isnan(y) & ~((t >= start - anticipation) & (t < start + donut))
    t, y = t[used], y[used]
    on = (t >= start + donut).astype(float)
    columns = [np.ones(len(t))]
    columns += [t / 10.0] if trend != "none" else []
    columns += [(t / 10.0) ** 2] if trend == "quadratic" else []
    columns += [on]
    if change == "step_and_slope":
        columns += [on * (t - start - donut)]
    X = np.column_stack(columns)
    n, p = X.shape
    if on.all() or not on.any() or n < p + 2:
        raise NotIdentified("too short")
    c = np.zeros(p)
    first = p - (2 if change == "step_and_slope" else 1)
    c[first:] = X[on == 1.0][:, first:].mean(axis=0)
    if family != "gaussian":
        return _counts(y, X, t, c, errors, small_sample, family)
    if errors == "newey_west":
        beta, residual = _least_squares(X, y)
        covariance = dense.newey_west(residual, X, t, int(4.0 * (n / 100.0) ** (2.0 / 9.0)))
        return _result(c, beta, covariance * (n / (n - p) if small_sample else 1.0), float(n - p), small_sample)
    rho = {"independent": _zero, "prais_winsten": _iterated, "ar1": _likeliest}[errors](y, X, t)
    beta, covariance, _ = dense.generalized(y, X, t, rho)
    degrees = float(n - p)
    if errors == "ar1":
        degrees = _satterthwaite(y, X, t, c, rho)
    return _result(c, beta, covariance, degrees, True)


def _result(c: Array, beta: Array, covariance: Array, degrees: float, is_t: bool) -> dict[str, float]:
    return overall(float(c @ beta), float(np.sqrt(c @ covariance @ c)), degrees if is_t else None)


def _least_squares(X: Array, y: Array) -> tuple[Array, Array]:
    beta = np.linalg.lstsq(X, y, rcond=None)[0]
    return beta, y - X @ beta


def _zero(y: Array, X: Array, t: Array) -> float:
    return 0.0


def _iterated(y: Array, X: Array, t: Array) -> float:
    """Slope of residuals on those of the period before, fitted again until it settles."""
    rho, residual = 0.0, _least_squares(X, y)[1]
    pairs = [k for k in range(1, len(t)) if t[k] - t[k - 1] == 1]
    for _ in range(1_000):
        before, after = residual[[k - 1 for k in pairs]], residual[pairs]
        found = float(np.clip(before @ after / (before @ before), LOWEST, HIGHEST))
        if abs(found - rho) < 1e-12:
            break
        rho = found
        residual = y - X @ dense.generalized(y, X, t, rho)[0]
    return rho


def _likeliest(y: Array, X: Array, t: Array) -> float:
    """Top of the restricted likelihood: the best of a grid, then a bounded search around it."""

    def loss(rho: float) -> float:
        return -dense.restricted_likelihood(y, X, t, rho)

    grid = np.linspace(LOWEST, HIGHEST, 200)
    best = int(np.argmin([loss(rho) for rho in grid]))
    low, high = grid[max(best - 1, 0)], grid[min(best + 1, 199)]
    found = minimize_scalar(loss, bounds=(low, high), method="bounded", options={"xatol": 1e-12})
    return float(found.x)


def _satterthwaite(y: Array, X: Array, t: Array, c: Array, rho: float) -> float:
    """v^2 over half the variance of v: of the innovations' variance, and of rho through the slope of log v."""
    n, p = X.shape
    middle = float(np.clip(rho, LOWEST + STEP, HIGHEST - STEP))
    likelihood = [dense.restricted_likelihood(y, X, t, at) for at in (middle - STEP, middle, middle + STEP)]
    information = max(-(likelihood[2] - 2.0 * likelihood[1] + likelihood[0]) / STEP**2, 1e-3)
    below, above = (float(c @ dense.generalized(y, X, t, at)[1] @ c) for at in (middle - STEP, middle + STEP))
    slope = np.log(above / below) / (2.0 * STEP)
    return max(1.0, float(2.0 / (2.0 / (n - p) + slope**2 / information)))


def _counts(y: Array, X: Array, t: Array, c: Array, errors: str, small: bool, family: str) -> dict[str, float]:
    """Poisson regression by Newton's steps; Newey-West on weighted scores, or errors of independent counts."""
    beta = np.zeros(X.shape[1])
    beta[0] = np.log(y.mean())
    for _ in range(100):
        mean = np.exp(X @ beta)
        step = np.linalg.solve(X.T @ (mean[:, None] * X), X.T @ (y - mean))
        beta = beta + step
        if np.abs(step).max() < 1e-13:
            break
    mean = np.exp(X @ beta)
    n, p = X.shape
    root = np.sqrt(mean)
    scaled, residual = X * root[:, None], (y - mean) / root
    degrees = float(n - p)
    if errors == "newey_west":
        covariance = dense.newey_west(residual, scaled, t, int(4.0 * (n / 100.0) ** (2.0 / 9.0)))
        return _result(c, beta, covariance * (n / (n - p) if small else 1.0), degrees, small)
    covariance = np.linalg.inv(scaled.T @ scaled)
    if family == "quasi_poisson":
        covariance = covariance * float(residual @ residual) / (n - p)
    return _result(c, beta, covariance, degrees, True)
