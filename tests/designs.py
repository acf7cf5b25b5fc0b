"""Studies and untreated panels for tests of the design stage."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from evalkit.data.panel import Panel
from evalkit.power.places import places_of
from evalkit.power.schedule import Schedule, Wishes
from evalkit.power.simulate import Task, prepare
from evalkit.study.spec import Choice, Study
from evalkit.testing.simulate import staggered_frame
from tests.simulated import spec


def study(estimator: str = "two_way_fixed_effects", *, settings: dict[str, Any] | None = None, **changes: Any) -> Study:
    """A study of simulated data; `changes` replace top-level keys of its spec."""
    chosen = Choice(name=estimator, settings=settings or {})
    return Study(spec=spec(**changes), estimator=chosen, robustness=(), checks=(), evidence={}, seed=5)


def outcome(**changes: Any) -> dict[str, Any]:
    """One declared outcome as the only one."""
    base = {"name": "crime", "column": "y", "unit": "points", "direction": "lower_better"}
    return {"outcomes": [{**base, **changes}]}


def panel(*, seed: int = 1, first: int | None = None, **design: Any) -> Panel:
    """A simulated panel; with `first`, half of its units start together in that period."""
    cohorts = {} if first is None else {"cohorts": {first: 0.5}}
    made = staggered_frame(seed=seed, **{**cohorts, **design})
    return Panel.from_frame(made, unit="unit", period="period", outcome="y", cohort="cohort", planned=True)


def long(values: np.typing.NDArray[np.float64], starts: dict[int, int] | None = None) -> Panel:
    """(N, T) values as a panel, periods from 1; `starts` gives some units a first treated period."""
    n, t = values.shape
    frame = pd.DataFrame({"unit": np.repeat(np.arange(n), t), "period": np.tile(np.arange(1, t + 1), n)})
    frame["y"] = values.ravel()
    frame["cohort"] = frame["unit"].map(starts or {}).fillna(0.0)
    return Panel.from_frame(frame, unit="unit", period="period", outcome="y", cohort="cohort", planned=True)


def task(made: Panel, asked: Study, wishes: Wishes | None = None, *, draws: int = 100, **history: Any) -> Task:
    """The simulation of one design, not yet run."""
    return prepare(asked, made, wishes or Wishes(), history.get("history", "auto"), draws)[0]


__all__ = ["Schedule", "long", "outcome", "panel", "places_of", "study", "task"]
