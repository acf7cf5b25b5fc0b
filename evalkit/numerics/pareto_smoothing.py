"""Pareto-smoothed importance sampling, and leave-one-out prediction by it: in numpy, so that neither costs an import.

Importance weights with a heavy right tail make noisy sums. Pareto smoothing (Vehtari, Simpson, Gelman, Yao and Gabry
2024, section 2) fits a generalized Pareto law to the largest weights and puts its expected order statistics in their
place; the fitted shape k says whether the weights can be relied on at all. The fit is that of Zhang and Stephens
(2009), with the weak prior towards k = 0.5 of Vehtari et al., appendix G.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import logsumexp

from evalkit.vocabulary import FloatArray

LARGEST_K: Final = 0.7
"""Shape above which no number of draws in reach makes the weights reliable (Vehtari et al. 2024, section 3.2.4)."""
PRIOR_K, PRIOR_SIZE, PRIOR_TAIL = 0.5, 10.0, 3.0
FEWEST_TAIL = 5


@dataclass(frozen=True, slots=True)
class Smoothed:
    """Normalized weights of S draws, and the shape of their tail.

    Attributes
    ----------
    weights
        (S,) sum to 1.
    k
        Fitted shape of the right tail; minus infinity where all weights are equal, infinity where the tail is too
        short to be fitted.
    """

    weights: FloatArray
    k: float

    @property
    def effective_size(self) -> float:
        """1 / sum of squared weights."""
        return float(1.0 / np.sum(self.weights**2))

    @property
    def reliable(self) -> bool:
        """Whether k lets sums with these weights be relied on."""
        return self.k <= largest_k(len(self.weights))


@dataclass(frozen=True, slots=True)
class LeaveOneOut:
    """Expected log predictive density when each of n observations is left out in turn.

    Attributes
    ----------
    elpd, std_error
        Sum over observations, and its standard error.
    p_loo
        Effective number of parameters: log density of the data as seen less `elpd`.
    pointwise
        (n,) terms of `elpd`.
    k
        (n,) shape of each observation's weights: how much the posterior hangs on it.
    """

    elpd: float
    std_error: float
    p_loo: float
    pointwise: FloatArray
    k: FloatArray


def largest_k(n_draws: int) -> float:
    """Shape up to which S draws are enough: min(1 - 1 / log10 S, 0.7) (Vehtari et al. 2024, eq. 13).

    Examples
    --------
    >>> round(largest_k(400), 2), largest_k(100_000)
    (0.62, 0.7)
    """
    return min(1.0 - 1.0 / math.log10(max(n_draws, 11)), LARGEST_K)


def smooth(log_weights: FloatArray, relative_efficiency: float = 1.0) -> Smoothed:
    """Smooth the largest of S importance weights.

    Parameters
    ----------
    log_weights
        (S,) up to a constant.
    relative_efficiency
        Effective draws over draws; below 1 for chains that move slowly.

    Examples
    --------
    >>> equal = smooth(np.zeros(100))
    >>> equal.effective_size, equal.k
    (100.0, -inf)
    """
    logs = np.asarray(log_weights, dtype=np.float64) - np.max(log_weights)
    size = len(logs)
    if not np.ptp(logs) > 0.0:
        return Smoothed(np.full(size, 1.0 / size), -math.inf)
    count = math.ceil(min(size / 5.0, 3.0 * math.sqrt(size / relative_efficiency)))
    order = np.argsort(logs, kind="stable")
    cutoff = max(float(logs[order[-count - 1]]), math.log(np.finfo(np.float64).tiny))
    tail = order[logs[order] > cutoff]
    k = math.inf
    if len(tail) >= FEWEST_TAIL:
        excess = np.exp(logs[tail]) - math.exp(cutoff)
        k, sigma = fit_pareto(excess)
        if math.isfinite(k):
            ranks = (np.arange(len(tail)) + 0.5) / len(tail)
            logs[tail] = np.minimum(np.log(_quantile(ranks, k, sigma) + math.exp(cutoff)), 0.0)
    return Smoothed(np.exp(logs - logsumexp(logs)), k)


def leave_one_out(log_likelihood: FloatArray, relative_efficiency: float = 1.0) -> LeaveOneOut:
    """PSIS-LOO (Vehtari, Gelman and Gabry 2017): each observation's weights are 1 over its likelihood.

    Parameters
    ----------
    log_likelihood
        (S, n).
    relative_efficiency
        As in :func:`smooth`.
    """
    size, count = log_likelihood.shape
    pointwise, shapes = np.empty(count), np.empty(count)
    for i in range(count):
        found = smooth(-log_likelihood[:, i], relative_efficiency)
        with np.errstate(divide="ignore"):
            pointwise[i] = logsumexp(np.log(found.weights) + log_likelihood[:, i])
        shapes[i] = found.k
    seen = float(np.sum(logsumexp(log_likelihood, axis=0) - math.log(size)))
    elpd = float(pointwise.sum())
    return LeaveOneOut(elpd, float(math.sqrt(count * np.var(pointwise))), seen - elpd, pointwise, shapes)


def fit_pareto(excess: FloatArray) -> tuple[float, float]:
    """Shape and scale of a generalized Pareto law, from excesses in ascending order.

    The profile likelihood of b = -k / sigma is averaged over a grid with the weights of Zhang and Stephens (2009,
    eqs. 5 to 8); the shape is then drawn a little towards 0.5.

    Examples
    --------
    >>> uniform = (np.arange(2_000) + 0.5) / 2_000
    >>> k, sigma = fit_pareto((uniform / (1.0 - uniform)))   # k = 1, sigma = 1
    >>> round(k, 1), round(sigma, 1)
    (1.0, 1.0)
    """
    size = len(excess)
    grid = 30 + int(math.sqrt(size))
    b = 1.0 / excess[-1] + (1.0 - np.sqrt(grid / (np.arange(1, grid + 1) - 0.5))) / (
        PRIOR_TAIL * excess[int(size / 4 + 0.5) - 1]
    )
    shape = np.log1p(-b[:, None] * excess).mean(axis=1)
    profile = size * (np.log(-b / shape) - shape - 1.0)
    weights = np.exp(profile - logsumexp(profile))
    kept = weights >= 10.0 * np.finfo(np.float64).eps
    mean_b = float(np.average(b[kept], weights=weights[kept]))
    k = float(np.log1p(-mean_b * excess).mean())
    return (size * k + PRIOR_SIZE * PRIOR_K) / (size + PRIOR_SIZE), -k / mean_b


def _quantile(share: FloatArray, k: float, sigma: float) -> FloatArray:
    """Quantiles of the generalized Pareto law."""
    logs = -np.log1p(-share)
    return np.asarray(sigma * (logs if abs(k) < np.finfo(np.float64).eps else np.expm1(k * logs) / k))
