"""Monte Carlo of the exact engine: coverage where the truth is fixed, ranks where it is drawn from the prior."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from evalkit.data.panel import Panel
from evalkit.estimators.bayesian_did import BayesianDid
from evalkit.numerics.did_layout import lay_out
from evalkit.numerics.did_sample import prepare
from evalkit.numerics.did_system import absorb
from evalkit.numerics.exact_did import Priors
from evalkit.numerics.hierarchical_did import PRIOR_DEGREES, autocorrelation_nodes, draw_exact
from evalkit.numerics.panel_moments import gather, moments
from evalkit.testing.simulate import StaggeredDesign, simulate_staggered
from evalkit.vocabulary import NEVER, FloatArray, IntArray

REPETITIONS = 200
MCSE = 4.0  # standard errors of a Monte Carlo mean that a fixed-seed test may stray
LEVEL = 0.9


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
def test_intervals_hold_the_truth_as_often_as_they_say(autocorrelation: float) -> None:
    design = StaggeredDesign(
        n_units=45, n_periods=8, growth=0.4, cohort_gap=0.5, autocorrelation=autocorrelation
    )  # fmt: skip
    error, sd, covered = simulate(design)
    spread = error.std(ddof=1)
    assert abs(error.mean()) < MCSE * spread / np.sqrt(REPETITIONS)
    assert abs(sd.mean() / spread - 1.0) < MCSE / np.sqrt(2.0 * REPETITIONS)
    assert abs(covered.mean() - LEVEL) < MCSE * np.sqrt(LEVEL * (1.0 - LEVEL) / REPETITIONS)


def test_independent_errors_on_autocorrelated_data_cover_too_seldom() -> None:
    repetitions = 80
    design = StaggeredDesign(n_units=45, n_periods=8, autocorrelation=0.8)
    _, _, covered = simulate(design, repetitions, errors="iid")
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
def test_ranks_of_the_truth_are_uniform() -> None:
    """Simulation-based calibration (Talts et al. 2018), 300 fits."""
    ranks = np.array([rank_of_truth(seed, draws=1_000) for seed in range(300)])
    for column in ranks.T:
        assert stats.kstest(column, "uniform").pvalue > 1e-3
