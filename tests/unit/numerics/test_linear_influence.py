"""Cross products by way of few columns are those of the influence functions themselves."""

from __future__ import annotations

import numpy as np
import pytest

from evalkit.numerics.cohort_effects import Rules, estimate_cells
from evalkit.numerics.cohort_sample import sort_by_cohort
from evalkit.numerics.doubly_robust import Method
from evalkit.numerics.influence import Influence
from evalkit.numerics.linear_influence import is_linear
from evalkit.vocabulary import NEVER, Comparison, FloatArray

N, T = 400, 5
SAME = 1e-10  # relative to the largest entry


def influence(
    method: Method, comparison: Comparison, *, covariates: int, weighted: bool, trend: float = 0.0
) -> Influence:
    rng = np.random.default_rng(3)
    first = rng.choice([2, 3, 4, NEVER], N).astype(np.int64)
    y = rng.standard_normal((N, T)) + trend * np.arange(T)
    xs = [rng.standard_normal((N, 1)).repeat(T, axis=1) for _ in range(covariates)]
    weight: FloatArray | None = rng.uniform(0.2, 3.0, (N, 1)).repeat(T, axis=1) if weighted else None
    sample = sort_by_cohort(y, first, kept=np.ones(N, dtype=np.bool_), covariates=xs, weight=weight)
    effects = estimate_cells(sample, np.arange(T), Rules(comparison=comparison, method=method))
    cohorts = np.array([2, 3, 4])
    share_weight = sample.share_weight()
    shares = np.array([share_weight[sample.rows_of(int(g))].sum() for g in cohorts]) / N
    return Influence(sample, effects.groups, len(effects.cells), cohorts, shares, share_weight)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("comparison", ["never_treated", "not_yet_treated"])
@pytest.mark.parametrize(("method", "covariates"), [("reg", 0), ("dr", 2), ("ipw", 1), ("reg", 2)])
def test_the_covariance_is_the_cross_product_of_psi(
    method: Method, covariates: int, comparison: Comparison, weighted: bool
) -> None:
    made = influence(method, comparison, covariates=covariates, weighted=weighted)
    psi = made.matrix()
    expected = psi.T @ psi
    np.testing.assert_allclose(made.covariance(), expected, atol=SAME * np.abs(expected).max())


def test_a_trend_a_million_times_the_noise_costs_no_digits() -> None:
    plain = influence("reg", "never_treated", covariates=0, weighted=False).covariance()
    steep = influence("reg", "never_treated", covariates=0, weighted=False, trend=1e6).covariance()
    np.testing.assert_allclose(steep, plain, atol=1e-8 * np.abs(plain).max())


def test_comparison_units_are_linear_only_without_covariates() -> None:
    alone = influence("reg", "never_treated", covariates=0, weighted=False).groups[0].contrasts
    adjusted = influence("reg", "never_treated", covariates=1, weighted=False).groups[0].contrasts
    assert is_linear(alone, False)
    assert not is_linear(adjusted, False)
    assert is_linear(adjusted, True)
