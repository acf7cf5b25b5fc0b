"""Posterior of donor weights by brute force: quadrature over the whole simplex, sigma and rho (two or three donors)."""

from __future__ import annotations

import numpy as np
from scipy import stats

from evalkit.vocabulary import FloatArray

SIGMA_POINTS = 400


def simplex_nodes(donors: int, alpha: float, points: int) -> FloatArray:
    """(M, J) nodes of equal prior probability: quantiles of the stick-breaking form of the Dirichlet prior."""
    middle = (np.arange(points) + 0.5) / points
    last = np.asarray(stats.beta.ppf(middle, alpha, alpha))
    if donors == 2:
        return np.column_stack([last, 1.0 - last])
    first = np.asarray(stats.beta.ppf(middle, alpha, 2.0 * alpha))
    one, two = (each.ravel() for each in np.meshgrid(first, last, indexing="ij"))
    return np.column_stack([one, (1.0 - one) * two, (1.0 - one) * (1.0 - two)])


def correlation(time: FloatArray, rho: float) -> FloatArray:
    """Of AR(1) errors, in units of the innovations' variance; entry by entry."""
    n = len(time)
    found = np.empty((n, n))
    for s in range(n):
        for t in range(n):
            found[s, t] = rho ** abs(int(time[s]) - int(time[t])) / (1.0 - rho**2)
    return found


def posterior(
    own: FloatArray,
    donors: FloatArray,
    time: FloatArray,
    *,
    alpha: float,
    unit: float,
    rhos: FloatArray,
    rho_prior: FloatArray,
    intercept: bool,
    points: int = 500,
) -> dict[str, FloatArray]:
    """Mean and sd of each weight, mean of log sigma and of rho, by summing over all nodes.

    A flat intercept is integrated by completing the square; sigma ~ HalfCauchy(unit) by quantiles of its prior.
    """
    nodes = simplex_nodes(donors.shape[1], alpha, points)
    quantile = (np.arange(SIGMA_POINTS) + 0.5) / SIGMA_POINTS
    sigma = unit * np.tan(0.5 * np.pi * quantile)
    residuals = own - nodes @ donors.T
    n, ones = len(own), np.ones(len(own))
    total = 0.0
    sums: dict[str, FloatArray] = {}
    logs = []
    for rho in rhos:
        omega = correlation(time, float(rho)) if len(rhos) > 1 else np.eye(n)
        inverse = np.linalg.inv(omega)
        form = inverse
        log_det = np.linalg.slogdet(omega)[1]
        power = n
        if intercept:
            information = ones @ inverse @ ones
            form = inverse - np.outer(inverse @ ones, inverse @ ones) / information
            log_det += np.log(information)
            power = n - 1
        misfit = np.einsum("mi,ij,mj->m", residuals, form, residuals)
        logs.append(-0.5 * log_det - power * np.log(sigma)[None, :] - 0.5 * misfit[:, None] / sigma[None, :] ** 2)
    largest = max(float(each.max()) for each in logs)
    keys = {"mean": 0.0 * nodes[0], "square": 0.0 * nodes[0], "log_sigma": np.zeros(1), "rho": np.zeros(1)}
    sums = dict(keys)
    for rho, prior, log in zip(rhos, rho_prior, logs, strict=True):
        mass = prior * np.exp(log - largest)
        by_node = mass.sum(axis=1)
        total += float(by_node.sum())
        sums["mean"] = sums["mean"] + by_node @ nodes
        sums["square"] = sums["square"] + by_node @ nodes**2
        sums["log_sigma"] = sums["log_sigma"] + mass.sum(axis=0) @ np.log(sigma)
        sums["rho"] = sums["rho"] + by_node.sum() * rho
    mean = sums["mean"] / total
    return {
        "mean": mean,
        "sd": np.sqrt(sums["square"] / total - mean**2),
        "log_sigma": sums["log_sigma"] / total,
        "rho": sums["rho"] / total,
    }
