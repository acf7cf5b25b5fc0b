from __future__ import annotations

import numpy as np
import pytest

from evalkit.estimators.poisson_fixed_effects import PoissonFixedEffects
from evalkit.testing.counts import CountDesign, simulate_counts
from tests.count_worlds import Counts

LOG_HALF = np.log(0.5)


def test_the_frame_holds_the_counts_that_were_drawn_and_leaves_out_the_missing_ones() -> None:
    design = CountDesign(n=60, exposed=True)
    y, _, exposure = design.arrays(3)
    frame = simulate_counts(design, 3).frame
    assert len(frame) == np.isfinite(y).sum() < y.size
    assert frame["y"].to_numpy() == pytest.approx(y[np.isfinite(y)])
    assert frame["exposure"].to_numpy() == pytest.approx(exposure[np.isfinite(y)])
    assert set(frame["cohort"]) == {0, 4, 6}


def test_a_ratio_that_is_the_same_everywhere_is_the_truth() -> None:
    simulated = simulate_counts(CountDesign(ratio=0.5), 1)
    assert simulated.overall == pytest.approx(LOG_HALF)
    assert simulated.truths["difference"] < 0.0


def test_frame_and_monte_carlo_panel_are_the_same_data() -> None:
    of_frame = simulate_counts(CountDesign(n=80, missing=0.1), 5).panel()
    drawn = Counts(n=80, missing=0.1).draw(5)
    found = [
        float(PoissonFixedEffects().fit(panel, rng=np.random.default_rng(0)).aggregation("overall").estimate[0])
        for panel in (of_frame, drawn)
    ]
    assert found[0] == pytest.approx(found[1])
