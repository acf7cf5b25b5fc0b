"""The engine against brute force: the same posterior, by summing over the whole simplex."""

from __future__ import annotations

import numpy as np
import pytest

from evalkit.numerics.donor_model import RHO_GRID, Batch, ErrorModel, Series
from evalkit.numerics.simplex_posterior import Effort, WeightDraws, sample_weights
from evalkit.vocabulary import FloatArray
from tests.calibrated.measure import Measured
from tests.oracle.donor_weights import posterior

CLOSE = 4e-3  # four standard errors of a mean of weights from about 60,000 draws
MCSE = 4.0
SMALL_ERROR = 1e-3  # of weights whose posterior sd is 0.3
WILD = 1e4  # the half-Cauchy prior, times four fitted periods, leaves less than 1e-12 beyond it
MANY = Effort(populations=4, walkers=1500, most_snapshots=8)


def series(donors: int, periods: int = 8, seed: int = 0) -> Series:
    rng = np.random.default_rng(seed)
    others = rng.standard_normal((periods + 3, donors)).cumsum(axis=0) + 3.0 * rng.standard_normal(donors)
    own = others[:, :2] @ np.array([0.7, 0.3]) + 0.8 * rng.standard_normal(periods + 3)
    time = np.arange(periods + 3)
    return Series(own, others, time, time < periods, np.empty((0, 1 + donors)))


def drawn(one: Series, errors: ErrorModel, alpha: float, seed: int = 1) -> tuple[WeightDraws, FloatArray, FloatArray]:
    batch = Batch.of([one], errors, sigma_scale=1.0)
    found = sample_weights(batch.problems, np.array([alpha]), MANY, np.random.default_rng(seed))
    return found, batch.restored(found.weights)[0].reshape(-1, one.donors.shape[1]), batch.unit * found.sigma.ravel()


@pytest.mark.parametrize(
    ("donors", "alpha", "autoregressive", "intercept"),
    [
        (2, 0.1, False, False),
        (3, 0.1, False, False),
        (3, 1.0, False, True),
        (3, 0.3, True, False),
        (2, 0.3, True, True),
    ],
)
@pytest.mark.promise("law-conjugate")
def test_weights_are_those_of_quadrature_over_the_simplex(
    donors: int, alpha: float, autoregressive: bool, intercept: bool
) -> None:
    one, errors = series(donors), ErrorModel.of(autoregressive=autoregressive, intercept=intercept)
    draws, weights, sigma = drawn(one, errors, alpha)
    exact = posterior(
        one.own[one.fit],
        one.donors[one.fit],
        one.time[one.fit].astype(float),
        alpha=alpha,
        unit=one.unit_sd,
        rhos=errors.rhos,
        rho_prior=np.exp(errors.log_prior),
        intercept=intercept,
        points=4_000 if donors == 2 else 100,
    )
    np.testing.assert_allclose(weights.mean(axis=0), exact["mean"], atol=CLOSE)
    np.testing.assert_allclose(weights.std(axis=0), exact["sd"], atol=CLOSE)
    assert np.log(sigma).mean() == pytest.approx(exact["log_sigma"][0], abs=2.0 * CLOSE)
    if autoregressive:
        assert RHO_GRID[draws.rho].mean() == pytest.approx(exact["rho"][0], abs=2.0 * CLOSE)


@pytest.mark.calibration
@pytest.mark.calibrates("bayesian_synthetic_control")
def test_with_hundreds_of_thousands_of_draws_weights_agree_within_monte_carlo_error(measured: Measured) -> None:
    """Chains know nothing of each other: their means give the standard error, which must be small to say anything."""
    one, errors = series(3), ErrorModel.of(autoregressive=False, intercept=False)
    batch, effort = Batch.of([one], errors, sigma_scale=1.0), Effort(populations=4, walkers=8_000, most_snapshots=4)
    means = []
    for seed in range(5):
        found = sample_weights(batch.problems, np.array([0.1]), effort, np.random.default_rng(seed), judged=False)
        means.append(batch.restored(found.weights)[0].mean(axis=1))
    chains = np.concatenate(means)
    error = chains.std(axis=0, ddof=1) / np.sqrt(len(chains))
    exact = posterior(
        one.own[one.fit], one.donors[one.fit], one.time[one.fit].astype(float),
        alpha=0.1, unit=one.unit_sd, rhos=errors.rhos, rho_prior=np.exp(errors.log_prior), intercept=False, points=160,
    )  # fmt: skip
    measured.figure(
        "bayesian_synthetic_control", "four donors, against quadrature over the simplex",
        float(np.max(np.abs(chains.mean(axis=0) - exact["mean"]) / error)), asked=(None, MCSE), data_sets=1,
        note="largest difference of a mean weight, in its Monte Carlo errors",
    )  # fmt: skip
    assert error.max() < SMALL_ERROR
    np.testing.assert_array_less(np.abs(chains.mean(axis=0) - exact["mean"]), MCSE * error)


def test_without_data_the_draws_are_those_of_the_prior() -> None:
    """Without rows the draws are those of Dirichlet(alpha): mean 1/J, variance (J - 1) / (J^2 (J alpha + 1))."""
    one, errors = series(4), ErrorModel.of(autoregressive=False, intercept=False)
    batch = Batch.of([one], errors, sigma_scale=1.0, prior_only=True)
    weights = sample_weights(batch.problems, np.array([0.2]), MANY, np.random.default_rng(0)).weights.reshape(-1, 4)
    np.testing.assert_allclose(weights.mean(axis=0), 0.25, atol=2.0 * CLOSE)
    np.testing.assert_allclose(weights.var(axis=0), 3.0 / (16.0 * 1.8), atol=2.0 * CLOSE)


def test_the_same_seed_gives_the_same_draws() -> None:
    one, errors = series(5), ErrorModel.of(autoregressive=False, intercept=False)
    batch, few = Batch.of([one], errors, sigma_scale=1.0), Effort(4, 50, 4)
    first, second = (
        sample_weights(batch.problems, np.array([0.2]), few, np.random.default_rng(3)).weights for _ in range(2)
    )
    np.testing.assert_array_equal(first, second)
    assert first.min() >= 0.0
    np.testing.assert_allclose(first.sum(axis=-1), 1.0, atol=1e-12)


def test_two_sets_of_donors_that_fit_alike_keep_equal_mass() -> None:
    """Donors 0 and 1 make the treated unit together, and so do 2 and 3: two modes, which symmetry weighs equally."""
    rng = np.random.default_rng(5)
    time = np.arange(14)
    signal, one_way, other_way = rng.standard_normal((3, 14))
    one_way[:12], other_way[:12] = (each[:12] / np.linalg.norm(each[:12]) for each in (one_way, other_way))
    donors = 3.0 * signal[:, None] + 4.0 * np.column_stack([one_way, -one_way, other_way, -other_way])
    noise, both = 0.05 * rng.standard_normal(14), np.column_stack([one_way, other_way])[:12]
    noise[:12] -= both @ np.linalg.lstsq(both, noise[:12])[0]  # neither pair may fit the noise better than the other
    one = Series(3.0 * signal + noise, donors, time, time < 12, np.empty((0, 5)))
    _, weights, _ = drawn(one, ErrorModel.of(autoregressive=False, intercept=False), 0.05)
    first = weights[:, :2].sum(axis=1)
    assert 0.4 < (first > 0.5).mean() < 0.6
    assert ((first > 0.1) & (first < 0.9)).mean() < 0.5


def test_donors_with_the_same_history_do_not_blow_up_the_errors() -> None:
    """Between such donors the fit is flat: rounding of its slope over a curvature of 0 was taken for misfit."""
    time = np.arange(6)
    rng = np.random.default_rng(3)
    history = np.array([[-0.75, -0.5, 0.25], [-0.5, 0.1, 0.3], [-0.7, 0.2, 0.6], [0.9, -0.3, 0.1]])
    donors = np.vstack([np.repeat(history, 3, axis=1), rng.standard_normal((2, 9))])
    one = Series(
        donors[:, [0, 3]].mean(axis=1) + 0.1 * rng.standard_normal(6), donors, time, time < 4, np.empty((0, 10))
    )
    _, weights, sigma = drawn(one, ErrorModel.of(autoregressive=False, intercept=False), 0.3)
    assert sigma.max() < WILD * one.unit_sd
    by_history = weights.reshape(-1, 3, 3).mean(axis=0)
    np.testing.assert_allclose(by_history, by_history.mean(axis=1, keepdims=True) * np.ones(3), atol=0.03)


def test_walkers_that_a_likelihood_pins_down_find_the_optimum() -> None:
    rng = np.random.default_rng(2)
    others = rng.standard_normal((60, 6)).cumsum(axis=0)
    own = others @ np.array([0.5, 0.0, 0.3, 0.0, 0.2, 0.0]) + 0.01 * rng.standard_normal(60)
    time = np.arange(60)
    one = Series(own, others, time, time < 55, np.empty((0, 7)))
    _, weights, sigma = drawn(one, ErrorModel.of(autoregressive=False, intercept=False), 0.3)
    np.testing.assert_allclose(weights.mean(axis=0), [0.5, 0.0, 0.3, 0.0, 0.2, 0.0], atol=0.01)
    assert sigma.mean() == pytest.approx(0.01, rel=0.3)
