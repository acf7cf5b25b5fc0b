"""Monte Carlo of imputation: bias, errors that are honest or conservative, coverage, and its precision.

Cohorts are the same in every draw: the paper's effects are those of the treated rows at hand. Gardner's errors count
the cohorts' shares as drawn.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from evalkit.estimators.imputation import Imputation
from evalkit.estimators.sun_abraham import SunAbraham
from tests.calibrated.measure import Measured
from tests.recovery_worlds import RandomCohorts, assert_honest, run

REPETITIONS = 200
LONG = 2_000
WORLDS: dict[str, tuple[RandomCohorts, dict[str, Any]]] = {
    "balanced": (RandomCohorts(n=150, random_cohorts=False), {}),
    "unbalanced, with a covariate": (
        RandomCohorts(n=150, missing=0.2, slope=0.8, random_cohorts=False),
        {"covariates": ("x",)},
    ),
    "Gardner's errors, random cohorts": (RandomCohorts(n=150), {"variance": "gardner"}),
    "clusters of three": (RandomCohorts(n=300, cluster_size=3, random_cohorts=False), {}),
}


@pytest.mark.parametrize("name", list(WORLDS))
@pytest.mark.promise("calibration-coverage", "calibration-bias", "calibration-errors", "calibration-staggered")
def test_effects_are_recovered_with_honest_errors_and_bands(name: str) -> None:
    world, settings = WORLDS[name]
    assert_honest(run(Imputation(**settings), world, REPETITIONS))


def test_errors_are_conservative_where_effects_differ_between_units() -> None:
    """Units' own effects are fixed from draw to draw: only the residual effects' spread is counted without need."""
    world = RandomCohorts(n=150, random_cohorts=False, unit_gap=3.0)
    found = run(Imputation(), world, REPETITIONS)
    assert found.std_error.mean() > 1.2 * found.error.std(ddof=1)
    assert found.covered.mean() > 0.95


def test_under_uncorrelated_errors_it_is_more_precise_than_one_base_period() -> None:
    world = RandomCohorts(n=150, random_cohorts=False, autocorrelation=0.0)
    imputed, saturated = run(Imputation(), world, REPETITIONS), run(SunAbraham(), world, REPETITIONS)
    assert imputed.error.std(ddof=1) < 0.85 * saturated.error.std(ddof=1)


@pytest.mark.calibration
@pytest.mark.parametrize("name", list(WORLDS))
@pytest.mark.promise("calibration-coverage", "calibration-bias", "calibration-errors", "calibration-staggered")
@pytest.mark.calibrates("imputation", "clustered")
def test_calibration_at_length(name: str, measured: Measured) -> None:
    world, settings = WORLDS[name]
    found = run(Imputation(**settings), world, LONG)
    measured.outcomes("imputation", name, found, level=0.95, asked=(0.93, 0.97), rule="clustered")
    assert abs(found.error.mean()) < 4.0 * found.error.std(ddof=1) / np.sqrt(LONG)
    assert 0.94 < found.std_error.mean() / found.error.std(ddof=1) < 1.05  # no small-sample correction
    assert abs(np.mean(found.covered) - 0.95) < 0.02
