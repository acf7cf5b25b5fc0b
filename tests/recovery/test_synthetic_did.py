"""Monte Carlo of synthetic difference-in-differences in worlds whose trends are not parallel.

The theory lets units and periods grow; `LONG` is such a world, `SHORT` is not: there the ridge keeps the weights from
following the treated all the way, and about a quarter of the bias of difference-in-differences stays.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from evalkit.estimators.imputation import Imputation
from evalkit.estimators.synthetic_did import SyntheticDid
from tests.calibrated.measure import Measured, around
from tests.factor_worlds import FactorWorld, run

LEVEL = 0.9
LONG = FactorWorld(treated=((30, 12),), comparison=100, periods=40)
WAVES = FactorWorld(treated=((28, 6), (32, 6)), comparison=100, periods=40, pull=0.5, noise=1.0)
MANY_TREATED = FactorWorld(treated=((30, 20),), comparison=60, periods=40, pull=0.0)
ONE = FactorWorld(treated=((30, 1),), comparison=30, periods=36, pull=0.3)
SHORT = FactorWorld()
CALLED = {
    LONG: "12 of 112 treated, 30 periods before, two factors",
    WAVES: "12 of 112 treated, in waves",
    ONE: "1 of 31 treated",
}
FEW, MANY = 80, 600
MCSE = 4.0


def did_bias(world: FactorWorld) -> float:
    draws = [
        Imputation(leads=False)
        .fit(world.draw(seed), rng=np.random.default_rng(seed))
        .aggregation("overall")
        .estimate[0]
        for seed in range(30)
    ]
    return float(np.mean(draws) - world.overall())


@pytest.mark.parametrize("world", [LONG, WAVES], ids=["one cohort", "waves"])
@pytest.mark.promise("calibration-trends")
def test_the_bias_of_parallel_trends_is_all_but_gone_with_a_long_history(world: FactorWorld) -> None:
    bias, error = run(SyntheticDid(level=LEVEL), world, FEW).bias()
    assert abs(did_bias(world)) > 0.3
    assert abs(bias) < 0.1 * abs(did_bias(world)) + MCSE * error


def test_with_a_short_history_some_bias_stays_and_less_than_without_weights() -> None:
    bias, error = run(SyntheticDid(level=LEVEL), SHORT, FEW).bias()
    assert 0.05 < bias < 0.4 * abs(did_bias(SHORT)) + MCSE * error


@pytest.mark.calibration
@pytest.mark.parametrize(
    ("world", "repetitions"), [(LONG, MANY), (WAVES, MANY), (ONE, MANY)], ids=["one cohort", "waves", "one treated"]
)
@pytest.mark.promise("calibration-coverage")
@pytest.mark.calibrates("synthetic_did", "jackknife", "placebo_variance")
def test_intervals_hold_as_often_as_they_say(world: FactorWorld, repetitions: int, measured: Measured) -> None:
    found = run(SyntheticDid(level=LEVEL), world, repetitions)
    margin = 2.0 * np.sqrt(LEVEL * (1.0 - LEVEL) / repetitions)
    measured.outcomes(
        "synthetic_did", CALLED[world], found, level=LEVEL, asked=(0.87 - margin, 0.93 + margin),
        rule="placebo_variance" if world == ONE else "jackknife",
    )  # fmt: skip
    assert 0.87 - margin < found.held.mean() < 0.93 + margin


@pytest.mark.calibration
@pytest.mark.timeout(3_600)
@pytest.mark.calibrates("synthetic_did", "bootstrap")
def test_the_bootstrap_holds_as_often_as_it_says(measured: Measured) -> None:
    """Few data sets: each is fitted hundreds of times."""
    found = run(SyntheticDid(level=LEVEL, errors="bootstrap"), LONG, FEW)
    asked = around(LEVEL, FEW, MCSE)
    measured.outcomes("synthetic_did", CALLED[LONG], found, level=LEVEL, asked=asked, rule="bootstrap")
    assert asked[0] <= found.held.mean() <= asked[1]


@pytest.mark.calibration
@pytest.mark.calibrates("synthetic_did", "jackknife")
def test_with_a_third_as_many_treated_as_comparison_units_fixed_weights_understate_errors_a_little(
    measured: Measured,
) -> None:
    """Known limit of the jackknife with fixed weights: its theory has few treated units among many."""
    found = run(SyntheticDid(level=LEVEL), MANY_TREATED, MANY)
    measured.outcomes(
        "synthetic_did", "20 of 80 treated, parallel trends", found, level=LEVEL, asked=(0.83, LEVEL), rule="jackknife"
    )
    assert 0.85 < found.std_error.mean() / found.error.std(ddof=1) < 1.0
    assert 0.83 < found.held.mean() < LEVEL


@pytest.mark.calibration
@pytest.mark.promise("calibration-null")
@pytest.mark.calibrates("synthetic_did", "jackknife")
def test_nothing_is_seldom_called_favourable(measured: Measured) -> None:
    world = replace(WAVES, treated=((30, 12),), effect=0.0)
    found = run(SyntheticDid(level=LEVEL), world, MANY)
    nominal = (1.0 - LEVEL) / 2.0
    for way, hit in (("favourable", found.above), ("unfavourable", found.below)):
        measured.share(
            "synthetic_did", f"12 of 112 treated, no effect: called {way}", hit, nominal=nominal, rule="jackknife",
            asked=(None, around(nominal, MANY, 2.0)[1]),
        )  # fmt: skip
    assert max(found.above.mean(), found.below.mean()) < nominal + 2.0 * np.sqrt(nominal * (1.0 - nominal) / MANY)
