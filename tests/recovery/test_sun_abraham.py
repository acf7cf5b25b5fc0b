"""Monte Carlo of Sun and Abraham: bias, honest errors, coverage and simultaneous bands.

Cohorts are drawn at random, so that the estimated shares' own term is part of the error; effects differ by
cohort and grow over time, the case in which two-way fixed effects fail.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from evalkit.estimators.sun_abraham import SunAbraham
from tests.calibrated.measure import Measured
from tests.recovery_worlds import RandomCohorts, assert_honest, run

REPETITIONS = 200
LONG = 2_000
BANDS = 0.91  # of 95 %: bands come from normal draws, and hold 93 % of the time with 80 clusters
WORLDS: dict[str, tuple[RandomCohorts, dict[str, Any]]] = {
    "balanced": (RandomCohorts(n=150), {}),
    "unbalanced, with a covariate": (RandomCohorts(n=150, missing=0.2, slope=0.8), {"covariates": ("x",)}),
    "clusters of three": (RandomCohorts(n=240, cluster_size=3), {}),
}


@pytest.mark.parametrize("name", list(WORLDS))
@pytest.mark.promise("calibration-coverage", "calibration-bias", "calibration-errors", "calibration-staggered")
def test_effects_are_recovered_with_honest_errors_and_bands(name: str) -> None:
    world, settings = WORLDS[name]
    assert_honest(run(SunAbraham(**settings), world, REPETITIONS))


def test_shares_taken_as_known_are_too_sure_where_effects_differ_by_cohort() -> None:
    world = RandomCohorts(n=150, cohort_gap=6.0)
    known = run(SunAbraham(shares_known=True), world, REPETITIONS)
    assert known.std_error.mean() < 0.9 * known.error.std(ddof=1)
    assert_honest(run(SunAbraham(), world, REPETITIONS))


@pytest.mark.calibration
@pytest.mark.parametrize("name", list(WORLDS))
@pytest.mark.promise("calibration-coverage", "calibration-bias", "calibration-errors", "calibration-staggered")
@pytest.mark.calibrates("sun_abraham", "clustered")
def test_calibration_at_length(name: str, measured: Measured) -> None:
    world, settings = WORLDS[name]
    found = run(SunAbraham(**settings), world, LONG)
    measured.outcomes("sun_abraham", name, found, level=0.95, asked=(0.93, 0.97), rule="clustered")
    assert abs(found.error.mean()) < 4.0 * found.error.std(ddof=1) / np.sqrt(LONG)
    assert 0.95 < found.std_error.mean() / found.error.std(ddof=1) < 1.05
    assert abs(np.mean(found.covered) - 0.95) < 0.02  # a t reference with 79 to 149 degrees of freedom
    assert np.mean(found.band_held) > BANDS
