"""Monte Carlo of augmented synthetic control: bias and coverage by its two ways of inference, in a factor model.

Places are drawn from one law (tests/synthetic_worlds.py). The jackknife+ takes one period's error for that of a mean
over all later ones: its intervals hold more often than they say.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest

import evalkit as ek
from tests.calibrated.measure import Measured, Range, around
from tests.synthetic_worlds import factor_panel

EFFECT, LEVEL = 2.0, 0.90
REPETITIONS = 200
MCSE = 3.0  # standard errors of a Monte Carlo share or mean that a fixed-seed test may stray
ASKED: dict[Literal["placebo_in_space", "jackknife"], Range] = {
    "placebo_in_space": around(LEVEL, REPETITIONS, MCSE),
    "jackknife": (around(LEVEL, REPETITIONS, MCSE)[0], None),
}


@pytest.mark.calibration
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("inference", list(ASKED))
@pytest.mark.promise("calibration-coverage", "calibration-bias")
@pytest.mark.calibrates("augmented_synthetic_control", "placebo_in_space", "jackknife")
def test_intervals_hold_as_often_as_they_say(
    inference: Literal["placebo_in_space", "jackknife"], measured: Measured
) -> None:
    estimator, bounds, error = ek.AugmentedSyntheticControl(level=LEVEL, inference=inference), [], []
    for seed in range(REPETITIONS):
        estimate = estimator.fit(factor_panel(seed, effect=EFFECT), rng=np.random.default_rng(seed))
        assert estimate.own is not None
        assert estimate.own.method == inference
        bounds.append((estimate.own.low, estimate.own.high))
        error.append(estimate.aggregation("overall").estimate[0] - EFFECT)
    low, high = np.array(bounds).T
    held, (least, most) = (low <= EFFECT) & (high >= EFFECT), ASKED[inference]
    measured.intervals(
        "augmented_synthetic_control", "20 places of one law, one treated", held, level=LEVEL, asked=(least, most),
        rule=inference, error=np.array(error), above=low > EFFECT, below=high < EFFECT,
    )  # fmt: skip
    assert abs(np.mean(error)) < MCSE * np.std(error, ddof=1) / np.sqrt(REPETITIONS)
    assert (least or 0.0) <= held.mean() <= (most or 1.0)
