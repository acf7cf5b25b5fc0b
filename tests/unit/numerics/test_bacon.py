"""The share of forbidden comparisons against the full Goodman-Bacon decomposition, looped."""

from __future__ import annotations

import itertools

import numpy as np

from evalkit.numerics.bacon import forbidden_share
from evalkit.numerics.demean import two_way_demean
from evalkit.vocabulary import FloatArray

TOLERANCE = 1e-10


def decomposition(y: FloatArray, start: FloatArray) -> tuple[float, float]:
    """Weighted sum of all two-by-two estimates, and the weight on already-treated comparisons.

    Goodman-Bacon (2021), theorem 1: `start` is the first treated column, T for never, 0 for always.
    """
    n, t = y.shape
    total = value = forbidden = 0.0
    columns = np.arange(t)
    for k, c in itertools.permutations(np.unique(start), 2):
        if k in (0, t):
            continue
        treated, comparison = start == k, start == c
        window = columns < c if k < c else columns >= c
        post = window & (columns >= k)
        pre = window & (columns < k)
        if not post.any() or not pre.any():
            continue
        gap = y[treated].mean(axis=0) - y[comparison].mean(axis=0)
        did = gap[post].mean() - gap[pre].mean()
        share = (treated.sum() + comparison.sum()) / n
        mix = treated.sum() / (treated.sum() + comparison.sum())
        length = window.mean()
        inside = post.sum() / window.sum()
        weight = (share * length) ** 2 * mix * (1 - mix) * inside * (1 - inside)
        total += weight
        value += weight * did
        forbidden += weight * (c < k)
    return value / total, forbidden / total


def test_weights_reproduce_the_coefficient_and_the_forbidden_share() -> None:
    rng = np.random.default_rng(4)
    t = 9
    start = np.repeat([0, 3, 5, 7, t], [4, 6, 9, 5, 8]).astype(np.float64)
    y = rng.standard_normal((len(start), t)).cumsum(axis=1)
    treated = (np.arange(t)[None, :] >= start[:, None]).astype(np.float64)
    demeaned = two_way_demean(treated, np.ones_like(y))
    coefficient = float((demeaned * y).sum() / (demeaned * treated).sum())
    value, forbidden = decomposition(y, start)
    assert abs(value - coefficient) < TOLERANCE
    groups, size = np.unique(start, return_counts=True)
    assert abs(forbidden_share(size / size.sum(), 1.0 - groups / t) - forbidden) < TOLERANCE


def test_one_start_and_never_treated_units_leave_nothing_forbidden() -> None:
    assert forbidden_share(np.array([0.2, 0.8]), np.array([0.5, 0.0])) == 0.0
