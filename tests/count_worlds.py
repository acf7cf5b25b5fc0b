"""Staggered counts with zeros and gaps for Monte Carlo runs, and how often intervals hold the truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from evalkit.data.calendar import Calendar
from evalkit.data.panel import ColumnNames, Panel
from evalkit.estimators.base import Estimator
from evalkit.testing.counts import CLOCK, CountDesign
from evalkit.vocabulary import FloatArray


class Counts(CountDesign):
    """The design, drawn as a panel that keeps units without any row."""

    def draw(self, seed: int) -> Panel:
        """One sample."""
        y, first, exposure = self.arrays(seed)
        return Panel(
            outcome=y,
            time=CLOCK,
            first_treated=first,
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
