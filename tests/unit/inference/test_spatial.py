"""Distances on the globe, and what lies within them."""

from __future__ import annotations

import numpy as np
import pytest

from evalkit.inference.spatial import Kernel, haversine_km, nearness


@pytest.mark.parametrize("kernel", ["bartlett", "uniform"])
def test_nearness_equals_all_pairs(kernel: Kernel) -> None:
    rng = np.random.default_rng(1)
    latitude, longitude = rng.uniform(-80.0, 80.0, 200), rng.uniform(-180.0, 180.0, 200)
    distance = haversine_km(latitude[:, None], longitude[:, None], latitude[None, :], longitude[None, :])
    weight = np.where(distance < 2_000.0, 1.0 - distance / 2_000.0 if kernel == "bartlett" else 1.0, 0.0)
    np.testing.assert_allclose(nearness(latitude, longitude, 2_000.0, kernel).toarray(), weight, atol=1e-12)


def test_the_date_line_is_no_border() -> None:
    near = nearness(np.zeros(2), np.array([179.9, -179.9]), 30.0, "uniform").toarray()
    assert near.tolist() == [[1.0, 1.0], [1.0, 1.0]]


def test_units_in_one_place_count_in_full() -> None:
    assert nearness(np.full(3, 10.0), np.full(3, 20.0), 1.0, "bartlett").toarray().tolist() == [[1.0] * 3] * 3


def test_half_the_globe_away_is_half_its_girth() -> None:
    assert haversine_km(np.zeros(1), np.zeros(1), np.zeros(1), np.full(1, 180.0))[0] == pytest.approx(20_015.1, abs=0.1)
