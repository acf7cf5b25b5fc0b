"""Monte Carlo of Poisson with fixed effects on counts with zeros and gaps: bias, errors and coverage."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from evalkit.estimators.extended_twfe import ExtendedTwfe
from evalkit.estimators.poisson_fixed_effects import PoissonFixedEffects
from tests.calibrated.measure import Measured
from tests.count_worlds import Counts, run
from tests.recovery_worlds import MCSE

REPETITIONS = 100
LONG = 2_000
WORLDS: dict[str, tuple[Counts, dict[str, Any]]] = {
    "30 % missing": (Counts(), {}),
    "balanced": (Counts(missing=0.0), {}),
    "with exposure, 30 % missing": (Counts(exposed=True), {}),
}


@pytest.mark.parametrize("name", list(WORLDS))
@pytest.mark.promise("calibration-counts", "calibration-unbalanced")
def test_a_rate_ratio_is_recovered_from_counts_with_zeros_and_gaps(name: str) -> None:
    world, settings = WORLDS[name]
    found = run(PoissonFixedEffects(**settings), world, REPETITIONS, ratio=True)
    spread = found.error.std(ddof=1)
    assert abs(found.error.mean()) < MCSE * spread / np.sqrt(REPETITIONS) + 0.05 * spread
    assert abs(found.std_error.mean() / spread - 1.0) < MCSE / np.sqrt(2.0 * REPETITIONS)
    assert abs(found.covered.mean() - 0.95) < MCSE * np.sqrt(0.95 * 0.05 / REPETITIONS)


def test_poisson_errors_alone_are_too_small_where_shocks_persist() -> None:
    found = run(PoissonFixedEffects(errors="quasi"), Counts(missing=0.0), REPETITIONS, ratio=True)
    assert found.std_error.mean() < 0.95 * found.error.std(ddof=1)


@pytest.mark.promise("calibration-staggered")
@pytest.mark.calibrates("poisson_fixed_effects", "extended_twfe")
def test_one_ratio_for_all_fails_where_ratios_grow_and_the_saturated_form_does_not(measured: Measured) -> None:
    world = Counts(n=400, gap=0.7, missing=0.0, levels=(4.0, 4.0, 1.0))
    one = run(PoissonFixedEffects(), world, 60, ratio=True)
    saturated = run(ExtendedTwfe(family="poisson", scale="ratio"), world, 60, ratio=True)
    for name, found, asked, note in (
        ("poisson_fixed_effects", one, (None, 0.6), ", one ratio for all: has to fail"),
        ("extended_twfe", saturated, (0.85, None), ", as ratios"),
    ):
        measured.outcomes(
            name, f"counts, ratios grow and differ{note}", found, level=0.95, asked=asked, rule="clustered"
        )
    assert one.covered.mean() < 0.6
    assert saturated.covered.mean() > 0.85


@pytest.mark.calibration
@pytest.mark.parametrize("name", list(WORLDS))
@pytest.mark.promise("calibration-counts")
@pytest.mark.calibrates("poisson_fixed_effects", "clustered")
def test_calibration_at_length(name: str, measured: Measured) -> None:
    world, settings = WORLDS[name]
    found = run(PoissonFixedEffects(**settings), world, LONG, ratio=True)
    measured.outcomes(
        "poisson_fixed_effects", f"counts, {name}", found, level=0.95, asked=(0.93, 0.97), rule="clustered"
    )
    assert abs(found.covered.mean() - 0.95) < 0.02, found.figures()
    assert 0.94 < found.std_error.mean() / found.error.std(ddof=1) < 1.05, found.figures()  # CR1 is a little small
