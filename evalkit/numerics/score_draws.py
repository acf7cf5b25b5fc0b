"""How sure scores are: levels of groups drawn from their sampling distributions, and intervals of averaged scores.

A score falls with the distance between two groups, whichever is ahead. Sampling noise therefore adds distance where
groups are alike, and draws around an estimate add it a second time. Intervals of averages are moved back by twice what
the draws add; the interval of a single score is the image of that of the ratio, which needs no correction.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from evalkit.numerics.equality_score import RATIOS, SCORES
from evalkit.vocabulary import FloatArray

Kind = Literal["share", "rate", "measurement", "percentage"]


def draw_levels(kind: Kind, first: float, second: float, size: int, rng: np.random.Generator) -> FloatArray:
    """(size,) draws of one group's level.

    Parameters
    ----------
    kind
        Shares and percentages: Beta(x + 1/2, n - x + 1/2); rates: Gamma(x + 1/2) / n, the posteriors under Jeffreys'
        priors, whose draws are above 0; measurements: normal.
    first, second
        Count and what it is out of; or value and standard error.
    size
        How many.
    rng
        Source of randomness.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> draws = draw_levels("share", 30, 100, 20_000, rng)
    >>> round(float(draws.mean()), 2), round(float(draws.std()), 3)
    (0.3, 0.045)
    """
    if kind in ("share", "percentage"):
        return rng.beta(first + 0.5, second - first + 0.5, size)
    if kind == "rate":
        return rng.standard_gamma(first + 0.5, size) / second
    return rng.normal(first, second, size)


def ratio_interval(first: FloatArray, second: FloatArray, level: float) -> tuple[float, float]:
    """Interval of first / second from draws above 0."""
    tail = (1.0 - level) / 2.0
    low, high = np.quantile(np.log(first) - np.log(second), [tail, 1.0 - tail])
    return float(np.exp(low)), float(np.exp(high))


def score_interval(ratio_low: float, ratio_high: float) -> tuple[float, float]:
    """Scores that the ratios in an interval can have: 100 where it holds 1.

    Examples
    --------
    >>> score_interval(0.8, 2.0), score_interval(2.0, 5.0), score_interval(0.2, 0.5)
    ((40.0, 100.0), (20.0, 40.0), (20.0, 40.0))
    """
    ends = sorted(max(ratio, 1.0 / ratio) for ratio in (ratio_low, ratio_high))
    nearest = 1.0 if ratio_low <= 1.0 <= ratio_high else ends[0]
    low, high = np.interp([ends[1], nearest], RATIOS, SCORES)
    return float(low), float(high)


def average_interval(value: float, drawn: FloatArray, level: float) -> tuple[float, float]:
    """Interval of an average of scores, or of a difference of averages, around its value.

    The value misses the truth by about what the draws miss the value by (their mean less the value): the quantiles of
    the draws are moved back by twice that. The value itself is always inside.

    Examples
    --------
    >>> average_interval(50.0, np.linspace(38.0, 58.0, 2001), 0.9)
    (43.0, 61.0)
    """
    tail = (1.0 - level) / 2.0
    low, high = np.quantile(drawn, [tail, 1.0 - tail]) + 2.0 * (value - drawn.mean())
    return float(min(low, value)), float(max(high, value))


def pooled_levels(kind: Kind, first: tuple[float, float], second: tuple[float, float]) -> float:
    """The level that both groups have if there is no difference between them.

    Examples
    --------
    >>> pooled_levels("share", (10, 100), (40, 100)), pooled_levels("measurement", (2.0, 1.0), (5.0, 1.0))
    (0.25, 3.5)
    """
    (a, n), (b, m) = first, second
    if kind == "measurement":
        weights = 1.0 / np.array([n, m]) ** 2
        return float(np.average([a, b], weights=weights))
    return (a + b) / (n + m)


def noise_alone(
    kind: Kind, first: tuple[float, float], second: tuple[float, float], size: int, rng: np.random.Generator
) -> FloatArray:
    """(size,) scores that samples as large as these would have if the two groups were equal."""
    level = pooled_levels(kind, first, second)
    n, m = first[1], second[1]
    if kind == "measurement":
        drawn = [rng.normal(level, error, size) for error in (n, m)]
    elif kind == "rate":
        drawn = [np.maximum(rng.poisson(level * out_of, size), 0.5) / out_of for out_of in (n, m)]
    else:
        drawn = [np.maximum(rng.binomial(round(out_of), level, size), 0.5) / out_of for out_of in (n, m)]
    one, two = (np.maximum(each, 1e-300) for each in drawn)
    return np.asarray(np.interp(np.maximum(one, two) / np.minimum(one, two), RATIOS, SCORES))
