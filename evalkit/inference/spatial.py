"""Which units are near each other, and how much their errors count together."""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy import sparse
from scipy.spatial import cKDTree

from evalkit.vocabulary import FloatArray

Kernel = Literal["bartlett", "uniform"]
EARTH_RADIUS_KM = 6_371.0088
"""Mean radius (IUGG)."""


def nearness(latitude: FloatArray, longitude: FloatArray, cutoff_km: float, kernel: Kernel) -> sparse.csr_array:
    """(n, n) weights K(d_ij): 1 on the diagonal, 0 from the cutoff on (Conley 1999).

    Parameters
    ----------
    latitude, longitude
        (n,) degrees.
    cutoff_km
        Great-circle distance beyond which errors are taken to be uncorrelated.
    kernel
        ``uniform``: 1 within the cutoff. ``bartlett``: 1 - d / cutoff.

    Examples
    --------
    One degree of latitude is 111.2 km.

    >>> near = nearness(np.array([0.0, 1.0, 9.0]), np.zeros(3), 222.39, "bartlett")
    >>> near.toarray().round(2).tolist()
    [[1.0, 0.5, 0.0], [0.5, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    phi, theta = np.radians(latitude), np.radians(longitude)
    points = np.column_stack([np.cos(phi) * np.cos(theta), np.cos(phi) * np.sin(theta), np.sin(phi)])
    tree = cKDTree(points)
    # distances as chords of the unit sphere find candidates; great-circle distances decide
    chord = 2.0 * np.sin(min(cutoff_km / EARTH_RADIUS_KM, np.pi) / 2.0)
    pairs = tree.query_pairs(chord * (1.0 + 1e-9), output_type="ndarray")
    distance = haversine_km(*(values[pairs[:, side]] for side in (0, 1) for values in (latitude, longitude)))
    inside = distance < cutoff_km
    first, second = pairs[inside].T
    weight = np.ones(len(first)) if kernel == "uniform" else 1.0 - distance[inside] / cutoff_km
    n, own = len(latitude), np.arange(len(latitude))
    entries = np.concatenate([weight, weight, np.ones(n)])
    place = (np.concatenate([first, second, own]), np.concatenate([second, first, own]))
    return sparse.csr_array((entries, place), shape=(n, n))


def haversine_km(
    latitude: FloatArray, longitude: FloatArray, other_latitude: FloatArray, other_longitude: FloatArray
) -> FloatArray:
    """Great-circle distance of points given in degrees.

    Examples
    --------
    Paris to London.

    >>> paris, london = (np.array([48.8566]), np.array([2.3522])), (np.array([51.5074]), np.array([-0.1278]))
    >>> haversine_km(*paris, *london).round(1).tolist()
    [343.6]
    """
    phi, other = np.radians(latitude), np.radians(other_latitude)
    half = np.sin((other - phi) / 2.0) ** 2
    half = half + np.cos(phi) * np.cos(other) * np.sin(np.radians(other_longitude - longitude) / 2.0) ** 2
    return np.asarray(2.0 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.clip(half, 0.0, 1.0))))
