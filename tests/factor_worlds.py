"""Panels with common factors that treated units load on more: worlds where parallel trends fail."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from evalkit.data.calendar import Calendar
from evalkit.data.panel import ColumnNames, Panel
from evalkit.estimators.base import Estimator
from evalkit.vocabulary import NEVER, FloatArray, IntArray


@dataclass(frozen=True)
class FactorWorld:
    """Y_it = alpha_i + xi_t + l_i' f_t + e_it + effect; loadings, effects of units and errors are drawn anew.

    Attributes
    ----------
    treated
        Units treated, by first treated period.
    comparison
        Never-treated units.
    pull
        Difference between treated and comparison units' mean loadings, in their standard deviations.
    n_factors
        Factors, persistent and of unit variance, the same in every draw.
    autocorrelation
        Of the errors within a unit.
    effect, growth
        Effect at the start, and what each further period adds.
    slope
        Of a covariate that treated units have more of.
    missing
        Share of rows missing at random.
    """

    treated: tuple[tuple[int, int], ...] = ((15, 10),)
    comparison: int = 40
    periods: int = 20
    pull: float = 0.7
    n_factors: int = 2
    noise: float = 0.7
    autocorrelation: float = 0.3
    effect: float = 1.0
    growth: float = 0.0
    slope: float = 0.0
    missing: float = 0.0
    cluster_size: int = 1

    @property
    def first(self) -> IntArray:
        """(N,) first treated period of each unit."""
        starts = [np.full(count, start) for start, count in self.treated]
        return np.concatenate([*starts, np.full(self.comparison, NEVER)]).astype(np.int64)

    def effects(self) -> FloatArray:
        """(N, T) true effects."""
        since = np.arange(self.periods) - np.where(self.first == NEVER, self.periods, self.first)[:, None]
        return np.where(since >= 0, self.effect + self.growth * since, 0.0)

    def overall(self) -> float:
        """Mean effect over treated unit-periods."""
        return float(self.effects()[self.first[:, None] <= np.arange(self.periods)].mean())

    def factors(self) -> FloatArray:
        """(r, T) autoregressive paths of mean 0 and variance 1."""
        rng = np.random.default_rng(99)
        path = np.empty((self.n_factors, self.periods))
        path[:, 0] = rng.standard_normal(self.n_factors)
        for t in range(1, self.periods):
            path[:, t] = 0.8 * path[:, t - 1] + 0.6 * rng.standard_normal(self.n_factors)
        path -= path.mean(axis=1, keepdims=True)
        return np.asarray(path / path.std(axis=1, keepdims=True))

    def outcome(self, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        """(N, T) outcome and covariate."""
        n, ever = len(self.first), self.first != NEVER
        loadings = rng.standard_normal((n, self.n_factors)) + self.pull * ever[:, None]
        errors = np.empty((n, self.periods))
        errors[:, 0] = rng.standard_normal(n)
        step = np.sqrt(1.0 - self.autocorrelation**2)
        for t in range(1, self.periods):
            errors[:, t] = self.autocorrelation * errors[:, t - 1] + step * rng.standard_normal(n)
        x = rng.standard_normal((n, self.periods)) + 0.5 * (self.first[:, None] <= np.arange(self.periods))
        level = rng.standard_normal((n, 1)) + 0.1 * np.arange(self.periods)
        return level + loadings @ self.factors() + self.noise * errors + self.slope * x + self.effects(), x

    def draw(self, seed: int) -> Panel:
        """One sample."""
        rng = np.random.default_rng(seed)
        y, x = self.outcome(rng)
        y[rng.random(y.shape) < self.missing] = np.nan
        n = len(y)
        return Panel(
            outcome=y,
            time=np.arange(self.periods),
            first_treated=self.first,
            units=pd.RangeIndex(n),
            calendar=Calendar("integer", 0, 1),
            names=ColumnNames("unit", "period", "y"),
            covariates={"x": x},
            cluster=np.arange(n) // self.cluster_size if self.cluster_size > 1 else None,
        )


@dataclass(frozen=True)
class Outcomes:
    """(R,) errors of the overall effect, and whether its own interval held the truth or lay above or below it."""

    error: FloatArray
    std_error: FloatArray
    held: FloatArray
    above: FloatArray
    below: FloatArray

    def bias(self) -> tuple[float, float]:
        """Mean error with its Monte Carlo standard error."""
        return float(self.error.mean()), float(self.error.std(ddof=1) / np.sqrt(len(self.error)))


def run(estimator: Estimator, world: FactorWorld, repetitions: int) -> Outcomes:
    """Estimate many samples; intervals are the estimator's own, at its level."""
    truth, rows = world.overall(), []
    for seed in range(repetitions):
        estimate = estimator.fit(world.draw(seed), rng=np.random.default_rng(seed))
        overall = estimate.aggregation("overall")
        own = estimate.own
        assert own is not None
        rows.append(
            (
                overall.estimate[0] - truth,
                overall.std_error[0],
                own.low <= truth <= own.high,
                own.low > truth,
                own.high < truth,
            )
        )
    return Outcomes(*np.array(rows, dtype=np.float64).T)
