"""The model with single units' effects and known noise, against dense Gaussian algebra on a small panel."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from evalkit.numerics.did_sample import Sample, prepare
from evalkit.numerics.exact_did import Priors
from evalkit.numerics.hierarchical_did import PRIOR_DEGREES
from evalkit.numerics.site_did import Noise, SiteModel
from evalkit.vocabulary import NEVER, FloatArray

ROUNDING = 1e-7
START = np.array([3, 3, 3, 4, 4, NEVER, NEVER, NEVER])
FLAT = 1e4  # prior sd that stands for a flat prior in the dense algebra
POINTS = np.array([[0.3, -0.5, 0.1, 0.4, 0.2, -0.3], [-0.8, 0.6, -1.0, 1.2, -0.7, 0.9]])
DRAWS = 20_000
MCSE = 4.5  # Monte Carlo standard errors that the largest of many fixed-seed means may stray


def small(seed: int = 0) -> tuple[Sample, FloatArray, FloatArray]:
    rng = np.random.default_rng(seed)
    outcome = rng.standard_normal((8, 6)) + np.where(START[:, None] <= np.arange(6), 1.0, 0.0)
    outcome[1, 2] = np.nan
    covariate = rng.standard_normal((8, 6, 1))
    return prepare(outcome, covariate, np.arange(6), START, 0), outcome, rng.uniform(0.1, 1.5, (8, 6))


def model(sample: Sample, noise: FloatArray | None = None, **changes: Any) -> SiteModel:
    cells = sample.layout.effects
    settings: dict[str, Any] = {"scale": 1.0, "site_scale": 1.0, "autoregressive": True, "covariate_scale": 2.0}
    return SiteModel(
        sample, cells, None, Priors(overall=2.0).structure(cells),
        noise=None if noise is None else Noise(noise), **{**settings, **changes},
    )  # fmt: skip


def components(made: SiteModel, point: FloatArray) -> dict[str, float]:
    return made.components(point[: made.dim])


def dense_parts(made: SiteModel, sample: Sample, noise: FloatArray | None, point: FloatArray) -> tuple[FloatArray, ...]:
    """Outcome, error covariance (in units of sigma^2 without noise), effect loading and flat loading of the rows."""
    value = components(made, point)
    layout, cells = sample.layout, sample.layout.effects
    unit, period = np.nonzero(layout.used)
    same = unit[:, None] == unit[None, :]
    shock = 1.0 if noise is None else value["sigma"] ** 2
    variance = np.where(same, shock * value["rho"] ** np.abs(period[:, None] - period[None, :]), 0.0)
    if noise is not None:
        variance += np.diag(noise[unit, period])
    treated = START[unit] <= period
    variance += np.where(same & treated[:, None] & treated[None, :], value["site"] ** 2, 0.0)
    structure = Priors(overall=2.0).structure(cells)
    code = layout.codes(cells)[unit, period]
    indicator = (code[:, None] == np.arange(len(cells))[None, :]).astype(np.float64)
    scales = structure.fixed_scale.copy()
    for i, name in enumerate(structure.group_names):
        scales[structure.group == i] = value[f"ratio_{name}"]
    prior = (structure.basis * scales**2) @ structure.basis.T + value["ratio_cell"] ** 2 * np.eye(len(cells))
    flat = np.hstack([np.eye(8)[unit], np.eye(6)[period]])
    x = 2.0 * sample.series[unit, period, 1:]  # prior sd of its coefficient
    return sample.series[unit, period, 0], variance + x @ x.T, indicator, flat, prior


def dense_log_marginal(made: SiteModel, sample: Sample, noise: FloatArray | None, point: FloatArray) -> float:
    y, variance, indicator, flat, prior = dense_parts(made, sample, noise, point)
    whole = variance + indicator @ prior @ indicator.T + FLAT**2 * flat @ flat.T
    square = y @ np.linalg.solve(whole, y)
    log_det = np.linalg.slogdet(whole)[1]
    if noise is not None:
        return float(-0.5 * log_det - 0.5 * square)
    rows = len(y) - np.linalg.matrix_rank(flat)
    return float(-0.5 * log_det - (PRIOR_DEGREES + rows) / 2.0 * np.log((PRIOR_DEGREES + square) / 2.0))


@pytest.mark.parametrize("noisy", [False, True])
def test_ratios_of_likelihoods_are_those_of_the_dense_algebra(noisy: bool) -> None:
    sample, _, errors = small()
    noise = errors if noisy else None
    made = model(sample, noise)
    found = made.log_marginal(POINTS[:, : made.dim])
    expected = [dense_log_marginal(made, sample, noise, point) for point in POINTS]
    assert found[0] - found[1] == pytest.approx(expected[0] - expected[1], abs=1e-4)  # FLAT is not quite flat


@pytest.mark.parametrize("noisy", [False, True])
def test_effects_and_deviations_have_the_moments_of_the_dense_algebra(noisy: bool) -> None:
    sample, _, errors = small(1)
    noise = errors if noisy else None
    made = model(sample, noise)
    point = POINTS[:1, : made.dim]
    _, addition, drawn = made.draw(point, DRAWS, np.random.default_rng(0))
    assert (addition == 0.0).all()
    y, variance, indicator, flat, prior = dense_parts(made, sample, noise, POINTS[0])
    whole = variance + indicator @ prior @ indicator.T + FLAT**2 * flat @ flat.T
    unit, period = np.nonzero(sample.layout.used)
    treated = START[unit] <= period
    own = (unit[:, None] == made.sites[None, :]) & treated[:, None]
    gain = np.hstack([indicator @ prior, components(made, POINTS[0])["site"] ** 2 * own])
    mean = gain.T @ np.linalg.solve(whole, y)
    draws = np.hstack([drawn["effects"][0], drawn["site"][0]])
    error = (draws.mean(axis=0) - mean) / (draws.std(axis=0) / np.sqrt(DRAWS))
    assert np.abs(error).max() < MCSE
    if noisy:
        before = np.zeros((gain.shape[1], gain.shape[1]))
        n_cells = indicator.shape[1]
        before[:n_cells, :n_cells] = prior
        before[range(n_cells, len(before)), range(n_cells, len(before))] = components(made, POINTS[0])["site"] ** 2
        after = before - gain.T @ np.linalg.solve(whole, gain)
        sd = np.sqrt(np.diag(after))
        np.testing.assert_allclose(draws.std(axis=0) / sd, 1.0, atol=MCSE / np.sqrt(2 * DRAWS))
        correlation = np.corrcoef(draws, rowvar=False)
        np.testing.assert_allclose(correlation, after / np.outer(sd, sd), atol=MCSE / np.sqrt(DRAWS))


def test_without_noise_sigma_is_drawn_from_its_inverse_gamma_posterior() -> None:
    sample, _, _ = small(2)
    made = model(sample)
    found = made.conditional(POINTS[0, : made.dim])
    y, variance, indicator, flat, prior = dense_parts(made, sample, None, POINTS[0])
    whole = variance + indicator @ prior @ indicator.T + FLAT**2 * flat @ flat.T
    assert found.rate == pytest.approx((PRIOR_DEGREES + y @ np.linalg.solve(whole, y)) / 2.0, rel=1e-5)
    _, _, drawn = made.draw(POINTS[:1, : made.dim], DRAWS, np.random.default_rng(1))
    shape = (PRIOR_DEGREES + len(y) - np.linalg.matrix_rank(flat)) / 2.0
    assert (drawn["sigma"] ** -2).mean() == pytest.approx(shape / found.rate, rel=MCSE / np.sqrt(shape * DRAWS))


def test_the_unit_of_the_outcome_does_not_matter_under_known_noise() -> None:
    sample, outcome, errors = small(3)
    rng = np.random.default_rng(0)
    tenfold = prepare(10.0 * outcome, rng.standard_normal((8, 6, 0)), np.arange(6), START, 0)
    plain = prepare(outcome, rng.standard_normal((8, 6, 0)), np.arange(6), START, 0)
    del sample
    one, ten = model(plain, errors), model(tenfold, 100.0 * errors, scale=10.0)
    np.testing.assert_allclose(
        one.log_marginal(POINTS[:, : one.dim]), ten.log_marginal(POINTS[:, : ten.dim]), atol=ROUNDING
    )
