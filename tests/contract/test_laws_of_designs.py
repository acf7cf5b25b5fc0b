"""Laws that only some estimators can keep: of anticipation, of donors, of the origin of time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import evalkit as ek
from evalkit.estimate import Estimate
from evalkit.estimators import registry
from evalkit.testing.simulate import StaggeredDesign, simulate_staggered
from tests.monthly_worlds import SeriesWorld
from tests.monthly_worlds import frame as series
from tests.synthetic_worlds import factor_frame

SAME = 1e-9
"""Relative to the largest effect: one sum by two routes."""
OPTIMUM = 1e-6
"""Two optima of one programme; weights of nearly collinear donors lose half of the digits."""
BASED = ("callaway_santanna", "sun_abraham", "two_way_fixed_effects", "stacked_did", "switching_did", "imputation")
"""Estimators with a base period before the start, or an untreated past."""
WITHOUT_COMPARISON = {"two_way_fixed_effects", "imputation"}
"""Estimators without a setting that says who is compared with."""
SCALED = ("callaway_santanna", "sun_abraham", "imputation", "extended_twfe", "two_way_fixed_effects")
LARGE = 1e8


def fit(name: str, frame: pd.DataFrame, *, covariates: tuple[str, ...] = (), **settings: Any) -> Estimate:
    panel = ek.Panel.from_frame(
        frame, unit="unit", period="period", outcome="y", cohort="cohort", covariates=list(covariates)
    )
    given = {"covariates": covariates} if covariates else {}
    return registry.get(name)(**given, **settings).fit(panel, rng=np.random.default_rng(0))


def by_cell(estimate: Estimate) -> pd.Series[float]:
    cells = estimate.cells
    return pd.Series(
        estimate.to_frame()["estimate"].to_numpy(),
        index=pd.MultiIndex.from_arrays([cells.cohort, cells.period]),
    )


def staggered(**settings: Any) -> pd.DataFrame:
    return simulate_staggered(StaggeredDesign(n_units=60, n_periods=9, growth=0.3, **settings), 4).frame


@pytest.mark.parametrize("name", BASED)
@pytest.mark.promise("law-anticipation")
def test_one_period_of_anticipation_is_a_start_one_period_earlier(name: str) -> None:
    """Base period g - d - 1: with d = 1 that is the base period of a unit that starts at g - 1."""
    frame = staggered()
    earlier = frame.assign(cohort=frame["cohort"].where(frame["cohort"] == 0, frame["cohort"] - 1))
    settings: dict[str, Any] = {} if name in WITHOUT_COMPARISON else {"comparison": "never_treated"}
    if name == "stacked_did":
        settings["event_window"] = (-3, 2)
    anticipated = fit(name, frame, anticipation=1, **settings)
    if name == "stacked_did":
        settings["event_window"] = (-2, 3)
    moved = fit(name, earlier, **settings)
    if (
        name == "two_way_fixed_effects"
    ):  # its static effect leaves anticipated rows out; its event study shares the base
        table, other = (each.aggregate("event_study").set_index("event_time") for each in (anticipated, moved))
        pairs = [(table["estimate"][e], other["estimate"][e + 1]) for e in range(0, 3)]
        found, expected = (np.array(values) for values in zip(*pairs, strict=True))
    else:
        a, b = by_cell(anticipated), by_cell(moved)
        b.index = pd.MultiIndex.from_tuples([(cohort + 1, period) for cohort, period in b.index])
        shared = [cell for cell in a.index.intersection(b.index) if cell[1] >= cell[0]]
        assert len(shared) >= 5
        found, expected = a[shared].to_numpy(), b[shared].to_numpy()
    np.testing.assert_allclose(found, expected, atol=SAME * np.abs(expected).max())


@pytest.mark.parametrize("name", SCALED)
@pytest.mark.promise("law-covariate-scale")
def test_a_covariate_in_another_unit_changes_nothing(name: str) -> None:
    frame = staggered()
    rng = np.random.default_rng(8)
    frame["x"] = rng.standard_normal(frame["unit"].max() + 1)[frame["unit"]] + 0.2 * rng.standard_normal(len(frame))
    plain, scaled = (fit(name, frame.assign(x=factor * frame["x"]), covariates=("x",)) for factor in (1.0, LARGE))
    for column in ("estimate", "std_error"):
        one, other = plain.aggregate("overall")[column], scaled.aggregate("overall")[column]
        np.testing.assert_allclose(one, other, rtol=1e-7)  # squares of 1e8 beside 1 lose half of the digits


@pytest.mark.parametrize("name", ["synthetic_control", "augmented_synthetic_control"])
@pytest.mark.promise("law-donor-order", "law-donor-zero")
def test_donors_in_another_order_and_a_donor_of_weight_zero_change_nothing(name: str) -> None:
    frame = factor_frame(2, units=10, periods=30, start=21, effect=2.0)
    treated = int(frame.loc[frame["cohort"] > 0, "unit"].iloc[0])
    base = fit("synthetic_control", frame)
    gaps = by_cell(base).to_numpy()
    names = frame["unit"].map(lambda unit: unit if unit == treated else 500 - unit)
    np.testing.assert_allclose(by_cell(fit(name, frame.assign(unit=names))), by_cell(fit(name, frame)), atol=OPTIMUM)
    if name == "synthetic_control":
        idle = [
            unit
            for unit in frame["unit"].unique()
            if unit != treated and np.allclose(by_cell(fit(name, frame[frame["unit"] != unit])), gaps, atol=OPTIMUM)
        ]
        assert len(idle) >= 2, "few donors make the city; the others may go"
        without = frame[~frame["unit"].isin(idle)]
        np.testing.assert_allclose(by_cell(fit(name, without)), gaps, atol=OPTIMUM)


@pytest.mark.promise("law-donor-mix")
def test_a_place_that_is_a_mix_of_donors_is_fitted_exactly() -> None:
    frame = factor_frame(3, units=12, periods=30, start=21)
    wide = frame.pivot(index="period", columns="unit", values="y")
    treated = int(frame.loc[frame["cohort"] > 0, "unit"].iloc[0])
    donors = [int(unit) for unit in wide.columns if int(unit) != treated]
    mixed = wide[donors[:3]].to_numpy() @ np.array([0.5, 0.3, 0.2])
    frame.loc[(frame["unit"] == treated).to_numpy(), "y"] = mixed
    estimate = fit("synthetic_control", frame)
    assert np.abs(by_cell(estimate)).max() < OPTIMUM * np.abs(mixed).max()
    assert estimate.facts["rmspe_before"] < OPTIMUM * np.abs(mixed).max()


@pytest.mark.promise("law-placebo-p")
def test_no_placebo_p_value_is_below_one_in_all_places() -> None:
    estimate = fit(
        "synthetic_control", factor_frame(5, units=24, periods=40, start=31, effect=1e6), inference="placebo_in_space"
    )
    assert estimate.own is not None
    assert estimate.own.p_value == pytest.approx(1 / 24)
    assert estimate.own.smallest_p == pytest.approx(1 / 24)


@pytest.mark.parametrize("origin", [-1000, 10_000])
@pytest.mark.promise("law-time-origin", "law-calendar-origin")
def test_the_origin_of_time_changes_neither_level_nor_slope(origin: int) -> None:
    world = SeriesWorld(months=72, start=48, level=-2.0, slope=0.05, rho=0.4)
    data = series(world, np.random.default_rng(1))
    numbered = data.assign(period=np.arange(len(data)), cohort=48, unit=1)

    def change(moved: pd.DataFrame) -> list[float]:
        facts = fit("interrupted_time_series", moved, season="none").facts
        return [float(facts[name]) for name in ("level", "slope", "level_std_error", "slope_std_error")]

    later = numbered.assign(period=numbered["period"] + origin, cohort=48 + origin)
    np.testing.assert_allclose(change(later), change(numbered), rtol=1e-8)
