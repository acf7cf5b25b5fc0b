"""Covariances that are differences of covariances, and what to do when one is not a covariance."""

from __future__ import annotations

import numpy as np

from evalkit.vocabulary import FloatArray

ROUNDING = 1e-12
"""Eigenvalues down to minus this share of the largest are rounding, not a defect."""


def without_negative_eigenvalues(covariance: FloatArray) -> tuple[FloatArray, bool]:
    """Set negative eigenvalues to 0 (Cameron, Gelbach and Miller 2011, section 2.3), and say whether there were any.

    Parameters
    ----------
    covariance
        (K, K) symmetric.

    Returns
    -------
    (K, K) array, bool
        The matrix itself where it needed no repair.

    Examples
    --------
    >>> repaired, changed = without_negative_eigenvalues(np.array([[1.0, 2.0], [2.0, 1.0]]))
    >>> repaired.round(12).tolist(), changed
    ([[1.5, 1.5], [1.5, 1.5]], True)
    """
    values, vectors = np.linalg.eigh(covariance)
    if values[0] >= -ROUNDING * max(values[-1], 0.0):
        return covariance, False
    repaired: FloatArray = (vectors * np.clip(values, 0.0, None)) @ vectors.T
    return repaired, True
