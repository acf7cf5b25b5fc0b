"""Draws of groups' levels, and intervals of scores."""

from __future__ import annotations

import numpy as np
import pytest

from evalkit.numerics.equality_score import percentage_scores, ratio_of, score_of, scores_of
from evalkit.numerics.score_draws import (
    Kind,
    average_interval,
    draw_levels,
    noise_alone,
    pooled_levels,
    ratio_interval,
    score_interval,
)

DRAWS = 20_000


@pytest.mark.parametrize(
    ("kind", "first", "second", "mean", "error"),
    [
        ("share", 300.0, 1_000.0, 0.3, np.sqrt(0.3 * 0.7 / 1_000)),
        ("rate", 400.0, 2_000.0, 0.2, np.sqrt(400.0) / 2_000),
        ("measurement", 79.0, 0.5, 79.0, 0.5),
    ],
)
def test_draws_have_the_mean_and_error_of_the_sampling_distribution(
    kind: Kind, first: float, second: float, mean: float, error: float
) -> None:
    drawn = draw_levels(kind, first, second, DRAWS, np.random.default_rng(0))
    assert drawn.mean() == pytest.approx(mean, abs=5.0 * error / np.sqrt(DRAWS) + 0.002)
    assert drawn.std() == pytest.approx(error, rel=0.03)


def test_a_group_without_events_is_drawn_above_zero() -> None:
    kinds: tuple[Kind, ...] = ("share", "rate")
    for kind in kinds:
        assert (draw_levels(kind, 0.0, 50.0, 100, np.random.default_rng(0)) > 0.0).all()


def test_the_ratio_interval_is_that_of_independent_logs() -> None:
    rng = np.random.default_rng(1)
    first, second = (draw_levels("rate", events, 1_000.0, DRAWS, rng) for events in (200.0, 100.0))
    low, high = ratio_interval(first, second, 0.95)
    half = 1.96 * np.sqrt(1 / 200 + 1 / 100)
    assert np.log([low, high]) == pytest.approx([np.log(2.0) - half, np.log(2.0) + half], abs=0.02)


def test_scores_have_the_published_anchor_points_and_the_order_of_groups_does_not_matter() -> None:
    anchors = {1.0: 100.0, 2.0: 40.0, 5.0: 20.0, 10.0: 1.0, 30.0: 1.0}
    assert {ratio: score_of(ratio) for ratio in anchors} == anchors
    levels = np.array(list(anchors))
    assert scores_of(levels, np.ones(5)).tolist() == list(anchors.values())
    assert scores_of(np.ones(5), levels).tolist() == list(anchors.values())


def test_life_expectancy_shows_why_the_gap_stands_beside_the_ratio() -> None:
    ratio = ratio_of(79.0, 68.0)
    assert ratio is not None
    assert ratio == pytest.approx(1.16, abs=0.005)
    assert score_of(ratio) > 90.0


def test_the_interval_of_a_score_reaches_equality_where_the_ratio_may_be_one() -> None:
    assert score_interval(0.9, 1.2) == pytest.approx((88.0, 100.0))
    assert score_interval(0.4, 0.8) == pytest.approx((score_of(2.5), score_of(1.25)))


def test_an_average_is_moved_back_by_twice_what_the_draws_add() -> None:
    drawn = np.random.default_rng(2).normal(47.5, 1.0, DRAWS)
    low, high = average_interval(48.0, drawn, 0.95)
    assert (low + high) / 2.0 == pytest.approx(2.0 * 48.0 - 47.5, abs=0.05)
    assert average_interval(48.0, np.full(9, 40.0), 0.95)[0] == 48.0, "the value itself is inside"


def test_equal_groups_score_below_one_hundred_the_smaller_they_are() -> None:
    rng = np.random.default_rng(3)
    means = [noise_alone("share", (0.1 * n, n), (0.1 * n, n), DRAWS, rng).mean() for n in (300, 3_000, 300_000)]
    assert means[0] < means[1] < means[2]
    assert means[0] == pytest.approx(86.0, abs=2.0)
    assert means[2] > 99.0


@pytest.mark.parametrize("kind", ["rate", "measurement"])
def test_noise_alone_is_the_score_of_pairs_drawn_from_one_level(kind: Kind) -> None:
    first, second = ((50.0, 500.0), (100.0, 1_000.0)) if kind == "rate" else ((10.0, 1.0), (10.0, 1.0))
    found = noise_alone(kind, first, second, DRAWS, np.random.default_rng(4))
    assert found.min() >= 1.0
    assert found.max() <= 100.0
    assert pooled_levels(kind, first, second) == pytest.approx(first[0] / 500.0 if kind == "rate" else 10.0)


def test_a_percentage_is_its_own_score() -> None:
    assert percentage_scores(np.array([0.4]), higher_better=True) == pytest.approx(40.0)
    assert percentage_scores(np.array([0.4]), higher_better=False) == pytest.approx(60.0)
