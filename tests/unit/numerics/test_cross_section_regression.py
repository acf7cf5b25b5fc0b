"""Two-way fixed effects on persons: against least squares with all dummies written out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from evalkit.numerics.cross_section_regression import Persons, homoskedastic, influence_blocks, read_persons, regress
from tests.persons import survey

EXACT = 1e-9
Array = Any


def persons(n: int = 500, clustered: bool = False, seed: int = 0) -> Persons:
    frame = survey(n, seed=seed)
    group = np.unique(frame.group, return_inverse=True)[1]
    column = [frame[name].to_numpy()[:, None] for name in ("y", "x", "z", "w")]
    cluster = frame.site.to_numpy() if clustered else None
    return read_persons(column[0], column[1:3], column[3], cluster, group, frame.year.to_numpy() - 2001, (5, 5))[0]


def dummies() -> Array:
    found = np.zeros((2, 5, 5))
    found[0, 1, 2:] = 1.0
    found[1, 3, 3] = 1.0
    return found


def written_out(sample: Persons, included: Array) -> tuple[Array, Array, Array, Array]:
    """Coefficients of the two dummies, their loadings, residuals and weights, with every effect a column."""
    keep = included.reshape(-1)[sample.cell]
    group, period = np.divmod(sample.cell, 5)
    first = dummies().reshape(2, -1)[:, sample.cell].T
    effects = np.hstack([np.eye(5)[group], np.eye(5)[period][:, 1:]])
    X = np.hstack([first, sample.covariates.T, effects])[keep]
    w, y = sample.weight[keep], sample.outcome[keep]
    bread = np.linalg.inv(X.T @ (w[:, None] * X))
    beta = bread @ (X.T @ (w * y))
    return beta[:2], (X @ bread)[:, :2], y - X @ beta, w


INCLUDED = np.ones((5, 5), dtype=np.bool_)
INCLUDED[4, :2] = False


@pytest.mark.parametrize("included", [np.ones((5, 5), dtype=np.bool_), INCLUDED], ids=["all", "some"])
def test_coefficients_and_errors_equal_those_of_written_out_dummies(included: Array) -> None:
    sample = persons()
    fit = regress(sample, dummies(), included)
    beta, loading, residual, w = written_out(sample, included)
    np.testing.assert_allclose(fit.coefficient[:2], beta, rtol=EXACT)
    n, k = len(w), 2 + 2 + 5 + 4
    psi = loading * (w * residual)[:, None]
    hc1 = psi.T @ psi * n / (n - k)
    found = sum(block.T @ block for block in influence_blocks([fit]))
    np.testing.assert_allclose(found, hc1, rtol=EXACT)
    plain = (loading * w[:, None]).T @ loading * (w @ residual**2) / (n - k)
    np.testing.assert_allclose(homoskedastic(fit), plain, rtol=EXACT)
    assert fit.n_rows == n


def test_clustered_errors_sum_within_clusters_and_count_every_effect() -> None:
    sample = persons(clustered=True)
    fit = regress(sample, dummies(), np.ones((5, 5), dtype=np.bool_))
    _, loading, residual, w = written_out(sample, np.ones((5, 5), dtype=np.bool_))
    assert sample.cluster is not None
    sums = np.zeros((40, 2))
    np.add.at(sums, sample.cluster, loading * (w * residual)[:, None])
    n, k = len(w), 13
    (block,) = influence_blocks([fit])
    np.testing.assert_allclose(block.T @ block, sums.T @ sums * 40 / 39 * (n - 1) / (n - k), rtol=EXACT)


def test_groups_that_lie_within_clusters_are_not_counted() -> None:
    sample = persons()
    nested = Persons(sample.outcome, sample.weight, sample.covariates, sample.cell, (5, 5), sample.cell // 5)
    assert nested.nested
    assert regress(nested, dummies(), np.ones((5, 5), dtype=np.bool_)).n_parameters == 2 + 2 + 5
    assert regress(sample, dummies(), np.ones((5, 5), dtype=np.bool_)).n_parameters == 2 + 2 + 5 + 4


def test_two_regressions_share_their_influence_functions() -> None:
    sample = persons()
    whole = regress(sample, dummies(), np.ones((5, 5), dtype=np.bool_))
    part = regress(sample, dummies()[:1], INCLUDED)
    joint = np.sum([block.T @ block for block in influence_blocks([whole, part])], axis=0)
    assert joint.shape == (3, 3)
    alone = sum(block.T @ block for block in influence_blocks([part]))
    np.testing.assert_allclose(joint[2:, 2:], alone)


def test_what_the_effects_explain_is_left_out_and_never_given_a_share() -> None:
    sample = persons()
    constant = np.concatenate(
        [dummies(), np.ones((1, 5, 5)), np.eye(5)[:1, :, None] * np.ones((1, 1, 5)), dummies()[:1]]
    )
    fit = regress(sample, constant, np.ones((5, 5), dtype=np.bool_))
    assert fit.kept.tolist() == [True, True, False, False, False, True, True]
    np.testing.assert_allclose(fit.coefficient[:2], regress(sample, dummies(), INCLUDED | True).coefficient[:2])
    assert (fit.coefficient[2:5] == 0.0).all()


def test_rows_without_outcome_or_weight_are_left_out() -> None:
    outcome, weight = np.array([[1.0], [np.nan], [3.0], [5.0]]), np.array([[1.0], [1.0], [0.0], [2.0]])
    found, centre = read_persons(
        outcome, [np.array([[1.0], [2.0], [3.0], [4.0]])], weight, np.array([7, 7, 8, 9]), np.array([0, 0, 1, 1]),
        np.array([0, 1, 0, 1]), (2, 2),
    )  # fmt: skip
    assert (found.outcome + centre).tolist() == [1.0, 5.0]
    assert found.cell.tolist() == [0, 3]
    assert found.cluster is not None
    assert found.cluster.tolist() == [0, 1]
    assert found.covariates.tolist() == [[-1.0, 1.0]]
