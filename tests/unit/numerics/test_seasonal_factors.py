"""What a season adds or multiplies by: recovered exactly from series without noise, beside a trend."""

from __future__ import annotations

import numpy as np
import pytest

from evalkit.numerics.seasonal_factors import added, factors

SEASON = np.array([-2.0, 1.0, 0.5, 0.5])
FACTORS = np.array([0.5, 1.2, 1.1, 1.2])
EXACT = 1e-9
DRIFT = 0.01
"""Events are compared with the mean of a season around them, which a bend in the trend moves a little."""


def test_what_a_season_adds_is_found_beside_a_trend() -> None:
    place = np.arange(24) % 4
    value = 5.0 + 0.3 * np.arange(24) + SEASON[place]
    assert added(value, place, 4, np.arange(24) < 16) == pytest.approx(SEASON[place], abs=EXACT)


def test_factors_are_found_beside_a_trend_and_average_one() -> None:
    place = np.arange(40) % 4
    exposure = np.linspace(1_000.0, 2_000.0, 40)
    count = exposure * (0.1 - 0.001 * np.arange(40)) * FACTORS[place]
    found = factors(count, exposure, place, 4, np.ones(40, dtype=bool))
    assert found == pytest.approx(FACTORS[place], abs=DRIFT)
    assert found[:4].mean() == pytest.approx(1.0)


def test_periods_after_the_baseline_change_nothing() -> None:
    place = np.arange(24) % 4
    count = 100.0 * FACTORS[place]
    wild = np.where(np.arange(24) < 16, count, 7.0)
    baseline = np.arange(24) < 16
    first, second = (factors(each, np.ones(24), place, 4, baseline) for each in (count, wild))
    assert first == pytest.approx(second)


def test_a_place_without_data_is_named() -> None:
    place = np.arange(12) % 4
    with pytest.raises(ValueError, match="place 3 of 4"):
        added(np.where(place == 2, np.nan, 1.0 * np.arange(12)), place, 4, np.ones(12, dtype=bool))
    with pytest.raises(ValueError, match="place 1 of 4"):
        factors(np.where(place == 0, 0.0, 5.0), np.ones(12), place, 4, np.ones(12, dtype=bool))


def test_less_than_one_season_around_a_period_is_compared_with_the_mean_of_all() -> None:
    """Four quarters, one season: no window of five, so each quarter's rate stands over the mean rate."""
    count, people = np.array([10.0, 30.0, 20.0, 40.0]), np.array([100.0, 100.0, 200.0, 200.0])
    rate = count / people
    found = factors(count, people, np.arange(4), 4, np.ones(4, dtype=bool))
    np.testing.assert_allclose(found, rate / rate.mean())
