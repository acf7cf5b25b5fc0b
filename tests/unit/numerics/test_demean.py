"""Two-way demeaning against least squares on dummies."""

from __future__ import annotations

import numpy as np
import pytest

from evalkit.numerics.demean import two_way_demean
from evalkit.vocabulary import FloatArray

TOLERANCE = 1e-10  # two exact solvers, sums of some hundred terms


def by_dummies(values: FloatArray, weights: FloatArray) -> FloatArray:
    n, t = values.shape
    unit, period = np.indices((n, t)).reshape(2, -1)
    design = np.hstack([np.eye(n)[unit], np.eye(t)[period]])
    root = np.sqrt(weights.ravel())
    fitted = np.linalg.lstsq(design * root[:, None], np.nan_to_num(values).ravel() * root, rcond=None)[0]
    residual = np.nan_to_num(values).ravel() - design @ fitted
    out: FloatArray = np.where(weights > 0, residual.reshape(n, t), 0.0)
    return out


@pytest.mark.parametrize("missing", [0.0, 0.3])
@pytest.mark.parametrize("weighted", [False, True])
def test_residuals_equal_least_squares_on_dummies(missing: float, weighted: bool) -> None:
    rng = np.random.default_rng(2)
    values = rng.standard_normal((25, 7)) + 10.0
    weights = np.where(
        rng.random(values.shape) < missing, 0.0, rng.uniform(0.5, 2.0, values.shape) if weighted else 1.0
    )
    values[weights == 0.0] = np.nan
    np.testing.assert_allclose(two_way_demean(values, weights), by_dummies(values, weights), atol=TOLERANCE)


def test_a_stack_is_demeaned_layer_by_layer() -> None:
    rng = np.random.default_rng(3)
    stack, weights = rng.standard_normal((3, 9, 5)), np.ones((9, 5))
    together = two_way_demean(stack, weights)
    for layer, one in zip(stack, together, strict=True):
        np.testing.assert_allclose(two_way_demean(layer, weights), one, atol=TOLERANCE)


def test_a_unit_without_any_weight_is_all_zero() -> None:
    weights = np.ones((4, 3))
    weights[2] = 0.0
    assert not two_way_demean(np.random.default_rng(1).standard_normal((4, 3)), weights)[2].any()
