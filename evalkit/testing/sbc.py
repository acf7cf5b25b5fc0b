"""Simulation-based calibration: does a posterior rank the truth as often low as high?

Where the truth is drawn from the prior and data from the truth, the truth is one more draw from the
posterior: its rank among L independent draws is uniform on 0, 1, ..., L (Talts, Betancourt, Simpson, Vehtari and
Gelman 2018, theorem 1). Uniformity is judged by the ECDF of the ranks inside a simultaneous band (Säilynoja, Bürkner
and Vehtari 2022), whose coverage is computed exactly: under uniformity the ECDF's counts are a Markov chain with
binomial steps, and the fractions at which they are read are among those at which ranks can change.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special, stats

from evalkit.vocabulary import FloatArray, IntArray

MOST_POINTS = 100
"""Fractions at which a band is read; more of them cost time and gain no power."""
BISECTIONS = 40

Simulate = Callable[[np.random.Generator], tuple[FloatArray, Any]]
Fit = Callable[[Any, np.random.Generator], FloatArray]


@dataclass(frozen=True, slots=True)
class Band:
    """Where the ECDF of R uniform ranks stays, at all K fractions at once, with at least the stated probability.

    Attributes
    ----------
    at
        (K,) fractions z, multiples of 1 / (L + 1).
    low, high
        (K,) ends of the band, as fractions of the R ranks.
    level
        Asked for.
    attained
        Exact probability that the ECDF of uniform ranks stays inside: at least `level`, as counts are whole numbers.
    """

    at: FloatArray
    low: FloatArray
    high: FloatArray
    level: float
    attained: float


@dataclass(frozen=True, slots=True)
class Uniformity:
    """Whether the ranks of Q quantities are uniform.

    Attributes
    ----------
    passes
        True where no quantity leaves its band.
    outside
        (Q,) largest distance of the ECDF beyond the band, as a share of the ranks; 0 inside.
    ecdf
        (K, Q) at the band's fractions.
    band
        Simultaneous over the fractions, and by Bonferroni's inequality over the quantities.
    names
        (Q,) of the quantities.
    """

    passes: bool
    outside: FloatArray
    ecdf: FloatArray
    band: Band
    names: tuple[str, ...]

    def raise_if_not(self) -> None:
        """Raise AssertionError that names the quantities whose ranks are not uniform, and how they stray."""
        found = [
            f"{name}: {_strays(self.ecdf[:, q], self.band)}, {100.0 * beyond:.1f} % of the ranks beyond the band"
            for q, (name, beyond) in enumerate(zip(self.names, self.outside, strict=True))
            if beyond > 0.0
        ]
        if found:
            raise AssertionError("Ranks are not uniform:\n" + "\n".join(found))


def sbc_ranks(simulate: Simulate, fit: Fit, *, n_fits: int, n_draws: int, seed: int) -> IntArray:
    """Ranks of the truth among the draws of its posterior, one row a simulated data set.

    Parameters
    ----------
    simulate
        Given a source of randomness: the true values (Q,), drawn from the prior, and data drawn from them. A
        quantity may be anything that can be computed from parameters and data: an effect, a scale, the log
        likelihood (which finds errors that parameters hide: Modrák et al. 2023).
    fit
        Given data and a source of randomness: (S, Q) draws of the same quantities, S at least `n_draws`.
    n_fits
        R, data sets; 200 or more are needed to see anything.
    n_draws
        L, draws that the truth is ranked among, taken at equal steps from the S: keep it so small that the draws
        taken are near to independent, or the ranks of a right posterior stray as well. L + 1 with many divisors
        (99, 199) makes the band's fractions even.
    seed
        Each fit has its own stream, so that the ranks of the first fits do not depend on `n_fits`.

    Returns
    -------
    ndarray
        (R, Q) ranks from 0 to L; ties are broken at random.

    Raises
    ------
    ValueError
        When a fit has too few draws, or quantities other than those simulated, or a draw is not finite.

    Examples
    --------
    A normal mean with prior N(0, 1) and one observation with error 1:

    >>> def simulate(rng):
    ...     mean = rng.standard_normal(1)
    ...     return mean, mean + rng.standard_normal(1)
    >>> def posterior(seen, rng):
    ...     return seen / 2.0 + np.sqrt(0.5) * rng.standard_normal((99, 1))
    >>> ranks = sbc_ranks(simulate, posterior, n_fits=200, n_draws=99, seed=1)
    >>> uniform(ranks, 99).passes
    True
    >>> narrow = sbc_ranks(simulate, lambda seen, rng: seen / 2.0 + 0.4 * rng.standard_normal((99, 1)),
    ...                    n_fits=200, n_draws=99, seed=1)
    >>> uniform(narrow, 99).passes
    False
    """
    rows: list[IntArray] = []
    for stream in np.random.SeedSequence(seed).spawn(n_fits):
        rng = np.random.default_rng(stream)
        truth, data = simulate(rng)
        true = np.atleast_1d(np.asarray(truth, dtype=np.float64))
        rows.append(_ranks(true, np.asarray(fit(data, rng), dtype=np.float64), n_draws, rng))
    return np.stack(rows)


def uniform(ranks: IntArray, n_draws: int, level: float = 0.95, names: Sequence[str] = ()) -> Uniformity:
    """Hold ranks against the simultaneous band.

    Parameters
    ----------
    ranks
        (R, Q) or (R,) from :func:`sbc_ranks`.
    n_draws
        L, as it was there.
    level
        Probability with which a right posterior passes, all quantities taken together. A test that runs on
        every change should use 0.999 or so; one that is read by a person, 0.95.
    names
        (Q,) for the message; numbers by default.
    """
    table = ranks[:, None] if ranks.ndim == 1 else ranks
    n_fits, count = table.shape
    if table.min() < 0 or table.max() > n_draws:
        raise ValueError(f"ranks must lie between 0 and n_draws = {n_draws}; got {table.min()} to {table.max()}")
    band = ecdf_band(n_fits, n_draws, 1.0 - (1.0 - level) / count)
    steps = np.rint(band.at * (n_draws + 1)).astype(np.int64)
    ecdf = (table[None, :, :] < steps[:, None, None]).mean(axis=1)
    beyond = np.maximum(ecdf - band.high[:, None], band.low[:, None] - ecdf)
    outside = np.where(beyond > 1e-12, beyond, 0.0).max(axis=0)
    called = tuple(names) or tuple(f"quantity {q + 1}" for q in range(count))
    return Uniformity(bool((outside == 0.0).all()), outside, ecdf, band, called)


def central_coverage(ranks: IntArray, n_draws: int, level: float = 0.9) -> FloatArray:
    """(Q,) share of the truths inside the central `level` interval of their posterior.

    A rank that only partly belongs to the interval counts with the part that does, so that uniform ranks give
    `level` on average whatever the number of draws.

    Examples
    --------
    >>> central_coverage(np.arange(100), 99, 0.9).round(10)
    array([0.9])
    """
    table = ranks[:, None] if ranks.ndim == 1 else ranks
    width, edge = 1.0 / (n_draws + 1), (1.0 - level) / 2.0
    low, high = table * width, (table + 1) * width
    inside = np.clip(np.minimum(high, 1.0 - edge) - np.maximum(low, edge), 0.0, width) / width
    return np.asarray(inside.mean(axis=0))


def ecdf_band(n_fits: int, n_draws: int, level: float = 0.95) -> Band:
    """The narrowest band of equal pointwise probability in which uniform ranks stay with the stated probability.

    Parameters
    ----------
    n_fits
        R, ranks.
    n_draws
        L; ranks run from 0 to L.
    level
        Of the band over all fractions at once. The band attains at least this much.

    Examples
    --------
    >>> band = ecdf_band(200, 99, 0.95)
    >>> middle = len(band.at) // 2
    >>> float(band.at[middle]), float(band.low[middle]), float(band.high[middle])
    (0.5, 0.395, 0.605)
    """
    at = _fractions(n_draws)
    inside, outside = 0.0, 1.0 - level  # pointwise tail shares: with the first all stay, with the second too few
    for _ in range(BISECTIONS):
        middle = (inside + outside) / 2.0
        inside, outside = (middle, outside) if _stays(n_fits, at, middle) >= level else (inside, middle)
    low, high = _pointwise(n_fits, at, inside)
    return Band(at, low / n_fits, high / n_fits, level, _stays(n_fits, at, inside))


def _fractions(n_draws: int) -> FloatArray:
    """Multiples of 1 / (L + 1) inside (0, 1), at most `MOST_POINTS` of them, evenly spread."""
    steps = np.unique(np.rint(np.linspace(0, n_draws + 1, min(n_draws, MOST_POINTS - 1) + 2)).astype(np.int64))
    return np.asarray(steps[1:-1] / (n_draws + 1))


def _pointwise(n_fits: int, at: FloatArray, tail: float) -> tuple[IntArray, IntArray]:
    """(K,) least and largest count with at most `tail` / 2 of the probability beyond either."""
    low = np.asarray(stats.binom.ppf(tail / 2.0, n_fits, at))
    high = np.asarray(stats.binom.isf(tail / 2.0, n_fits, at))
    return low.astype(np.int64), high.astype(np.int64)


def _stays(n_fits: int, at: FloatArray, tail: float) -> float:
    """Probability that the counts of uniform ranks stay within the pointwise bounds at every fraction.

    Given x ranks below z, those below the next z' are x + Binomial(R - x, (z' - z) / (1 - z)).
    """
    low, high = _pointwise(n_fits, at, tail)
    log_factorial = special.gammaln(np.arange(n_fits + 1) + 1.0)
    count, chance, before = np.array([0]), np.array([1.0]), 0.0
    for z, least, most in zip(at, low, high, strict=True):
        after = np.arange(least, most + 1)
        step = (z - before) / (1.0 - before)
        more, left = after - count[:, None], n_fits - count[:, None]
        possible = np.clip(more, 0, left)
        log_chance = (
            log_factorial[left] - log_factorial[possible] - log_factorial[left - possible]
            + possible * np.log(step) + (left - possible) * np.log1p(-step)
        )  # fmt: skip
        chance = chance @ np.where(more == possible, np.exp(log_chance), 0.0)
        count, before = after, float(z)
    return float(chance.sum())


def _ranks(truth: FloatArray, draws: FloatArray, n_draws: int, rng: np.random.Generator) -> IntArray:
    """(Q,) draws below the truth, ties broken at random."""
    table = draws[:, None] if draws.ndim == 1 else draws
    if table.ndim != 2 or table.shape[1] != len(truth) or len(table) < n_draws:
        raise ValueError(f"draws must be (S, {len(truth)}) with S at least {n_draws}; got {table.shape}")
    if not (np.isfinite(table).all() and np.isfinite(truth).all()):
        raise ValueError("a true value or a draw is not finite")
    taken = table[np.linspace(0, len(table) - 1, n_draws).astype(np.int64)]
    ties = (taken == truth).sum(axis=0)
    return np.asarray((taken < truth).sum(axis=0) + rng.integers(0, ties + 1), dtype=np.int64)


def _strays(ecdf: FloatArray, band: Band) -> str:
    """In words, what a departure looks like; too many ranks at both ends mean a posterior that is too narrow."""
    gap = ecdf - band.at
    middle = len(gap) // 2
    early, late = (half[np.argmax(np.abs(half))] for half in (gap[: middle + 1], gap[middle:]))
    if early > 0.0 > late:
        return "too many ranks at both ends (the posterior is too narrow)"
    if early < 0.0 < late:
        return "too many ranks in the middle (the posterior is too wide)"
    if early + late > 0.0:
        return "too many low ranks (the posterior lies too high)"
    return "too many high ranks (the posterior lies too low)"
