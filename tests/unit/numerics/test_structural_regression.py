"""Conjugate regression and its marginal likelihood against plain formulas."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special, stats

from evalkit.numerics.structural_regression import PRIOR_DEGREES, conjugate, log_marginals, selections
from evalkit.vocabulary import FloatArray

SAME = 1e-9  # two algebraic routes
MCSE = 4.0


def moments(rows: int, width: int, seed: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Columns, outcome and their products, V = I."""
    rng = np.random.default_rng(seed)
    columns, outcome = rng.standard_normal((rows, width)), rng.standard_normal(rows)
    joined = np.column_stack([columns, outcome])
    return columns, outcome, joined.T @ joined


def test_the_marginal_likelihood_is_that_of_a_multivariate_t() -> None:
    columns, outcome, products = moments(9, 2, 0)
    prior, change = np.array([0.5, 2.0]), 2.3
    found = conjugate(products, np.array(0.0), np.array(change), prior, 9)
    covariance = np.eye(9) + change * columns @ np.diag(prior) @ columns.T
    law = stats.multivariate_t(shape=covariance / change, df=int(PRIOR_DEGREES))  # sigma^2 ~ IG(nu / 2, nu / (2 c))
    constant = special.gammaln(5.0) - special.gammaln(0.5) - 4.5 * np.log(2.0 * np.pi)
    assert float(found.log_marginal) + constant == pytest.approx(float(law.logpdf(outcome)), abs=SAME)


@pytest.mark.promise("law-conjugate")
def test_draws_have_the_conjugate_mean_and_spread() -> None:
    columns, outcome, products = moments(30, 2, 1)
    shape = (20_000,)
    found = conjugate(
        np.broadcast_to(products, (*shape, 3, 3)), np.zeros(shape), np.ones(shape), np.full((*shape, 2), 4.0), 30
    )
    variance, beta = found.draw(np.random.default_rng(0))
    precision = columns.T @ columns + np.eye(2) / 4.0
    mean = np.linalg.solve(precision, columns.T @ outcome)
    error = beta.std(axis=0) / np.sqrt(shape[0])
    assert (np.abs(beta.mean(axis=0) - mean) < MCSE * error).all()
    rate = 0.5 + 0.5 * (outcome @ outcome - mean @ precision @ mean)
    assert abs(variance.mean() - rate / (found.shape - 1.0)) < MCSE * variance.std() / np.sqrt(shape[0])


def test_a_column_without_prior_variance_is_left_out() -> None:
    _, _, products = moments(12, 3, 2)
    found = conjugate(products, np.array(0.0), np.array(1.0), np.array([1.0, 0.0, 1.0]), 12)
    kept = np.array([0, 2, 3])
    without = conjugate(products[np.ix_(kept, kept)], np.array(0.0), np.array(1.0), np.array([1.0, 1.0]), 12)
    assert float(found.log_marginal) == pytest.approx(float(without.log_marginal), abs=SAME)
    assert found.draw(np.random.default_rng(0))[1][1] == 0.0


def test_every_selection_and_scale_at_once_equals_one_at_a_time() -> None:
    fixed = np.array([3.0, np.nan, np.nan, np.nan])
    stack = np.stack([moments(15, 4, seed)[2] for seed in range(3)])
    log_det, change, scales = np.array([0.1, 0.2, 0.3]), np.array([2.0, 2.5, 3.0]), np.array([0.1, 1.0, 20.0])
    chosen, log_prior = selections(3, 1.0)
    assert np.exp(log_prior).sum() == pytest.approx(1.0)
    found = log_marginals(stack, log_det, change, fixed, scales, chosen, 15)
    for m in range(3):
        for j, scale in enumerate(scales):
            for n, kept in enumerate(chosen):
                prior = np.concatenate([[3.0], scale * kept])
                one = conjugate(stack[m], log_det[m], change[m], prior, 15)
                assert found[m, j, n] == pytest.approx(float(one.log_marginal), abs=SAME)
