"""Size of the inference that stands low in the rule table or is used only where a study asks for it; nothing happens.

AR(1) errors with coefficient 0.8, 20 periods, start in the middle, as in test_reported_inference.py. Ferman and Pinto's
method is for places of unequal size: there each place has 1 to 200 people, and the treated one is the largest, the case
in which residuals of other places, taken as they are, are far too noisy.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Final

import numpy as np
import pytest

import evalkit as ek
from evalkit.evidence.standard import shipped
from evalkit.inference.choose import report
from evalkit.testing.simulate import staggered_panel
from evalkit.vocabulary import FloatArray
from tests.calibrated.measure import Measured, Range, around

PERIODS, RHO, LEVEL = 20, 0.8, 0.95
SIZE: Final = 0.05
REPETITIONS = 1_000
MCSE = 4.0  # standard errors of a Monte Carlo share that a fixed-seed test may stray
MOST_PEOPLE = 200.0


def autocorrelated(panel: ek.Panel, rng: np.random.Generator) -> ek.Panel:
    """Errors alike in all places."""
    return dataclasses.replace(panel, outcome=paths(panel, rng))


def uneven(panel: ek.Panel, rng: np.random.Generator) -> ek.Panel:
    """Means over a place's people: variance 0.1 + 20 / people."""
    people = np.exp(rng.uniform(0.0, np.log(MOST_PEOPLE), panel.n_units))
    people[~panel.never_treated] = MOST_PEOPLE
    outcome = paths(panel, rng) * np.sqrt(0.1 + 20.0 / people)[:, None]
    return dataclasses.replace(panel, outcome=outcome, exposure=people[:, None] + np.zeros(outcome.shape))


def paths(panel: ek.Panel, rng: np.random.Generator) -> FloatArray:
    """(N, T) AR(1) errors of variance 1."""
    drawn = rng.standard_normal((panel.n_units, PERIODS))
    for period in range(1, PERIODS):
        drawn[:, period] = RHO * drawn[:, period - 1] + np.sqrt(1.0 - RHO**2) * drawn[:, period]
    return drawn


WORLDS: dict[str, tuple[int, int, Callable[[ek.Panel, np.random.Generator], ek.Panel], Range, str]] = {
    "conley_taber": (3, 200, autocorrelated, around(SIZE, REPETITIONS, MCSE), "3 of 200 treated"),
    "ferman_pinto": (1, 100, uneven, around(SIZE, REPETITIONS, MCSE), "1 of 100 treated, the largest place"),
    "wild_bootstrap": (5, 50, autocorrelated, (None, around(SIZE, REPETITIONS, MCSE)[1]), "5 of 50 treated"),
    "cr3": (3, 50, autocorrelated, (None, around(SIZE, REPETITIONS, MCSE)[1]), "3 of 50 treated"),
}
"""Rule to treated, places, errors, size allowed, and the world in words. With few treated the last two are cautious."""


def sizes(rule: str, repetitions: int) -> tuple[FloatArray, FloatArray]:
    """(R,) whether p is at most 5 %, and whether the 95 % interval holds 0."""
    treated, units, errors, _, _ = WORLDS[rule]
    design = staggered_panel(n_units=units, n_periods=PERIODS, cohorts={PERIODS // 2 + 1: treated / units}, seed=0)
    estimator, rejected, held = ek.TwoWayFixedEffects(engine="compiled"), [], []
    for seed in range(repetitions):
        panel = errors(design, np.random.default_rng([20_000, seed]))

        def fit(made: ek.Panel, seed: int = seed) -> ek.Estimate:
            return estimator.fit(made, rng=np.random.default_rng(seed))

        found = report(fit(panel), panel, fit, shipped().inference, level=LEVEL, asked=rule)
        assert found.method == rule
        assert found.p_value is not None
        rejected.append(found.p_value <= SIZE + 1e-12)
        held.append(found.low <= 0.0 <= found.high)
    return np.array(rejected, dtype=np.float64), np.array(held, dtype=np.float64)


@pytest.mark.calibration
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("rule", list(WORLDS))
@pytest.mark.promise("trap-12", "calibration-few-treated")
@pytest.mark.calibrates("two_way_fixed_effects", "conley_taber", "ferman_pinto", "wild_bootstrap", "cr3")
def test_what_a_study_may_ask_for_keeps_its_size(rule: str, measured: Measured) -> None:
    rejected, held = sizes(rule, REPETITIONS)
    _, _, _, (least, most), words = WORLDS[rule]
    coverage = (1.0 - (most or 1.0), None if least is None else 1.0 - least)
    measured.intervals(
        "two_way_fixed_effects", f"{words}, autocorrelation {RHO:g}", held, level=LEVEL, asked=coverage, rule=rule,
        size=rejected,
    )  # fmt: skip
    assert (least or 0.0) <= rejected.mean() <= (most or 1.0)
    assert coverage[0] <= held.mean() <= (coverage[1] or 1.0)
