"""Small staggered panels with holes, weights, clusters and a covariate, for comparison with slow oracles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from evalkit.data.calendar import Calendar
from evalkit.data.panel import ColumnNames, Panel
from evalkit.vocabulary import NEVER

Array = np.ndarray[Any, np.dtype[Any]]
STARTS = (3, 4, 6, 99)


@dataclass(frozen=True)
class World:
    """Arrays as the oracles take them: periods 0..T-1, 99 for never."""

    y: Array
    first: Array
    x: Array
    weight: Array
    cluster: Array

    def panel(self, *, covariate: bool = False, weighted: bool = False, clustered: bool = False) -> Panel:
        """The same as a panel."""
        n, periods = self.y.shape
        return Panel(
            outcome=self.y.copy(),
            time=np.arange(periods),
            first_treated=np.where(self.first == 99, NEVER, self.first),
            units=pd.RangeIndex(n),
            calendar=Calendar("integer", 0, 1),
            names=ColumnNames("unit", "period", "y", cluster="cluster" if clustered else None),
            covariates={"x": self.x[:, :, 0].copy()} if covariate else {},
            weight=np.where(np.isnan(self.y), np.nan, self.weight) if weighted else None,
            cluster=self.cluster.copy() if clustered else None,
        )

    def arguments(self, *, covariate: bool = False, weighted: bool = False, clustered: bool = False) -> dict[str, Any]:
        """Keyword arguments of an oracle."""
        return {
            "covariates": self.x if covariate else None,
            "weight": self.weight if weighted else None,
            "cluster": self.cluster if clustered else None,
        }


def draw(seed: int, *, holes: float = 0.0, n: int = 32, periods: int = 7) -> World:
    """Draw a world; every cohort starts with all its units, `holes` is the share of rows missing."""
    rng = np.random.default_rng(seed)
    first = np.array(STARTS)[np.arange(n) % len(STARTS)]
    x = rng.standard_normal((n, periods, 1)) + 0.3 * first[:, None, None]
    y = rng.standard_normal((n, 1)) + np.arange(periods) + 0.7 * x[:, :, 0] + rng.standard_normal((n, periods))
    y += np.where(np.arange(periods) >= first[:, None], 1.0 + 0.1 * first[:, None], 0.0)
    hole = rng.random((n, periods)) < holes
    hole[:, 1:3] = False  # every unit keeps two untreated rows
    y[hole] = np.nan
    return World(y, first, x, rng.uniform(0.5, 3.0, (n, periods)), rng.integers(0, 9, n))


CASES: dict[str, dict[str, Any]] = {
    "plain": {},
    "covariate": {"covariate": True},
    "weighted": {"weighted": True},
    "clustered": {"clustered": True},
    "all at once": {"covariate": True, "weighted": True, "clustered": True},
}
