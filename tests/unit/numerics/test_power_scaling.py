"""Power scaling is exact where the scaled posterior is known, and gives ArviZ's sensitivity."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from evalkit.numerics.power_scaling import distance, noise_of_sensitivity, resampled, scale, sensitivity

N_DRAWS = 40_000
MONTE_CARLO = 0.02  # four standard errors of a mean of 40,000 draws, in sds


def conjugate(prior_sd: float, seen: float = 2.0) -> tuple[Any, Any]:
    """Draws of a mean with prior N(0, prior_sd^2) after one observation with error 1, and their log prior."""
    precision = 1.0 + prior_sd**-2
    draws = seen / precision + np.random.default_rng(5).standard_normal(N_DRAWS) / np.sqrt(precision)
    return draws, stats.norm.logpdf(draws, 0.0, prior_sd)


@pytest.mark.parametrize("prior_sd", [0.5, 1.0, 3.0])
def test_the_scaled_posterior_is_the_conjugate_one(prior_sd: float) -> None:
    draws, log_prior = conjugate(prior_sd)
    for found in scale(draws, log_prior):
        precision = 1.0 + found.alpha * prior_sd**-2  # N(0, s^2) to the power alpha is N(0, s^2 / alpha)
        sd = precision**-0.5
        assert found.draws.mean() == pytest.approx(2.0 / precision, abs=2 * MONTE_CARLO * sd)
        assert found.draws.std() == pytest.approx(sd, rel=2 * MONTE_CARLO)
        assert found.shift == pytest.approx((2.0 / precision - draws.mean()) / draws.std(), abs=2 * MONTE_CARLO)
        assert found.weights.reliable


def test_the_sensitivity_is_that_of_arviz() -> None:
    import arviz as az

    draws, log_prior = conjugate(1.0)
    few, logs = draws[:1_500], log_prior[:1_500]
    data: Any = az.from_dict(posterior={"a": few[None]})
    data.add_groups({"log_prior": {"a": logs[None]}})
    psens: Any = az.psens
    assert sensitivity(few, logs) == pytest.approx(float(psens(data, component="prior")["a"]), rel=1e-9)


def test_a_wider_prior_matters_less() -> None:
    found = [sensitivity(*conjugate(prior_sd)) for prior_sd in (0.5, 1.0, 3.0, 30.0)]
    assert found == sorted(found, reverse=True)
    assert found[0] > 0.05 > found[-1]


def test_few_draws_have_a_sensitivity_by_chance_alone() -> None:
    rng = np.random.default_rng(8)
    draws, unrelated = rng.standard_normal(800), 3.6 * rng.standard_normal(800)
    floor = noise_of_sensitivity(draws, unrelated)
    assert floor > 0.04  # as much as the usual threshold, from nothing
    fresh = [sensitivity(rng.standard_normal(800), unrelated) for _ in range(60)]
    assert 0.85 <= np.mean(np.array(fresh) <= floor) <= 1.0
    many, log_prior = conjugate(1.0)
    assert noise_of_sensitivity(many, log_prior) < 0.01 < sensitivity(many, log_prior)


def test_a_flat_prior_changes_nothing() -> None:
    draws, _ = conjugate(1.0)
    lower, upper = scale(draws, np.zeros_like(draws))
    for found in (lower, upper):
        np.testing.assert_array_equal(found.draws, np.sort(draws))
        assert (found.shift, found.distance) == pytest.approx((0.0, 0.0), abs=1e-3)
    assert sensitivity(draws, np.zeros_like(draws)) == pytest.approx(0.0, abs=1e-3)


def test_the_distance_does_not_depend_on_scale_sign_or_place() -> None:
    draws, log_prior = conjugate(1.0)
    draws, weights = draws[:500], np.exp(log_prior[:500])
    expected = distance(draws, weights)
    assert distance(-3.0 * draws + 7.0, weights) == pytest.approx(expected)
    assert 0.0 < expected < 1.0
    assert distance(np.ones(500), weights) == 0.0


def test_resampled_draws_keep_the_weighted_quantiles() -> None:
    rng = np.random.default_rng(1)
    draws = rng.standard_normal(5_000)
    kept = resampled(draws, np.where(draws > 0.0, 3.0, 1.0))
    assert (kept > 0.0).mean() == pytest.approx(0.75, abs=0.01)
    assert (np.diff(kept) >= 0.0).all()
