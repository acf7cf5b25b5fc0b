"""Writes panel.csv: a small ragged panel with weights and clusters, which both R and the test read.

python tests/reference/two_way_errors/make_panel.py
"""

from pathlib import Path

import numpy as np
import pandas as pd

rng = np.random.default_rng(20)
units, periods = 18, 6
first = np.array([3, 3, 3, 4, 4, 5, 5] + [0] * 11)
frame = pd.DataFrame(
    {
        "unit": np.repeat(np.arange(1, units + 1), periods),
        "period": np.tile(np.arange(1, periods + 1), units),
        "cohort": np.repeat(first, periods),
        "cluster": np.repeat(np.arange(units) % 9 + 1, periods),
        "w": np.repeat(rng.integers(1, 5, units), periods),
        "y": rng.standard_normal(units * periods).round(4),
        "z": rng.standard_normal(units * periods).round(4),
    }
)
frame["y"] += np.repeat(rng.standard_normal(units).round(3), periods)
frame[rng.random(len(frame)) > 0.1].to_csv(Path(__file__).with_name("panel.csv"), index=False)
