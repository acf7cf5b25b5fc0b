"""R-hat and effective sample sizes of chains (Vehtari et al. 2021), in numpy: ArviZ takes seconds to import."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import fft, special, stats

from evalkit.vocabulary import FloatArray

TAIL = (0.05, 0.95)


@dataclass(frozen=True, slots=True)
class ChainFigures:
    """The worst over all quantities."""

    rhat_max: float
    ess_bulk_min: float
    ess_tail_min: float


def chain_figures(draws: FloatArray) -> ChainFigures:
    """Judge chains by every quantity that varies.

    Parameters
    ----------
    draws
        (C, S, Q) draws of Q quantities in C chains.

    Examples
    --------
    >>> figures = chain_figures(np.random.default_rng(0).standard_normal((4, 500, 2)))
    >>> figures.rhat_max < 1.01 and figures.ess_bulk_min > 1_500
    True
    """
    quantities = [draws[:, :, q] for q in range(draws.shape[2]) if np.ptp(draws[:, :, q]) > 0.0]
    if not quantities:
        return ChainFigures(1.0, float(draws[:, :, 0].size), float(draws[:, :, 0].size))
    return ChainFigures(
        max(rank_rhat(each) for each in quantities),
        min(bulk_ess(each) for each in quantities),
        min(tail_ess(each) for each in quantities),
    )


def rank_rhat(draws: FloatArray) -> float:
    """Larger of the rank-normalized split R-hats of the draws and of their distance from the median (eq. 14)."""
    split = _split(draws)
    return max(_rhat(_normal_scores(split)), _rhat(_normal_scores(np.abs(split - np.median(split)))))


def bulk_ess(draws: FloatArray) -> float:
    """Effective size for the centre of the distribution: of rank-normalized split chains."""
    return _ess(_normal_scores(_split(draws)))


def tail_ess(draws: FloatArray) -> float:
    """Effective size for its 5 % and 95 % quantiles, the smaller of both."""
    split = _split(draws)
    return min(_ess((split <= np.quantile(split, edge)).astype(np.float64)) for edge in TAIL)


def _split(draws: FloatArray) -> FloatArray:
    """Each chain in two halves."""
    half = draws.shape[1] // 2
    return np.concatenate([draws[:, :half], draws[:, draws.shape[1] - half :]])


def _normal_scores(draws: FloatArray) -> FloatArray:
    """Normal scores of the ranks over all chains."""
    ranks = stats.rankdata(draws, axis=None).reshape(draws.shape)
    return np.asarray(special.ndtri((ranks - 0.375) / (draws.size + 0.25)))


def _rhat(chains: FloatArray) -> float:
    length = chains.shape[1]
    within = chains.var(axis=1, ddof=1).mean()
    between = chains.mean(axis=1).var(ddof=1)
    return float(np.sqrt((length - 1.0) / length + between / within)) if within > 0.0 else 1.0


def _ess(chains: FloatArray) -> float:
    """Effective size by Geyer's initial monotone sequence of paired autocorrelations (eqs. 10 to 13)."""
    count, length = chains.shape
    covariance = _autocovariance(chains)
    within = covariance[:, 0].mean() * length / (length - 1.0)
    total = within * (length - 1.0) / length + chains.mean(axis=1).var(ddof=1)
    if not total > 0.0:
        return float(chains.size)
    correlation = 1.0 - (within - covariance.mean(axis=0)) / total
    correlation[0] = 1.0
    pairs = correlation[: length - length % 2].reshape(-1, 2).sum(axis=1)
    last = int(np.argmax(pairs < 0.0)) if (pairs < 0.0).any() else len(pairs)
    pairs = np.minimum.accumulate(pairs[: max(last, 1)])
    time = -1.0 + 2.0 * float(pairs.sum())
    return float(count * length / max(time, 1.0 / np.log10(count * length)))


def _autocovariance(chains: FloatArray) -> FloatArray:
    """(C, S) autocovariances at every lag, divided by the chain's length."""
    length = chains.shape[1]
    size = fft.next_fast_len(2 * length)
    centred = chains - chains.mean(axis=1, keepdims=True)
    spectrum = fft.rfft(centred, n=size, axis=1)
    return np.asarray(fft.irfft(spectrum * np.conjugate(spectrum), n=size, axis=1)[:, :length] / length)
