"""Small panels whose treatment switches on and off, for comparison with slow oracles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from evalkit.data.panel import Panel
from evalkit.vocabulary import FloatArray, IntArray


@dataclass(frozen=True)
class World:
    """Arrays as the oracle takes them: periods 0..T-1."""

    y: FloatArray
    dose: FloatArray
    weight: FloatArray
    cluster: IntArray
    x: FloatArray

    def panel(self, *, weighted: bool = False, clustered: bool = False, covariates: bool = False) -> Panel:
        """The same as a panel, by way of a long frame; rows without an outcome are kept, for their dose."""
        n, periods = self.y.shape
        frame = pd.DataFrame(
            {
                "unit": np.repeat(np.arange(n), periods),
                "period": np.tile(np.arange(periods), n),
                "y": self.y.ravel(),
                "dose": self.dose.ravel(),
                "weight": self.weight.ravel(),
                "cluster": np.repeat(self.cluster, periods),
                "x": self.x[:, :, 0].ravel(),
                "z": self.x[:, :, 1].ravel(),
            }
        )
        return Panel.from_frame(
            frame, unit="unit", period="period", outcome="y", dose="dose",
            weight="weight" if weighted else None, cluster="cluster" if clustered else None,
            covariates=["x", "z"] if covariates else [],
        )  # fmt: skip

    def arguments(self, *, weighted: bool = False, clustered: bool = False, covariates: bool = False) -> dict[str, Any]:
        """Keyword arguments of the oracle."""
        return {
            "weight": self.weight if weighted else None,
            "cluster": self.cluster if clustered else None,
            "covariates": self.x if covariates else None,
        }


def draw(seed: int, *, holes: float = 0.0, n: int = 40, periods: int = 7, doses: int = 3) -> World:
    """Draw a world: first doses 0 to `doses` - 1, changes up and down that may be undone or crossed."""
    rng = np.random.default_rng(seed)
    dose = np.repeat(rng.integers(0, doses, (n, 1)), periods, axis=1).astype(float)
    start = np.where(rng.random(n) < 0.3, periods, rng.integers(1, periods, n))
    for i in range(n):
        for t in range(start[i], periods):
            if t == start[i]:
                dose[i, t:] += rng.choice([-1.0, 1.0, 2.0])
            elif rng.random() < 0.25:
                dose[i, t:] = rng.integers(0, doses)
    y = rng.standard_normal((n, 1)) + np.arange(periods) + rng.standard_normal((n, periods)) + 0.5 * dose
    y[rng.random((n, periods)) < holes] = np.nan
    weight, cluster = rng.uniform(0.5, 3.0, (n, periods)), rng.integers(0, 12, n)
    x = rng.standard_normal((n, periods, 2)) * [1.0, 50.0] + [0.0, 1000.0]
    return World(y + x @ [0.8, 0.01], dose, weight, cluster, x)


CASES: dict[str, dict[str, bool]] = {
    "plain": {},
    "weighted": {"weighted": True},
    "clustered": {"clustered": True},
    "both": {"weighted": True, "clustered": True},
    "covariates": {"covariates": True},
    "all at once": {"weighted": True, "clustered": True, "covariates": True},
}
