"""Monte Carlo of two-way fixed effects: right where its assumption holds, wrong where it must be."""

from __future__ import annotations

import numpy as np
import pytest

from evalkit.data.panel import Panel
from evalkit.estimators.two_way_fixed_effects import TwoWayFixedEffects
from evalkit.testing.simulate import StaggeredDesign, simulate_staggered
from evalkit.vocabulary import FloatArray
from tests.calibrated.measure import Measured, around

REPETITIONS = 200
MCSE = 4.0  # standard errors of a Monte Carlo mean that a fixed-seed test may stray


def simulate(design: StaggeredDesign, repetitions: int = REPETITIONS) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(R,) estimates, standard errors and true overall effects."""
    rows = []
    for seed in range(repetitions):
        made = simulate_staggered(design, seed)
        panel = Panel.from_frame(made.frame, unit="unit", period="period", outcome="y", cohort="cohort")
        row = TwoWayFixedEffects().fit(panel, rng=np.random.default_rng(seed)).aggregation("overall")
        covered = float(row.low[0] <= made.overall <= row.high[0])
        rows.append((row.estimate[0] - made.overall, row.std_error[0], covered))
    error, std_error, covered_all = np.array(rows).T
    return error, std_error, covered_all


@pytest.mark.promise("calibration-autocorrelation", "calibration-coverage", "calibration-bias")
@pytest.mark.calibrates("two_way_fixed_effects", "clustered")
def test_equal_effects_are_recovered_with_honest_errors_under_autocorrelation(measured: Measured) -> None:
    error, std_error, covered = simulate(StaggeredDesign(n_units=60, n_periods=6, autocorrelation=0.5))
    measured.intervals(
        "two_way_fixed_effects", "staggered, one effect for all, autocorrelation 0.5", covered, rule="clustered",
        level=0.95, asked=around(0.95, REPETITIONS, MCSE), error=error, std_error=std_error,
    )  # fmt: skip
    spread = error.std(ddof=1)
    assert abs(error.mean()) < MCSE * spread / np.sqrt(REPETITIONS)
    assert abs(std_error.mean() / spread - 1.0) < MCSE / np.sqrt(2.0 * REPETITIONS)
    assert abs(covered.mean() - 0.95) < MCSE * np.sqrt(0.95 * 0.05 / REPETITIONS)


@pytest.mark.promise("calibration-staggered")
@pytest.mark.calibrates("two_way_fixed_effects")
def test_growing_effects_under_staggered_roll_out_are_missed(measured: Measured) -> None:
    design = StaggeredDesign(n_units=60, n_periods=8, cohorts={3: 0.45, 6: 0.45}, growth=1.0, noise=0.5)
    error, std_error, covered = simulate(design, repetitions=50)
    measured.intervals(
        "two_way_fixed_effects", "staggered, growing effects: has to fail", covered, rule="clustered", level=0.95,
        asked=(None, 0.5), error=error, std_error=std_error,
    )  # fmt: skip
    assert error.mean() < -10.0 * error.std(ddof=1) / np.sqrt(len(error))
    assert covered.mean() < 0.5
