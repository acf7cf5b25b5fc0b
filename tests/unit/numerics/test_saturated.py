from __future__ import annotations

import numpy as np

from evalkit.numerics.saturated import Contrast, fit_saturated, solve_slopes

ROUNDING = 1e-11


def test_an_effect_is_the_change_of_the_cohort_less_that_of_the_comparison() -> None:
    rng = np.random.default_rng(1)
    outcome = rng.standard_normal((10, 4))
    fit = fit_saturated(outcome, np.empty((0, 10, 4)), None, comparison=np.arange(6), cohorts=[np.arange(6, 10)])
    contrast = Contrast(0, np.array([0.0, -1.0, 0.0, 1.0]))
    change = outcome[:, 3] - outcome[:, 1]
    expected = change[6:].mean() - change[:6].mean()
    np.testing.assert_allclose(fit.effects([contrast]), expected, rtol=0.0, atol=ROUNDING)


def test_its_error_is_that_of_two_means_without_correction() -> None:
    rng = np.random.default_rng(2)
    outcome = rng.standard_normal((10, 4))
    fit = fit_saturated(outcome, np.empty((0, 10, 4)), None, comparison=np.arange(6), cohorts=[np.arange(6, 10)])
    blocks = fit.score_blocks([Contrast(0, np.array([0.0, -1.0, 0.0, 1.0]))])
    found = sum(float(((block.scores @ block.loading) ** 2).sum()) for block in blocks)
    change = outcome[:, 3] - outcome[:, 1]
    expected = change[:6].var() / 6 + change[6:].var() / 4
    np.testing.assert_allclose(found, expected, rtol=0.0, atol=ROUNDING)


def test_slopes_are_common_and_collinear_covariates_are_left_out() -> None:
    rng = np.random.default_rng(3)
    x = rng.standard_normal((1, 8, 5))
    both = np.concatenate([x, 2.0 * x, np.ones((1, 8, 5))])
    fit = fit_saturated(3.0 * x[0], both, None, comparison=np.arange(4), cohorts=[np.arange(4, 8)])
    assert fit.slopes.kept.tolist() == [True, False, False]
    np.testing.assert_allclose(fit.slopes.coefficient, [3.0, 0.0, 0.0], rtol=0.0, atol=ROUNDING)
    effect = fit.effects([Contrast(0, np.array([-1.0, 1.0, 0.0, 0.0, 0.0]))])
    np.testing.assert_allclose(effect, 0.0, atol=ROUNDING)


def test_slopes_without_covariates_are_empty() -> None:
    slopes = solve_slopes([np.ones((1, 2, 3))], [None], np.empty(0))
    assert slopes.coefficient.shape == (0,)


def test_a_contrast_across_a_gap_in_either_group_cannot_be_estimated() -> None:
    weights = np.ones((4, 4))
    weights[0, 2:] = weights[1, :2] = 0.0  # nobody in the comparison group is seen on both sides
    fit = fit_saturated(
        np.zeros((4, 4)), np.empty((0, 4, 4)), weights, comparison=np.array([0, 1]), cohorts=[np.array([2, 3])]
    )
    assert not fit.is_estimable(Contrast(0, np.array([0.0, -1.0, 1.0, 0.0])))
    assert fit.is_estimable(Contrast(0, np.array([-1.0, 1.0, 0.0, 0.0])))
    assert fit.is_estimable(Contrast(0, np.zeros(4)))
