"""Preparing the series."""

from __future__ import annotations

import numpy as np
import pytest

from evalkit.numerics.did_sample import prepare, sweep
from evalkit.vocabulary import NEVER

TIME = np.arange(4)
START = np.array([2, 2, NEVER, NEVER, NEVER])


def panel() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(4)
    return rng.standard_normal((5, 4)), rng.standard_normal((5, 4, 2))


def test_series_have_unit_mean_zero_and_covariates_unit_spread() -> None:
    outcome, covariates = panel()
    sample = prepare(outcome + 1e9, covariates * 1e8, TIME, START, 0)
    assert np.abs(sample.series.mean(axis=1)).max() < 1e-6  # 1e9 itself is rounded to about 1e-7
    spread = np.sqrt((sample.series[:, :, 1:] ** 2).sum(axis=(0, 1)) / sample.layout.used.sum())
    np.testing.assert_allclose(spread, 1.0, rtol=1e-12)


def test_a_covariate_that_is_constant_within_units_is_dropped() -> None:
    outcome, covariates = panel()
    covariates[:, :, 1] = covariates[:, :1, 1]
    sample = prepare(outcome, covariates, TIME, START, 0)
    assert sample.kept.tolist() == [True, False]
    assert sample.series.shape == (5, 4, 2)


def test_rows_with_a_missing_covariate_are_left_out_and_counted() -> None:
    outcome, covariates = panel()
    covariates[3, 1, 0] = np.nan
    outcome[4, 2] = np.nan
    sample = prepare(outcome, covariates, TIME, START, 0)
    assert sample.incomplete == 1
    assert not sample.layout.used[3, 1]
    assert not sample.layout.used[4, 2]
    assert np.isfinite(sample.series).all()


@pytest.mark.parametrize("level", [0.0, 1e9])
def test_means_are_taken_out_over_the_used_rows_alone(level: float) -> None:
    values = np.array([[[level + 1.0], [level + 3.0], [np.nan]]])
    swept = sweep(values, np.array([[True, True, False]]))
    assert swept[0, :, 0].tolist() == [0.0, 0.0, 0.0]


def test_unit_and_period_effects_leave_nothing_on_a_balanced_panel() -> None:
    values = np.arange(6.0)[:, None, None] * 1e6 + np.sin(np.arange(4.0))[None, :, None]
    assert np.abs(sweep(values, np.ones((6, 4), dtype=bool))).max() < 1e-9


def test_a_covariate_that_all_units_share_is_dropped() -> None:
    outcome, covariates = panel()
    covariates[:, :, 0] = covariates[:1, :, 0]
    assert prepare(outcome, covariates, TIME, START, 0).kept.tolist() == [False, True]
