"""What the simulators call the bias is what an estimator without noise finds beyond the true effect."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from evalkit.estimators.callaway_santanna import CallawaySantAnna
from evalkit.testing.simulate import Simulated, StaggeredDesign
from evalkit.testing.violations import Violation, simulate_spillover, simulate_violated_trends

STAGGERED = StaggeredDesign(n_units=60, n_periods=8, noise=0.0, growth=0.5, cohort_gap=1.0)


def overall(simulated: Simulated) -> float:
    estimate = CallawaySantAnna(comparison="never_treated").fit(simulated.panel(), rng=np.random.default_rng(0))
    return float(estimate.aggregation("overall").estimate[0])


@pytest.mark.parametrize("kind", ["linear", "dip", "shock"])
def test_the_bias_of_trends_that_part_is_what_is_found_beyond_the_effect(kind: Violation) -> None:
    simulated = simulate_violated_trends(kind, 0.4, seed=2, design=STAGGERED)
    assert simulated.truths["bias"] > 0.0
    assert overall(simulated) == pytest.approx(simulated.overall + simulated.truths["bias"])


def test_only_what_shows_before_the_start_can_be_seen_there() -> None:
    leads = {}
    for kind in ("linear", "dip", "shock"):
        panel = simulate_violated_trends(kind, 0.4, seed=2, design=STAGGERED).panel()
        table = (
            CallawaySantAnna(comparison="never_treated")
            .fit(panel, rng=np.random.default_rng(0))
            .aggregate("event_study")
        )
        leads[kind] = table.set_index("event_time")["estimate"]
    assert leads["linear"][-2] == pytest.approx(0.4)
    assert leads["dip"][-1] == pytest.approx(-0.4)
    assert abs(leads["shock"][leads["shock"].index < 0]).max() == pytest.approx(0.0, abs=1e-9)


def test_the_bias_of_a_spillover_is_gone_without_the_places_nearby() -> None:
    simulated = simulate_spillover(2.0, seed=2, n_near=8, design=STAGGERED)
    assert overall(simulated) == pytest.approx(simulated.overall + simulated.truths["bias"])
    frame = simulated.frame
    far = frame[(frame["latitude"] == 0.0) | (frame["latitude"] > 1.0)]
    assert far["unit"].nunique() == 52
    assert overall(dataclasses.replace(simulated, frame=far)) == pytest.approx(simulated.overall)


def test_worlds_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="'linear', 'dip', 'shock'"):
        simulate_violated_trends("curved", seed=1)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="n_near must be at most 20"):
        simulate_spillover(seed=1, n_near=30, design=STAGGERED)
    with pytest.raises(ValueError, match="never treated"):
        simulate_violated_trends(seed=1, design=StaggeredDesign(cohorts={4: 0.5, 5: 0.5}))


def test_the_bias_counts_those_whom_the_programme_is_for() -> None:
    """Half of each cohort is not eligible: the cells are the same, and so is how far they have moved."""
    some = simulate_violated_trends("linear", 0.4, seed=2, design=dataclasses.replace(STAGGERED, ineligible=0.5))
    every = simulate_violated_trends("linear", 0.4, seed=2, design=STAGGERED)
    frame = some.frame
    counts = frame[(frame["eligible"] == 1) & (frame["cohort"] > 0) & (frame["period"] >= frame["cohort"])]
    steps = counts["period"] - counts["cohort"] + 1
    assert some.truths["bias"] == pytest.approx(float(0.4 * steps.mean()))
    assert 0 < len(counts) < (every.frame["cohort"] > 0).sum()
