from __future__ import annotations

import dataclasses

import numpy as np

from evalkit.numerics.conditional_poisson import CountRows, count_scores, fit_counts, fitted_means

SAME = 1e-9


def rows(seed: int = 0, covariates: int = 1) -> CountRows:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((covariates, 20, 4))
    events = rng.poisson(2.0 * np.exp(0.3 * x.sum(axis=0))).astype(float) + 0.0
    events[:, 0] += 1.0
    design = np.zeros((2, 4, 4))
    design[:, np.arange(1, 4), np.arange(3)] = 1.0
    design[1, 2:, 3] = 1.0
    groups = (np.arange(10), np.arange(10, 20))
    return CountRows(events, rng.uniform(0.5, 2.0, (20, 4)), x, groups, design)


def test_fitted_means_keep_the_totals_of_units_periods_and_treated_rows() -> None:
    data = rows()
    fit = fit_counts(data)
    assert fit is not None
    mean = fitted_means(data, fit)
    np.testing.assert_allclose(mean.sum(axis=1), data.events.sum(axis=1), atol=SAME)
    np.testing.assert_allclose(mean.sum(axis=0), data.events.sum(axis=0), atol=SAME)
    np.testing.assert_allclose(mean[10:, 2:].sum(), data.events[10:, 2:].sum(), atol=SAME)
    np.testing.assert_allclose((mean * data.covariates[0]).sum(), (data.events * data.covariates[0]).sum(), atol=SAME)


def test_scores_sum_to_zero_and_pearson_is_that_of_the_means() -> None:
    data = rows()
    fit = fit_counts(data)
    assert fit is not None
    blocks, pearson = count_scores(data, fit)
    total = sum((block.scores @ block.loading).sum(axis=0) for block in blocks)
    np.testing.assert_allclose(total, 0.0, atol=SAME)
    mean = fitted_means(data, fit)
    np.testing.assert_allclose(pearson, ((data.events - mean) ** 2 / mean).sum(), rtol=SAME)


def test_terms_that_others_take_in_are_left_out_the_later_ones_first() -> None:
    data = rows(covariates=2)
    data.covariates[1] = data.covariates[0] + 3.0
    fit = fit_counts(data)
    assert fit is not None
    assert fit.kept.tolist() == [True] * 5 + [False]
    assert fit.coefficient[5] == 0.0


def test_a_term_without_an_event_has_no_maximum() -> None:
    data = rows()
    data.events[10:, 2:] = 0.0
    assert fit_counts(data) is None


def test_a_design_without_any_term_is_no_failure() -> None:
    data = rows(covariates=0)
    empty = CountRows(data.events, data.size, data.covariates, data.groups, np.zeros((2, 4, 1)))
    fit = fit_counts(empty)
    assert fit is not None
    assert not fit.kept.any()


def test_a_cohort_without_units_adds_no_scores() -> None:
    data = rows()
    more = dataclasses.replace(
        data, groups=(*data.groups, np.array([], dtype=np.int64)), design=np.concatenate([data.design, data.design[:1]])
    )
    fit, plain = fit_counts(more), fit_counts(data)
    assert fit is not None
    assert plain is not None
    (blocks, pearson), (expected, same) = count_scores(more, fit), count_scores(data, plain)
    assert (len(blocks), pearson) == (2, same)
    np.testing.assert_array_equal(blocks[1].scores, expected[1].scores)
