"""Pointwise densities against dense matrices; replicated data against what the model says of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from evalkit.data.panel import Panel
from evalkit.estimate import Estimate
from evalkit.estimators.bayesian_did import BayesianDid
from evalkit.numerics.did_predictive import MOST_OBSERVATIONS, MOST_TERMS, log_prior, thinned
from evalkit.numerics.hierarchical_did import Structure
from evalkit.numerics.predictive_checks import compare, own_contrast
from evalkit.testing.simulate import StaggeredDesign, simulate_staggered
from evalkit.uncertainty import Posterior, Predictive


def frame(**design: Any) -> pd.DataFrame:
    settings: dict[str, Any] = {"n_units": 30, "n_periods": 8, "autocorrelation": 0.6, "missing": 0.05, **design}
    df = simulate_staggered(StaggeredDesign(**settings), 5).frame
    return df.assign(se=0.5, trials=50, successes=np.random.default_rng(1).binomial(50, 0.3, len(df)))


def fit(df: pd.DataFrame, outcome: str = "y", exposure: str | None = None, **settings: Any) -> Estimate:
    panel = Panel.from_frame(
        df, unit="unit", period="period", outcome=outcome, cohort="cohort", covariates=["se"], exposure=exposure
    )
    return BayesianDid(leads=False, **settings).fit(panel, rng=np.random.default_rng(0))


def predictive(estimate: Estimate) -> Predictive:
    assert isinstance(estimate.uncertainty, Posterior)
    assert estimate.uncertainty.predictive is not None
    return estimate.uncertainty.predictive


CASES: list[dict[str, Any]] = [
    {},
    {"comparison": "never_treated"},
    {"sites": True},
    {"standard_error": "se"},
    {"family": "binomial", "outcome": "successes", "exposure": "trials"},
]


@pytest.mark.parametrize("settings", CASES, ids=["exact", "never_treated", "sites", "standard_error", "binomial"])
def test_replicated_data_are_like_the_observed_where_the_model_is_right(settings: dict[str, Any]) -> None:
    df = frame(autocorrelation=0.0 if "standard_error" in settings else 0.6)
    found = predictive(fit(df, **settings))
    assert found.replicated.shape[1] == found.observed.shape[0] == df["y"].notna().sum() or "outcome" in settings
    kept = found.observed, found.replicated, found.period
    for statistic in compare(*kept, series=found.series, contrast=own_contrast(found.period, found.before)):
        if statistic.name != "memory from one period to the next" or "family" not in settings:
            assert 0.005 < statistic.p < 0.995, statistic.name
    assert found.log_likelihood is not None
    assert found.log_prior is not None
    assert found.draws_of is not None
    assert found.log_likelihood.shape == (len(found.draws_of), len(found.observed))
    assert np.isfinite(found.log_likelihood).all()
    assert found.log_prior.shape == found.draws_of.shape


def test_independent_errors_fail_to_replicate_the_memory_of_autocorrelated_data() -> None:
    found = predictive(fit(frame(), errors="iid"))
    kept = found.observed, found.replicated, found.period
    memory = [each for each in compare(*kept, series=found.series) if each.name.startswith("memory")]
    assert memory[0].p < 0.01


def test_densities_fall_with_the_scale_of_the_outcome() -> None:
    """log p(b y) = log p(y) - log b, observation by observation."""
    df = frame()
    one, ten = predictive(fit(df)), predictive(fit(df.assign(y=10.0 * df["y"])))
    assert one.log_likelihood is not None
    assert ten.log_likelihood is not None
    np.testing.assert_allclose(ten.log_likelihood, one.log_likelihood - np.log(10.0), atol=1e-6)
    np.testing.assert_allclose(ten.replicated, 10.0 * one.replicated, atol=1e-6)


def test_densities_of_independent_errors_are_normal_around_each_units_own_level() -> None:
    estimate = fit(frame(missing=0.0, noise=0.5), errors="iid")
    found = predictive(estimate)
    assert found.log_likelihood is not None
    sigma = estimate.facts["sigma"]
    average = found.log_likelihood.mean()
    expected = -np.log(sigma) - 0.5 * np.log(2.0 * np.pi) - 0.5
    assert average == pytest.approx(expected, abs=0.05)


def test_predictive_draws_leave_the_posterior_as_it_is() -> None:
    estimate = fit(frame())
    again = fit(frame())
    assert estimate.draws is not None
    np.testing.assert_array_equal(estimate.draws, again.draws)
    np.testing.assert_array_equal(predictive(estimate).replicated, predictive(again).replicated)


def test_terms_are_thinned_to_a_bound() -> None:
    assert len(thinned(6_000, 400)) == 400
    assert len(thinned(6_000, MOST_OBSERVATIONS)) * MOST_OBSERVATIONS <= MOST_TERMS
    assert thinned(50, 10).tolist() == list(range(50))


def test_the_prior_density_is_that_of_its_parts() -> None:
    structure = Structure(np.ones((2, 1)), np.array([-1]), np.array([3.0]), ("cell",), (0.5,))
    gamma, sd, unit = np.array([[1.0], [-4.0]]), np.array([0.3, 0.9]), np.array([1.0, 2.0])
    found = log_prior(structure, gamma, {"cell": sd}, {"cell": 0.5}, unit, {"rho": np.array([0.1, -0.4])})
    expected = (
        stats.norm.logpdf(gamma[:, 0], scale=3.0 * unit)
        + stats.halfnorm.logpdf(sd / unit, scale=0.5)
        + np.log(1.0 - np.array([0.1, -0.4]) ** 2)
    )
    assert found[1] - found[0] == pytest.approx(expected[1] - expected[0])
