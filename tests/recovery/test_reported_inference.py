"""Size and coverage of the inference that is reported, with one to five treated places of 50 and three of six.

AR(1) errors with coefficient 0.8, 20 periods, start in the middle (Bertrand, Duflo and Mullainathan 2004;
MacKinnon and Webb 2020). The usual clustered interval is shown beside it. Effects add to the outcome, so coverage
of any constant effect is that of 0.
"""

from __future__ import annotations

import dataclasses
import sys
from dataclasses import dataclass

import numpy as np
import pytest

import evalkit as ek
from evalkit.evidence.standard import shipped
from evalkit.inference.choose import report
from evalkit.testing.simulate import staggered_panel
from evalkit.vocabulary import FloatArray
from tests.calibrated.measure import Measured, around

PERIODS, RHO, LEVEL = 20, 0.8, 0.95
LEAST, MOST = 0.03, 0.07
"""Band that the size must keep, whatever the number of treated places."""
HOURS = 3 * 3_600
"""Seconds that a calibration may take on a busy machine: 1,000 repetitions of 100 roll-outs with three refits each are
more than the limit of ordinary tests allows."""


@dataclass(frozen=True, slots=True)
class Found:
    """Shares over repetitions.

    Attributes
    ----------
    methods
        Methods reported.
    size, coverage
        Of the reported p-value and interval.
    clustered
        Size of the estimate's own p-value.
    """

    methods: frozenset[str]
    size: float
    coverage: float
    clustered: float


def repeated(
    cohorts: dict[int, int], units: int, repetitions: int, *, draws: int = 199, estimator: ek.Estimator | None = None
) -> Found:
    """Repeat a null and count."""
    rows = [
        row.model_copy(update={"draws": draws}) if row.method == "randomization" else row
        for row in shipped().inference.rows
    ]
    table = shipped().inference.model_copy(update={"rows": tuple(rows)})
    chosen = estimator or ek.TwoWayFixedEffects(engine="compiled")
    rejected, covered, usual, methods = 0, 0, 0, set()
    shares = {start: count / units for start, count in cohorts.items()}
    design = staggered_panel(n_units=units, n_periods=PERIODS, cohorts=shares, seed=0)
    for seed in range(repetitions):
        panel = dataclasses.replace(design, outcome=errors(units, np.random.default_rng([10_000, seed])))

        def fit(made: ek.Panel, seed: int = seed) -> ek.Estimate:
            return chosen.fit(made, rng=np.random.default_rng(seed))

        found = report(fit(panel), panel, fit, table, level=LEVEL)
        assert found.p_value is not None
        assert found.clustered_p is not None
        methods.add(found.method)
        rejected += found.p_value <= 1.0 - LEVEL + 1e-12
        covered += found.low <= 0.0 <= found.high
        usual += found.clustered_p <= 1.0 - LEVEL
    return Found(frozenset(methods), rejected / repetitions, covered / repetitions, usual / repetitions)


def errors(units: int, rng: np.random.Generator) -> FloatArray:
    """(units, PERIODS) AR(1) errors of variance 1."""
    drawn = rng.standard_normal((units, PERIODS))
    for period in range(1, PERIODS):
        drawn[:, period] = RHO * drawn[:, period - 1] + np.sqrt(1.0 - RHO**2) * drawn[:, period]
    return drawn


def error(share: float, repetitions: int) -> float:
    """Monte Carlo standard error of a share."""
    return float(np.sqrt(share * (1.0 - share) / repetitions))


@pytest.mark.parametrize(
    ("treated", "units", "method"), [(1, 50, "randomization"), (3, 50, "randomization"), (3, 6, "collapse")]
)
@pytest.mark.promise("trap-12", "calibration-few-treated")
def test_the_reported_method_keeps_its_size_where_clustered_errors_do_not(
    treated: int, units: int, method: str
) -> None:
    repetitions = 60
    found = repeated({PERIODS // 2 + 1: treated}, units, repetitions, draws=99)
    assert found.methods == {method}
    assert found.size <= 0.05 + 4.0 * error(0.05, repetitions)
    assert found.coverage >= 0.95 - 4.0 * error(0.05, repetitions)
    assert found.clustered > found.size


@pytest.mark.calibration
@pytest.mark.timeout(HOURS)
@pytest.mark.parametrize(("treated", "units"), [(1, 50), (2, 50), (3, 50), (5, 50), (3, 6)])
@pytest.mark.promise("trap-12", "calibration-few-treated")
@pytest.mark.calibrates("two_way_fixed_effects", "randomization", "collapse")
def test_size_and_coverage_at_length(treated: int, units: int, measured: Measured) -> None:
    """2,000 repetitions: within the band, up to three Monte Carlo errors of what is true by construction."""
    repetitions = 2_000
    found = repeated({PERIODS // 2 + 1: treated}, units, repetitions)
    measured.intervals(
        "two_way_fixed_effects", f"{treated} of {units} treated, as reported", found.coverage, data_sets=repetitions,
        level=LEVEL, asked=(1.0 - MOST, 1.0 - LEAST), rule=" or ".join(sorted(found.methods)), size=found.size,
        clustered=1.0 - found.clustered,
    )  # fmt: skip
    sys.stdout.write(f"{treated} of {units}: {found}\n")
    assert LEAST <= found.size <= MOST
    assert 1.0 - MOST <= found.coverage <= 1.0 - LEAST
    assert found.clustered > found.size


@pytest.mark.calibration
@pytest.mark.timeout(HOURS)
@pytest.mark.parametrize(
    ("cohorts", "units"), [({8: 1, 11: 1, 15: 1}, 6), ({8: 1, 11: 1, 15: 1}, 12), ({8: 1, 11: 1, 15: 1}, 50)]
)
@pytest.mark.calibrates("callaway_santanna", "collapse", "randomization")
def test_staggered_starts_are_not_rejected_too_often(cohorts: dict[int, int], units: int, measured: Measured) -> None:
    """1,000 repetitions: with several starts the collapse is cautious, so only the upper bound binds."""
    repetitions = 1_000
    found = repeated(cohorts, units, repetitions, draws=99, estimator=ek.CallawaySantAnna())
    measured.intervals(
        "callaway_santanna", f"three starts, 3 of {units} treated, as reported", found.coverage,
        data_sets=repetitions, level=LEVEL, asked=(around(0.95, repetitions, 3.0)[0], None), size=found.size,
        rule=" or ".join(sorted(found.methods)), clustered=1.0 - found.clustered,
    )  # fmt: skip
    sys.stdout.write(f"{cohorts} of {units}: {found}\n")
    assert found.size <= 0.05 + 3.0 * error(0.05, repetitions)
    assert found.coverage >= 0.95 - 3.0 * error(0.05, repetitions)
