"""Studies that nest in cities: against the dense likelihood, and its limits."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize

from evalkit.numerics.meta_analysis import pool
from evalkit.numerics.three_level import pool_nested
from evalkit.vocabulary import FloatArray, IntArray

SEARCH = 1e-4  # relative: two searches of one smooth function
SAME = 1e-6


def world(seed: int, between: float, within: float, cities: int = 8) -> tuple[FloatArray, FloatArray, IntArray]:
    rng = np.random.default_rng(seed)
    city = np.repeat(np.arange(cities), rng.integers(1, 6, cities))
    v = rng.uniform(0.01, 0.1, len(city))
    u = rng.normal(0.0, np.sqrt(between), cities)
    return 0.3 + u[city] + rng.normal(0.0, np.sqrt(within + v)), v, city


def dense(y: FloatArray, v: FloatArray, city: IntArray, between: float, within: float) -> tuple[float, float, float]:
    """Negative restricted log likelihood, mean and its error, with the whole covariance matrix."""
    covariance = np.diag(v + within) + between * (city[:, None] == city[None, :])
    inverse = np.linalg.inv(covariance)
    precision = inverse.sum()
    mean = inverse.sum(axis=0) @ y / precision
    left = y - mean
    value = 0.5 * (np.linalg.slogdet(covariance)[1] + np.log(precision) + left @ inverse @ left)
    return float(value), float(mean), float(precision**-0.5)


@pytest.mark.parametrize("seed", range(4))
def test_the_dense_likelihood_has_its_highest_point_there(seed: int) -> None:
    y, v, city = world(seed, 0.2, 0.05)
    found = pool_nested(y, v, city)
    value, mean, error = dense(y, v, city, found.between, found.within)
    assert (found.mean, found.std_error) == pytest.approx((mean, error), rel=SAME)

    def objective(x: FloatArray) -> float:
        return dense(y, v, city, float(x[0]), float(x[1]))[0]

    searched = optimize.minimize(objective, np.array([0.1, 0.1]), method="L-BFGS-B", bounds=[(0.0, 5.0)] * 2)
    assert value <= searched.fun + 1e-7
    assert searched.x == pytest.approx([found.between, found.within], rel=100 * SEARCH, abs=1e-3)


def test_without_differences_between_cities_it_is_the_two_level_model() -> None:
    rng = np.random.default_rng(4)
    city = np.repeat(np.arange(10), 2)
    v = rng.uniform(0.02, 0.05, 20)
    # the two studies of each city lie far apart around one mean, so cities are alike
    y = 1.0 + np.tile([-0.5, 0.5], 10) + rng.normal(0.0, 0.01, 20)
    found, flat = pool_nested(y, v, city), pool(y, v, adjustment="none")
    assert found.between == 0.0
    assert found.within == pytest.approx(flat.tau2, rel=SEARCH)
    assert found.mean == pytest.approx(flat.mean, rel=SEARCH)


def test_a_new_study_in_a_new_city_is_less_certain_than_the_mean() -> None:
    found = pool_nested(*world(7, 0.2, 0.05))
    assert found.prediction_low < found.low < found.mean < found.high < found.prediction_high


def test_the_interval_holds_the_mean_about_as_often_as_it_says() -> None:
    held = 0
    for seed in range(100, 200):
        found = pool_nested(*world(seed, 0.1, 0.03, cities=10), level=0.9)
        held += found.low <= 0.3 <= found.high
    assert 0.84 <= held / 100 <= 0.96


def test_one_study_a_city_cannot_tell_the_variances_apart() -> None:
    with pytest.raises(ValueError, match="one with 2 studies"):
        pool_nested(np.array([1.0, 2.0]), np.ones(2), np.array([0, 1]))
    with pytest.raises(ValueError, match="finite"):
        pool_nested(np.array([1.0, np.nan, 3.0]), np.ones(3), np.array([0, 0, 1]))
