"""Covariances made in blocks equal those of the whole matrix, clusters summed."""

from __future__ import annotations

import numpy as np
import pytest

from evalkit.numerics.blocks import BLOCK_ROWS
from evalkit.numerics.cohort_effects import Rules, estimate_cells
from evalkit.numerics.cohort_sample import sort_by_cohort
from evalkit.numerics.influence import Influence, comparison_arm
from evalkit.vocabulary import NEVER, Comparison, IntArray

N, T = 2 * BLOCK_ROWS + 700, 4  # more than two blocks, so that cuts fall within cohorts
SAME = 1e-14  # entries of the covariance are near 1e-4


def influence(cluster: IntArray | None = None, comparison: Comparison = "not_yet_treated") -> Influence:
    rng = np.random.default_rng(0)
    first = rng.choice([2, 3, NEVER], N).astype(np.int64)
    y, x = rng.standard_normal((N, T)), rng.standard_normal((N, 1)).repeat(T, axis=1)
    sample = sort_by_cohort(y, first, kept=np.ones(N, dtype=np.bool_), covariates=[x], cluster=cluster)
    effects = estimate_cells(sample, np.arange(T), Rules(comparison=comparison))
    shares = np.array([(first == g).mean() for g in (2, 3)])
    return Influence(sample, effects.groups, len(effects.cells), np.array([2, 3]), shares, np.ones(N))


@pytest.mark.parametrize("comparison", ["never_treated", "not_yet_treated"])
def test_blocks_add_up_to_the_whole(comparison: Comparison) -> None:
    made = influence(comparison=comparison)
    psi = made.matrix()
    assert psi.shape == (N, made.n_columns)
    np.testing.assert_allclose(made.covariance(), psi.T @ psi, atol=SAME)


@pytest.mark.parametrize("n_clusters", [3, 500, N // 2])
def test_clusters_are_summed_however_many_there_are(n_clusters: int) -> None:
    codes = np.random.default_rng(1).permutation(np.arange(N) % n_clusters)
    psi = influence().matrix()
    sums = np.zeros((n_clusters, psi.shape[1]))
    np.add.at(sums, codes, psi)
    clustered = influence(cluster=codes)
    np.testing.assert_allclose(clustered.matrix(), sums, atol=1e-12)
    np.testing.assert_allclose(clustered.covariance(), sums.T @ sums, atol=1e-12)


def test_shares_have_the_influence_of_a_mean() -> None:
    made = influence()
    variance = np.diag(made.covariance())[-2:]
    np.testing.assert_allclose(variance, made.shares * (1.0 - made.shares) / N, rtol=1e-10)


def test_a_cohort_inside_its_comparison_rows_has_no_weight_there() -> None:
    sample = sort_by_cohort(np.zeros((9, T)), np.repeat([2, 3, 4], 3), kept=np.ones(9, dtype=np.bool_))
    arm = comparison_arm(sample, slice(0, 9), 1, 0, own=slice(3, 6))
    assert arm.weight.tolist() == [1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0]
    assert comparison_arm(sample, slice(6, 9), 3, 0, own=slice(3, 6)).weight.tolist() == [1.0, 1.0, 1.0]


def test_blocks_of_clusters_are_their_sums() -> None:
    codes = np.arange(N) % 500
    made = influence(cluster=codes)
    blocks = list(made.blocks())
    assert all(columns.tolist() == list(range(made.n_columns)) for columns, _ in blocks)
    np.testing.assert_array_equal(np.vstack([sums for _, sums in blocks]), made.matrix())
