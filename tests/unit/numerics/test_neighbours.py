from __future__ import annotations

import numpy as np

from evalkit.numerics.neighbours import great_circle_km, nearest

ROUNDED = 0.01
"""The published distance takes the earth's radius as 6,371.0 km."""


def test_the_distance_between_two_airports_is_the_published_one() -> None:
    """Nashville to Los Angeles, 2,886.444 km: the example of the haversine formula on Rosetta Code."""
    latitude, longitude = np.array([36.12, 33.94]), np.array([-86.67, -118.40])
    found = great_circle_km(latitude, longitude, np.array([True, False]))[:, 0]
    np.testing.assert_allclose(found, [0.0, 2886.444], atol=ROUNDED)


def test_the_date_line_is_crossed_the_short_way() -> None:
    found = great_circle_km(np.zeros(2), np.array([179.5, -179.5]), np.array([True, False]))
    np.testing.assert_allclose(found[1, 0], 111.2, atol=0.1)


def test_of_two_as_near_the_earlier_start_counts() -> None:
    distance = np.array([[1.0, 1.0, 5.0], [9.0, 2.0, 3.0]])
    shortest, start = nearest(distance, np.array([7, 4, 1]))
    assert shortest.tolist() == [1.0, 2.0]
    assert start.tolist() == [4, 4]
