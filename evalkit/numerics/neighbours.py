"""How far each place is from the nearest treated one."""

from __future__ import annotations

import numpy as np

from evalkit.vocabulary import BoolArray, FloatArray, IntArray

EARTH_RADIUS_KM = 6371.0088
"""Mean radius of the earth (IUGG)."""


def great_circle_km(latitude: FloatArray, longitude: FloatArray, other: BoolArray) -> FloatArray:
    """(N, M) great-circle distances in km from each place to the M places in `other` (haversine formula).

    Parameters
    ----------
    latitude, longitude
        (N,) degrees.
    other
        (N,) True for the M places to measure to.

    Examples
    --------
    >>> lat, lon = np.array([0.0, 0.0]), np.array([0.0, 1.0])
    >>> great_circle_km(lat, lon, np.array([True, False])).round(1).tolist()
    [[0.0], [111.2]]
    """
    phi, lam = np.radians(latitude), np.radians(longitude)
    half_phi = (phi[:, None] - phi[other][None, :]) / 2.0
    half_lam = (lam[:, None] - lam[other][None, :]) / 2.0
    chord = np.sin(half_phi) ** 2 + np.cos(phi)[:, None] * np.cos(phi[other])[None, :] * np.sin(half_lam) ** 2
    return np.asarray(2.0 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.clip(chord, 0.0, 1.0))))


def nearest(distance: FloatArray, starts: IntArray) -> tuple[FloatArray, IntArray]:
    """Distance to the nearest treated place, and when the earliest of those as near as that starts.

    Parameters
    ----------
    distance
        (N, M) to each treated place.
    starts
        (M,) first treated periods.

    Returns
    -------
    (N,) distance, (N,) start
    """
    shortest = distance.min(axis=1)
    as_near = distance <= shortest[:, None]
    earliest = np.where(as_near, starts[None, :], np.iinfo(np.int64).max).min(axis=1)
    return shortest, earliest.astype(np.int64)
