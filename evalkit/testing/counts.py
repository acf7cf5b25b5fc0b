"""Staggered counts whose true rate ratios are known, with zeros and gaps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from evalkit.testing.simulate import Simulated
from evalkit.vocabulary import NEVER, FloatArray, IntArray

STARTS = np.array([3, 5, NEVER])
"""First treated period of the two cohorts, counted from 0, and never."""
PERIODS = 7
CLOCK = np.arange(PERIODS)


@dataclass(frozen=True)
class CountDesign:
    """Poisson counts given a unit's own level and shocks that persist: overdispersed, correlated, about a third zeros.

    Units draw one of two cohorts (periods 4 and 6 of 7) or never, with equal chances.

    Attributes
    ----------
    n
        Units.
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
        """(T,) log rate ratios of a cohort: 0 and 1 for those that start, 2 for never."""
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

    def arrays(self, seed: int) -> tuple[FloatArray, IntArray, FloatArray]:
        """One sample: (N, T) counts, NaN where missing; (N,) first treated periods from 0; (N, T) exposure."""
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
        return y, STARTS[which], exposure


def simulate_counts(design: CountDesign, seed: int) -> Simulated:
    """Draw one data set of counts.

    Returns
    -------
    Simulated
        ``frame`` has up to 7 N rows (missing ones are left out), and the column ``exposure`` where the design has one.
        ``overall`` is the mean log rate ratio over the treated cells of a population with equal cohorts;
        ``truths["difference"]`` the same mean of differences of expected counts, of a unit with exposure 1.

    Examples
    --------
    >>> simulated = simulate_counts(CountDesign(n=30, ratio=0.5), seed=1)
    >>> round(simulated.overall, 4), list(simulated.frame.columns)
    (-0.6931, ['unit', 'period', 'y', 'cohort'])
    """
    y, first, exposure = design.arrays(seed)
    unit, period = np.divmod(np.arange(y.size), PERIODS)
    cohort = np.where(first == NEVER, 0, first + 1)
    frame = pd.DataFrame({"unit": unit, "period": period + 1, "y": y.ravel(), "cohort": cohort[unit]})
    if design.exposed:
        frame["exposure"] = exposure.ravel()
    frame = frame[frame["y"].notna()].reset_index(drop=True)
    return Simulated(frame, design.overall(ratio=True), {"difference": design.overall(ratio=False)})
