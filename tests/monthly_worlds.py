"""Made series with a known change at a known date."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from evalkit.data.panel import Panel
from evalkit.vocabulary import FloatArray


@dataclass(frozen=True, slots=True)
class SeriesWorld:
    """Monthly series with trend, season, and AR(1) errors of variance 1; the programme starts at month `start`."""

    months: int = 96
    start: int = 60
    level: float = 0.0
    slope: float = 0.0
    rho: float = 0.0
    trend: float = 0.02
    season: float = 1.5


def ar1(rng: np.random.Generator, count: int, rho: float) -> FloatArray:
    """(count,) stationary errors of variance 1."""
    errors = rng.standard_normal(count)
    for t in range(1, count):
        errors[t] = rho * errors[t - 1] + np.sqrt(1.0 - rho**2) * errors[t]
    return errors


def expected(world: SeriesWorld) -> tuple[FloatArray, FloatArray]:
    """(T,) level without the programme, and its effect."""
    t = np.arange(world.months)
    effect = np.where(t >= world.start, world.level + world.slope * (t - world.start), 0.0)
    return 10.0 + world.trend * t + world.season * np.cos(2.0 * np.pi * t / 12.0), effect


def frame(world: SeriesWorld, rng: np.random.Generator) -> pd.DataFrame:
    """One city, month by month."""
    without, effect = expected(world)
    months = pd.period_range("2010-01", periods=world.months, freq="M")
    return pd.DataFrame(
        {
            "city": "Tulsa",
            "month": months,
            "y": without + effect + ar1(rng, world.months, world.rho),
            "start": months[world.start],
        }
    )


def panel(data: pd.DataFrame, **columns: object) -> Panel:
    """The panel of `frame`, with further columns by role."""
    return Panel.from_frame(data, unit="city", period="month", outcome="y", cohort="start", **columns)  # type: ignore[arg-type]


def truth(world: SeriesWorld) -> float:
    """Mean effect over the months under the programme."""
    return float(expected(world)[1][world.start :].mean())
