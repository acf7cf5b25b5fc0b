"""Made-up indicators: their configs, their tables, and worlds whose truth is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from evalkit.study.indicator import IndicatorSpec
from evalkit.vocabulary import FloatArray

World = Literal["steady", "level", "walk", "trend", "bend", "ar", "season"]
MONTHS = 60


def world(kind: World, periods: int, rng: np.random.Generator) -> FloatArray:
    """A series of measurements with a noise of sd 1 around 10."""
    time, noise = np.arange(periods), rng.normal(size=periods)
    if kind == "level":
        return 10.0 + np.cumsum(0.3 * rng.normal(size=periods)) + noise
    if kind == "walk":
        return 10.0 + np.cumsum(noise)
    if kind == "trend":
        return 10.0 + 0.1 * time + noise
    if kind == "bend":
        return np.asarray(10.0 + 0.08 * np.maximum(time - 30, 0) + noise)
    if kind == "ar":
        value = np.empty(periods)
        value[0] = noise[0] / np.sqrt(1.0 - 0.49)
        for t in range(1, periods):
            value[t] = 0.7 * value[t - 1] + noise[t]
        return np.asarray(10.0 + value)
    if kind == "season":
        wave = 2.0 * np.sin(2.0 * np.pi * time / 12.0)
        return np.asarray(10.0 + wave + np.cumsum(0.2 * rng.normal(size=periods)) + noise)
    return 10.0 + noise


def spec(kind: str = "count", **changes: Any) -> IndicatorSpec:
    """An indicator over the table of :func:`frame`; dotted names change parts: ``spec(**{"target.value": 5})``."""
    measure: dict[str, Any] = {"kind": kind, "unit": "calls a month", "direction": "lower_better", "column": "calls"}
    if kind == "share":
        measure |= {"out_of": "all", "per": 100.0, "unit": "%"}
    if kind == "measurement":
        measure |= {"column": "days", "unit": "days", "about": "places"}
    plain: dict[str, Any] = {
        "id": "calls", "title": "Calls answered late", "city": "Sample City", "priority": "city_services",
        "owner": "Call centre", "measure": measure,
        "data": {"source": {"kind": "file", "path": "calls.csv",
                            "columns": [{"name": "month", "type": "date"}]}, "period": "month"},
        "baseline": {"start": "2019-01", "end": "2021-12"}, "target": {"value": 20.0, "date": "2024-12"},
    }  # fmt: skip
    for name, value in changes.items():
        part, *path = name.split(".")
        holder = plain
        for step in path:
            holder = holder.setdefault(part, {})
            part = step
        holder[part] = value
    return IndicatorSpec.model_validate(plain)


def frame(months: int = MONTHS, *, seed: int = 0, fall: float = 0.0, season: float = 0.0) -> pd.DataFrame:
    """Monthly counts around 40 of 400, and days around 12; they fall by `fall` of their level a month after 36."""
    rng = np.random.default_rng(seed)
    time = np.arange(months)
    level = (1.0 - fall * np.maximum(time - 35, 0)) * (1.0 + season * np.sin(2.0 * np.pi * time / 12.0))
    return pd.DataFrame(
        {
            "month": pd.period_range("2019-01", periods=months, freq="M").to_timestamp().strftime("%Y-%m-%d"),
            "calls": rng.poisson(40.0 * level),
            "all": 400 + rng.integers(-20, 21, months),
            "days": np.round(12.0 * level + rng.normal(size=months), 3),
            "people": 300 + rng.integers(-20, 21, months),
        }
    )


def write(folder: Path, table: pd.DataFrame, name: str = "calls.csv") -> Path:
    """The table as a file in a folder, which is returned."""
    table.to_csv(folder / name, index=False)
    return folder
