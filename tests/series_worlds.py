"""One treated series, and others beside it, as long frames."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from evalkit.data.panel import Panel
from evalkit.vocabulary import FloatArray


def single_series(own: FloatArray, start: int, others: Mapping[str, FloatArray], **columns: Any) -> pd.DataFrame:
    """Long frame of a place `town` treated from position `start` on, and never-treated others; periods from 1."""
    periods = np.arange(1, len(own) + 1)
    parts = [pd.DataFrame({"unit": "town", "period": periods, "y": own, "cohort": start + 1, **columns})]
    parts += [
        pd.DataFrame({"unit": name, "period": periods, "y": values, "cohort": 0, **dict.fromkeys(columns, 0.0)})
        for name, values in others.items()
    ]
    return pd.concat(parts, ignore_index=True)


def series_panel(own: FloatArray, start: int, others: Mapping[str, FloatArray], **arguments: Any) -> Panel:
    """The same as a panel."""
    return Panel.from_frame(
        single_series(own, start, others), unit="unit", period="period", outcome="y", cohort="cohort", **arguments
    )


def level_world(
    seed: int, *, periods: int = 60, start: int = 45, effect: float = 0.0, level: float = 0.2
) -> FloatArray:
    """(2, T) a wandering level with noise that follows another series, and that other series."""
    rng = np.random.default_rng(seed)
    other = np.cumsum(0.5 * rng.standard_normal(periods)) + rng.standard_normal(periods)
    own = 10.0 + other + np.cumsum(level * rng.standard_normal(periods)) + rng.standard_normal(periods)
    own[start:] += effect
    return np.stack([own, other])
