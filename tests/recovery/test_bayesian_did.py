"""Monte Carlo of the exact engine: coverage where the truth is fixed, ranks where it is drawn from the prior."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats

from evalkit.data.panel import Panel
from evalkit.estimators.bayesian_did import BayesianDid
from evalkit.numerics.did_layout import lay_out
from evalkit.numerics.did_sample import Sample, prepare
from evalkit.numerics.did_system import absorb
from evalkit.numerics.exact_did import Priors
from evalkit.numerics.hierarchical_did import PRIOR_DEGREES, autocorrelation_nodes, draw_exact
from evalkit.numerics.importance import sample_latent
from evalkit.numerics.panel_moments import gather, moments
from evalkit.numerics.site_did import SiteModel
from evalkit.testing.sbc import sbc_ranks, uniform
from evalkit.testing.simulate import StaggeredDesign, simulate_staggered
from evalkit.vocabulary import NEVER, FloatArray, IntArray
from tests.calibrated.measure import Measured, around

REPETITIONS = 200
MCSE = 4.0  # standard errors of a Monte Carlo mean that a fixed-seed test may stray
LEVEL = 0.9
SITE_WORLDS = 60


def simulate(
    design: StaggeredDesign, repetitions: int = REPETITIONS, **settings: Any
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(R,) errors of the posterior mean, posterior sds, and whether the interval covers the overall effect."""
    rows = []
    for seed in range(repetitions):
        made = simulate_staggered(design, seed)
        panel = Panel.from_frame(made.frame, unit="unit", period="period", outcome="y", cohort="cohort")
        estimator = BayesianDid(leads=False, draws=250, level=LEVEL, **settings)
        row = estimator.fit(panel, rng=np.random.default_rng(seed)).aggregation("overall")
        covered = float(row.low[0] <= made.overall <= row.high[0])
        rows.append((row.estimate[0] - made.overall, row.std_error[0], covered))
    error, sd, covered_all = np.array(rows).T
    return error, sd, covered_all


@pytest.mark.parametrize("autocorrelation", [0.0, 0.6])
@pytest.mark.calibrates("bayesian_did", "credible")
def test_intervals_hold_the_truth_as_often_as_they_say(autocorrelation: float, measured: Measured) -> None:
    design = StaggeredDesign(
        n_units=45, n_periods=8, growth=0.4, cohort_gap=0.5, autocorrelation=autocorrelation
    )  # fmt: skip
    error, sd, covered = simulate(design)
    measured.intervals(
        "bayesian_did", f"staggered, growing effects, autocorrelation {autocorrelation:g}", covered, rule="credible",
        level=LEVEL, asked=around(LEVEL, REPETITIONS, MCSE), error=error, std_error=sd,
    )  # fmt: skip
    spread = error.std(ddof=1)
    assert abs(error.mean()) < MCSE * spread / np.sqrt(REPETITIONS)
    assert abs(sd.mean() / spread - 1.0) < MCSE / np.sqrt(2.0 * REPETITIONS)
    assert abs(covered.mean() - LEVEL) < MCSE * np.sqrt(LEVEL * (1.0 - LEVEL) / REPETITIONS)


@pytest.mark.promise("calibration-autocorrelation")
@pytest.mark.calibrates("bayesian_did")
def test_independent_errors_on_autocorrelated_data_cover_too_seldom(measured: Measured) -> None:
    repetitions = 80
    design = StaggeredDesign(n_units=45, n_periods=8, autocorrelation=0.8)
    error, sd, covered = simulate(design, repetitions, errors="iid")
    measured.intervals(
        "bayesian_did", "autocorrelation 0.8, errors taken as independent: has to fail", covered, rule="credible",
        level=LEVEL, asked=(None, around(LEVEL, repetitions, MCSE)[0]), error=error, std_error=sd,
    )  # fmt: skip
    assert covered.mean() < LEVEL - MCSE * np.sqrt(LEVEL * (1.0 - LEVEL) / repetitions)


def rank_of_truth(seed: int, draws: int) -> FloatArray:
    """Share of draws below the truth: overall effect, one cell, sigma, rho, all drawn from the prior."""
    rng = np.random.default_rng(seed)
    start, time = np.repeat([3, 4, 5, NEVER], [4, 4, 4, 8]), np.arange(7)
    cells = lay_out(np.ones((20, 7), dtype=bool), time, start).effects
    structure = Priors(overall=2.0).structure(cells)
    sigma = np.sqrt((PRIOR_DEGREES / 2.0) / rng.standard_gamma(PRIOR_DEGREES / 2.0))
    rho = 2.0 * rng.beta(2.0, 2.0) - 1.0
    ratios = np.abs(rng.standard_normal(3))
    scale = np.where(structure.group < 0, structure.fixed_scale, 0.0)
    for index in range(2):
        scale[structure.group == index] = ratios[index]
    effects = structure.basis @ (scale * rng.standard_normal(len(scale)))
    effects = sigma * (effects + ratios[2] * rng.standard_normal(len(cells)))
    lag = np.abs(time[:, None] - time[None, :])
    errors = sigma * rng.standard_normal((20, 7)) @ np.linalg.cholesky(np.power(rho, lag)).T
    outcome = rng.standard_normal((20, 1)) + np.sin(time) + errors
    outcome[np.isin(start, cells.cohort)[:, None] & (start[:, None] <= time)] += _by_row(effects, start, time)
    sample = prepare(outcome, np.empty((20, 7, 0)), time, start, 0)
    blocks = gather(sample.series, sample.layout.used, sample.layout.group, sample.layout.n_groups)
    system = autocorrelation_nodes(lambda nodes: absorb(moments(blocks, time, nodes), cells), structure)
    drawn = draw_exact(system, structure, size=draws, points=2 * draws, rng=rng)
    below = [drawn.effects.mean(axis=1) < effects.mean(), drawn.effects[:, -1] < effects[-1]]
    return np.array([np.mean(one) for one in [*below, drawn.sigma < sigma, drawn.rho < rho]])


def _by_row(effects: FloatArray, start: IntArray, time: IntArray) -> FloatArray:
    """Effects in the order of treated rows."""
    cells = lay_out(np.ones((len(start), len(time)), dtype=bool), time, start)
    codes = cells.codes(cells.effects)
    return np.asarray(effects[codes[codes >= 0]])


@pytest.mark.calibration
@pytest.mark.promise("calibration-sbc-did")
@pytest.mark.calibrates("bayesian_did", "credible")
def test_ranks_of_the_truth_are_uniform(measured: Measured) -> None:
    """Simulation-based calibration (Talts et al. 2018), 300 fits."""
    ranks = np.array([rank_of_truth(seed, draws=1_000) for seed in range(300)])
    steps = np.minimum((100 * ranks).astype(np.int64), 99)  # of 1,000 draws, every tenth
    band = uniform(steps, 99, 0.999, ("mean effect", "a cell", "sigma", "rho"))
    measured.ranks("bayesian_did", "exact engine", steps, band, 99)
    for column in ranks.T:
        assert stats.kstest(column, "uniform").pvalue > 1e-3


def site_world(seed: int, spread: float, effect: float = 1.0) -> tuple[Panel, FloatArray]:
    """A panel with AR(1) errors in which each of 12 treated units has an effect of its own, and these effects."""
    design = StaggeredDesign(n_units=30, n_periods=8, cohorts={4: 0.2, 6: 0.2}, effect=0.0, autocorrelation=0.4)
    made = simulate_staggered(design, seed).frame
    panel = Panel.from_frame(made, unit="unit", period="period", outcome="y", cohort="cohort")
    own = effect + spread * np.random.default_rng([seed, 1]).standard_normal(panel.n_units)
    return replace(panel, outcome=panel.outcome + own[:, None] * panel.treated), own[~panel.never_treated]


@pytest.mark.calibration
@pytest.mark.calibrates("bayesian_did", "credible")
def test_intervals_of_single_places_hold_the_truth_as_often_as_they_say(measured: Measured) -> None:
    """90 % intervals in hierarchical worlds, 60 of them with 12 places each: 87 to 93 in 100."""
    held = []
    for seed in range(SITE_WORLDS):
        panel, own = site_world(seed, spread=0.8)
        estimator = BayesianDid(sites=True, leads=False, draws=250, level=LEVEL)
        table = estimator.fit(panel, rng=np.random.default_rng(seed)).aggregation("unit")
        held.append((table.low <= own) & (own <= table.high))
    measured.intervals(
        "bayesian_did", "12 places with effects of their own, each place's interval", held, rule="credible",
        level=LEVEL, asked=(0.87, 0.93),
    )  # fmt: skip
    assert 0.87 <= np.mean(held) <= 0.93


@pytest.mark.calibration
@pytest.mark.promise("calibration-null")
@pytest.mark.calibrates("bayesian_did", "credible")
def test_without_an_effect_favourable_findings_are_no_more_than_nominal(measured: Measured) -> None:
    found = []
    for seed in range(SITE_WORLDS):
        panel, own = site_world(1_000 + seed, spread=0.5, effect=0.0)
        row = BayesianDid(sites=True, leads=False, draws=250, level=LEVEL).fit(
            panel, rng=np.random.default_rng(seed)
        ).aggregation("overall")  # fmt: skip
        found.append(float(row.low[0] > own.mean()))
    nominal = (1.0 - LEVEL) / 2.0
    measured.share(
        "bayesian_did", "places with effects of their own, none on average: called favourable", found, rule="credible",
        nominal=nominal, asked=(None, around(nominal, SITE_WORLDS, 2.0)[1]),
    )  # fmt: skip
    assert np.mean(found) <= nominal + 2.0 * np.sqrt(nominal * (1.0 - nominal) / SITE_WORLDS)


def site_truth(seed_rng: np.random.Generator) -> tuple[FloatArray, Sample]:
    """Average effect, one unit's own, sd of units' own, sigma and rho from the prior, and data drawn from them."""
    rng, time = seed_rng, np.arange(6)
    start = np.repeat([3, 4, NEVER], [4, 4, 6])
    layout = lay_out(np.ones((14, 6), dtype=bool), time, start)
    cells = layout.effects
    structure = Priors(overall=2.0).structure(cells)
    sigma = np.sqrt((PRIOR_DEGREES / 2.0) / rng.standard_gamma(PRIOR_DEGREES / 2.0))
    rho, site = float(np.clip(2.0 * rng.beta(2.0, 2.0) - 1.0, -0.99, 0.99)), abs(rng.standard_normal())
    ratios = np.abs(rng.standard_normal(len(structure.group_names)))
    scale = np.where(structure.group < 0, structure.fixed_scale, 0.0)
    for index in range(len(ratios)):
        scale[structure.group == index] = ratios[index]
    own = ratios[-1] if structure.has_cell_group else 0.0
    effects = sigma * (
        structure.basis @ (scale * rng.standard_normal(len(scale))) + own * rng.standard_normal(len(cells))
    )
    deviation = sigma * site * rng.standard_normal(14)
    lag = np.abs(time[:, None] - time[None, :])
    outcome = rng.standard_normal((14, 1)) + np.sin(time)
    outcome = outcome + sigma * rng.standard_normal((14, 6)) @ np.linalg.cholesky(np.power(rho, lag)).T
    codes = layout.codes(cells)
    outcome += np.where(codes >= 0, effects[codes] + deviation[:, None], 0.0)
    sample = prepare(outcome, np.empty((14, 6, 0)), time, start, 0)
    return np.array([effects.mean(), deviation[0], sigma * site, sigma, rho]), sample


def site_posterior(sample: Sample, rng: np.random.Generator) -> FloatArray:
    cells = sample.layout.effects
    model = SiteModel(
        sample, cells, None, Priors(overall=2.0).structure(cells), scale=1.0, site_scale=1.0, autoregressive=True,
        covariate_scale=10.0,
    )  # fmt: skip
    value = sample_latent(model, size=400, points=250, each=4, rng=rng, round_size=120, wanted=80.0).values
    effects = value["effects"].mean(axis=1)
    return np.stack([effects, value["site"][:, 0], value["sd_site"], value["sigma"], value["rho"]], axis=1)


@pytest.mark.calibration
@pytest.mark.promise("calibration-sbc-did")
@pytest.mark.calibrates("bayesian_did", "credible")
def test_ranks_of_the_truth_are_uniform_where_places_have_effects_of_their_own(measured: Measured) -> None:
    """Simulation-based calibration, 200 fits."""
    ranks = sbc_ranks(site_truth, site_posterior, n_fits=200, n_draws=49, seed=7)
    names = ("mean effect", "a unit's own", "sd of units' own", "sigma", "rho")
    found = uniform(ranks, 49, 0.999, names)
    measured.ranks("bayesian_did", "places with effects of their own", ranks, found, 49)
    found.raise_if_not()
