"""Monte Carlo of triple differences: trends that a difference-in-differences takes for effects.

Cohorts and eligibility are drawn at random; starters' trends and eligible units' trends differ, effects grow and differ
by cohort.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from evalkit.data.panel import Panel
from evalkit.estimators.callaway_santanna import CallawaySantAnna
from evalkit.estimators.triple_difference import TripleDifference
from evalkit.vocabulary import FloatArray
from tests.calibrated.measure import Measured
from tests.recovery_worlds import CLOCK, RandomCohorts, assert_honest, run

REPETITIONS = 200
LONG = 2_000
BANDS = 0.90  # of 95 %: bands come from normal draws without small-sample correction


@dataclass(frozen=True)
class UnequalTrends(RandomCohorts):
    """The same population, half of it eligible, with trends by cohort, by eligibility and, if asked, by a covariate.

    Attributes
    ----------
    covariate_trend
        Slope of a unit's trend in x, which differs by cohort and eligibility together.
    """

    covariate_trend: float = 0.0

    def draw(self, seed: int) -> Panel:
        """One sample; only eligible units have effects."""
        panel = super().draw(seed)
        rng = np.random.default_rng(seed + 10**6)
        groups = rng.random(self.n // self.cluster_size) < 0.5
        eligible = np.repeat(groups, self.cluster_size)
        starts = panel.first_treated <= CLOCK[-1]
        x = rng.standard_normal(self.n) + 0.5 * (starts & eligible)
        trend = 0.5 * starts + 0.4 * eligible + self.covariate_trend * x
        y = panel.outcome - self.effects(panel.first_treated) * ~eligible[:, None] + trend[:, None] * CLOCK
        columns: dict[str, FloatArray] = {
            "eligible": np.repeat(eligible[:, None].astype(np.float64), len(CLOCK), axis=1),
            "x": np.repeat(x[:, None], len(CLOCK), axis=1),
        }
        return Panel(
            outcome=y, time=panel.time, first_treated=panel.first_treated, units=panel.units, calendar=panel.calendar,
            names=panel.names, covariates=columns, cluster=panel.cluster,
        )  # fmt: skip


@dataclass(frozen=True)
class EligibleAlone(UnequalTrends):
    """What a difference-in-differences of the eligible sees."""

    def draw(self, seed: int) -> Panel:
        """One sample, without ineligible units."""
        panel = super().draw(seed)
        kept = panel.covariates["eligible"][:, 0] == 1.0
        return Panel(
            outcome=panel.outcome[kept], time=panel.time, first_treated=panel.first_treated[kept],
            units=panel.units[kept], calendar=panel.calendar, names=panel.names,
        )  # fmt: skip


WORLDS: dict[str, tuple[RandomCohorts, dict[str, Any]]] = {
    "never-treated": (UnequalTrends(n=300), {"comparison": "never_treated"}),
    "least variance": (UnequalTrends(n=300), {}),
    "by size": (UnequalTrends(n=300), {"combination": "by_size"}),
    "doubly robust": (
        UnequalTrends(n=400, covariate_trend=0.3),
        {"covariates": ("x",), "comparison": "never_treated"},
    ),
    "clusters of three": (UnequalTrends(n=600, cluster_size=3), {}),
}


@pytest.mark.parametrize("name", ["never-treated", "least variance"])
@pytest.mark.promise("calibration-coverage", "calibration-bias", "calibration-errors")
def test_effects_are_recovered_with_honest_errors_and_bands(name: str) -> None:
    world, settings = WORLDS[name]
    assert_honest(run(TripleDifference(**settings), world, REPETITIONS))


def test_a_difference_in_differences_of_the_eligible_takes_their_places_trend_for_an_effect() -> None:
    world = EligibleAlone(n=300)
    found = run(CallawaySantAnna(comparison="never_treated"), world, 40)
    assert abs(found.error.mean()) > 0.4
    assert found.covered.mean() < 0.2


def test_without_the_covariate_that_moves_trends_it_is_biased() -> None:
    world, settings = WORLDS["doubly robust"]
    plain = run(TripleDifference(comparison="never_treated"), world, 60)
    adjusted = run(TripleDifference(**settings), world, 60)
    assert plain.error.mean() > 0.15
    assert abs(adjusted.error.mean()) < 4.0 * adjusted.error.std(ddof=1) / np.sqrt(60)


@pytest.mark.calibration
@pytest.mark.parametrize("name", list(WORLDS))
@pytest.mark.promise("calibration-coverage", "calibration-bias", "calibration-errors")
@pytest.mark.calibrates("triple_difference", "clustered")
def test_calibration_at_length(name: str, measured: Measured) -> None:
    world, settings = WORLDS[name]
    found = run(TripleDifference(**settings), world, LONG)
    measured.outcomes("triple_difference", name, found, level=0.95, asked=(0.93, 0.97), rule="clustered")
    assert abs(found.error.mean()) < 4.0 * found.error.std(ddof=1) / np.sqrt(LONG)
    assert 0.93 < found.std_error.mean() / found.error.std(ddof=1) < 1.05  # no small-sample correction
    assert abs(np.mean(found.covered) - 0.95) < 0.02
    assert np.mean(found.band_held) > BANDS
