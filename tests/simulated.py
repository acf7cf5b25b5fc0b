"""A check's context on simulated data."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from evalkit.checks.base import CheckContext
from evalkit.data.panel import Panel
from evalkit.estimate import Estimate
from evalkit.estimators.base import Estimator
from evalkit.estimators.two_way_fixed_effects import TwoWayFixedEffects
from evalkit.study.spec import StudySpec
from evalkit.testing.simulate import StaggeredDesign, simulate_staggered


def spec(**changes: Any) -> StudySpec:
    """A valid study of simulated data."""
    content: dict[str, Any] = {
        "id": "simulated",
        "title": "A simulated programme",
        "priority": "public_safety",
        "question": {
            "population": "places", "intervention": "The programme", "comparator": "no programme",
            "outcome": "the outcome", "setting": "a simulation",
        },
        "data": {
            "source": {"kind": "file", "path": "simulated.csv"},
            "unit": "unit", "period": "period", "cohort": "cohort",
        },
        "outcomes": [{"name": "outcome", "column": "y", "unit": "points", "direction": "higher_better"}],
        "use": {"limitations": ["The data are simulated."]},
    }  # fmt: skip
    return StudySpec.model_validate({**content, **changes})


def context(estimator: Estimator | None = None, seed: int = 3, **design: Any) -> CheckContext:
    """The context of an estimator fitted to a simulated staggered design."""
    made = simulate_staggered(StaggeredDesign(n_units=90, n_periods=8, **design), seed).frame
    return context_of(Panel.from_frame(made, unit="unit", period="period", outcome="y", cohort="cohort"), estimator)


def context_of(panel: Panel, estimator: Estimator | None = None) -> CheckContext:
    """The context of an estimator fitted to a panel."""
    fit = functools.partial(_fit, estimator or TwoWayFixedEffects())
    return CheckContext(spec(), panel, fit(panel), fit)


def _fit(estimator: Estimator, panel: Panel) -> Estimate:
    return estimator.fit(panel, rng=np.random.default_rng(0))
