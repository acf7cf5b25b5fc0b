"""Synthetic control against its oracle, and what each setting does."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pandas as pd
import pytest

import evalkit as ek
from evalkit.errors import ConfigError, DesignRefused
from evalkit.estimate import Estimate
from tests.oracle import synthetic_control as oracle
from tests.synthetic_worlds import factor_frame, factor_panel

SAME = 1e-7
"""Two routes to one optimum; weights of nearly collinear donors lose half of the digits."""
GRID = 20_001


def fit(panel: ek.Panel, **settings: Any) -> Estimate:
    return ek.SyntheticControl(**settings).fit(panel, rng=np.random.default_rng(0))


def overall(estimate: Estimate) -> float:
    return float(estimate.aggregation("overall").estimate[0])


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.promise("second-synthetic-control")
def test_weights_gaps_errors_ranks_and_interval_are_those_of_the_oracle(seed: int) -> None:
    panel = factor_panel(seed, units=13, periods=30, start=21, effect=2.0)
    found = fit(panel, level=0.8)
    answer = oracle.estimate(panel.outcome, int(np.flatnonzero(~panel.never_treated)[0]), 20)
    np.testing.assert_allclose(found.cells.estimate, answer.gap, atol=SAME)
    np.testing.assert_allclose(found.to_frame()["std_error"], answer.std_error, atol=1e-6)
    assert found.facts["rmspe_ratio_rank"] == answer.ratio_rank
    assert found.own is not None
    assert found.own.details["rank"] == answer.mean_rank
    assert found.own.p_value == pytest.approx(answer.mean_rank / 13)
    width = found.own.high - found.own.low
    points = np.linspace(found.own.low - 0.1 * width, found.own.high + 0.1 * width, GRID)
    bounds = oracle.interval(answer, 20, 0.8, points)
    assert bounds == pytest.approx((found.own.low, found.own.high), abs=width / 10_000)


def test_effects_before_the_start_are_the_gaps_of_the_fit() -> None:
    panel = factor_panel(1, effect=3.0)
    found = fit(panel)
    assert found.leads_from == "fit"
    before = found.cells.event_time < 0
    assert abs(found.cells.estimate[before].mean()) < 0.5
    assert found.facts["rmspe_before"] == pytest.approx(float(np.sqrt((found.cells.estimate[before] ** 2).mean())))


def test_several_treated_units_are_fitted_one_by_one_and_averaged() -> None:
    frame = factor_frame(3, units=16, treated=3, effect=2.0)
    frame["unit"] = "place " + frame["unit"].astype(str)
    panel = ek.Panel.from_frame(frame, unit="unit", period="period", outcome="y", cohort="cohort")
    together = fit(panel)
    treated = sorted(frame.loc[frame["cohort"] > 0, "unit"].unique())
    alone = []
    for name in treated:
        kept = frame[(frame["cohort"] == 0) | (frame["unit"] == name)]
        alone.append(
            overall(fit(ek.Panel.from_frame(kept, unit="unit", period="period", outcome="y", cohort="cohort")))
        )
    table = together.aggregate("unit")
    assert table["label"].tolist() == treated
    np.testing.assert_allclose(table["estimate"], alone, atol=SAME)
    assert overall(together) == pytest.approx(float(np.mean(alone)), abs=SAME)
    assert together.own is not None
    assert together.own.details["placebos"] == 999.0
    assert "units_fitted_alone" in {remark.id for remark in together.remarks}


def test_the_conformal_interval_of_a_unit_and_its_copy_is_that_of_the_unit() -> None:
    frame = factor_frame(3, units=9, treated=1, effect=2.0)
    copy = frame[frame["cohort"] > 0].assign(unit=frame["unit"].max() + 1)
    intervals = []
    for data in (frame, pd.concat([frame, copy])):
        built = ek.Panel.from_frame(data, unit="unit", period="period", outcome="y", cohort="cohort")
        own = fit(built, inference="conformal", level=0.8).own
        assert own is not None
        intervals.append((own.low, own.high))
    assert intervals[0] == pytest.approx(intervals[1], abs=1e-6)


def test_units_count_alike_at_each_event_time_however_many_start_together() -> None:
    frame = factor_frame(3, units=18, treated=4, effect=2.0)
    last = frame.loc[frame["cohort"] > 0, "unit"].max()
    frame.loc[frame["unit"] == last, "cohort"] += 2
    found = fit(ek.Panel.from_frame(frame, unit="unit", period="period", outcome="y", cohort="cohort"))
    cells = found.cells
    study = found.aggregate("event_study").set_index("event_time")["estimate"]
    assert sorted(np.unique(cells.cohort, return_counts=True)[1].tolist()) == [36, 108]
    for k in (0, 4):
        assert study[k] == pytest.approx(cells.estimate[cells.event_time == k].mean(), abs=SAME)


def test_later_starters_are_donors_until_they_react_where_a_follow_up_ends_before() -> None:
    frame = factor_frame(4, units=14, treated=1, start=15)
    later = int(frame.loc[frame["cohort"] == 0, "unit"].min())
    frame.loc[frame["unit"] == later, "cohort"] = 30
    panel = ek.Panel.from_frame(frame, unit="unit", period="period", outcome="y", cohort="cohort")
    never = fit(panel, follow_up=5)
    both = fit(panel, comparison="not_yet_treated", follow_up=5)
    assert never.facts["donors"] == 12.0
    assert both.unit_names[0] == never.unit_names[0]
    assert both.facts["donors"] == 13.0
    assert fit(panel, comparison="not_yet_treated", follow_up=15).facts["donors"] == 12.0
    assert both.cells.event_time.max() == 5


def test_periods_of_anticipation_are_not_fitted_and_are_shown() -> None:
    panel = factor_panel(5, effect=0.0)
    treated = int(np.flatnonzero(~panel.never_treated)[0])
    disturbed = panel.outcome.copy()
    disturbed[treated, 22:24] += 50.0  # the two periods before the start
    moved = fit(dataclasses.replace(panel, outcome=disturbed), anticipation=2)
    plain = fit(panel, anticipation=2)
    after = plain.cells.event_time >= 0
    np.testing.assert_allclose(moved.cells.estimate[after], plain.cells.estimate[after], atol=SAME)
    just_before = np.isin(plain.cells.event_time, [-2, -1])
    np.testing.assert_allclose((moved.cells.estimate - plain.cells.estimate)[just_before], 50.0, atol=SAME)


def test_an_intercept_makes_a_units_own_constant_harmless() -> None:
    panel = factor_panel(6, effect=1.0)
    treated = int(np.flatnonzero(~panel.never_treated)[0])
    outcome = panel.outcome.copy()
    outcome[treated] += 500.0
    lifted = dataclasses.replace(panel, outcome=outcome)
    assert overall(fit(lifted, intercept=True)) == pytest.approx(overall(fit(panel, intercept=True)), abs=1e-6)
    assert abs(overall(fit(lifted))) > 100.0


def test_with_few_donors_placebos_cannot_speak_and_the_result_says_so() -> None:
    found = fit(factor_panel(7, units=6, periods=40, start=30), inference="placebo_in_space")
    assert found.own is None
    (said,) = [remark.text for remark in found.remarks if remark.id == "placebos_uninformative"]
    assert "1/6 = 0.17" in said


def test_with_few_donors_and_a_long_series_conformal_inference_takes_over() -> None:
    found = fit(factor_panel(7, units=6, periods=40, start=31, effect=6.0))
    assert found.own is not None
    assert found.own.method == "conformal"
    assert found.own.smallest_p == pytest.approx(1 / 40)
    assert found.own.low < overall(found) < found.own.high


def test_covariates_that_make_the_outcome_are_found_by_their_predictor_weights() -> None:
    rng = np.random.default_rng(2)
    units, periods, start = 24, 20, 14
    real, idle = rng.normal(size=units), rng.normal(size=units)
    trend = np.linspace(0.0, 4.0, periods)
    y = 10.0 + real[:, None] * (2.0 + trend) + 0.05 * rng.normal(size=(units, periods))
    unit, period = np.divmod(np.arange(units * periods), periods)
    treated = int(np.argsort(real)[12])
    frame = pd.DataFrame({"unit": unit, "period": period + 1, "y": y.ravel(), "real": real[unit], "idle": idle[unit],
                          "cohort": np.where(unit == treated, start, 0)})  # fmt: skip
    panel = ek.Panel.from_frame(
        frame, unit="unit", period="period", outcome="y", cohort="cohort", covariates=["real", "idle"]
    )
    found = fit(panel, covariates=("real", "idle"), outcome_lags=(1, 13))
    assert abs(overall(found)) < 0.1
    assert found.facts["rmspe_before"] < 0.15


def test_predictor_weights_are_the_same_each_time() -> None:
    panel = factor_panel(9, units=10, periods=20, start=15)
    first, second = (fit(panel, outcome_lags=(3, 9, 14)) for _ in range(2))
    np.testing.assert_array_equal(first.cells.estimate, second.cells.estimate)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"covariates": ("income",)}, ConfigError, "covariate 'income' is not in the panel"),
        ({"outcome_lags": (99,)}, ConfigError, "names 99, which is no period"),
        ({"outcome_lags": (99,)}, ConfigError, "1 to 36"),
        ({"outcome_lags": (30,)}, DesignRefused, "not before every start"),
        ({"outcome_lags": (3,), "intercept": True}, ConfigError, "intercept"),
        ({"outcome_lags": (3,), "inference": "conformal"}, ConfigError, "no conformal interval with covariates"),
        ({"anticipation": 24}, DesignRefused, "can fit no treated unit"),
    ],
)
def test_what_cannot_be_done_is_refused(settings: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        fit(factor_panel(1), **settings)


def test_one_donor_is_refused() -> None:
    with pytest.raises(DesignRefused, match="needs two donors"):
        fit(factor_panel(1, units=2))


def test_the_treated_unit_may_be_let_among_the_donors_of_placebos() -> None:
    panel = factor_panel(3, units=12, effect=8.0)
    without, among = fit(panel), fit(panel, treated_among_donors=True)
    assert overall(without) == overall(among)
    assert not np.allclose(without.to_frame()["std_error"], among.to_frame()["std_error"])


def test_a_large_pool_is_sampled_for_placebos_and_says_so() -> None:
    found = fit(factor_panel(2, units=15), placebos=8, level=0.8)
    assert found.facts["placebos"] == 8.0
    assert "8 of 14 donors" in next(remark.text for remark in found.remarks if remark.id == "placebos_sampled")


def test_a_fit_that_many_donors_make_exact_is_said_to_say_little() -> None:
    panel = factor_panel(0, units=30, periods=8, start=4)
    treated = ~panel.never_treated
    outcome = np.where(treated[:, None], panel.outcome[~treated].mean(axis=0), panel.outcome)
    found = fit(dataclasses.replace(panel, outcome=outcome))
    assert found.facts["rmspe_before"] == pytest.approx(0.0, abs=1e-9)
    assert "exact_fit" in {remark.id for remark in found.remarks}
    assert found.own is None or found.own.details["scaled"] == 0.0


def test_where_conformal_inference_has_no_interval_the_result_says_why() -> None:
    """Sixteen periods allow no p-value of 5 %, and places that start apart have no mean that is refitted."""
    short = fit(factor_panel(7, units=6, periods=16, start=12), inference="conformal")
    apart_frame = factor_frame(7, units=8, periods=40, start=31, treated=2)
    second = apart_frame.loc[apart_frame["cohort"] > 0, "unit"].max()
    apart_frame.loc[apart_frame["unit"] == second, "cohort"] = 33
    apart = fit(
        ek.Panel.from_frame(apart_frame, unit="unit", period="period", outcome="y", cohort="cohort"),
        inference="conformal",
    )
    for found in (short, apart):
        assert found.own is None
        (said,) = [remark.text for remark in found.remarks if remark.id == "conformal_uninformative"]
        assert "start together" in said
    told = "".join(remark.text for remark in short.remarks if remark.id == "conformal_uninformative")
    assert "1/16" in told
    assert f"no interval at {100 * short.level:.0f} % here" in told
