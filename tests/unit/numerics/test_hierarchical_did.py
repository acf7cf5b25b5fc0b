"""The exact posterior, against closed forms written out densely."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from evalkit.numerics.did_layout import CellTable, lay_out
from evalkit.numerics.did_system import System
from evalkit.numerics.hierarchical_did import (
    PRIOR_DEGREES,
    Structure,
    _Posterior,
    autocorrelation_nodes,
    autocorrelation_of,
    draw_exact,
    free_structure,
    half_normal_of,
    pooled_structure,
    zero_sum_structure,
)
from evalkit.vocabulary import FloatArray

MCSE = 4.0  # Monte Carlo standard errors that a fixed-seed mean may stray
ROUNDING = 1e-9
SCALES: dict[str, Any] = {"overall": 10.0, "event_time": 1.0, "cohort": 0.8, "cell": 0.5}


def cells(anticipation: int = 0) -> CellTable:
    start = np.repeat([3, 4, 5, 99], 3)
    return lay_out(np.ones((12, 7), dtype=bool), np.arange(7), start, anticipation=anticipation).effects


def system(size: int, seed: int = 0, singular: bool = False) -> System:
    """A likelihood of K effects with 40 degrees of freedom."""
    rng = np.random.default_rng(seed)
    design = rng.standard_normal((40, size))
    if singular:
        design[:, -1] = design[:, 0]
    outcome = design @ rng.standard_normal(size) + rng.standard_normal(40)
    return System(
        np.zeros(1), (design.T @ design)[None], (design.T @ outcome)[None], np.array([outcome @ outcome]),
        np.zeros(1), 40,
    )  # fmt: skip


def prior_covariance(structure: Structure, ratios: FloatArray) -> FloatArray:
    """Covariance of the effects at sigma = 1."""
    scale = structure.fixed_scale.copy()
    for index in range(len(structure.group_names)):
        scale[structure.group == index] = ratios[index]
    cell = ratios[-1] if structure.has_cell_group else structure.fixed_cell
    return np.asarray((structure.basis * scale**2) @ structure.basis.T + cell**2 * np.eye(len(structure.basis)))


def closed_form(likelihood: System, covariance: FloatArray) -> tuple[FloatArray, FloatArray, float, float]:
    """Mean and scale matrix of the t posterior, its rate, and log p(y) up to a constant."""
    information, score = likelihood.information[0], likelihood.score[0]
    posterior = np.linalg.inv(np.linalg.inv(covariance) + information)
    mean = posterior @ score
    rate = PRIOR_DEGREES / 2.0 + (likelihood.residual[0] - score @ mean) / 2.0
    log_det = np.linalg.slogdet(np.eye(len(score)) + information @ covariance)[1]
    shape = (PRIOR_DEGREES + likelihood.degrees) / 2.0
    return mean, posterior, float(rate), float(-0.5 * log_det - shape * np.log(rate))


@pytest.mark.parametrize("singular", [False, True])
def test_marginal_likelihood_matches_the_dense_formula(singular: bool) -> None:
    table = cells()
    structure, likelihood = pooled_structure(table, **SCALES), system(len(table), singular=singular)
    posterior = _Posterior(likelihood, structure)
    points = np.random.default_rng(1).standard_normal((20, 3))
    expected = [closed_form(likelihood, prior_covariance(structure, ratios))[3] for ratios in posterior.ratios(points)]
    np.testing.assert_allclose(posterior.log_marginal(points), expected, rtol=ROUNDING)


@pytest.mark.parametrize("anticipation", [0, 1])
@pytest.mark.promise("law-conjugate")
def test_draws_at_known_ratios_match_the_conjugate_posterior(anticipation: int) -> None:
    table = cells(anticipation)
    structure, likelihood, size = pooled_structure(table, **SCALES), system(len(table)), 20_000
    posterior = _Posterior(likelihood, structure)
    point = np.array([[0.3, -0.5, 0.8]])
    drawn = posterior.conditional_draws(np.repeat(point, size, axis=0), float(size), np.random.default_rng(2))
    mean, scale, rate, _ = closed_form(likelihood, prior_covariance(structure, posterior.ratios(point)[0]))
    shape = (PRIOR_DEGREES + likelihood.degrees) / 2.0
    sd = np.sqrt(np.diag(scale) * rate / (shape - 1.0))
    assert np.abs((drawn.effects.mean(axis=0) - mean) / sd).max() < MCSE / np.sqrt(size)
    np.testing.assert_allclose(np.cov(drawn.effects.T), scale * rate / (shape - 1.0), atol=0.05 * sd.max() ** 2)
    law = stats.invgamma(shape, scale=rate)
    assert stats.kstest(drawn.sigma**2, law.cdf).pvalue > 1e-4
    residual = drawn.effects - drawn.gamma @ structure.basis.T
    assert residual.std() > 0.01  # cells deviate from the sum of their parts


@pytest.mark.promise("law-conjugate")
def test_leads_without_ratios_match_the_conjugate_posterior() -> None:
    likelihood, size = system(4), 20_000
    drawn = draw_exact(likelihood, free_structure(4, 2.0), size=size, points=1, rng=np.random.default_rng(3))
    mean, scale, rate, _ = closed_form(likelihood, 4.0 * np.eye(4))
    shape = (PRIOR_DEGREES + likelihood.degrees) / 2.0
    sd = np.sqrt(np.diag(scale) * rate / (shape - 1.0))
    assert np.abs((drawn.effects.mean(axis=0) - mean) / sd).max() < MCSE / np.sqrt(size)
    assert drawn.effective_size == size


@pytest.mark.promise("law-prior-only")
def test_without_a_likelihood_the_prior_comes_back() -> None:
    table = cells()
    structure, count = pooled_structure(table, **SCALES), len(table)
    nothing = System(np.zeros(1), np.zeros((1, count, count)), np.zeros((1, count)), np.zeros(1), np.zeros(1), 0)
    drawn = draw_exact(nothing, structure, size=8_000, points=16_000, rng=np.random.default_rng(4))
    for index, scale in enumerate(structure.group_scales):
        assert stats.kstest(drawn.ratios[:, index], stats.halfnorm(scale=scale).cdf).pvalue > 1e-4
    law = stats.invgamma(PRIOR_DEGREES / 2.0, scale=PRIOR_DEGREES / 2.0)
    assert stats.kstest(drawn.sigma**2, law.cdf).pvalue > 1e-4
    scaled = drawn.effects / drawn.sigma[:, None]
    rng = np.random.default_rng(5)
    direct = rng.standard_normal(8_000) * SCALES["overall"]
    direct += rng.standard_normal(8_000) * SCALES["event_time"] * (table.event_time[0] - table.event_time.mean())
    for index, width in enumerate(structure.group_scales[:2]):
        columns = np.flatnonzero(structure.group == index)
        ratio = np.abs(rng.standard_normal(8_000)) * width
        direct += ratio * (rng.standard_normal((8_000, len(columns))) @ structure.basis[0, columns])
    direct += np.abs(rng.standard_normal(8_000)) * SCALES["cell"] * rng.standard_normal(8_000)
    assert stats.ks_2samp(scaled[:, 0], direct).pvalue > 1e-4


def test_deviations_sum_to_zero_over_event_times_and_over_cohorts() -> None:
    table = cells()
    structure = pooled_structure(table, **SCALES)
    for index, labels in enumerate((table.event_time, table.cohort)):
        block = structure.basis[:, structure.group == index]
        first = [int(np.flatnonzero(labels == label)[0]) for label in np.unique(labels)]
        np.testing.assert_allclose(block[first].sum(axis=0), 0.0, atol=ROUNDING)
        covariance = block[first] @ block[first].T
        count = len(first)
        np.testing.assert_allclose(covariance, np.eye(count) - 1.0 / count, atol=ROUNDING)


def test_zero_sum_leads_have_the_prior_of_free_leads_less_their_cohort_mean() -> None:
    table = lay_out(np.ones((12, 7), dtype=bool), np.arange(7), np.repeat([3, 4, 5, 99], 3)).leads
    structure = zero_sum_structure(table, 2.0)
    same = table.group[:, None] == table.group[None, :]
    expected = 4.0 * (np.eye(len(table)) - same / same.sum(axis=0))
    np.testing.assert_allclose(prior_covariance(structure, np.zeros(0)), expected, atol=ROUNDING)


def test_parts_that_one_cohort_cannot_tell_apart_are_left_out() -> None:
    table = lay_out(np.ones((4, 6), dtype=bool), np.arange(6), np.array([3, 3, 9, 9])).effects
    assert pooled_structure(table, **SCALES).group_names == ("event_time",)


def test_anticipation_cells_stand_on_their_own() -> None:
    table = cells(anticipation=2)
    structure = pooled_structure(table, **SCALES)
    before = table.event_time < 0
    free = structure.basis[before]
    assert (np.abs(free).sum(axis=1) == 1.0).all()
    assert not structure.basis[~before][:, np.abs(free).sum(axis=0) > 0].any()


def test_normal_scores_map_to_the_priors_far_into_both_tails() -> None:
    u = np.array([-7.0, -2.0, 0.0, 2.0, 7.0])
    found = half_normal_of(u, 2.0)
    np.testing.assert_allclose(found[1:4], stats.halfnorm(scale=2.0).ppf(stats.norm.cdf(u[1:4])), rtol=1e-9)
    # near 0 the distribution function of HalfNormal(s) is sqrt(2 / pi) x / s
    assert found[0] == pytest.approx(stats.norm.cdf(-7.0) * 2.0 * np.sqrt(np.pi / 2.0), rel=1e-9)
    assert found[4] == pytest.approx(stats.halfnorm(scale=2.0).isf(stats.norm.sf(7.0)), rel=1e-9)
    rho = autocorrelation_of(np.random.default_rng(0).standard_normal(4_000))
    density = stats.beta(2.0, 2.0, loc=-1.0, scale=2.0)
    assert stats.kstest(rho, density.cdf).pvalue > 1e-4
    inside = autocorrelation_of(np.random.default_rng(0).standard_normal(4_000), 0.2, 0.3)
    assert stats.kstest((inside - 0.2) / 0.1, "uniform").pvalue > 1e-4  # the density is nearly flat there


@pytest.mark.parametrize(("centre", "width"), [(0.3, 0.2), (-0.5, 0.02), (0.97, 0.001)])
def test_nodes_gather_where_the_autocorrelation_has_its_mass(centre: float, width: float) -> None:
    base = system(3)

    def build(rho: FloatArray) -> System:
        count = len(rho)
        return System(
            rho, np.repeat(base.information, count, axis=0), np.repeat(base.score, count, axis=0),
            np.repeat(base.residual, count), -0.5 * ((rho - centre) / width) ** 2, base.degrees,
        )  # fmt: skip

    nodes = autocorrelation_nodes(build, free_structure(3, 10.0)).rho
    drawn = draw_exact(build(nodes), free_structure(3, 10.0), size=8_000, points=16_000, rng=np.random.default_rng(6))
    grid = np.linspace(-1.0, 1.0, 400_001)
    weight = np.exp(-0.5 * ((grid - centre) / width) ** 2) * (1.0 - grid**2)
    mean = weight @ grid / weight.sum()
    sd = np.sqrt(weight @ (grid - mean) ** 2 / weight.sum())
    assert np.diff(nodes)[0] < sd
    assert drawn.effective_size > 3_000
    assert drawn.rho.mean() == pytest.approx(mean, abs=MCSE * sd / np.sqrt(drawn.effective_size))
    assert drawn.rho.std() == pytest.approx(sd, rel=0.05)


def test_cells_that_are_all_anticipated_are_free() -> None:
    start = np.repeat([3, 4, 99], 3)
    leads = lay_out(np.ones((9, 7), dtype=bool), np.arange(7), start).leads
    found = pooled_structure(leads, **SCALES)
    assert found.group_names == ()
    np.testing.assert_allclose((found.basis * found.fixed_scale**2) @ found.basis.T, 100.0 * np.eye(len(leads)))
