"""Treated places noisier than the others, and errors that last: intervals must be as wide as the treated need."""

from __future__ import annotations

import pytest

from evalkit.estimators import registry
from tests.calibrated.measure import Measured, around
from tests.recovery_worlds import MCSE, RandomCohorts, assert_honest, run

REPETITIONS = 200
LONG = 2_000
WORLDS = {
    "noisy": RandomCohorts(treated_noise=3.0),
    "noisy and lasting": RandomCohorts(treated_noise=2.0, autocorrelation=0.8),
    "calm": RandomCohorts(treated_noise=0.4),
}
ESTIMATORS = ("callaway_santanna", "sun_abraham", "extended_twfe")


@pytest.mark.promise("calibration-heteroskedastic")
def test_intervals_hold_where_the_treated_are_noisier() -> None:
    assert_honest(run(registry.get("callaway_santanna")(), WORLDS["noisy"], REPETITIONS))


@pytest.mark.calibration
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.promise("calibration-heteroskedastic", "calibration-autocorrelation")
@pytest.mark.calibrates("callaway_santanna", "sun_abraham", "extended_twfe", "clustered")
def test_intervals_hold_at_length(world: str, name: str, measured: Measured) -> None:
    found = run(registry.get(name)(), WORLDS[world], LONG)
    asked = around(0.95, LONG, MCSE)
    measured.outcomes(name, f"treated places {world}", found, level=0.95, asked=asked, rule="clustered")
    assert_honest(found)
