"""Laws about covariates, anticipation, cohorts, donors and time, over every registered estimator that they bind.

Those about rows, names, scales, constants and weights are in test_laws.py. An estimator that a law does not bind stands
in a table with the reason; a new estimator has to stand somewhere.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from evalkit.data.panel import Panel
from evalkit.errors import DesignRefused
from evalkit.estimate import Estimate
from evalkit.estimators import registry
from evalkit.estimators.base import PanelEstimator
from evalkit.estimators.interrupted_time_series import InterruptedTimeSeries
from evalkit.estimators.synthetic_control import SyntheticControl
from evalkit.numerics.synthetic_did import Window, fit_weights, noise_level, zeta_of
from evalkit.testing.check import as_counts
from evalkit.testing.simulate import StaggeredDesign, simulate_staggered
from evalkit.uncertainty import Posterior
from tests.contract.test_laws import FEWER_DRAWS, ineligible, periods
from tests.monthly_worlds import SeriesWorld
from tests.monthly_worlds import frame as monthly_frame
from tests.monthly_worlds import panel as monthly_panel
from tests.oracle.synthetic_control import simplex_weights
from tests.synthetic_worlds import factor_frame

FAST: dict[str, dict[str, Any]] = {**FEWER_DRAWS, "synthetic_control": {"placebos": 4, "level": 0.8}}
"""Settings that spend less on draws and placebos: the laws hold for any number of them."""
SAME = 1e-9
"""Relative to the largest number compared: algebraically equal, two routes."""
NEARLY = 1e-6
"""Weights of nearly collinear donors lose half of the digits."""


def settings_of(name: str) -> set[str]:
    """Names of an estimator's settings."""
    kind = registry.get(name)
    assert issubclass(kind, PanelEstimator)
    return set(kind.model_fields)


WITH_COVARIATES = [name for name in registry.names() if "covariates" in settings_of(name)]
WITH_ANTICIPATION = [name for name in registry.names() if "anticipation" in settings_of(name)]


def made(name: str, *, length: int | None = None, units: int = 0, **design: Any) -> pd.DataFrame:
    """A staggered panel, long enough for the estimator, of counts where it needs them."""
    n_periods = length or periods(name)
    units = units or (32 if registry.get(name).needs.eligibility else 16)
    simulated = simulate_staggered(
        StaggeredDesign(n_units=units, n_periods=n_periods, ineligible=ineligible(name), **design), 3
    ).frame
    return as_counts(simulated) if registry.get(name).needs.counts else simulated


def fit(name: str, frame: pd.DataFrame, *covariates: str, **settings: Any) -> Estimate:
    also = ["eligible"] if "eligible" in frame else []
    panel = Panel.from_frame(
        frame, unit="unit", period="period", outcome="y", cohort="cohort", covariates=[*covariates, *also]
    )
    given = {"covariates": covariates} if covariates else {}
    return registry.get(name)(**{**FAST.get(name, {}), **given, **settings}).fit(panel, rng=np.random.default_rng(0))


def agree(first: Estimate, second: Estimate, tolerance: float = SAME) -> None:
    """Cells, errors and the overall effect are the same numbers."""
    columns = ["estimate", "std_error"]
    one, other = first.to_frame()[columns].to_numpy(), second.to_frame()[columns].to_numpy()
    np.testing.assert_allclose(one, other, atol=tolerance * float(np.nanmax(np.abs(one))), rtol=0)
    before, after = (found.aggregation("overall").estimate for found in (first, second))
    np.testing.assert_allclose(after, before, atol=tolerance * float(np.nanmax(np.abs(one))), rtol=0)


# ---- covariates


@pytest.mark.promise("law-covariate-scale")
@pytest.mark.parametrize("name", WITH_COVARIATES)
def test_the_unit_of_a_covariate_changes_nothing(name: str) -> None:
    frame = made(name, growth=0.3, cohort_gap=0.5)
    frame["x"] = np.random.default_rng(5).normal(size=len(frame)) + 0.1 * frame["y"]
    agree(fit(name, frame, "x"), fit(name, frame.assign(x=1e8 * frame["x"]), "x"))


COMPARES_LIKE_WITH_LIKE = {
    "callaway_santanna": "a covariate of a unit says whom it is compared with",
    "triple_difference": "as callaway_santanna",
    "extended_twfe": "trends may differ with a covariate of a unit: it is interacted with period and cohort",
    "stacked_did": "a covariate of a unit is interacted with event time",
    "synthetic_control": "donors have to resemble the treated in it",
    "bayesian_synthetic_control": "donors have to resemble the treated in it",
}


@pytest.mark.promise("law-unit-constant-covariate")
@pytest.mark.parametrize("name", [name for name in WITH_COVARIATES if name not in COMPARES_LIKE_WITH_LIKE])
def test_a_covariate_that_never_changes_within_units_changes_nothing_under_unit_effects(name: str) -> None:
    frame = made(name, growth=0.3, cohort_gap=0.5).assign(z=lambda data: data["unit"] % 7 + 0.5)
    agree(fit(name, frame), fit(name, frame, "z"))


# ---- anticipation

NOT_A_SHIFT = {
    "bayesian_did": "one more cell takes part in the pooling of effects",
    "bayesian_synthetic_control": "draws are of other length: equal only within Monte Carlo error",
    "interrupted_time_series": "the line after the start is drawn through one more period",
    "synthetic_did": "time weights look for the average over one more period",
}


@pytest.mark.promise("law-anticipation")
@pytest.mark.parametrize("name", [name for name in WITH_ANTICIPATION if name not in NOT_A_SHIFT])
@pytest.mark.parametrize("ahead_by", [1, 2])
def test_a_start_with_anticipation_is_a_start_as_many_periods_earlier(name: str, ahead_by: int) -> None:
    frame = made(name, length=periods(name) + 2 * ahead_by, growth=0.3)
    earlier = frame.assign(cohort=frame["cohort"].where(frame["cohort"] == 0, frame["cohort"] - ahead_by))
    stacked = name == "stacked_did"
    short = {"event_window": (-1 - ahead_by, 1)} if stacked else {}
    moved = {"event_window": (-1, 1 + ahead_by)} if stacked else {}
    ahead, shifted = fit(name, frame, anticipation=ahead_by, **short).to_frame(), fit(name, earlier, **moved).to_frame()
    ahead = ahead[ahead["event_time"] >= 0]
    ahead = ahead.assign(
        cohort=ahead["cohort"] - ahead_by * (ahead["cohort"] > 0), event_time=ahead["event_time"] + ahead_by
    )
    keys = [key for key in ("unit", "cohort", "event_time") if key in ahead]
    both = ahead.merge(shifted, on=keys, suffixes=("", "_shifted"))
    assert len(both) == len(ahead) > 1
    for column in ("estimate", "std_error"):
        np.testing.assert_allclose(both[column], both[f"{column}_shifted"], rtol=SAME, atol=SAME)


@pytest.mark.promise("law-anticipation")
@pytest.mark.parametrize("name", ["bayesian_did", "synthetic_did"])
def test_what_happens_in_a_period_of_anticipation_moves_no_effect(name: str) -> None:
    """Where the effect is no plain shift, at least the base stays before the anticipation."""
    frame = made(name, length=periods(name) + 2, growth=0.3, cohorts={periods(name): 0.5})
    disturbed = frame.assign(y=frame["y"] + 5.0 * (frame["period"] == frame["cohort"] - 1))
    found = [fit(name, data, anticipation=1).aggregation("overall").estimate[0] for data in (frame, disturbed)]
    assert abs(found[0] - found[1]) < 0.1, "0.1: draws, and the pooling of effects over time"


# ---- cohorts and periods

NO_TWO_PERIODS = {
    "augmented_synthetic_control", "bayesian_synthetic_control", "bayesian_time_series", "interactive_fixed_effects",
    "interrupted_time_series", "synthetic_control", "synthetic_did",
}  # fmt: skip
"""They need a history and refuse two periods."""
ANOTHER_QUESTION = {
    "bayesian_did": "its prior pulls towards none; with weak priors see law-weak-priors",
    "poisson_fixed_effects": "a ratio",
    "triple_difference": "a difference between two such differences",
}


@pytest.mark.promise("law-two-by-two")
def test_with_two_cohorts_and_two_periods_all_give_the_difference_of_differences() -> None:
    names = [name for name in registry.names() if name not in NO_TWO_PERIODS and name not in ANOTHER_QUESTION]
    assert len(names) >= 7
    frame = made("two_way_fixed_effects", length=2, cohorts={2: 0.5})
    wide = frame.pivot(index=["unit", "cohort"], columns="period", values="y")
    change = (wide[2] - wide[1]).groupby("cohort").mean()
    window = {"stacked_did": {"event_window": (-1, 0)}}
    answers = [fit(name, frame, **window.get(name, {})).aggregation("overall").estimate[0] for name in names]
    np.testing.assert_allclose(answers, change[2] - change[0], rtol=SAME)


@pytest.mark.parametrize("name", sorted(NO_TWO_PERIODS))
def test_what_needs_a_history_refuses_two_periods(name: str) -> None:
    with pytest.raises(DesignRefused):
        fit(name, made(name, length=2, cohorts={2: 0.5}))


STATIC = {"two_way_fixed_effects": "one coefficient", "poisson_fixed_effects": "one ratio"}


@pytest.mark.promise("law-one-cohort")
@pytest.mark.parametrize("name", [name for name in registry.names() if name not in STATIC])
def test_with_one_cohort_the_overall_effect_is_the_average_over_event_time(name: str) -> None:
    estimate = fit(name, made(name, cohorts={periods(name) - 2: 0.4}, growth=0.5))
    np.testing.assert_allclose(
        estimate.aggregation("overall").estimate,
        estimate.aggregation("event_study", average=True).estimate,
        rtol=SAME, atol=SAME,
    )  # fmt: skip


LOOKS_AHEAD = {
    "bayesian_did": "effects are pooled over all periods",
    "bayesian_synthetic_control": "draws are of other length: equal only within Monte Carlo error",
}


@pytest.mark.promise("law-later-periods")
@pytest.mark.parametrize(
    "name",
    [
        name
        for name in registry.names()
        if "comparison" in settings_of(name) and name not in LOOKS_AHEAD and name != "interrupted_time_series"
    ],
)  # fmt: skip
def test_with_never_treated_comparison_later_periods_leave_earlier_effects_alone(name: str) -> None:
    length = periods(name) + 2
    frame = made(name, length=length, growth=0.3)
    whole = fit(name, frame, comparison="never_treated").to_frame()
    cut = fit(name, frame[frame["period"] <= length - 2], comparison="never_treated").to_frame()
    keys = [key for key in ("unit", "cohort", "period", "event_time") if key in cut]
    both = cut.merge(whole, on=keys, suffixes=("_cut", "_whole"))
    assert len(both) > 1
    if name != "switching_did":  # its cells are averages over switchers that are seen as long: later periods add some
        assert len(both) == len(cut)
        np.testing.assert_allclose(both["estimate_cut"], both["estimate_whole"], rtol=SAME, atol=SAME)


# ---- donors


def of_donors(frame: pd.DataFrame) -> tuple[Panel, np.ndarray, np.ndarray, int]:
    """(Panel, outcomes of donors before the start by period and donor, the treated's own, first treated period)."""
    panel = Panel.from_frame(frame, unit="unit", period="period", outcome="y", cohort="cohort")
    start = int(frame["cohort"].max())
    wide = frame.pivot(index="period", columns="unit", values="y")
    treated = int(frame.loc[frame["cohort"] > 0, "unit"].iloc[0])
    before = wide[wide.index < start]
    return panel, before.drop(columns=treated).to_numpy(), before[treated].to_numpy(), start


def gaps(frame: pd.DataFrame, **settings: Any) -> np.ndarray:
    panel = Panel.from_frame(frame, unit="unit", period="period", outcome="y", cohort="cohort")
    return SyntheticControl(inference="conformal", **settings).fit(panel, rng=np.random.default_rng(0)).cells.estimate


@pytest.mark.promise("law-donor-zero", "law-donor-weights")
@pytest.mark.parametrize("seed", [0, 1, 3])
def test_a_donor_of_weight_zero_may_go_and_the_order_of_donors_does_not_matter(seed: int) -> None:
    frame = factor_frame(seed, units=11, periods=24, start=17, effect=2.0)
    _, donors, own, _ = of_donors(frame)
    names = np.array(sorted(frame.loc[frame["cohort"] == 0, "unit"].unique()))
    weights = simplex_weights(donors, own)
    assert weights.min() > -NEARLY
    assert weights.sum() == pytest.approx(1.0, abs=NEARLY)
    idle = names[weights < 1e-5]
    assert 0 < len(idle) < len(names) - 2, "some donors have no weight"
    found = gaps(frame)
    np.testing.assert_allclose(gaps(frame[~frame["unit"].isin(idle)]), found, atol=NEARLY)
    renamed = frame.assign(unit=997 - frame["unit"]).sample(frac=1.0, random_state=seed)
    np.testing.assert_allclose(gaps(renamed), found, atol=NEARLY)
    used = frame[~frame["unit"].isin(names[weights > 0.2][:1])]
    assert np.abs(gaps(used) - found).max() > 0.01, "one that has weight may not"


@pytest.mark.promise("law-donor-mix")
@pytest.mark.parametrize("name", ["synthetic_control", "augmented_synthetic_control"])
def test_a_treated_unit_that_is_a_mix_of_donors_is_fitted_without_error(name: str) -> None:
    frame = factor_frame(2, units=9, periods=24, start=17)
    wide = frame.pivot(index="period", columns="unit", values="y")
    treated = frame.loc[frame["cohort"] > 0, "unit"].iloc[0]
    others = [unit for unit in wide.columns if unit != treated]
    mix = wide[others[:3]].to_numpy() @ np.array([0.5, 0.3, 0.2])
    frame = frame.sort_values(["unit", "period"])
    frame.loc[frame["unit"] == treated, "y"] = mix + np.where(wide.index >= 17, 3.0, 0.0)
    estimate = fit(name, frame)
    before, after = estimate.cells.event_time < 0, estimate.cells.event_time >= 0
    assert np.abs(estimate.cells.estimate[before]).max() < 1e-3
    assert np.abs(estimate.cells.estimate[after] - 3.0).max() < 1e-3


@pytest.mark.promise("law-placebo-p")
@pytest.mark.parametrize("name", ["synthetic_control", "augmented_synthetic_control"])
@pytest.mark.parametrize(("seed", "effect"), [(0, 0.0), (1, 50.0), (2, -50.0)])
def test_a_placebo_p_value_is_never_below_one_over_donors_plus_one(name: str, seed: int, effect: float) -> None:
    panel = of_donors(factor_frame(seed, units=11, periods=24, start=17, effect=effect))[0]
    chosen: dict[str, Any] = {"inference": "placebo_in_space", "level": 0.8}
    estimate = registry.get(name)(**chosen).fit(panel, rng=np.random.default_rng(0))
    assert estimate.own is not None
    assert 1 / 11 - 1e-12 <= (estimate.own.p_value or 0.0) <= 1.0
    assert (estimate.own.p_value == pytest.approx(1 / 11)) == (effect != 0.0)


@pytest.mark.promise("law-donor-weights")
def test_draws_of_donor_weights_are_at_least_zero_and_sum_to_one() -> None:
    panel = of_donors(factor_frame(3, units=7, periods=24, start=17))[0]
    estimate = registry.get("bayesian_synthetic_control")(**FAST["bayesian_synthetic_control"]).fit(
        panel, rng=np.random.default_rng(0)
    )
    assert isinstance(estimate.uncertainty, Posterior)
    weights = estimate.uncertainty.parameters["weights"].reshape(-1, 6)
    assert weights.min() >= 0.0
    np.testing.assert_allclose(weights.sum(axis=1), 1.0, atol=SAME)


@pytest.mark.promise("law-donor-weights")
def test_weights_of_units_and_periods_are_at_least_zero_and_sum_to_one() -> None:
    frame = factor_frame(3, units=15, periods=24, start=17)
    wide = frame.pivot(index="unit", columns="period", values="y")
    treated = frame.groupby("unit")["cohort"].max() > 0
    comparison, window = wide[~treated].to_numpy(), Window(pre=16, start=16)
    zeta, sigma = zeta_of(comparison, window, 1), noise_level(comparison, 16)
    found = fit_weights(comparison, wide[treated].to_numpy().mean(axis=0), window, zeta, sigma)
    for weights in (found.unit, found.time):
        assert weights.min() >= 0.0
        assert weights.sum() == pytest.approx(1.0, abs=SAME)


# ---- time


@pytest.mark.promise("law-time-origin")
@pytest.mark.parametrize("months", [1, 7, 12, 1200])
@pytest.mark.parametrize("settings", [{}, {"errors": "newey_west"}, {"trend": "quadratic", "season": "none"}])
def test_the_origin_of_time_changes_neither_level_nor_slope(months: int, settings: dict[str, Any]) -> None:
    data = monthly_frame(SeriesWorld(months=60, start=40, level=-2.0, slope=0.05, rho=0.4), np.random.default_rng(1))
    moved = data.assign(month=data["month"] + months, start=data["start"] + months)
    here, there = (
        InterruptedTimeSeries(**settings).fit(monthly_panel(each), rng=np.random.default_rng(0))
        for each in (data, moved)
    )
    for fact in ("level", "slope", "level_std_error", "slope_std_error"):
        assert there.facts[fact] == pytest.approx(here.facts[fact], rel=SAME), fact
    agree(here, there)
