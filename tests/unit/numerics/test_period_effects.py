from __future__ import annotations

import numpy as np
import pytest

from evalkit.numerics.demean import two_way_demean
from evalkit.numerics.period_effects import fit_two_way, invert_laplacian, unit_shares

ROUNDING = 1e-11


def sample(seed: int, holes: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    weights = rng.uniform(0.5, 2.0, (9, 5)) * (rng.random((9, 5)) >= holes)
    return rng.standard_normal((2, 9, 5)), weights


@pytest.mark.parametrize("holes", [0.0, 0.3, 0.7])
def test_residuals_are_those_of_exact_two_way_demeaning(holes: float) -> None:
    values, weights = sample(1, holes)
    fit = fit_two_way(values, weights)
    np.testing.assert_allclose(fit.residual, two_way_demean(values, weights), rtol=0.0, atol=ROUNDING)


@pytest.mark.parametrize("holes", [0.0, 0.3])
def test_effects_and_residuals_add_up_to_the_values(holes: float) -> None:
    values, weights = sample(2, holes)
    fit = fit_two_way(values, weights)
    total = fit.unit[:, :, None] + fit.period[:, None, :] + fit.residual
    np.testing.assert_allclose(total[:, weights > 0.0], values[:, weights > 0.0], rtol=0.0, atol=ROUNDING)


def test_without_weights_the_answer_is_that_of_weights_of_one() -> None:
    values, _ = sample(3, 0.0)
    plain, ones = fit_two_way(values, None), fit_two_way(values, np.ones((9, 5)))
    for name in ("period", "unit", "residual", "inverse"):
        np.testing.assert_allclose(getattr(plain, name), getattr(ones, name), rtol=0.0, atol=ROUNDING)
    assert np.array_equal(plain.component, ones.component)


def test_periods_that_no_unit_links_are_told_apart() -> None:
    weights = np.array([[1.0, 1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 2.0, 1.0, 0.0]])
    component = fit_two_way(np.zeros((1, 2, 5)), weights).component
    assert component[0] == component[1]
    assert component[2] == component[3]
    assert len(np.unique(component)) == 3


def test_the_inverse_undoes_the_laplacian_on_differences_of_linked_periods() -> None:
    _, weights = sample(4, 0.4)
    laplacian = np.diag(weights.sum(axis=0)) - weights.T @ unit_shares(weights)
    inverse, component = invert_laplacian(laplacian)
    assert len(np.unique(component)) == 1
    contrast = np.array([-1.0, 0.0, 0.0, 0.0, 1.0])
    np.testing.assert_allclose(laplacian @ (inverse @ contrast), contrast, rtol=0.0, atol=ROUNDING)


def test_a_unit_without_weight_has_shares_of_zero() -> None:
    assert unit_shares(np.array([[0.0, 0.0], [1.0, 3.0]])).tolist() == [[0.0, 0.0], [0.25, 0.75]]
