"""Repeated cross-sections for tests: other people every period, groups that start at different times."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

import evalkit as ek

STARTS = {"north": 2003, "east": 2005, "south": 0, "west": 0, "mid": 2005}


def survey(
    n: int = 900, seed: int = 0, effect: float = 1.0, confounding: float = 0.4, periods: int = 5, noise: float = 1.0
) -> pd.DataFrame:
    """Persons of five groups in `periods` years from 2001; x moves who is where, and trends.

    The effect is `effect` at the start and grows by half of it a year.
    """
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(n)
    scores = np.exp(confounding * np.outer(x, [1.0, 0.5, 0.0, -0.5, 0.8]))
    cumulated = np.cumsum(scores / scores.sum(axis=1, keepdims=True), axis=1)
    group = np.array(list(STARTS))[np.minimum((rng.random(n)[:, None] > cumulated).sum(axis=1), 4)]
    year = rng.integers(2001, 2001 + periods, n)
    start = pd.Series(group).map(STARTS).to_numpy()
    since = year - start
    treated = (start > 0) & (since >= 0)
    gain = np.where(treated, effect * (1.0 + 0.5 * since), 0.0)
    y = 0.3 * (year - 2001) * (1.0 + 0.5 * x) + x + gain + noise * rng.standard_normal(n) * (1.0 + 0.3 * treated)
    return pd.DataFrame(
        {
            "group": group, "year": year, "start": start, "y": y, "x": x, "z": rng.integers(0, 2, n).astype(float),
            "w": rng.uniform(0.5, 2.0, n), "site": rng.integers(0, 40, n), "on": treated.astype(int),
        }
    )  # fmt: skip


def read(frame: pd.DataFrame, **arguments: Any) -> ek.Panel:
    """The survey as a panel of repeated cross-sections."""
    roles: dict[str, Any] = {"group": "group", "period": "year", "outcome": "y", "covariates": ["x", "z"]}
    if "treated" not in arguments:
        roles["cohort"] = "start"
    return ek.Panel.from_frame(frame, **{**roles, **arguments})
