"""Pareto smoothing gives ArviZ's numbers, and leave-one-out those of a model that has them in closed form."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from evalkit.numerics.pareto_smoothing import fit_pareto, largest_k, leave_one_out, smooth

SAME = 1e-12  # the same formula in another order of operations


def arviz() -> Any:
    import arviz

    return arviz


@pytest.mark.parametrize("spread", [0.2, 1.0, 2.0, 5.0])
@pytest.mark.parametrize("efficiency", [1.0, 0.4])
def test_weights_and_shape_are_those_of_arviz(spread: float, efficiency: float) -> None:
    logs = spread * np.random.default_rng(3).standard_normal(1_000)
    found = smooth(logs, efficiency)
    expected, k = arviz().psislw(logs, efficiency)
    np.testing.assert_allclose(found.weights, np.exp(np.asarray(expected)), atol=SAME)
    assert found.k == pytest.approx(float(k), abs=SAME)


def test_equal_weights_stay_equal_and_need_no_tail() -> None:
    found = smooth(np.full(50, -3.0))
    assert (found.k, found.reliable) == (-math.inf, True)
    assert found.weights.tolist() == [1.0 / 50.0] * 50


def test_a_tail_that_cannot_be_fitted_is_not_relied_on() -> None:
    logs = np.zeros(200)
    logs[:3] = 5.0
    found = smooth(logs)
    assert (found.k, found.reliable) == (math.inf, False)


def test_a_heavy_tail_is_not_relied_on() -> None:
    logs = 4.0 * np.random.default_rng(0).standard_normal(2_000)
    assert not smooth(logs).reliable


def test_the_shape_of_a_pareto_sample_is_found() -> None:
    sample = np.sort(stats.genpareto.rvs(0.4, scale=2.0, size=20_000, random_state=1))
    k, sigma = fit_pareto(sample)
    assert k == pytest.approx(0.4, abs=0.05)  # four standard errors, (1 + k) / sqrt n each
    assert sigma == pytest.approx(2.0, abs=0.1)


def test_fewer_draws_demand_a_lighter_tail() -> None:
    assert largest_k(100) == pytest.approx(0.5)
    assert largest_k(10**6) == 0.7


def test_leave_one_out_is_that_of_arviz() -> None:
    rng = np.random.default_rng(1)
    log_likelihood = rng.standard_normal((800, 25)) * rng.uniform(0.1, 1.0, 25)
    found = leave_one_out(log_likelihood)
    data = arviz().from_dict(
        posterior={"a": np.zeros((1, 800))}, log_likelihood={"y": log_likelihood[None]}
    )  # fmt: skip
    expected = arviz().loo(data, pointwise=True, reff=1.0)
    assert found.elpd == pytest.approx(float(expected.elpd_loo), abs=1e-9)
    assert found.std_error == pytest.approx(float(expected.se), abs=1e-9)
    assert found.p_loo == pytest.approx(float(expected.p_loo), abs=1e-9)
    np.testing.assert_allclose(found.k, expected.pareto_k.to_numpy(), atol=SAME)


def test_leave_one_out_of_a_normal_mean_is_the_closed_form() -> None:
    rng = np.random.default_rng(2)
    seen = rng.standard_normal(30)
    draws = seen.mean() + rng.standard_normal(40_000) / np.sqrt(30)  # flat prior, error 1
    found = leave_one_out(stats.norm.logpdf(seen, draws[:, None]))
    others = (seen.sum() - seen) / 29.0
    exact = stats.norm.logpdf(seen, others, np.sqrt(1.0 + 1.0 / 29.0))
    np.testing.assert_allclose(found.pointwise, exact, atol=0.01)  # Monte Carlo error of 40,000 draws
    assert found.p_loo == pytest.approx(1.0, abs=0.4)  # one parameter
