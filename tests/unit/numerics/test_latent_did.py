"""Counts and shares by importance, against quadrature where that is possible and by calibration."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from scipy import special

from evalkit.numerics.did_layout import lay_out
from evalkit.numerics.did_rows import Rows, long_rows
from evalkit.numerics.did_sample import Sample
from evalkit.numerics.exact_did import Priors
from evalkit.numerics.hierarchical_did import Structure
from evalkit.numerics.importance import sample_latent
from evalkit.numerics.latent_did import LatentCounts
from evalkit.numerics.response_families import ResponseFamily, log_density, replicate
from evalkit.testing.sbc import sbc_ranks, uniform
from evalkit.vocabulary import NEVER, FloatArray
from tests.calibrated.measure import Measured

START = np.repeat([3, 4, NEVER], [3, 3, 4])
TIME = np.arange(6)
PRIORS = Priors(1.0, 0.5, 0.5, 0.5, site=0.5)
TRIALS = 40.0
MCSE = 4.5  # Monte Carlo standard errors that the largest of several fixed-seed means may stray


def rows_of(outcome: FloatArray) -> Rows:
    layout = lay_out(np.ones(outcome.shape, dtype=bool), TIME, START)
    series = np.zeros((*outcome.shape, 1))
    sample = Sample(series, layout, TIME, np.zeros(0, dtype=bool), 0, np.zeros(0))
    return long_rows(sample, outcome, np.zeros_like(outcome), layout.effects, None, np.full(outcome.shape, TRIALS))


def structure_of() -> Structure:
    return PRIORS.structure(lay_out(np.ones((len(START), 6), dtype=bool), TIME, START).effects)


def model(outcome: FloatArray, family: ResponseFamily, **settings: Any) -> LatentCounts:
    return LatentCounts(
        rows_of(outcome), structure_of(), family=family, covariate_scale=10.0, **{"site_scale": None, **settings}
    )


def counts(seed: int = 0, mean: float = 8.0) -> FloatArray:
    return np.random.default_rng(seed).poisson(mean, (len(START), 6)).astype(np.float64)


@pytest.mark.parametrize("family", ["poisson", "negative_binomial", "binomial"])
def test_the_gradient_vanishes_at_the_mode_and_the_curvature_is_the_proposals(family: ResponseFamily) -> None:
    made = model(counts(), family, site_scale=0.5)
    point = np.full(made.dim, -0.2)
    found, value = made.mode(point), made.components(point)

    def height(coefficient: FloatArray) -> float:
        index = made.index(found.scale * coefficient)
        dispersion = value.get("dispersion", 0.0)
        density = log_density(family, made.rows.outcome, index, made.rows.trials, dispersion)
        return float(density.sum() - 0.5 * coefficient @ coefficient)

    rng = np.random.default_rng(0)
    for _ in range(4):
        direction = rng.standard_normal(len(found.center))
        direction /= np.linalg.norm(direction)
        low, middle, high = (height(found.center + s * direction) for s in (-1e-3, 0.0, 1e-3))
        curvature = float(np.sum((found.root.T @ direction) ** 2))
        assert abs(high - low) / 2e-3 < 0.05 * np.sqrt(curvature)
        assert -(high - 2.0 * middle + low) / 1e-6 == pytest.approx(curvature, rel=0.02)


def test_weights_mend_the_normal_approximation() -> None:
    """Few counts, so that the approximation alone is off: two proposals, one answer."""
    outcome = counts(1, mean=0.6)
    made = model(outcome, "poisson")
    point = np.full(made.dim, -1.5)  # small variance components: nearly a regression of few parameters
    _, addition, drawn = made.draw(point[None], 4_000, np.random.default_rng(0))
    weight = np.exp(addition[0] - addition[0].max())
    weight /= weight.sum()
    scale = made.scale_of(made.components(point))
    rng = np.random.default_rng(1)
    assert 1.0 / np.sum(weight**2) > 1_000
    # a second proposal, wider by half, must lead to the same mean: the target is one and the same
    mode = made.mode(point)
    normal = rng.standard_normal((4_000, len(scale)))
    standard = mode.center + 1.2 * np.linalg.solve(mode.root.T, normal.T).T
    coefficients = scale * standard
    height = log_density("poisson", made.rows.outcome, made.index(coefficients), made.rows.trials, 0.0).sum(axis=1)
    other = height - 0.5 * (standard**2).sum(axis=1) + 0.5 * (normal**2).sum(axis=1)
    other = np.exp(other - other.max())
    other /= other.sum()
    for column in range(0, len(scale), 4):
        one = weight @ drawn["coefficients"][0][:, column]
        two = other @ coefficients[:, column]
        spread = drawn["coefficients"][0][:, column].std() * np.sqrt(np.sum(weight**2) + np.sum(other**2))
        assert abs(one - two) < MCSE * spread


def simulated(family: ResponseFamily, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Truth (average effect, one effect, one unit's own, spread) and data, all drawn from the prior."""
    made = model(counts(), family, site_scale=PRIORS.site)
    scales = np.array(made.scales)
    value = dict(zip(made.names, np.abs(rng.standard_normal(made.dim)) * scales, strict=True))
    coefficient = made.scale_of(value) * rng.standard_normal(made.columns[-1])
    coefficient[: made.columns[1]] *= 0.2  # narrower levels than the model's prior, which is as good as flat
    coefficient[made.columns[2] : made.columns[3]] *= 0.05
    index = (made.design @ made.by_atom(coefficient)) + (0.0 if family == "binomial" else 2.0)
    dispersion = np.array([value.get("dispersion", 0.0)])
    outcome = replicate(family, index[None], made.rows.trials, dispersion, rng)[0].reshape(len(START), 6)
    part = made.parts(coefficient[None])
    truth = [part["effects"].mean(), part["effects"][0, -1], part["site"][0, 0], value["spread"]]
    return np.array(truth), outcome


def fitted(family: ResponseFamily, outcome: FloatArray, rng: np.random.Generator) -> FloatArray:
    made = model(outcome, family, site_scale=PRIORS.site)
    drawn = sample_latent(made, size=400, points=200, each=4, rng=rng, round_size=100, wanted=60.0)
    part = made.parts(drawn.values["coefficients"])
    return np.stack(
        [part["effects"].mean(axis=1), part["effects"][:, -1], part["site"][:, 0], drawn.values["spread"]], axis=1
    )


@pytest.mark.calibration
@pytest.mark.parametrize("family", ["binomial", "negative_binomial"])
@pytest.mark.promise("calibration-sbc-did")
@pytest.mark.calibrates("bayesian_did", "credible")
def test_ranks_of_the_truth_are_uniform(family: ResponseFamily, measured: Measured) -> None:
    """Effects alone: levels are drawn narrower than their prior, which the data overrule."""
    ranks = sbc_ranks(
        lambda rng: simulated(family, rng), lambda y, rng: fitted(family, y, rng), n_fits=200, n_draws=49, seed=4
    )  # fmt: skip
    found = uniform(ranks, 49, 0.999, ("mean effect", "one effect", "a unit's own", "spread"))
    measured.ranks("bayesian_did", f"{family.replace('_', ' ')}, places with effects of their own", ranks, found, 49)
    found.raise_if_not()


def test_an_effect_alike_in_all_places_is_found_on_the_log_odds() -> None:
    """Shares of a half that rise to three quarters, in all places alike: an effect of log 3."""
    outcome = np.full((len(START), 6), 20.0)
    outcome[START[:, None] <= TIME[None, :]] = 30.0
    made = model(outcome, "binomial")
    drawn = sample_latent(made, size=4_000, points=300, each=10, rng=np.random.default_rng(2), round_size=150)
    effect = made.parts(drawn.values["coefficients"])["effects"].mean(axis=1)
    expected = special.logit(0.75) - special.logit(0.5)
    assert effect.mean() == pytest.approx(expected, abs=0.2)
    assert effect.std() < 0.25


def test_covariates_and_pre_periods_enter_the_index_by_their_own_columns() -> None:
    """The index of a row is its unit, period and cell, and its further columns times their coefficients."""
    outcome = counts()
    plain = rows_of(outcome)
    rng = np.random.default_rng(5)
    n = len(plain.outcome)
    nuisance, covariates = (rng.random((n, 1)) < 0.5).astype(float), rng.standard_normal((n, 2))
    rows = dataclasses.replace(plain, nuisance=nuisance, covariates=covariates)
    made = LatentCounts(rows, structure_of(), family="poisson", covariate_scale=10.0, site_scale=None)
    bare = model(outcome, "poisson")
    scale = made.scale_of(made.components(np.zeros(made.dim)))
    assert scale[-2:].tolist() == [10.0, 10.0]
    coefficients = rng.standard_normal(len(scale))
    further = np.hstack([nuisance, covariates]) @ coefficients[-3:]
    np.testing.assert_allclose(made.index(coefficients), bare.index(coefficients[:-3]) + further, rtol=1e-12)


def test_a_step_that_falls_is_halved_until_it_climbs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where every step beyond a quarter of the way falls, a quarter is taken."""
    made = model(counts(), "poisson")
    found = made.mode(np.zeros(made.dim))
    before, aim = found.center, found.center + 1.0
    heights: list[float] = []

    def height(coefficient: FloatArray, index: FloatArray, dispersion: float) -> float:
        share = float((coefficient - before)[0])
        heights.append(share)
        return 1.0 if share <= 0.25 else -1.0

    monkeypatch.setattr(made, "_height", height)
    center, _, reached = made._climb(before, aim, 0.0, found.scale, 0.0)
    assert heights == pytest.approx([1.0, 0.5, 0.25])
    np.testing.assert_allclose(center, before + 0.25)
    assert reached == 1.0
    monkeypatch.setattr(made, "_height", lambda *_: -1.0)
    assert made._climb(before, aim, 0.0, found.scale, 0.0)[2] == -1.0
