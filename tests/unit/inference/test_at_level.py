"""What an estimate shows of outcomes after a level is put back: outcomes move by it, effects do not."""

from __future__ import annotations

import numpy as np
import pytest

import evalkit as ek
from evalkit.data.level import without_level
from evalkit.estimators.base import PanelEstimator
from evalkit.inference.at_level import at_level
from evalkit.uncertainty import Posterior
from tests.synthetic_worlds import factor_frame

LEVEL = 2.0**20
"""Outcomes are multiples of a number that leaves their sum with it exact."""
GRAIN = 2.0**-16
ESTIMATORS = [
    ek.SyntheticControl(),
    ek.SyntheticControl(outcome_lags=(2, 5)),
    ek.AugmentedSyntheticControl(),
    ek.BayesianSyntheticControl(prior_pull=False, walkers=50, most_snapshots=4),
    ek.BayesianTimeSeries(draws=100, chains=2),
]


def fit(estimator: PanelEstimator, level: float) -> ek.Estimate:
    frame = factor_frame(1, units=7, periods=16, start=11)
    frame["y"] = np.round(frame["y"] / GRAIN) * GRAIN + level
    panel = ek.Panel.from_frame(frame, unit="unit", period="period", outcome="y", cohort="cohort")
    return estimator.fit(panel, rng=np.random.default_rng(3))


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda estimator: estimator.name)
@pytest.mark.promise("law-large-constant")
def test_outcomes_are_shown_at_their_level_and_effects_know_none(estimator: PanelEstimator) -> None:
    low, high = fit(estimator, 0.0), fit(estimator, LEVEL)
    np.testing.assert_array_equal(high.cells.estimate, low.cells.estimate)
    np.testing.assert_allclose(high.cells.observed, low.cells.observed + LEVEL, rtol=1e-14)
    assert high.facts == low.facts
    assert high.exhibits == low.exhibits
    if isinstance(low.uncertainty, Posterior) and isinstance(high.uncertainty, Posterior):
        np.testing.assert_array_equal(high.uncertainty.draws, low.uncertainty.draws)
        one, other = low.uncertainty.predictive, high.uncertainty.predictive
        assert one is not None
        assert other is not None
        np.testing.assert_allclose(other.observed, one.observed + LEVEL, rtol=1e-14)
        np.testing.assert_allclose(other.replicated, one.replicated + LEVEL, rtol=1e-14)
        if one.prior_replicated is not None and other.prior_replicated is not None:
            np.testing.assert_allclose(other.prior_replicated, one.prior_replicated + LEVEL, rtol=1e-14)


def test_a_level_put_back_is_the_level_taken_off() -> None:
    estimate = fit(ek.SyntheticControl(), 100.0)
    assert at_level(at_level(estimate, 5.0), -5.0).cells.observed == pytest.approx(estimate.cells.observed)
    panel = ek.testing.staggered_panel(n_units=12, n_periods=8, seed=2)
    centred, level = without_level(panel)
    assert (centred.outcome == 0.0).any()
    np.testing.assert_allclose(centred.outcome + level, panel.outcome)
