"""Effects of several units, shrunk towards their common mean: exact given normal summaries (Rubin 1981).

    d_i | theta_i ~ N(theta_i, v_i),    theta_i ~ N(mu, tau^2),    mu flat,    tau ~ HalfCauchy(scale)

`d_i` and `v_i` are mean and variance of a unit's own posterior of its mean effect. Given tau all is normal, and tau is
drawn from its marginal posterior on a fine grid of prior quantiles: the draws are independent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from evalkit.vocabulary import FloatArray

GRID: Final = 4_000
"""Values of tau at equal steps of prior probability."""


@dataclass(frozen=True, slots=True)
class Pooled:
    """Draws of the units' effects (S, I), of their mean mu (S,) and of their spread tau (S,)."""

    effects: FloatArray
    mean: FloatArray
    spread: FloatArray


def pool(estimate: FloatArray, variance: FloatArray, scale: float, size: int, rng: np.random.Generator) -> Pooled:
    """Draw partially pooled effects.

    Parameters
    ----------
    estimate, variance
        (I,) of each unit by itself; variances above 0.
    scale
        Of the half-Cauchy prior of tau.
    size
        Draws.
    rng
        Source of randomness.

    Examples
    --------
    Eight schools (Rubin 1981) under a half-Cauchy prior of scale 25:

    >>> y = np.array([28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0])
    >>> s = np.array([15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0])
    >>> drawn = pool(y, s**2, 25.0, 20_000, np.random.default_rng(0))
    >>> bool(abs(drawn.mean.mean() - 7.9) < 0.3), bool(drawn.effects.mean(axis=0)[0] < 15.0)
    (True, True)
    """
    tau = scale * np.tan(0.5 * np.pi * (np.arange(GRID) + 0.5) / GRID)
    total = variance[None, :] + tau[:, None] ** 2
    information = (1.0 / total).sum(axis=1)
    centre = (estimate / total).sum(axis=1) / information
    log_density = -0.5 * (
        np.log(total).sum(axis=1) + np.log(information) + (((estimate - centre[:, None]) ** 2) / total).sum(axis=1)
    )
    weight = np.exp(log_density - log_density.max())
    node = rng.choice(GRID, size=size, p=weight / weight.sum())
    spread = tau[node]
    mean = centre[node] + rng.standard_normal(size) / np.sqrt(information[node])
    shrunk = variance / (variance + spread[:, None] ** 2)
    effects = (1.0 - shrunk) * estimate + shrunk * mean[:, None]
    effects = effects + np.sqrt(shrunk) * spread[:, None] * rng.standard_normal((size, len(estimate)))
    return Pooled(effects, mean, spread)


def move_to(paths: FloatArray, over: FloatArray, target: FloatArray) -> FloatArray:
    """Draws of a path, moved so that its mean is `target` and the rest follows as it does in the draws.

    Parameters
    ----------
    paths
        (S, T) draws of a unit's effects by period.
    over
        (T,) weights of the mean, which sum to 1.
    target
        (S,) draws of the mean.

    Returns
    -------
    ndarray
        (S, T): each draw plus Cov(path, mean) / Var(mean) times how far its mean has to go, which for normal draws
        is the law of the path given its mean (Matheron's rule).
    """
    mean = paths @ over
    centred = mean - mean.mean()
    slope = (paths - paths.mean(axis=0)).T @ centred / (centred @ centred)
    return np.asarray(paths + (target - mean)[:, None] * slope)
