"""Equality scores, and the interval of a difference."""

from __future__ import annotations

import numpy as np
import pytest

from evalkit.numerics.equality_score import difference_interval, ratio_of, score_of


def test_scores_meet_the_published_anchor_points_and_fall_between_them() -> None:
    assert [score_of(ratio) for ratio in (1.0, 2.0, 5.0, 10.0, 50.0)] == [100.0, 40.0, 20.0, 1.0, 1.0]
    scores = [score_of(ratio) for ratio in np.linspace(1.0, 12.0, 60)]
    assert scores == sorted(scores, reverse=True)
    with pytest.raises(ValueError, match="1 or more"):
        score_of(0.5)


def test_a_ratio_does_not_depend_on_who_comes_first_and_needs_positive_levels() -> None:
    assert ratio_of(4.0, 8.0) == ratio_of(8.0, 4.0) == 2.0
    assert ratio_of(-1.0, 8.0) is None


def test_symmetric_intervals_join_as_standard_errors_do() -> None:
    value, low, high = difference_interval((1.0, 1.0 - 3.0, 1.0 + 3.0), (0.0, -4.0, 4.0))
    assert (value, low, high) == pytest.approx((1.0, -4.0, 6.0))


def test_the_interval_holds_the_difference_about_as_often_as_each_holds_its_own() -> None:
    rng = np.random.default_rng(2)
    z = 1.959963984540054
    first, second = rng.normal(2.0, 1.0, 4000), rng.normal(1.0, 0.5, 4000)
    held = 0
    for a, b in zip(first, second, strict=True):
        _, low, high = difference_interval((a, a - z, a + z), (b, b - 0.5 * z, b + 0.5 * z))
        held += low <= 1.0 <= high
    assert 0.94 <= held / 4000 <= 0.96


def test_shared_clusters_give_the_widest_interval_that_any_correlation_can() -> None:
    rng = np.random.default_rng(3)
    z = 1.959963984540054
    shock = rng.normal(0.0, 1.0, 4000)
    held = 0
    for e in shock:  # errors that mirror each other: the worst case
        a, b = 1.0 + e, -e
        _, low, high = difference_interval((a, a - z, a + z), (b, b - z, b + z), independent=False)
        held += low <= 1.0 <= high
    assert 0.94 <= held / 4000 <= 0.96
