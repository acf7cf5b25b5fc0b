"""Estimates whose posterior, predictive draws and prior are known in closed form."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from scipy import stats

from evalkit.checks.base import CheckContext
from evalkit.evidence.finding import finding_of_draws
from evalkit.uncertainty import Posterior, Predictive, SamplerFigures
from evalkit.vocabulary import Finding, FloatArray
from tests.simulated import context

N_DRAWS, N_REPLICATED, N_PERIODS = 4_000, 300, 80
EXACT = SamplerFigures("exact", 1, N_DRAWS, 0, 1.0, float(N_DRAWS), float(N_DRAWS))


def series(mean: float = 0.3, *, rho: float = 0.0, seed: int = 2) -> FloatArray:
    """A series around `mean` with errors of sd about 1, autoregressive where asked."""
    noise = np.random.default_rng(seed).standard_normal(N_PERIODS)
    for t in range(1, N_PERIODS):
        noise[t] = rho * noise[t - 1] + np.sqrt(1.0 - rho**2) * noise[t]
    return mean + noise


def normal_mean(seen: FloatArray, *, prior_mean: float = 0.0, prior_sd: float = 10.0, seed: int = 2) -> Posterior:
    """y_t ~ N(theta, 1) and theta ~ N(prior_mean, prior_sd^2); the one cell that matters is theta."""
    rng = np.random.default_rng(seed)
    precision = len(seen) + prior_sd**-2
    theta = (seen.sum() + prior_mean / prior_sd**2) / precision + rng.standard_normal(N_DRAWS) / np.sqrt(precision)
    prior = prior_mean + prior_sd * rng.standard_normal(N_REPLICATED)
    shape = (N_REPLICATED, len(seen))
    return Posterior(
        draws=theta[:, None],
        sampler=EXACT,
        predictive=Predictive(
            observed=seen,
            replicated=theta[:N_REPLICATED, None] + rng.standard_normal(shape),
            period=np.arange(len(seen)),
            before=np.ones(len(seen), dtype=bool),
            log_likelihood=stats.norm.logpdf(seen, theta[:, None]),
            log_prior=stats.norm.logpdf(theta, prior_mean, prior_sd),
            prior_replicated=prior[:, None] + rng.standard_normal(shape),
        ),
    )


def judged_by(posterior: Posterior, *, findings: bool = True) -> CheckContext:
    """The context of a check over this posterior: every cell has its first column's draws."""
    made = context()
    every = np.repeat(posterior.draws[:, :1], len(made.estimate.cells), axis=1)
    estimate = dataclasses.replace(made.estimate, uncertainty=dataclasses.replace(posterior, draws=every))

    def finding(draws: FloatArray) -> Finding:
        return finding_of_draws(made.spec.primary_outcome, estimate, made.spec.design.level, draws)

    return dataclasses.replace(made, estimate=estimate, finding_of=finding if findings else None)


def without(posterior: Posterior, **changes: Any) -> Posterior:
    """The posterior with parts of its predictive draws left out (None) or replaced."""
    assert posterior.predictive is not None
    return dataclasses.replace(posterior, predictive=dataclasses.replace(posterior.predictive, **changes))
