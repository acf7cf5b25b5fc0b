"""Monte Carlo of stacked difference-in-differences and local projections: bias, honest errors, coverage and bands.

Cohorts are drawn at random, so that the error of their weights is part of the whole; effects differ by cohort and
grow over time, the case in which two-way fixed effects fail.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from evalkit.estimators.stacked_did import StackedDid
from tests.calibrated.measure import Measured
from tests.recovery_worlds import RandomCohorts, assert_honest, run

REPETITIONS = 200
LONG = 2_000
BANDS = 0.91  # of 95 %: bands come from normal draws, and hold 93 % of the time with 80 clusters


@dataclass(frozen=True)
class Windowed(RandomCohorts):
    """The same, asked for the mean effect at event times 0 and 1."""

    def overall(self) -> float:
        return float(self.at(np.arange(2)).mean())


STACKED = {"event_window": (-2, 1)}
WORLDS: dict[str, tuple[RandomCohorts, dict[str, Any]]] = {
    "stacked": (Windowed(n=150), STACKED),
    "stacked, unbalanced": (Windowed(n=180, missing=0.05), STACKED),
    "stacked, clusters of three": (Windowed(n=240, cluster_size=3), STACKED),
    "stacked, variance weights": (Windowed(n=150, cohort_gap=0.0), {**STACKED, "weighting": "variance"}),
    "local projections": (RandomCohorts(n=150), {"method": "local_projections", "event_window": (-2, 3)}),
    "local projections from the mean before": (
        RandomCohorts(n=150),
        {"method": "local_projections", "event_window": (-2, 3), "base": "mean_before"},
    ),
}


@pytest.mark.parametrize("name", ["stacked", "local projections"])
@pytest.mark.promise("calibration-coverage", "calibration-bias", "calibration-errors", "calibration-staggered")
def test_effects_are_recovered_with_honest_errors_and_bands(name: str) -> None:
    world, settings = WORLDS[name]
    assert_honest(run(StackedDid(**settings), world, REPETITIONS))


def test_weights_taken_as_known_are_too_sure_where_effects_differ_by_cohort() -> None:
    world = Windowed(n=150, cohort_gap=6.0)
    known = run(StackedDid(shares_known=True, event_window=(-2, 1)), world, REPETITIONS)
    assert known.std_error.mean() < 0.9 * known.error.std(ddof=1)
    assert_honest(run(StackedDid(event_window=(-2, 1)), world, REPETITIONS))


@pytest.mark.calibration
@pytest.mark.parametrize("name", list(WORLDS))
@pytest.mark.promise("calibration-coverage", "calibration-bias", "calibration-errors", "calibration-staggered")
@pytest.mark.calibrates("stacked_did", "clustered")
def test_calibration_at_length(name: str, measured: Measured) -> None:
    world, settings = WORLDS[name]
    found = run(StackedDid(**settings), world, LONG)
    measured.outcomes("stacked_did", name, found, level=0.95, asked=(0.93, 0.97), rule="clustered")
    assert abs(found.error.mean()) < 4.0 * found.error.std(ddof=1) / np.sqrt(LONG)
    assert 0.95 < found.std_error.mean() / found.error.std(ddof=1) < 1.05
    assert abs(np.mean(found.covered) - 0.95) < 0.02  # a t reference with 79 to 179 degrees of freedom
    assert np.mean(found.band_held) > BANDS
