"""Regression of counts of one series."""

from __future__ import annotations

import numpy as np
import pytest

from evalkit.errors import EstimationFailed
from evalkit.numerics.series_counts import fit_counts
from tests.oracle import interrupted_time_series as plain

N = 60


def world(seed: int = 4) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    design = np.column_stack([np.ones(N), np.arange(N) / N, (np.arange(N) >= 40).astype(float)])
    return rng.poisson(np.exp(design @ np.array([3.0, 0.5, -0.4]))).astype(float), design, np.arange(N)


def test_without_correlation_the_scores_of_poisson_likelihood_vanish() -> None:
    outcome, design, time = world()
    found = fit_counts(outcome, design, time, "none")
    np.testing.assert_allclose(design.T @ (outcome - found.mean), 0.0, atol=1e-7)


def test_with_correlation_the_estimating_equations_vanish() -> None:
    outcome, design, time = world()
    found = fit_counts(outcome, design, time, "reml")
    root = np.diag(found.root)
    inverse = np.linalg.inv(plain.correlation(time, found.fit.rho))
    score = design.T @ root @ inverse @ root @ ((outcome - found.mean) / found.mean)
    np.testing.assert_allclose(score, 0.0, atol=1e-6)


def test_a_term_that_only_zeros_bear_is_said_to_have_no_end() -> None:
    outcome, design, time = world()
    with pytest.raises(EstimationFailed, match="did not settle"):
        fit_counts(np.where(np.arange(N) >= 40, 0.0, outcome), design, time, "none")
