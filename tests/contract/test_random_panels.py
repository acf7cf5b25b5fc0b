"""Laws on panels that hypothesis draws: gaps, ties, few units, one cohort or several, any size of effects and noise.

Nearly all estimators meet a few of them in every run, and all meet many under `make long`. The examples are the same
each time.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evalkit.errors import EvalkitError
from evalkit.estimators import registry
from evalkit.testing.check import as_counts, check_estimator, laws_of
from evalkit.testing.simulate import StaggeredDesign, simulate_staggered
from tests.contract.test_laws import EXEMPT, PROMISES, make

MANY: Final = int(os.environ.get("EVALKIT_PANELS", "40"))
FEW: Final = 8
SLOW: Final = {
    "bayesian_did": 2,
    "bayesian_time_series": 2,
    "interactive_fixed_effects": 2,
    "interrupted_time_series": 5,
    "synthetic_control": 5,
    "two_way_fixed_effects": 2,
}
"""Panels of each estimator in every run."""
LATER: Final = ("augmented_synthetic_control", "bayesian_synthetic_control")
"""They meet random panels under `make long` alone."""
TIES: Final = 0.25
"""Outcomes are multiples of this where they have ties."""
LAWS: Final = {name: tuple(law for law in laws_of(make(name)) if law in PROMISES) for name in registry.names()}
CLONES = "a unit of weight 2 equals the unit twice"
UNIT_CONSTANTS = "unit constants change nothing"
SHIFTED = "adding c to treated outcomes adds c"


@st.composite
def panels(draw: st.DrawFn, name: str) -> pd.DataFrame:
    """A panel that has what the estimator needs, though it may still refuse the design."""
    needs = registry.get(name).needs
    history = max(needs.pre_periods, 1)
    periods = draw(st.integers(history + 4, history + 8))
    starts = draw(st.lists(st.integers(history + 1, periods), min_size=1, max_size=3, unique=True))
    design = StaggeredDesign(
        n_units=draw(st.integers(18, 45)),
        n_periods=periods,
        cohorts={start: draw(st.sampled_from([0.5, 0.7])) / len(starts) for start in sorted(starts)},
        effect=draw(st.sampled_from([-2.0, 0.0, 0.5])),
        growth=draw(st.sampled_from([0.0, 0.3])),
        cohort_gap=draw(st.sampled_from([0.0, 0.5])),
        noise=draw(st.sampled_from([0.1, 1.0, 3.0])),
        autocorrelation=draw(st.sampled_from([0.0, 0.8])),
        missing=draw(st.sampled_from([0.0, 0.1, 0.3])),
        ineligible=0.5 if needs.eligibility else 0.0,
    )
    frame = simulate_staggered(design, draw(st.integers(0, 2**31))).frame
    if needs.counts:
        return as_counts(frame)
    if draw(st.booleans()):
        return frame.assign(y=np.round(frame["y"] / TIES) * TIES)
    return frame


def bound(name: str, law: str, frame: pd.DataFrame) -> bool:
    """Whether a law binds an estimator on this panel, too."""
    if (name, law) in {*EXEMPT, ("bayesian_did", SHIFTED)}:  # its prior is as wide as the outcome's own changes
        return False
    gaps = len(frame) < frame["unit"].nunique() * frame["period"].nunique()
    if law == UNIT_CONSTANTS and name == "extended_twfe":
        return not gaps  # units enter by the mean of their cohort: who is missing moves it
    if law == CLONES:
        return not gaps  # a single unit that is left in a cell has no error, and leaves the cell out; two have one
    return True


def keeps(name: str, seen: Counter[str]) -> Callable[[pd.DataFrame, str], None]:
    """A test of one law on one panel; counts what came of it."""

    def holds(frame: pd.DataFrame, law: str) -> None:
        if not bound(name, law, frame):
            seen["not bound"] += 1
            return
        try:
            report = check_estimator(make(name), frame=frame, laws=[law], tries=0)
        except EvalkitError:  # of the panel as it is; an error after the change is a law that does not hold
            seen["refused"] += 1
            return
        report.raise_if_broken()
        seen["held"] += 1

    return holds


def tried(name: str, examples: int) -> Counter[str]:
    """Try that many pairs of a panel and a law."""
    seen: Counter[str] = Counter()
    bounded: Any = settings(
        max_examples=examples, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    bounded(given(panels(name), st.sampled_from(LAWS[name]))(keeps(name, seen)))()
    return seen


def promises(name: str) -> list[pytest.MarkDecorator]:
    return [pytest.mark.promise(*sorted({PROMISES[law] for law in LAWS[name]}))]


NAMES = [pytest.param(name, marks=promises(name)) for name in registry.names()]


@pytest.mark.parametrize("name", [case for case in NAMES if case.values[0] not in LATER])
def test_an_estimator_keeps_its_laws_on_panels_of_any_shape(name: str) -> None:
    assert tried(name, SLOW.get(name, FEW))["held"] > 0


@pytest.mark.calibration
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", NAMES)
def test_an_estimator_keeps_its_laws_on_many_panels(name: str) -> None:
    seen = tried(name, MANY)
    assert seen["held"] > seen["refused"]
