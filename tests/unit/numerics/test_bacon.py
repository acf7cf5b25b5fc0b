"""The Goodman-Bacon decomposition against its loops and against the regression that it decomposes."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from evalkit.numerics.bacon import Decomposition, comparison_weights, decompose, forbidden_share
from evalkit.numerics.demean import two_way_demean
from evalkit.vocabulary import FloatArray, IntArray

TOLERANCE = 1e-10
"""Rounding of sums over a few hundred numbers near 1."""
T = 9
START = np.repeat([0, 3, 5, 7, T], [4, 6, 9, 5, 8])


def oracle(y: FloatArray, start: IntArray, weight: FloatArray) -> dict[tuple[int, int], tuple[float, float]]:
    """Weight and two-by-two estimate of each pair of starts, by theorem 1 of Goodman-Bacon (2021), looped."""
    t = y.shape[1]
    columns = np.arange(t)
    found: dict[tuple[int, int], tuple[float, float]] = {}
    for k, c in itertools.permutations(np.unique(start).tolist(), 2):
        if k in (0, t):
            continue
        treated, comparison = start == k, start == c
        window = columns < c if k < c else columns >= c
        post, pre = window & (columns >= k), window & (columns < k)
        if not post.any() or not pre.any():
            continue
        arms = [np.average(y[arm], axis=0, weights=weight[arm]) for arm in (treated, comparison)]
        gap = arms[0] - arms[1]
        n_k, n_c = weight[treated].sum(), weight[comparison].sum()
        share, mix, inside = (n_k + n_c) / weight.sum(), n_k / (n_k + n_c), post.sum() / window.sum()
        size = (share * window.mean()) ** 2 * mix * (1 - mix) * inside * (1 - inside)
        found[k, c] = (float(size), float(gap[post].mean() - gap[pre].mean()))
    total = sum(size for size, _ in found.values())
    return {pair: (size / total, estimate) for pair, (size, estimate) in found.items()}


def static_coefficient(y: FloatArray, start: IntArray, weight: FloatArray) -> float:
    """Least squares on unit and period effects."""
    treated = (np.arange(y.shape[1])[None, :] >= start[:, None]).astype(np.float64)
    cells = np.broadcast_to(weight[:, None], y.shape).copy()
    demeaned = two_way_demean(treated, cells)
    return float((cells * demeaned * y).sum() / (cells * demeaned * treated).sum())


def decomposed(y: FloatArray, start: IntArray, weight: FloatArray) -> tuple[Decomposition, IntArray]:
    groups, member = np.unique(start, return_inverse=True)
    means = np.stack([np.average(y[member == g], axis=0, weights=weight[member == g]) for g in range(len(groups))])
    return decompose(means, np.bincount(member, weight) / weight.sum(), groups), groups


@pytest.mark.parametrize("groups", [[3, 5, 7, T], [3, 7], [0, 3, 5], [0, 3, 5, 7, T], [4, T]])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_weighted_sum_is_the_static_coefficient(groups: list[int], weighted: bool) -> None:
    rng = np.random.default_rng(4)
    start = START[np.isin(START, groups)] if groups != [4, T] else np.repeat([4, T], 5)
    y = rng.standard_normal((len(start), T)).cumsum(axis=1)
    weight = rng.uniform(0.5, 2.0, len(start)) if weighted else np.ones(len(start))
    made, _ = decomposed(y, start, weight)
    assert abs(made.weight.sum() - 1.0) < TOLERANCE
    assert abs(made.coefficient - static_coefficient(y, start, weight)) < TOLERANCE


def test_each_comparison_has_the_weight_and_estimate_of_the_theorem() -> None:
    rng = np.random.default_rng(5)
    y, weight = rng.standard_normal((len(START), T)), rng.uniform(0.5, 2.0, len(START))
    made, groups = decomposed(y, START, weight)
    expected = oracle(y, START, weight)
    pairs = [(int(groups[k]), int(groups[c])) for k, c in zip(made.treated, made.comparison, strict=True)]
    assert sorted(pairs) == sorted(expected)
    for pair, size, estimate, forbidden in zip(pairs, made.weight, made.estimate, made.forbidden, strict=True):
        assert (size, estimate) == pytest.approx(expected[pair], abs=TOLERANCE)
        assert forbidden == (pair[1] < pair[0])
    share = forbidden_share(
        np.bincount(np.unique(START, return_inverse=True)[1], weight).astype(np.float64), 1.0 - groups / T
    )
    assert abs(share - made.share(made.forbidden)) < TOLERANCE


def test_one_start_and_never_treated_units_leave_nothing_forbidden() -> None:
    assert forbidden_share(np.array([0.2, 0.8]), np.array([0.5, 0.0])) == 0.0


def test_treatment_that_does_not_vary_has_no_comparison() -> None:
    assert not comparison_weights(np.array([0.4, 0.6]), np.array([0.0, 1.0])).any()
    assert not comparison_weights(np.array([1.0]), np.array([0.5])).any()


def test_the_average_of_no_comparison_is_none() -> None:
    made = decompose(np.array([[0.0, 0.0, 3.0], [0.0, 1.0, 1.0]]), np.array([0.5, 0.5]), np.array([2, 3]))
    assert made.average(made.forbidden) is None
