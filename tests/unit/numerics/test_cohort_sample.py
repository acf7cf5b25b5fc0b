"""Units sorted by cohort, what is constant over time, and what is missing."""

from __future__ import annotations

import numpy as np

from evalkit.numerics.cohort_sample import _standardize, sort_by_cohort
from evalkit.vocabulary import NEVER

FIRST = np.array([NEVER, 2, 5, 2, NEVER])
ALL = np.ones(5, dtype=np.bool_)


def outcome() -> np.typing.NDArray[np.float64]:
    return np.random.default_rng(0).standard_normal((5, 4))


def test_units_are_sorted_stably_and_contrasts_over_time_kept() -> None:
    y = outcome()
    sample = sort_by_cohort(y, FIRST, kept=ALL)
    assert sample.position.tolist() == [1, 3, 2, 0, 4]
    assert sample.rows_of(2) == slice(0, 2)
    assert sample.rows_after(2) == slice(2, 5)
    assert sample.cohorts_until(4) == [2]
    np.testing.assert_allclose(np.diff(sample.outcome, axis=1), np.diff(y[sample.position], axis=1), atol=1e-14)
    np.testing.assert_allclose(sample.outcome + sample.mean_outcome[:, None], y[sample.position], atol=1e-14)


def test_starts_beyond_sixteen_bits_are_sorted_too() -> None:
    first = np.array([NEVER, 40_000, 7, 32_767, 7])
    assert sort_by_cohort(outcome(), first, kept=ALL).first_treated.tolist() == [7, 7, 32_767, 40_000, NEVER]


def test_a_large_constant_costs_no_digits() -> None:
    y = np.round(outcome(), 3)
    moved = sort_by_cohort(y + 2.0**40, FIRST, kept=ALL)
    np.testing.assert_allclose(moved.outcome, sort_by_cohort(y, FIRST, kept=ALL).outcome, atol=2e-4)
    assert np.abs(moved.outcome).max() < 10.0


def test_clusters_are_renumbered_over_the_units_kept_and_sorted_within_cohorts() -> None:
    kept = np.array([True, True, True, True, False])
    sample = sort_by_cohort(outcome(), FIRST, kept=kept, cluster=np.array([9, 8, 2, 3, 1]))
    assert sample.n_clusters == 4
    assert sample.cluster is not None
    assert sample.cluster.tolist() == [1, 2, 0, 3]
    assert sample.position.tolist() == [3, 1, 2, 0]


def test_constant_covariates_are_kept_once_and_standardized() -> None:
    level = np.repeat(np.array([[1.0], [2.0], [3.0], [4.0], [5.0]]), 4, axis=1)
    sample = sort_by_cohort(outcome(), FIRST, kept=ALL, covariates=[1e8 * level])
    assert not sample.base_matters
    assert sample.constant_regressors is not None
    assert sample.constant_regressors.shape == (5, 2)
    np.testing.assert_allclose(sample.constant_regressors[:, 1].mean(), 0.0, atol=1e-12)
    np.testing.assert_allclose(sample.constant_regressors[:, 1].std(), 1.0, rtol=1e-12)


def test_moving_covariates_are_read_in_the_base_period() -> None:
    moving = outcome()
    sample = sort_by_cohort(outcome(), FIRST, kept=ALL, covariates=[moving])
    assert sample.base_matters
    expected = (moving[sample.position, 2] - moving.mean()) / moving.std()
    np.testing.assert_allclose(sample.regressors(2, slice(0, 5))[:, 1], expected, rtol=1e-12)


def test_missing_outcomes_and_covariates_have_weight_zero_where_they_matter() -> None:
    y, moving = outcome(), outcome()
    y[0, 3] = np.nan
    moving[2, 1] = np.nan
    sample = sort_by_cohort(y, FIRST, kept=ALL, covariates=[moving])
    first, third = sample.position.tolist().index(0), sample.position.tolist().index(2)
    everyone = slice(0, 5)
    assert sample.weights(3, 0, everyone)[first] == 0.0
    assert sample.weights(2, 0, everyone)[first] == 1.0
    assert sample.weights(2, 1, everyone)[third] == 0.0
    assert sample.weights(1, 0, everyone)[third] == 1.0
    assert sample.n_observations == 19


def test_shares_weigh_by_the_first_period_observed_with_mean_one() -> None:
    y = outcome()
    y[1, 0] = np.nan
    weight = np.arange(20.0).reshape(5, 4) + 1.0
    weight[1, 0] = np.nan
    sample = sort_by_cohort(y, FIRST, kept=ALL, weight=weight)
    raw = np.array([1.0, 6.0, 9.0, 13.0, 17.0])[sample.position]
    np.testing.assert_allclose(sample.share_weight(), raw / raw.mean(), rtol=1e-14)


def test_a_covariate_that_nobody_has_is_nothing_to_adjust_for() -> None:
    values = np.array([[1.0, 3.0], [np.nan, 5.0]])
    np.testing.assert_allclose(_standardize(values), (np.array([[1.0, 3.0], [3.0, 5.0]]) - 3.0) / np.sqrt(8.0 / 3.0))
    assert _standardize(np.full((2, 2), np.nan)).tolist() == [[0.0, 0.0], [0.0, 0.0]]
