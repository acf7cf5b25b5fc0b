from __future__ import annotations

import numpy as np

from evalkit.numerics.canonical import FAMILIES
from evalkit.numerics.cohort_glm import CohortRows, MomentSums, fit_jointly
from evalkit.numerics.response_effects import cell_effects, effect_blocks

SAME = 1e-9
Y = np.array([[1.0, 2.0, 4.0], [2.0, 2.0, 7.0], [3.0, 6.0, 9.0], [1.0, 1.0, 4.0]])
GROUPS = (np.array([0, 1]), np.array([2, 3]))
CELLS = np.array([[True, True, False], [True, True, True]])


def test_a_ratio_is_the_log_of_observed_over_expected_and_the_difference_their_gap() -> None:
    sums = MomentSums(CohortRows(Y, np.ones((4, 3)), np.empty((0, 4, 3)), GROUPS), FAMILIES["poisson"])
    fit = fit_jointly(sums, CELLS)
    assert fit is not None
    weight = np.full((2, 3), 2.0)
    place = (np.array([0]), np.array([2]))
    natural = cell_effects(sums, weight, fit, *place, "natural")
    ratio = cell_effects(sums, weight, fit, *place, "ratio")
    expected = (3.0 + 4.0) / 11.0 * 13.0 / 2.0  # (sum before, treated) / (sum before, others) x others after, a unit
    np.testing.assert_allclose(natural.expected, expected, atol=SAME)
    np.testing.assert_allclose(natural.estimate, 5.5 - expected, atol=SAME)
    np.testing.assert_allclose(ratio.estimate, np.log(5.5 / expected), atol=SAME)
    assert natural.select(np.array([False])).estimate.size == 0


def test_influence_functions_sum_to_zero_and_sit_in_blocks_of_one_group() -> None:
    sums = MomentSums(CohortRows(Y, np.ones((4, 3)), np.empty((0, 4, 3)), GROUPS), FAMILIES["poisson"])
    fit = fit_jointly(sums, CELLS)
    assert fit is not None
    found = cell_effects(sums, np.full((2, 3), 2.0), fit, np.array([0]), np.array([2]), "natural")
    blocks = effect_blocks(sums, np.ones((4, 3)), fit, found, scale="natural", means_known=False)
    assert [block.units.tolist() for block in blocks] == [[0, 1], [2, 3]]
    assert abs(sum((block.scores @ block.loading).sum() for block in blocks)) < SAME
