from __future__ import annotations

import numpy as np

from evalkit.numerics.did_layout import Layout, lay_out
from evalkit.numerics.imputation import impute

ROUNDING = 1e-11
FIRST = np.array([2, 2, 3, 9, 9])


def layout_of(weights: np.ndarray) -> Layout:
    return lay_out(weights > 0.0, np.arange(4), FIRST)


def test_additive_outcomes_give_the_effects_added_to_them() -> None:
    rng = np.random.default_rng(1)
    weights = rng.uniform(1.0, 2.0, (5, 4))
    weights[3, 2] = 0.0
    layout = layout_of(weights)
    outcome = rng.standard_normal((5, 1)) + rng.standard_normal(4) + 2.5 * (np.arange(4) >= FIRST[:, None])
    found = impute(outcome, np.empty((0, 5, 4)), weights, layout, None)
    np.testing.assert_allclose(found.effect, 2.5, rtol=0.0, atol=ROUNDING)
    assert found.n_units.tolist() == [2, 2, 1]
    for block in found.blocks:
        np.testing.assert_allclose(block.scores @ block.loading, 0.0, atol=ROUNDING)


def test_slopes_come_from_untreated_rows_alone() -> None:
    rng = np.random.default_rng(2)
    x = rng.standard_normal((1, 5, 4))
    treated = np.arange(4) >= FIRST[:, None]
    outcome = np.where(treated, 100.0 * x[0] ** 2, 1.5 * x[0])
    found = impute(outcome, x, np.ones((5, 4)), layout_of(np.ones((5, 4))), None)
    np.testing.assert_allclose(found.slopes.coefficient, [1.5], rtol=0.0, atol=ROUNDING)
    first_cell = (outcome[:2, 2] - 1.5 * x[0, :2, 2]).mean()
    np.testing.assert_allclose(found.effect[0], first_cell, rtol=0.0, atol=ROUNDING)


def test_treated_outcomes_do_not_touch_the_scores_of_untreated_rows() -> None:
    rng = np.random.default_rng(3)
    outcome = rng.standard_normal((5, 4))
    treated = np.arange(4) >= FIRST[:, None]
    layout, ones = layout_of(np.ones((5, 4))), np.ones((5, 4))
    one = impute(outcome, np.empty((0, 5, 4)), ones, layout, None)
    two = impute(np.where(treated, 1e6, outcome), np.empty((0, 5, 4)), ones, layout, None)
    for before, after in zip(one.blocks, two.blocks, strict=True):
        np.testing.assert_array_equal(before.scores[:, :4], after.scores[:, :4])


def test_a_cluster_of_a_whole_cohort_shows_no_spread_of_its_effects() -> None:
    rng = np.random.default_rng(4)
    outcome = rng.standard_normal((5, 4))
    ones = np.ones((5, 4))
    found = impute(outcome, np.empty((0, 5, 4)), ones, layout_of(ones), np.array([0, 0, 1, 2, 3]))
    own = found.blocks[0].scores[:, 4:]
    np.testing.assert_allclose(own.sum(axis=0), 0.0, atol=ROUNDING)
    assert np.abs(own).max() > 0.01
