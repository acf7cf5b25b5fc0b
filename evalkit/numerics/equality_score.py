"""Equality-indicator scores: how far one group's level is from another's, on a scale from 1 to 100.

Anchor points as the Equality Indicators method publishes them (City University of New York, used by Tulsa and others):
a ratio of 1 scores 100, 2 scores 40, 5 scores 20, 10 or more scores 1. Between them the score is interpolated linearly
in the ratio, which the published method does not spell out: scores are approximate.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from evalkit.vocabulary import FloatArray

RATIOS: Final = (1.0, 2.0, 5.0, 10.0)
SCORES: Final = (100.0, 40.0, 20.0, 1.0)


def ratio_of(first: float, second: float) -> float | None:
    """The larger level over the smaller one; None where either is not above 0.

    Examples
    --------
    >>> ratio_of(3.0, 6.0), ratio_of(6.0, 3.0), ratio_of(0.0, 3.0)
    (2.0, 2.0, None)
    """
    if not (first > 0.0 and second > 0.0):
        return None
    return max(first, second) / min(first, second)


def score_of(ratio: float) -> float:
    """Score of a ratio of 1 or more.

    Examples
    --------
    >>> [score_of(ratio) for ratio in (1.0, 1.5, 2.0, 3.5, 5.0, 10.0, 80.0)]
    [100.0, 70.0, 40.0, 30.0, 20.0, 1.0, 1.0]
    """
    if not ratio >= 1.0:
        raise ValueError(f"a ratio of the larger to the smaller level is 1 or more; got {ratio}")
    return float(np.interp(ratio, RATIOS, SCORES))


def scores_of(first: FloatArray, second: FloatArray) -> FloatArray:
    """Scores of pairs of levels above 0, of any shape.

    Examples
    --------
    >>> scores_of(np.array([3.0, 3.0]), np.array([6.0, 3.0])).tolist()
    [40.0, 100.0]
    """
    ratio = np.maximum(first, second) / np.minimum(first, second)
    return np.asarray(np.interp(ratio, RATIOS, SCORES))


def percentage_scores(share: FloatArray, *, higher_better: bool) -> FloatArray:
    """Scores of shares of the whole city: the per cent itself, or what is left of it, 1 at least.

    Examples
    --------
    >>> percentage_scores(np.array([0.4, 0.0]), higher_better=True).tolist()
    [40.0, 1.0]
    >>> percentage_scores(np.array([0.4]), higher_better=False).tolist()
    [60.0]
    """
    return np.asarray(np.maximum(100.0 * (share if higher_better else 1.0 - share), 1.0))


def difference_interval(
    first: Sequence[float] | FloatArray, second: Sequence[float] | FloatArray, *, independent: bool = True
) -> tuple[float, float, float]:
    """First less second, each given as (value, low, high), with an interval at the same level.

    Independent estimates: the limits are recovered from each one's own (Zou and Donner 2008, eq. 7), so that lopsided
    intervals keep their shape. Estimates that share clusters: the distances are added up, the widest they can be
    whatever the correlation.

    Examples
    --------
    >>> [round(x, 3) for x in difference_interval((5.0, 2.0, 8.0), (1.0, -3.0, 5.0))]
    [4.0, -1.0, 9.0]
    >>> difference_interval((5.0, 2.0, 8.0), (1.0, -3.0, 5.0), independent=False)
    (4.0, -3.0, 11.0)
    """
    (a, low_a, high_a), (b, low_b, high_b) = first, second
    down, up = (a - low_a, high_b - b), (high_a - a, b - low_b)
    join = np.hypot if independent else np.add
    return float(a - b), float(a - b - join(*down)), float(a - b + join(*up))
