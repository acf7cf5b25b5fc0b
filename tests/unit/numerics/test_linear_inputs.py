from __future__ import annotations

import numpy as np
import pytest

from evalkit.numerics.linear_inputs import linear_inputs, stack_covariates

NONE = np.empty((0, 2, 3))
FULL = np.arange(6.0).reshape(2, 3)


def test_a_full_unweighted_panel_needs_no_weights() -> None:
    inputs = linear_inputs(FULL, NONE, None)
    assert inputs.weights is None
    assert inputs.full_weights().tolist() == [[1.0] * 3] * 2
    assert not inputs.seen_once.any()


def test_rows_with_a_missing_covariate_are_left_out_and_counted() -> None:
    x = np.array([[[1.0, np.nan, 3.0], [1.0, 2.0, np.nan]]])
    outcome = FULL.copy()
    outcome[0, 1] = np.nan
    inputs = linear_inputs(outcome, x, None)
    assert inputs.full_weights().tolist() == [[1.0, 0.0, 1.0], [1.0, 1.0, 0.0]]
    assert inputs.incomplete == 1


def test_units_with_fewer_than_two_usable_rows_are_marked() -> None:
    weight = np.array([[1.0, 0.0, 0.0], [1.0, 2.0, np.nan]])
    assert linear_inputs(FULL, NONE, weight).seen_once.tolist() == [True, False]


def test_covariates_are_centred_and_scaled_and_constants_stay_finite() -> None:
    x = np.stack([FULL * 1e6 + 1e9, np.full((2, 3), 7.0)])
    scaled = linear_inputs(FULL, x, None).covariates
    assert scaled[0].mean() == pytest.approx(0.0, abs=1e-9)
    assert scaled[0].std() == pytest.approx(1.0)
    assert not scaled[1].any()


def test_share_weights_are_those_of_the_first_usable_period() -> None:
    weight = np.array([[0.0, 5.0, 1.0], [2.0, 9.0, 9.0]])
    assert linear_inputs(FULL, NONE, weight).share_weight(weight).tolist() == [5.0, 2.0]
    outcome = FULL.copy()
    outcome[0, 0] = np.nan
    assert linear_inputs(outcome, NONE, None).share_weight(None).tolist() == [1.0, 1.0]


def test_a_shorter_window_is_judged_anew() -> None:
    outcome = FULL.copy()
    outcome[0, 1] = np.nan
    inputs = linear_inputs(outcome, NONE, None)
    assert inputs.restricted(3) is inputs
    assert inputs.restricted(2).seen_once.tolist() == [True, False]


def test_covariates_are_stacked_and_none_keep_the_shape() -> None:
    assert stack_covariates([FULL, FULL], FULL).shape == (2, 2, 3)
    assert stack_covariates([], FULL).shape == (0, 2, 3)
