"""A panel of switching treatment that make_peers.py and the test both make; numpy's generator is stable."""

from __future__ import annotations

import numpy as np
import pandas as pd


def simulated(n: int = 300, periods: int = 7) -> pd.DataFrame:
    """Long frame: first doses 0 to 2, changes up and down that some units undo; y_with_x also moves with x."""
    rng = np.random.default_rng(11)
    dose = np.repeat(rng.integers(0, 3, (n, 1)), periods, axis=1).astype(float)
    start = np.where(rng.random(n) < 0.3, periods, rng.integers(2, periods, n))
    for one in range(n):
        move = rng.choice([-1.0, 1.0, 2.0])
        dose[one, start[one] :] += move
        if rng.random() < 0.3:
            dose[one, start[one] + 2 :] -= move
    y = rng.standard_normal((n, 1)) + np.arange(periods) + rng.standard_normal((n, periods)) + dose
    cluster = np.arange(n) // 5
    y += rng.standard_normal((n // 5, periods))[cluster]
    unit, weight = np.arange(n), rng.uniform(0.5, 3.0, n)
    x = rng.standard_normal((n, periods)) + 0.2 * dose * np.arange(1, periods + 1)
    return pd.DataFrame(
        {
            "unit": np.repeat(unit, periods),
            "period": np.tile(np.arange(1, periods + 1), n),
            "y": y.ravel(),
            "dose": dose.ravel(),
            "same": np.repeat(unit, periods),
            "cluster": np.repeat(cluster, periods),
            "w": np.repeat(weight, periods),
            "x": x.ravel(),
            "y_with_x": (y + 0.7 * x).ravel(),
        }
    )
