"""Monte Carlo of interactive fixed effects in worlds whose trends are not parallel."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from evalkit.estimators.interactive_fixed_effects import InteractiveFixedEffects
from tests.calibrated.measure import Measured, around
from tests.factor_worlds import FactorWorld, run

LEVEL = 0.9
BLOCK = FactorWorld()
WAVES = FactorWorld(treated=((13, 6), (16, 6)))
HOLES = FactorWorld(missing=0.08)
ONE = FactorWorld(treated=((15, 1),), comparison=30, pull=0.3)
FEW, MANY = 25, 400
MCSE = 4.0
WORLDS: dict[str, tuple[FactorWorld, dict[str, Any], int]] = {
    "one cohort": (BLOCK, {}, MANY),
    "waves": (WAVES, {}, MANY),
    "one treated": (ONE, {}, MANY),
    "gaps": (HOLES, {}, 100),
}


@pytest.mark.parametrize("name", ["one cohort", "waves"])
@pytest.mark.promise("calibration-trends")
def test_the_bias_of_parallel_trends_is_gone(name: str) -> None:
    world, settings, _ = WORLDS[name]
    bias, error = run(InteractiveFixedEffects(level=LEVEL, **settings), world, FEW).bias()
    assert abs(bias) < MCSE * error


def test_matrix_completion_takes_away_part_of_it() -> None:
    """The penalty shrinks the factors, and the counterfactual towards parallel trends (a bias of 1.04 here)."""
    estimator = InteractiveFixedEffects(level=LEVEL, method="matrix_completion", penalty=0.03)
    found = [estimator.fit(BLOCK.draw(seed), rng=np.random.default_rng(seed)) for seed in range(6)]
    assert all(each.uncalibrated and each.own is None for each in found)
    bias = float(np.mean([each.aggregation("overall").estimate[0] for each in found]) - BLOCK.overall())
    assert 0.1 < bias < 0.95


@pytest.mark.calibration
@pytest.mark.calibrates("interactive_fixed_effects")
def test_intervals_of_matrix_completion_hold_too_seldom_to_be_reported(measured: Measured) -> None:
    """What the estimate says of itself: the penalty's bias is in no error. Should this fail, report its intervals."""
    estimator, truth, held = InteractiveFixedEffects(level=LEVEL, method="matrix_completion"), BLOCK.overall(), []
    for seed in range(60):
        row = estimator.fit(BLOCK.draw(seed), rng=np.random.default_rng(seed)).aggregation("overall")
        held.append(row.low[0] <= truth <= row.high[0])
    measured.intervals(
        "interactive_fixed_effects", "matrix completion: none is reported", held, level=LEVEL, asked=(None, 0.8)
    )
    assert np.mean(held) < 0.8


@pytest.mark.calibration
@pytest.mark.parametrize("name", list(WORLDS))
@pytest.mark.promise("calibration-coverage")
@pytest.mark.calibrates("interactive_fixed_effects", "jackknife", "placebo_variance")
def test_intervals_hold_as_often_as_they_say(name: str, measured: Measured) -> None:
    world, settings, repetitions = WORLDS[name]
    found = run(InteractiveFixedEffects(level=LEVEL, **settings), world, repetitions)
    bias, error = found.bias()
    assert abs(bias) < MCSE * error
    margin = 2.0 * np.sqrt(LEVEL * (1.0 - LEVEL) / repetitions)
    rule = "placebo_variance" if name == "one treated" else "jackknife"
    asked = (0.87 - margin, 0.93 + margin)
    measured.outcomes("interactive_fixed_effects", f"two factors, {name}", found, level=LEVEL, asked=asked, rule=rule)
    assert 0.87 - margin < found.held.mean() < 0.93 + margin


@pytest.mark.calibration
@pytest.mark.promise("calibration-null")
@pytest.mark.calibrates("interactive_fixed_effects", "jackknife")
def test_nothing_is_seldom_called_favourable(measured: Measured) -> None:
    found = run(InteractiveFixedEffects(level=LEVEL), replace(BLOCK, effect=0.0), MANY)
    nominal = (1.0 - LEVEL) / 2.0
    measured.share(
        "interactive_fixed_effects", "two factors, no effect: called favourable", found.above, rule="jackknife",
        nominal=nominal, asked=(None, around(nominal, MANY, 2.0)[1]),
    )  # fmt: skip
    assert max(found.above.mean(), found.below.mean()) < nominal + 2.0 * np.sqrt(nominal * (1.0 - nominal) / MANY)
