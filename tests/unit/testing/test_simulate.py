"""The simulators' truth is what they say it is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from evalkit.testing.simulate import StaggeredDesign, simulate_few_treated, simulate_staggered, staggered_frame

MONTE_CARLO = 0.05  # four standard errors of an autocorrelation over 4,000 pairs


def test_without_noise_the_effect_is_what_treatment_adds() -> None:
    settings: dict[str, Any] = {"n_units": 40, "n_periods": 6, "noise": 0.0, "growth": 0.5, "cohort_gap": 1.0}
    with_effect = staggered_frame(seed=4, effect=2.0, **settings)
    without = staggered_frame(seed=4, effect=0.0, **{**settings, "growth": 0.0, "cohort_gap": 0.0})
    treated = (with_effect["cohort"] > 0) & (with_effect["period"] >= with_effect["cohort"])
    added = with_effect["y"] - without["y"]
    assert not added[~treated].any()
    design = StaggeredDesign(effect=2.0, **settings)
    assert added[treated].mean() == pytest.approx(simulate_staggered(design, 4).overall)


def test_errors_have_the_declared_autocorrelation() -> None:
    frame = staggered_frame(n_units=600, n_periods=8, autocorrelation=0.8, effect=0.0, seed=1)
    never = frame[frame["cohort"] == 0].pivot(index="unit", columns="period", values="y").to_numpy()
    noise = never - never.mean(axis=0)
    change = np.diff(noise, axis=1)
    # the unit effect drops out of differences: corr(first differences, next) = -(1 - rho) / 2
    found = np.corrcoef(change[:, :-1].ravel(), change[:, 1:].ravel())[0, 1]
    assert abs(found - (-0.1)) < MONTE_CARLO


def test_missing_cells_are_removed_as_rows() -> None:
    frame = staggered_frame(n_units=200, missing=0.3, seed=1)
    assert 0.65 < len(frame) / (200 * 8) < 0.75
    assert not frame.duplicated(["unit", "period"]).any()


def test_few_treated_units_start_together_and_somebody_is_left_to_compare_with() -> None:
    simulated = simulate_few_treated(3, seed=1, effect=2.0)
    starts = simulated.frame.groupby("unit")["cohort"].first()
    assert (starts[starts > 0].tolist(), len(starts), simulated.overall) == ([11, 11, 11], 50, 2.0)
    for wrong in (0, 50):
        with pytest.raises(ValueError, match="n_treated must be from 1 to 49"):
            simulate_few_treated(wrong, seed=1)


def test_a_simulated_panel_holds_the_covariates_of_its_frame() -> None:
    panel = simulate_staggered(StaggeredDesign(n_units=20, ineligible=0.5), 1).panel()
    assert set(panel.covariates) == {"x", "eligible"}
