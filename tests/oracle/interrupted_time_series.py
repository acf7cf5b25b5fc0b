"""Segmented regression written out plainly: full covariance matrices, loops, numerical derivatives."""

from __future__ import annotations

import numpy as np

from evalkit.vocabulary import FloatArray, IntArray


def correlation(time: IntArray, rho: float) -> FloatArray:
    """(n, n) rho to the power of the distance."""
    n = len(time)
    out = np.empty((n, n))
    for i in range(n):
        for j in range(n):
            out[i, j] = rho ** abs(int(time[i]) - int(time[j]))
    return out


def generalized(y: FloatArray, x: FloatArray, time: IntArray, rho: float) -> tuple[FloatArray, FloatArray, float]:
    """Coefficients, their covariance and the variance of the innovations, by inverting the correlation matrix."""
    inverse = np.linalg.inv(correlation(time, rho))
    bread = np.linalg.inv(x.T @ inverse @ x)
    beta = bread @ x.T @ inverse @ y
    residual = y - x @ beta
    total = float(residual @ inverse @ residual) / (len(y) - x.shape[1])
    return beta, total * bread, total * (1.0 - rho**2)


def restricted_likelihood(y: FloatArray, x: FloatArray, time: IntArray, rho: float) -> float:
    """-1/2 {(n - p) log RSS + log|V| + log|X'V^-1 X|} with V the correlation matrix."""
    v = correlation(time, rho)
    inverse = np.linalg.inv(v)
    bread = np.linalg.inv(x.T @ inverse @ x)
    residual = y - x @ bread @ x.T @ inverse @ y
    rss = float(residual @ inverse @ residual)
    n, p = x.shape
    return float(-0.5 * ((n - p) * np.log(rss) + np.linalg.slogdet(v)[1] + np.linalg.slogdet(x.T @ inverse @ x)[1]))


def newey_west(residual: FloatArray, x: FloatArray, time: IntArray, lags: int) -> FloatArray:
    """(p, p) by a double loop over periods."""
    bread = np.linalg.inv(x.T @ x)
    meat = np.zeros((x.shape[1], x.shape[1]))
    for i in range(len(time)):
        for j in range(len(time)):
            apart = abs(int(time[i]) - int(time[j]))
            if apart <= lags:
                meat += (1.0 - apart / (lags + 1.0)) * residual[i] * residual[j] * np.outer(x[i], x[j])
    return np.asarray(bread @ meat @ bread)


def simulated_variance(
    x: FloatArray, time: IntArray, combination: FloatArray, lags: int, rho: float, rng: np.random.Generator, draws: int
) -> FloatArray:
    """(draws,) Newey-West variances of a combination under AR(1) errors, by simulation."""
    root = np.linalg.cholesky(correlation(time, rho))
    projection = x @ np.linalg.inv(x.T @ x) @ x.T
    found = np.empty(draws)
    for draw in range(draws):
        errors = root @ rng.standard_normal(len(time))
        found[draw] = combination @ newey_west(errors - projection @ errors, x, time, lags) @ combination
    return found
