"""Negative eigenvalues are cut off; matrices that have none stay as they are."""

from __future__ import annotations

import numpy as np

from evalkit.inference.psd import without_negative_eigenvalues


def test_a_covariance_stays_the_same_object() -> None:
    covariance = np.array([[2.0, 1.0], [1.0, 2.0]])
    found, changed = without_negative_eigenvalues(covariance)
    assert found is covariance
    assert not changed


def test_rounding_below_zero_is_no_defect() -> None:
    assert not without_negative_eigenvalues(np.diag([1.0, -1e-16]))[1]


def test_variances_grow_where_negative_eigenvalues_are_cut_off() -> None:
    broken = np.array([[1.0, 0.9, 0.0], [0.9, 1.0, 0.9], [0.0, 0.9, 1.0]])
    found, changed = without_negative_eigenvalues(broken)
    assert changed
    assert np.linalg.eigvalsh(found)[0] > -1e-12
    assert (np.diag(found) >= np.diag(broken)).all()
