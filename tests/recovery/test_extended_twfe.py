"""Monte Carlo of the extended two-way regression: bias, errors and coverage, for levels and for counts with zeros."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from evalkit.estimators.extended_twfe import ExtendedTwfe
from tests import count_worlds
from tests.calibrated.measure import Measured
from tests.recovery_worlds import MCSE, RandomCohorts, assert_honest, run

REPETITIONS = 100
LONG = 2_000
LINEAR: dict[str, tuple[RandomCohorts, dict[str, Any]]] = {
    "balanced": (RandomCohorts(n=150), {}),
    "against never-treated": (RandomCohorts(n=150), {"comparison": "never_treated"}),
    "clusters of three": (RandomCohorts(n=240, cluster_size=3), {}),
}
COUNTS: dict[str, tuple[count_worlds.Counts, dict[str, Any]]] = {
    "differences": (count_worlds.Counts(gap=0.9), {}),
    "differences, balanced": (count_worlds.Counts(gap=0.9, missing=0.0), {}),
    "ratios, with exposure": (count_worlds.Counts(n=250, gap=0.9, exposed=True), {"scale": "ratio"}),
}


@pytest.mark.parametrize("name", list(LINEAR))
@pytest.mark.promise("calibration-coverage", "calibration-bias", "calibration-errors", "calibration-staggered")
def test_linear_effects_are_recovered_with_honest_errors_and_bands(name: str) -> None:
    world, settings = LINEAR[name]
    assert_honest(run(ExtendedTwfe(**settings), world, REPETITIONS))


@pytest.mark.parametrize("name", list(COUNTS))
@pytest.mark.promise("calibration-counts", "calibration-unbalanced")
def test_effects_on_counts_with_zeros_and_gaps_are_recovered(name: str) -> None:
    world, settings = COUNTS[name]
    estimator = ExtendedTwfe(family="poisson", **settings)
    found = count_worlds.run(estimator, world, REPETITIONS, ratio=settings.get("scale") == "ratio")
    spread = found.error.std(ddof=1)
    assert abs(found.error.mean()) < MCSE * spread / np.sqrt(REPETITIONS) + 0.05 * spread
    assert abs(found.covered.mean() - 0.95) < MCSE * np.sqrt(0.95 * 0.05 / REPETITIONS)


def test_a_linear_model_of_counts_is_biased_where_trends_are_parallel_in_ratios() -> None:
    world = count_worlds.Counts(n=300, missing=0.0, levels=(4.0, 2.0, 1.0), slope=-0.2)
    linear, poisson = (
        count_worlds.run(ExtendedTwfe(family=family), world, 60, ratio=False) for family in ("linear", "poisson")
    )
    assert abs(linear.error.mean()) > 5.0 * linear.error.std(ddof=1) / np.sqrt(60)
    assert abs(poisson.error.mean()) < MCSE * poisson.error.std(ddof=1) / np.sqrt(60)


@pytest.mark.calibration
@pytest.mark.parametrize("name", list(LINEAR))
@pytest.mark.promise("calibration-coverage", "calibration-bias", "calibration-errors")
@pytest.mark.calibrates("extended_twfe", "clustered")
def test_linear_calibration_at_length(name: str, measured: Measured) -> None:
    world, settings = LINEAR[name]
    found = run(ExtendedTwfe(**settings), world, LONG)
    measured.outcomes("extended_twfe", name, found, level=0.95, asked=(0.935, 0.965), rule="clustered")
    ratio = found.std_error.mean() / found.error.std(ddof=1)
    assert 0.95 < ratio < 1.06
    assert abs(found.covered.mean() - 0.95) < 0.015
    assert abs(found.band_held.mean() - 0.95) < 0.025


@pytest.mark.calibration
@pytest.mark.parametrize("name", list(COUNTS))
@pytest.mark.promise("calibration-counts", "calibration-unbalanced")
@pytest.mark.calibrates("extended_twfe", "clustered")
def test_calibration_on_counts_at_length(name: str, measured: Measured) -> None:
    world, settings = COUNTS[name]
    estimator = ExtendedTwfe(family="poisson", **settings)
    found = count_worlds.run(estimator, world, LONG, ratio=settings.get("scale") == "ratio")
    measured.outcomes("extended_twfe", f"counts, {name}", found, level=0.95, asked=(0.93, 0.97), rule="clustered")
    assert abs(found.covered.mean() - 0.95) < 0.02, found.figures()
