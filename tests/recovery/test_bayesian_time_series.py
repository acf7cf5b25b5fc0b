"""Calibration of the engines by simulation, and coverage in worlds with a fixed truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from evalkit.estimators.bayesian_time_series import BayesianTimeSeries
from evalkit.numerics.structural import Trend, half_cauchy
from evalkit.numerics.structural_counts import LARGEST_MOVE, CountFamily, Counts, draw_counts
from evalkit.numerics.structural_density import simulate
from evalkit.numerics.structural_design import Column, Prepared, prepare
from evalkit.numerics.structural_exact import FARTHEST, SCALE_NODES, Coefficients, Drawn, draw_exact
from evalkit.numerics.structural_gibbs import DEGREES, LOG_DEGREES, SLAB, Plan, draw_gibbs
from evalkit.numerics.structural_paths import draw_expected
from evalkit.numerics.structural_regression import PRIOR_DEGREES
from evalkit.testing.sbc import sbc_ranks, uniform
from evalkit.vocabulary import FloatArray
from tests.calibrated.measure import Measured
from tests.series_worlds import level_world, series_panel

FITS = 200
RANKED = 99
PASSING = 0.999  # probability with which a right posterior passes
PERIODS, FITTED = 32, 24
LEVEL = 0.9


@dataclass(frozen=True, slots=True)
class World:
    """A model and its prior, drawn from and fitted."""

    trend: Trend
    prior: Coefficients
    regressors: int
    plan: Plan | None = None

    def columns(self) -> list[Column]:
        rng = np.random.default_rng(0)
        walk = np.cumsum(rng.standard_normal((self.regressors, PERIODS)), axis=1)
        return [Column(f"x{j}", values) for j, values in enumerate(walk)]

    def prepared(self, outcome: FloatArray) -> Prepared:
        return prepare(outcome, np.arange(PERIODS) < FITTED, self.columns(), unit=1.0)

    def simulate(self, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        columns = self.prepared(np.zeros(PERIODS)).series.columns
        shape = self.trend.shape(rng.standard_normal((1, self.trend.scores)))
        omega = np.sqrt(PRIOR_DEGREES / 2.0 / rng.standard_gamma(PRIOR_DEGREES / 2.0))
        sigma = omega / np.sqrt(shape.change)
        beta = omega * np.sqrt(self._variances(rng)) * rng.standard_normal(self.regressors)
        series = simulate(self.trend, shape, sigma, PERIODS, rng)[0]
        if self.plan is not None and self.plan.heavy_tails:
            series = self._heavy(shape.level[0], float(sigma[0]), rng)
        outcome = 3.0 + series + columns @ beta
        truth = np.array([outcome[FITTED:].mean(), beta[0], np.log(sigma[0]), np.log(shape.level[0])])
        return truth, outcome

    def _variances(self, rng: np.random.Generator) -> FloatArray:
        if self.plan is not None and self.plan.kind == "horseshoe":
            return self._horseshoe(rng)
        nodes = np.linspace(-FARTHEST, FARTHEST, SCALE_NODES)
        mass = np.exp(-0.5 * nodes**2)
        scale = rng.choice(half_cauchy(nodes, self.prior.scale) ** 2, p=mass / mass.sum())
        kept = rng.random(self.regressors) < min(1.0, self.prior.expected / self.regressors)
        return np.asarray(scale * kept)

    def _horseshoe(self, rng: np.random.Generator) -> FloatArray:
        """By rejection: the slab tilts the half-Cauchy priors towards small scales."""
        width = self.prior.expected / (self.regressors - self.prior.expected) / np.sqrt(FITTED - 1.0)
        while True:
            product = (width * rng.standard_cauchy() * rng.standard_cauchy(self.regressors)) ** 2
            if rng.random() < np.prod(1.0 + product / SLAB**2) ** -0.5:
                return np.asarray(1.0 / (1.0 / product + 1.0 / SLAB**2))

    def _heavy(self, level: float, sigma: float, rng: np.random.Generator) -> FloatArray:
        mass = np.exp(LOG_DEGREES)
        noise = rng.standard_t(rng.choice(DEGREES, p=mass / mass.sum()), PERIODS)
        moves = level * rng.standard_normal(PERIODS)
        return np.asarray(sigma * (np.cumsum(moves) - moves[0] + noise))

    def fit(self, outcome: FloatArray, rng: np.random.Generator) -> FloatArray:
        prepared = self.prepared(outcome)
        if self.plan is None:
            drawn = draw_exact(prepared.series, self.trend, self.prior, size=400, rng=rng)
        else:
            drawn = draw_gibbs(prepared.series, self.trend, self.prior, self.plan, rng=rng)
        return np.column_stack(
            [
                prepared.center + predicted(prepared, self.trend, drawn, rng)[:, FITTED:].mean(axis=1),
                drawn.beta[:, 0],
                np.log(drawn.sigma),
                np.log(drawn.shape.level),
            ]
        )


def predicted(prepared: Prepared, trend: Trend, drawn: Drawn, rng: np.random.Generator) -> FloatArray:
    """(S, T) noise included."""
    normal = rng.standard_normal((len(drawn), PERIODS * trend.states))
    scale = drawn.sigma * np.sqrt(1.0 - drawn.shape.share)
    noise = rng.standard_normal((len(drawn), PERIODS))
    if drawn.degrees is not None:
        noise = rng.standard_t(np.broadcast_to(drawn.degrees[:, None], noise.shape))
    return np.asarray(draw_expected(prepared.series, trend, drawn, normal) + scale[:, None] * noise)


def assert_calibrated(world: World, called: str, measured: Measured) -> None:
    ranks = sbc_ranks(world.simulate, world.fit, n_fits=FITS, n_draws=RANKED, seed=1)
    names = ("mean outcome to come", "coefficient", "log sigma", "log level ratio")
    found = uniform(ranks, RANKED, PASSING, names)
    measured.ranks("bayesian_time_series", called, ranks, found, RANKED)
    found.raise_if_not()


@pytest.mark.parametrize("expected", [1.0, np.inf])
@pytest.mark.promise("calibration-sbc-time-series")
@pytest.mark.calibrates("bayesian_time_series", "credible")
def test_the_exact_engine_ranks_the_truth_uniformly(expected: float, measured: Measured) -> None:
    called = "exact engine, three series" + (", one expected to matter" if np.isfinite(expected) else "")
    assert_calibrated(World(Trend(), Coefficients(1.0, expected), 3), called, measured)


@pytest.mark.calibration
@pytest.mark.parametrize("trend", [Trend("local_linear"), Trend("damped", autocorrelated=True)])
@pytest.mark.promise("calibration-sbc-time-series")
@pytest.mark.calibrates("bayesian_time_series", "credible")
def test_slopes_and_autocorrelated_noise_rank_the_truth_uniformly(trend: Trend, measured: Measured) -> None:
    called = f"exact engine, {trend.kind} trend" + (", autocorrelated noise" if trend.autocorrelated else "")
    assert_calibrated(World(trend, Coefficients(1.0, np.inf), 1), called, measured)


@pytest.mark.calibration
@pytest.mark.parametrize(
    ("plan", "prior", "regressors"),
    [
        (Plan("spike_and_slab", True, 100, 150, 1), Coefficients(), 1),
        (Plan("horseshoe", False, 100, 200, 1), Coefficients(1.0, 2.0), 10),
    ],
)
@pytest.mark.promise("calibration-sbc-time-series")
@pytest.mark.calibrates("bayesian_time_series", "credible")
def test_chains_rank_the_truth_uniformly(plan: Plan, prior: Coefficients, regressors: int, measured: Measured) -> None:
    called = f"chains, {plan.kind.replace('_', ' ')}" + (", heavy tails" if plan.heavy_tails else "")
    assert_calibrated(World(Trend(), prior, regressors, plan), called, measured)


@pytest.mark.calibration
@pytest.mark.parametrize("family", ["poisson", "negative_binomial"])
@pytest.mark.promise("calibration-sbc-time-series")
@pytest.mark.calibrates("bayesian_time_series", "credible")
def test_counts_rank_the_truth_uniformly(family: CountFamily, measured: Measured) -> None:
    """The first level is flat in the model: here it is flat over four decades, and worlds that begin near their ends
    are drawn again, as are those whose fitted counts reach 100,000. Both look at data alone, so ranks stay uniform.
    """
    unit, trend = 0.2, Trend(level_scale=0.3)
    fitted = np.arange(PERIODS) < FITTED

    def draw(rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        while True:
            level = min(float(half_cauchy(rng.standard_normal(1), trend.level_scale)[0]), LARGEST_MOVE / unit)
            index = rng.uniform(np.log(0.5), np.log(5_000.0)) + unit * np.cumsum(level * rng.standard_normal(PERIODS))
            alpha = 0.0
            mean = np.exp(np.minimum(index, 30.0))
            if family == "negative_binomial":
                alpha = min((unit * float(half_cauchy(rng.standard_normal(1), 1.0)[0])) ** 2, 10.0)
                mean = mean * rng.standard_gamma(1.0 / alpha, PERIODS) * alpha
            count = rng.poisson(mean).astype(np.float64)
            if 3.0 <= count[:5].mean() <= 1_000.0 and count[fitted].max() < 1e5:
                return np.array([level, alpha, index[FITTED - 1]])[[0, 2] if alpha == 0.0 else [0, 1, 2]], count

    def fit(count: FloatArray, rng: np.random.Generator) -> FloatArray:
        start = np.log(count + 0.5)
        prepared = prepare(start, fitted, [], unit=1.0)
        counts = Counts(prepared.series, np.where(fitted, count, 0.0), np.full(PERIODS, prepared.center), unit)
        drawn = draw_counts(counts, trend, family, 1.0, size=300, rng=rng)
        parts = [drawn.level_sd / unit, drawn.dispersion, drawn.index[:, FITTED - 1]]
        return np.column_stack([parts[k] for k in ([0, 2] if family == "poisson" else [0, 1, 2])])

    ranks = sbc_ranks(draw, fit, n_fits=FITS, n_draws=RANKED, seed=2)
    names = ("level's moves", *(["dispersion"] if family == "negative_binomial" else []), "last index")
    found = uniform(ranks, RANKED, PASSING, names)
    measured.ranks("bayesian_time_series", f"counts, {family.replace('_', ' ')}", ranks, found, RANKED)
    found.raise_if_not()


def intervals(level: float, repetitions: int, **settings: Any) -> FloatArray:
    """(R, 2) bounds of the overall effect, whose truth is 0."""
    rows = []
    for seed in range(repetitions):
        estimator = BayesianTimeSeries(level=LEVEL, draws=100, **settings)
        own, other = level_world(seed, periods=84, start=60, level=level)
        panel = series_panel(own, 60, {"other": other})
        row = estimator.fit(panel, rng=np.random.default_rng(seed)).aggregation("overall")
        rows.append((row.low[0], row.high[0]))
    return np.array(rows)


@pytest.mark.calibration
@pytest.mark.parametrize("level", [0.1, 0.3, 1.0])
@pytest.mark.calibrates("bayesian_time_series", "credible")
def test_intervals_hold_no_effect_as_often_as_they_say(level: float, measured: Measured) -> None:
    """87 to 93 % where the level moves; and no direction is found too often when nothing happened."""
    low, high = intervals(level, 400).T
    measured.intervals(
        "bayesian_time_series", f"level moves by {level:g} noise sds a period", (low <= 0.0) & (high >= 0.0),
        rule="credible", level=LEVEL, asked=(0.87, 0.94), above=low > 0.0, below=high < 0.0,
    )  # fmt: skip
    assert 0.87 <= np.mean((low <= 0.0) & (high >= 0.0)) <= 0.94
    assert max(np.mean(low > 0.0), np.mean(high < 0.0)) <= 0.05 + 2.0 * np.sqrt(0.05 * 0.95 / 400.0)


def test_a_level_that_cannot_move_gives_intervals_that_are_far_too_narrow() -> None:
    """The trap that the default avoids: independent errors around a fixed level, where the level wanders."""
    still = intervals(1.0, 40, level_scale=1e-6)
    moving = intervals(1.0, 40)
    assert np.mean((still[:, 0] > 0.0) | (still[:, 1] < 0.0)) > 0.4
    assert np.mean((moving[:, 0] > 0.0) | (moving[:, 1] < 0.0)) < 0.25
