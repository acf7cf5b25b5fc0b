"""Staggered counts with zeros and gaps for Monte Carlo runs, and how often intervals hold the truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from evalkit.data.calendar import Calendar
from evalkit.data.panel import ColumnNames, Panel
from evalkit.estimators.base import Estimator
from evalkit.vocabulary import NEVER, FloatArray

STARTS = np.array([3, 5, NEVER])
PERIODS = 7
CLOCK = np.arange(PERIODS)


@dataclass(frozen=True)
class Counts:
    """Poisson counts given a unit's own level and shocks that persist: overdispersed, correlated, about a third zeros.

    Attributes
    ----------
    ratio
        Rate ratio at the start of the first cohort.
    gap
        Factor on it for the second cohort and for each further period: 1 makes it the same everywhere.
    missing
        Share of rows missing at random.
    levels
        Mean counts of the cohorts and of never-treated units in the first period, without exposure.
    slope
        Of the log rate that all units share, a period.
    exposed
        Counts arise in proportion to an exposure that differs between units and grows.
    """

    n: int = 150
    ratio: float = 0.6
    gap: float = 1.0
    missing: float = 0.3
    levels: tuple[float, float, float] = (1.2, 0.8, 1.0)
    slope: float = -0.05
    exposed: bool = False

    @property
    def trend(self) -> FloatArray:
        """(T,) log rates that all units share."""
        return np.asarray(0.1 * np.sin(CLOCK) + self.slope * CLOCK)

    def log_ratio(self, which: int) -> FloatArray:
        """(T,) log rate ratios of a cohort."""
        since = CLOCK - (PERIODS if which == 2 else STARTS[which])
        effect = np.log(self.ratio) + np.log(self.gap) * (which + since)
        return np.where(since >= 0, effect, 0.0)

    def overall(self, *, ratio: bool) -> float:
        """The mean over treated cells of the log ratio, or of the difference of expected counts (exposure aside)."""
        total: list[float] = []
        for which in (0, 1):
            effects = self.log_ratio(which)[STARTS[which] <= CLOCK]
            level = self.levels[which] * np.exp(self.trend[STARTS[which] <= CLOCK])
            total += list(effects if ratio else level * np.expm1(effects))
        return float(np.mean(total))

    def draw(self, seed: int) -> Panel:
        """One sample."""
        rng = np.random.default_rng(seed)
        which = rng.integers(0, 3, self.n)
        shocks = rng.gamma(4.0, 0.25, (self.n, PERIODS))
        for t in range(1, PERIODS):
            shocks[:, t] = np.where(rng.random(self.n) < 0.5, shocks[:, t - 1], shocks[:, t])
        exposure = rng.uniform(1.0, 3.0, (self.n, 1)) * np.linspace(1.0, 1.3, PERIODS)
        effects = np.stack([self.log_ratio(k) for k in range(3)])[which]
        level = np.array(self.levels)[which] * rng.gamma(3.0, 1.0 / 3.0, self.n)
        mean = level[:, None] * np.exp(self.trend + effects) * shocks * (exposure if self.exposed else 1.0)
        y = rng.poisson(mean).astype(float)
        y[rng.random(y.shape) < self.missing] = np.nan
        return Panel(
            outcome=y,
            time=CLOCK,
            first_treated=STARTS[which],
            units=pd.RangeIndex(self.n),
            calendar=Calendar("integer", 0, 1),
            names=ColumnNames("unit", "period", "y"),
            exposure=np.where(np.isnan(y), np.nan, exposure) if self.exposed else None,
        )


@dataclass(frozen=True)
class Found:
    """(R,) errors of the overall effect, their standard errors, and whether the interval held."""

    error: FloatArray
    std_error: FloatArray
    covered: FloatArray

    def figures(self) -> str:
        """Bias in spreads, mean standard error over spread, coverage."""
        spread = self.error.std(ddof=1)
        return (
            f"bias {self.error.mean() / spread:+.3f} sd, error/spread {self.std_error.mean() / spread:.3f}, "
            f"95 % intervals hold {100 * self.covered.mean():.1f} %"
        )


def run(estimator: Estimator, world: Counts, repetitions: int, *, ratio: bool) -> Found:
    """Estimate many samples of a world."""
    truth = world.overall(ratio=ratio)
    rows = []
    for seed in range(repetitions):
        row = estimator.fit(world.draw(seed), rng=np.random.default_rng(seed)).aggregation("overall")
        rows.append((row.estimate[0] - truth, row.std_error[0], row.low[0] <= truth <= row.high[0]))
    return Found(*np.array(rows, dtype=np.float64).T)
