from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

import evalkit as ek
from evalkit.data.panel import Panel
from evalkit.errors import ConfigError, DesignRefused, EstimationFailed
from evalkit.estimators import registry
from evalkit.estimators.imputation import Imputation
from evalkit.power.schedule import Wishes
from evalkit.power.simulate import power
from evalkit.testing.simulate import StaggeredDesign, simulate_staggered
from tests.calibrated.measure import Measured
from tests.designs import panel as simulated
from tests.designs import study

DRAWS = 100


def test_the_same_seed_gives_the_same_power_and_another_one_another() -> None:
    made = simulated(n_units=60, n_periods=6)
    one, again = (power(study("imputation"), made, draws=DRAWS) for _ in range(2))
    other = power(study("imputation").model_copy(update={"seed": 6}), made, draws=DRAWS)
    np.testing.assert_array_equal(one.thresholds.rise, again.thresholds.rise)
    assert not np.array_equal(one.thresholds.rise, other.thresholds.rise)


def test_outcomes_of_treated_units_after_their_start_change_nothing() -> None:
    made = simulated(n_units=60, n_periods=6)
    changed = dataclasses.replace(made, outcome=np.where(made.treated, 1e6 * made.outcome + 7.0, made.outcome))
    one, other = (power(study("callaway_santanna"), panel, draws=DRAWS) for panel in (made, changed))
    np.testing.assert_array_equal(one.thresholds.rise, other.thresholds.rise)
    assert one.remarks == other.remarks


def test_a_larger_design_detects_less_and_twice_the_noise_detects_twice_as_much() -> None:
    made = simulated(n_units=90, n_periods=6)
    small = power(study(), made, Wishes(units=30, treated=12), draws=DRAWS).detectable(0.8, "rise").effect
    large = power(study(), made, Wishes(units=120, treated=48), draws=DRAWS).detectable(0.8, "rise").effect
    assert 1.5 < small / large < 2.6  # about sqrt(4)
    doubled = dataclasses.replace(made, outcome=2.0 * made.outcome)
    twice = power(study(), doubled, Wishes(units=30, treated=12), draws=DRAWS).detectable(0.8, "rise").effect
    np.testing.assert_allclose(twice, 2.0 * small, rtol=1e-9)


@pytest.mark.parametrize("estimator", ["two_way_fixed_effects", "callaway_santanna", "sun_abraham", "imputation"])
def test_linear_estimators_are_found_to_be_linear_and_judged_by_their_interval(estimator: str) -> None:
    found = power(study(estimator), simulated(n_units=60, n_periods=6), draws=DRAWS)
    assert found.linear
    assert found.test == "interval"
    assert not found.n_failed


@pytest.mark.calibration
def test_a_model_with_priors_is_refitted_and_detects_about_what_least_squares_does(measured: Measured) -> None:
    asked = study("bayesian_did", settings={"engine": "exact", "draws": 250, "chains": 2})
    found = power(asked, simulated(n_units=24, n_periods=4, first=3), Wishes(treated=10), draws=DRAWS)
    assert found.test == "interval"
    least_squares = power(study(), simulated(n_units=24, n_periods=4, first=3), Wishes(treated=10), draws=DRAWS)
    # it also models serial correlation, so it may detect less or more
    ratio = found.detectable(0.8, "rise").effect / least_squares.detectable(0.8, "rise").effect
    measured.figure(
        "power", "bayesian_did, 10 of 24 treated", ratio, asked=(0.6, 1.4), data_sets=DRAWS,
        note="detectable effect over that of least squares",
    )  # fmt: skip
    assert 0.6 < ratio < 1.4


def test_a_sampled_posterior_is_refused_with_the_exact_engine_named() -> None:
    with pytest.raises(ConfigError, match=r"estimator\.engine=exact"):
        power(study("bayesian_did", settings={"engine": "nuts"}), simulated(n_units=40, n_periods=6), draws=DRAWS)


def test_few_treated_places_go_through_a_permutation_test() -> None:
    found = power(study("imputation"), simulated(n_units=60, n_periods=6), Wishes(treated=3, cohorts=(1,)), draws=DRAWS)
    assert found.test == "permutation"
    assert "permutation_test" in {remark.id for remark in found.remarks}


def test_few_treated_places_with_weights_are_compared_with_the_placebo_estimates() -> None:
    frame = simulate_staggered(StaggeredDesign(n_units=60, n_periods=6), 1).frame.assign(w=lambda f: f["unit"] + 1.0)
    made = ek.Panel.from_frame(frame, unit="unit", period="period", outcome="y", cohort="cohort", weight="w")
    found = power(study("imputation"), made, Wishes(treated=3, cohorts=(1,)), draws=DRAWS)
    assert found.test == "placebo"
    share, error = found.size()
    assert share <= 0.05 + 2.0 * error
    assert "placebo_test" in {remark.id for remark in found.remarks}


def test_a_plan_for_the_future_is_simulated_on_data_without_any_start() -> None:
    made = simulated(n_units=60, n_periods=10)
    untreated = dataclasses.replace(made, first_treated=np.full(60, np.iinfo(np.int64).max))
    found = power(study("callaway_santanna"), untreated, Wishes(starts={"15": 12, "17": 12}, after=3), draws=DRAWS)
    assert found.schedule.offsets == (0, 2)
    assert found.schedule.length == 10
    assert found.history.n_places == 60


class OnlySome(Imputation):
    """Refuses panels whose first outcome is low."""

    def fit(self, panel: Panel, *, rng: np.random.Generator) -> Any:
        """Refuse, or fit."""
        if panel.outcome[0, 0] - panel.outcome[:, 0].mean() < -0.1:
            raise DesignRefused("not this one")
        return super().fit(panel, rng=rng)


def test_an_estimator_that_refuses_many_panels_has_no_power(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "get", lambda name: OnlySome)
    made = simulated(n_units=60, n_periods=4, first=3, seed=4)
    with pytest.raises(EstimationFailed, match="refused"):
        power(study("imputation"), made, draws=DRAWS)


def test_a_dose_is_refused() -> None:
    made = simulated(n_units=40, n_periods=6)
    with pytest.raises(DesignRefused, match="doses"):
        power(study(), dataclasses.replace(made, dose=made.treated.astype(float)), draws=DRAWS)


def test_a_triple_difference_is_refused() -> None:
    made = simulated(n_units=60, n_periods=6)
    eligible = np.repeat((np.arange(60) % 2 * 1.0)[:, None], 6, axis=1)
    made = dataclasses.replace(made, covariates={**made.covariates, "eligible": eligible})
    with pytest.raises(DesignRefused, match="eligible with ineligible"):
        power(study("triple_difference"), made, draws=DRAWS)


def test_too_few_draws_are_refused() -> None:
    with pytest.raises(ConfigError, match="100 or more"):
        power(study(), simulated(n_units=40, n_periods=6), draws=20)


def test_one_treated_place_is_judged_by_one_change_a_place() -> None:
    made = simulated(n_units=60, n_periods=6, autocorrelation=0.5)
    found = power(study("imputation"), made, Wishes(treated=1, units=18, cohorts=(1,)), draws=DRAWS)
    assert (found.test, found.linear, found.n_failed) == ("collapse", True, 0)
    share, error = found.size()
    assert share <= 0.05 + 3.0 * error


def test_repeated_cross_sections_are_refused() -> None:
    frame = simulate_staggered(StaggeredDesign(n_units=60, n_periods=6), 1).frame
    frame = frame.assign(town=frame["cohort"].astype("str"))
    made = ek.Panel.from_frame(frame, group="town", period="period", outcome="y", cohort="cohort")
    with pytest.raises(DesignRefused, match="nobody is followed over time"):
        power(study(), made, draws=DRAWS)
