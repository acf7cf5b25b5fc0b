"""What the checks of Bayesian synthetic control read, against densities of SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from evalkit.inference.donor_posterior import Fit, Priors, predictive_of
from evalkit.inference.donor_targets import targets_of
from evalkit.numerics.donor_model import Draws, ErrorModel, gaps_of
from tests.synthetic_worlds import factor_panel, mean_fitter

SAME = 1e-9
"""Relative: one density in two forms."""


@pytest.mark.parametrize("autoregressive", [False, True])
def test_the_log_prior_is_that_of_weights_scale_and_autocorrelation_over_all_treated(autoregressive: bool) -> None:
    panel, rng = factor_panel(3, units=7, treated=2, periods=16, start=11), np.random.default_rng(1)
    targets = targets_of(panel, mean_fitter.pools(panel), (), 1.0, merged=False)
    errors = ErrorModel.of(autoregressive=autoregressive, intercept=False)
    priors = Priors(concentration=(0.4, 2.5), errors=errors, sigma_scale=1.5, pooling_scale=None)
    draws = tuple(
        Draws(rng.dirichlet(np.ones(5), 30), rng.uniform(0.5, 2.0, 30), rng.integers(len(errors.rhos), size=30))
        for _ in targets
    )
    gaps = tuple(gaps_of(each.series, errors, own, rng) for each, own in zip(targets, draws, strict=True))
    fit = Fit(draws, gaps, tuple(gap.effect for gap in gaps), None, None, chains=1)
    found = predictive_of(targets, fit, priors, rng)

    def density(row: int) -> float:
        of_weights = [
            stats.dirichlet.logpdf(d.weights[row], np.full(5, a)) for d, a in zip(draws, (0.4, 2.5), strict=True)
        ]
        of_scales = [
            stats.halfcauchy.logpdf(d.sigma[row], scale=1.5 * each.series.unit_sd)
            for d, each in zip(draws, targets, strict=True)
        ]
        of_rho = [np.log1p(-(errors.rhos[d.rho[row]] ** 2)) if autoregressive else 0.0 for d in draws]
        return float(sum(of_weights) + sum(of_scales) + sum(of_rho))

    assert found.log_prior is not None
    assert found.draws_of is not None
    expected = np.array([density(int(row)) for row in found.draws_of])
    assert np.diff(found.log_prior) == pytest.approx(np.diff(expected), rel=SAME, abs=1e-10)  # but for a constant
    assert found.observed.tolist() == [*targets[0].series.own[:10], *targets[1].series.own[:10]]
    assert found.period.tolist() == 2 * list(targets[0].series.time[:10])
    assert found.before.all()
    assert found.series is not None
    assert found.series.tolist() == [0] * 10 + [1] * 10
    assert found.replicated.shape == (30, 20)
    assert found.log_likelihood is not None
    assert found.log_likelihood[:, :10] == pytest.approx(gaps[0].log_likelihood[found.draws_of])
