"""Monte Carlo of Callaway and Sant'Anna: bias, honest errors, coverage and simultaneous bands.

Cohorts are drawn at random, so that the estimated shares' own term is part of the error; effects differ by
cohort and grow over time, the case in which two-way fixed effects fail.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evalkit.data.calendar import Calendar
from evalkit.data.panel import ColumnNames, Panel
from evalkit.estimators.callaway_santanna import CallawaySantAnna
from evalkit.vocabulary import NEVER, FloatArray
from tests.calibrated.measure import Measured

REPETITIONS = 200
LONG = 2_000
MCSE = 4.0  # standard errors of a Monte Carlo mean that a fixed-seed test may stray
STARTS = np.array([3, 5, NEVER])
PERIODS = 7
CLOCK = np.arange(PERIODS)


@dataclass(frozen=True)
class World:
    """A population: cohorts by a covariate that also moves trends, AR(1) errors, effects by cohort and age."""

    n: int = 200
    autocorrelation: float = 0.5
    confounding: float = 0.0
    missing: float = 0.0
    cluster_size: int = 1

    def truth(self, first: FloatArray) -> FloatArray:
        """(N, T) effects: 1 and 2 at the start of the two cohorts, growing by 0.5 a period."""
        since = CLOCK - first[:, None]
        return np.where(since >= 0, np.where(first == STARTS[0], 1.0, 2.0)[:, None] + 0.5 * since, 0.0)

    def population_overall(self) -> float:
        """The overall effect with equal population shares of the cohorts."""
        effects = self.truth(STARTS[:2].astype(float))
        cells = STARTS[:2, None] <= CLOCK
        return float(effects[cells].mean())

    def draw(self, seed: int) -> Panel:
        rng = np.random.default_rng(seed)
        groups = self.n // self.cluster_size
        x = np.repeat(rng.standard_normal(groups), self.cluster_size)
        # shares of the two cohorts stay equal: the covariate moves "never" against "ever" alone
        ever = 1.0 / (1.0 + np.exp(-0.4 - self.confounding * x))
        pick = np.repeat(rng.random(groups), self.cluster_size)
        first = np.where(pick < ever / 2.0, STARTS[0], np.where(pick < ever, STARTS[1], NEVER))
        errors = np.empty((self.n, PERIODS))
        errors[:, 0] = rng.standard_normal(self.n)
        rho = self.autocorrelation
        for t in range(1, PERIODS):
            errors[:, t] = rho * errors[:, t - 1] + np.sqrt(1.0 - rho**2) * rng.standard_normal(self.n)
        if self.cluster_size > 1:
            errors += np.repeat(rng.standard_normal((groups, PERIODS)), self.cluster_size, axis=0)
        y = rng.standard_normal((self.n, 1)) + self.confounding * 0.3 * np.outer(x, CLOCK) + errors
        y += self.truth(first.astype(float))
        y[rng.random(y.shape) < self.missing] = np.nan
        return Panel(
            outcome=y,
            time=CLOCK,
            first_treated=first,
            units=pd.RangeIndex(self.n),
            calendar=Calendar("integer", 0, 1),
            names=ColumnNames("unit", "period", "y"),
            covariates={"x": np.repeat(x[:, None], PERIODS, axis=1)},
            cluster=np.arange(self.n) // self.cluster_size if self.cluster_size > 1 else None,
        )


@dataclass(frozen=True)
class Figures:
    """(R,) errors, standard errors, whether the interval held, and whether the whole band did."""

    error: FloatArray
    std_error: FloatArray
    covered: FloatArray
    band_held: FloatArray


def run(world: World, repetitions: int, **settings: Any) -> Figures:
    truth = world.population_overall()
    by_start = {e: float(np.mean([1.0, 2.0]) + 0.5 * e) for e in (0, 1)}
    rows = []
    for seed in range(repetitions):
        estimate = CallawaySantAnna(**settings).fit(world.draw(seed), rng=np.random.default_rng(seed))
        row = estimate.aggregation("overall")
        study = estimate.aggregation("event_study", simultaneous=True)
        assert study.low_simultaneous is not None
        assert study.high_simultaneous is not None
        # the second cohort is seen at event times 0 and 1 only: later ones rest on the first cohort
        expected = np.array([by_start.get(int(e), 0.0) if e < 2 else 1.0 + 0.5 * e for e in study.labels])
        held = (study.low_simultaneous <= expected) & (expected <= study.high_simultaneous)
        rows.append((row.estimate[0] - truth, row.std_error[0], row.low[0] <= truth <= row.high[0], held.all()))
    error, std_error, covered, band = np.array(rows, dtype=np.float64).T
    return Figures(error, std_error, covered, band)


def assert_honest(found: Figures) -> None:
    """No bias, errors as large as the spread, 95 % intervals and bands that hold 95 % of the time."""
    repetitions = len(found.error)
    spread = found.error.std(ddof=1)
    margin = MCSE * np.sqrt(0.95 * 0.05 / repetitions)
    assert abs(found.error.mean()) < MCSE * spread / np.sqrt(repetitions)
    assert abs(found.std_error.mean() / spread - 1.0) < MCSE / np.sqrt(2.0 * repetitions)
    assert abs(found.covered.mean() - 0.95) < margin
    assert abs(found.band_held.mean() - 0.95) < margin


WORLDS: dict[str, tuple[World, dict[str, Any]]] = {
    "staggered, autocorrelated": (World(), {"comparison": "never_treated"}),
    "not-yet-treated": (World(autocorrelation=0.8), {"comparison": "not_yet_treated"}),
    "confounded, doubly robust": (World(n=300, confounding=0.6), {"covariates": ("x",)}),
    "confounded, weighted": (World(n=300, confounding=0.6), {"covariates": ("x",), "method": "ipw"}),
    "unbalanced": (World(n=300, missing=0.3), {"comparison": "never_treated"}),
    "clusters of three": (World(n=450, cluster_size=3), {"comparison": "never_treated"}),
}


@pytest.mark.parametrize("name", [name for name in WORLDS if name != "confounded, weighted"])
@pytest.mark.promise("calibration-coverage", "calibration-bias", "calibration-errors", "calibration-staggered")
def test_effects_are_recovered_with_honest_errors_and_bands(name: str) -> None:
    world, settings = WORLDS[name]
    assert_honest(run(world, REPETITIONS, **settings))


def test_trends_that_follow_a_covariate_mislead_without_it() -> None:
    found = run(World(n=300, confounding=0.6), 60, comparison="never_treated")
    assert abs(found.error.mean()) > 10.0 * found.error.std(ddof=1) / np.sqrt(60)
    assert found.covered.mean() < 0.7


def test_errors_that_ignore_clusters_are_too_small() -> None:
    world = World(n=450, cluster_size=3)
    truth = world.population_overall()
    held = []
    for seed in range(100):
        panel = world.draw(seed)
        alone = Panel(**{name: getattr(panel, name) for name in panel.__slots__ if name != "cluster"})
        row = CallawaySantAnna().fit(alone, rng=np.random.default_rng(0)).aggregation("overall")
        held.append(row.low[0] <= truth <= row.high[0])
    assert np.mean(held) < 0.9


@pytest.mark.calibration
@pytest.mark.parametrize("name", list(WORLDS))
@pytest.mark.promise("calibration-coverage", "calibration-bias", "calibration-errors", "calibration-staggered")
@pytest.mark.calibrates("callaway_santanna", "clustered")
def test_calibration_at_length(name: str, measured: Measured) -> None:
    world, settings = WORLDS[name]
    truth, found = world.population_overall(), run(world, LONG, **settings)
    measured.outcomes("callaway_santanna", name, found, level=0.95, asked=(0.93, 0.97), rule="clustered")
    spread = found.error.std(ddof=1)
    assert abs(found.error.mean()) < min(MCSE * spread / np.sqrt(LONG), 0.02 * truth)
    assert 0.95 < found.std_error.mean() / spread < 1.05
    assert abs(found.covered.mean() - 0.95) < 0.02  # normal critical values with 150 to 450 clusters
