"""Replications of a right model look like the data; a wrong model is found by the statistic that it gets wrong."""

from __future__ import annotations

import numpy as np
import pytest

from evalkit.numerics.predictive_checks import Compared, compare, neighbours, own_contrast
from evalkit.vocabulary import FloatArray

SERIES = 120


def autoregressive(rng: np.random.Generator, rho: float, size: int = SERIES) -> FloatArray:
    values = rng.standard_normal(size)
    for t in range(1, size):
        values[t] += rho * values[t - 1]
    return values


def test_independent_replications_of_a_series_with_memory_are_found() -> None:
    rng = np.random.default_rng(2)
    found = {
        each.name: each.p
        for each in compare(autoregressive(rng, 0.7), 1.4 * rng.standard_normal((300, SERIES)), np.arange(SERIES))
    }
    assert found["memory from one period to the next"] == 0.0
    assert 0.01 < found["spread"] < 0.99


def test_a_trend_that_the_model_has_is_not_taken_for_memory() -> None:
    rng = np.random.default_rng(4)
    trend = 0.5 * np.arange(SERIES)
    found = compare(trend + rng.standard_normal(SERIES), trend + rng.standard_normal((300, SERIES)), np.arange(SERIES))
    assert 0.01 < {each.name: each.p for each in found}["memory from one period to the next"] < 0.99


def test_ties_count_half() -> None:
    assert Compared("x", 1.0, np.array([0.0, 1.0, 1.0, 2.0])).p == pytest.approx(0.5)


def test_the_central_part_holds_its_share() -> None:
    compared = Compared("x", 0.0, np.linspace(-1.0, 1.0, 2_001))
    assert compared.central(0.9) == pytest.approx((-0.9, 0.9))
    assert compared.inside(0.9)
    assert not Compared("x", 0.95, compared.replicated).inside(0.9)


def test_neighbours_are_of_one_series_and_of_periods_that_follow() -> None:
    period, series = np.array([1, 2, 4, 1, 2]), np.array([0, 0, 0, 1, 1])
    first, second = neighbours(period, series)
    assert list(zip(first.tolist(), second.tolist(), strict=True)) == [(0, 1), (3, 4)]


def test_observations_of_unknown_series_have_no_neighbours() -> None:
    first, _ = neighbours(np.array([1, 1, 2, 2]), None)
    assert not first.size
    found = compare(np.zeros(4), np.zeros((3, 4)), np.array([1, 1, 2, 2]))
    assert "memory from one period to the next" not in [each.name for each in found]


def test_the_own_statistic_compares_treated_observations_with_the_others() -> None:
    named = own_contrast(np.array([0, 1, 0, 1]), np.array([True, False, True, True]))
    assert named is not None
    assert named[1] == pytest.approx([-1 / 3, 1.0, -1 / 3, -1 / 3])


def test_the_own_statistic_of_the_time_before_the_start_is_its_last_quarter() -> None:
    named = own_contrast(np.arange(8), np.ones(8, dtype=bool))
    assert named is not None
    words, weights = named
    assert "last quarter" in words
    assert weights @ np.array([0, 0, 0, 0, 0, 0, 4, 4.0]) == pytest.approx(4.0)


@pytest.mark.parametrize(("period", "before"), [(np.arange(3), np.ones(3, bool)), (np.arange(3), np.zeros(3, bool))])
def test_too_few_periods_or_no_time_before_have_no_own_statistic(
    period: FloatArray, before: np.typing.NDArray[np.bool_]
) -> None:
    assert own_contrast(period.astype(np.int64), before) is None
