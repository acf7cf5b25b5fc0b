"""The level taken off an outcome: one of the outcomes, so that what is left keeps its last digit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from evalkit.data.level import level_of, without_level
from evalkit.estimators import registry
from evalkit.testing.simulate import staggered_panel

LARGE = 1e9
GRAIN = 2.0**-16
CENTRE_FIRST = ("imputation", "interactive_fixed_effects", "interrupted_time_series", "sun_abraham", "synthetic_did")


def test_an_outcome_that_is_not_known_has_no_level() -> None:
    assert level_of(np.full((2, 2), np.nan)) == 0.0


@pytest.mark.promise("law-large-constant")
@pytest.mark.parametrize("constant", [LARGE, -LARGE, 2.0**30])
def test_a_constant_leaves_every_digit(constant: float) -> None:
    panel = staggered_panel(n_units=9, n_periods=6, missing=0.1, seed=3)
    panel = replace(panel, outcome=np.round(panel.outcome / GRAIN) * GRAIN)
    centred, level = without_level(panel)
    moved, higher = without_level(replace(panel, outcome=panel.outcome + constant))
    np.testing.assert_array_equal(moved.outcome, centred.outcome)
    assert higher - level == constant


@pytest.mark.promise("law-large-constant")
@pytest.mark.parametrize("name", CENTRE_FIRST)
def test_what_is_shown_of_outcomes_stays_at_their_level(name: str) -> None:
    panel = staggered_panel(n_units=30, n_periods=14, cohorts={8: 0.5}, seed=3)
    low, high = (
        registry.get(name)().fit(each, rng=np.random.default_rng(0))
        for each in (panel, replace(panel, outcome=panel.outcome + LARGE))
    )
    np.testing.assert_allclose(high.cells.observed - LARGE, low.cells.observed, atol=1e-6)
    treated = panel.outcome[panel.first_treated <= panel.time[-1]]
    assert treated.min() < low.cells.observed.mean() < treated.max()
