"""The exact engine and the PyMC model are one posterior, drawn in two ways."""

from __future__ import annotations

import numpy as np
import pytest

from evalkit.data.panel import Panel
from evalkit.estimate import Estimate
from evalkit.estimators.bayesian_did import BayesianDid
from evalkit.testing.simulate import StaggeredDesign, simulate_staggered
from evalkit.uncertainty import Posterior

MCSE = 4.0  # Monte Carlo standard errors that a difference of two means may stray
SPREAD = 0.12  # relative: 4 standard errors of a standard deviation from about 1,000 effective draws


def posterior(estimate: Estimate) -> Posterior:
    assert isinstance(estimate.uncertainty, Posterior)
    return estimate.uncertainty


@pytest.mark.slow
def test_both_engines_draw_the_same_posterior_and_pass_the_gates() -> None:
    """Ragged panel, autoregressive errors, a covariate, never-treated comparison: every part of the model at once."""
    design = StaggeredDesign(n_units=30, n_periods=7, growth=0.3, cohort_gap=0.5, autocorrelation=0.5, missing=0.08)
    df = simulate_staggered(design, 5).frame
    df["rain"] = np.random.default_rng(0).standard_normal(len(df))
    df["y"] += df["rain"]
    panel = Panel.from_frame(
        df, unit="unit", period="period", outcome="y", cohort="cohort", covariates=["rain"]
    )  # fmt: skip
    exact, sampled = (
        posterior(
            BayesianDid(engine=engine, covariates=("rain",), comparison="never_treated", leads=False).fit(
                panel, rng=np.random.default_rng(1)
            )
        )
        for engine in ("exact", "nuts")
    )
    figures = sampled.sampler
    assert figures.divergences == 0
    assert figures.rhat_max <= 1.01
    ess = min(figures.ess_bulk_min, figures.ess_tail_min)
    assert ess >= 400.0
    sd = exact.draws.std(axis=0)
    error = np.abs(exact.draws.mean(axis=0) - sampled.draws.mean(axis=0)) / sd
    assert error.max() < MCSE * np.sqrt(1.0 / ess + 1.0 / exact.sampler.ess_bulk_min)
    np.testing.assert_allclose(sampled.draws.std(axis=0), sd, rtol=SPREAD)
    for name, value in exact.parameters.items():
        other = sampled.parameters[name]
        gap = abs(value.mean() - other.mean()) / value.std()
        assert gap < MCSE * np.sqrt(1.0 / ess + 1.0 / exact.sampler.ess_bulk_min), name
