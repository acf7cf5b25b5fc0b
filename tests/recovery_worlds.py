"""A population with staggered cohorts for Monte Carlo runs, and what an honest estimator shows there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd

from evalkit.data.calendar import Calendar
from evalkit.data.panel import ColumnNames, Panel
from evalkit.estimators.base import Estimator
from evalkit.vocabulary import NEVER, FloatArray, IntArray

MCSE = 4.0  # standard errors of a Monte Carlo mean that a fixed-seed test may stray
STARTS = np.array([3, 5, NEVER])
PERIODS = 7
CLOCK = np.arange(PERIODS)


@dataclass(frozen=True)
class RandomCohorts:
    """Equal shares of two cohorts and never-treated units; effects by cohort and age, AR(1) errors.

    Attributes
    ----------
    random_cohorts
        Draw the cohort of every unit (of every cluster), or keep exact thirds.
    cohort_gap
        Effect of the second cohort less the first's.
    unit_gap
        Sd of units' own effects, which stay the same in every draw and sum to zero within cohorts.
    slope
        Of a covariate that moves with treatment over time.
    missing
        Share of rows missing at random.
    treated_noise
        Sd of the errors of units that are ever treated, where that of the others is 1.
    """

    n: int = 150
    autocorrelation: float = 0.5
    random_cohorts: bool = True
    cohort_gap: float = 1.0
    unit_gap: float = 0.0
    slope: float = 0.0
    missing: float = 0.0
    cluster_size: int = 1
    treated_noise: float = 1.0

    def effects(self, first: IntArray) -> FloatArray:
        """(N, T) effects before units' own: 1 at the start, growing by 0.5 a period."""
        since = CLOCK - np.where(first == NEVER, PERIODS, first)[:, None]
        start = 1.0 + self.cohort_gap * (first == STARTS[1])
        return np.where(since >= 0, start[:, None] + 0.5 * since, 0.0)

    def overall(self) -> float:
        """The overall effect with equal shares of the cohorts."""
        cells = STARTS[:2, None] <= CLOCK
        return float(self.effects(STARTS[:2])[cells].mean())

    def at(self, event_times: IntArray) -> FloatArray:
        """Effects by event time: the second cohort is seen at 0 and 1 only."""
        return np.array(
            [0.0 if e < 0 else 1.0 + 0.5 * e + (self.cohort_gap / 2.0 if e < 2 else 0.0) for e in event_times]
        )

    def draw(self, seed: int) -> Panel:
        """One sample."""
        rng = np.random.default_rng(seed)
        groups = self.n // self.cluster_size
        which = rng.integers(0, 3, groups) if self.random_cohorts else np.arange(groups) % 3
        first = np.repeat(STARTS[which], self.cluster_size)
        errors = np.empty((self.n, PERIODS))
        errors[:, 0] = rng.standard_normal(self.n)
        for t in range(1, PERIODS):
            step = np.sqrt(1.0 - self.autocorrelation**2) * rng.standard_normal(self.n)
            errors[:, t] = self.autocorrelation * errors[:, t - 1] + step
        if self.cluster_size > 1:
            errors += np.repeat(rng.standard_normal((groups, PERIODS)), self.cluster_size, axis=0)
        errors[first != NEVER] *= self.treated_noise
        on = first[:, None] <= CLOCK
        x = rng.standard_normal((self.n, PERIODS)) + 0.5 * on
        y = rng.standard_normal((self.n, 1)) + 0.2 * CLOCK + self.slope * x + errors + self.effects(first)
        y += np.where(on, self._own(first)[:, None], 0.0)
        y[rng.random(y.shape) < self.missing] = np.nan
        return Panel(
            outcome=y,
            time=CLOCK,
            first_treated=first,
            units=pd.RangeIndex(self.n),
            calendar=Calendar("integer", 0, 1),
            names=ColumnNames("unit", "period", "y"),
            covariates={"x": x},
            cluster=np.arange(self.n) // self.cluster_size if self.cluster_size > 1 else None,
        )

    def _own(self, first: IntArray) -> FloatArray:
        """(N,) units' own effects."""
        own = np.random.default_rng(0).standard_normal(self.n) * self.unit_gap
        for start in STARTS[:2]:
            own[first == start] -= own[first == start].mean()
        return own


@dataclass(frozen=True)
class Figures:
    """(R,) errors, standard errors, whether the interval held, and whether the band over effects did."""

    error: FloatArray
    std_error: FloatArray
    covered: FloatArray
    band_held: FloatArray


class Population(Protocol):
    """What `run` draws from, with its true effects."""

    def overall(self) -> float:
        """The overall effect."""
        ...

    def at(self, event_times: IntArray) -> FloatArray:
        """Effects by event time."""
        ...

    def draw(self, seed: int) -> Panel:
        """One sample."""
        ...


def run(estimator: Estimator, world: Population, repetitions: int) -> Figures:
    """Estimate many samples of a world."""
    truth = world.overall()
    rows = []
    for seed in range(repetitions):
        estimate = estimator.fit(world.draw(seed), rng=np.random.default_rng(seed))
        row = estimate.aggregation("overall")
        study = estimate.aggregation("event_study", simultaneous=True)
        assert study.low_simultaneous is not None
        assert study.high_simultaneous is not None
        expected = world.at(study.labels)
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
