"""What the estimator does with panels: places, periods, regressors, refusals."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

import evalkit as ek
from evalkit.data.panel import Panel
from evalkit.errors import ConfigError, DataError, DesignRefused, EstimationFailed
from evalkit.estimate import Estimate
from evalkit.uncertainty import Posterior, Predictive
from tests.series_worlds import level_world, series_panel, single_series

OWN, OTHER = level_world(1, effect=4.0)
START = 45
LEVELLED = 1e-14
"""Relative: the outcome's level is taken off and put back."""


def fit(panel: Panel, **settings: Any) -> Estimate:
    return ek.BayesianTimeSeries(**settings).fit(panel, rng=np.random.default_rng(0))


def panel(**arguments: Any) -> Panel:
    return series_panel(OWN, START, {"other": OTHER}, **arguments)


def predictive(estimate: Estimate) -> Predictive:
    assert isinstance(estimate.uncertainty, Posterior)
    assert estimate.uncertainty.predictive is not None
    return estimate.uncertainty.predictive


def ids(estimate: Estimate) -> set[str]:
    return {remark.id for remark in estimate.remarks}


def test_the_effect_is_found_and_the_counterfactual_adds_up() -> None:
    estimate = fit(panel())
    row = estimate.aggregation("overall")
    assert row.low[0] < 4.0 < row.high[0]
    assert abs(row.estimate[0] - 4.0) < 1.5
    cells = estimate.cells
    assert len(cells) == len(OWN)
    np.testing.assert_allclose(cells.observed, OWN, rtol=LEVELLED)
    assert estimate.leads_from == "fit"
    before = cells.event_time < 0
    assert np.abs(cells.estimate[before]).mean() < 1.0
    assert "predictive_interval" in ids(estimate)


def test_a_place_alone_is_foretold_from_its_own_past() -> None:
    estimate = fit(series_panel(OWN, START, {}))
    assert estimate.n_units == 1
    assert "no_comparison_series" in ids(estimate)
    with_other = fit(panel()).aggregation("overall").std_error[0]
    assert estimate.aggregation("overall").std_error[0] > with_other


def test_the_interval_of_a_period_includes_the_noise_of_the_series() -> None:
    """A steady series of known noise: the interval of one period is as wide as the noise makes it, 3.92 sds."""
    noise = np.random.default_rng(0).standard_normal(400)
    estimate = fit(series_panel(noise, 390, {}), level_scale=1e-3)
    rows = estimate.aggregation("event_study")
    width = (rows.high - rows.low)[rows.labels >= 0]
    assert width.mean() == pytest.approx(3.92, rel=0.1)


def test_donut_and_anticipation_leave_periods_out() -> None:
    plain = fit(panel())
    ring = fit(panel(), donut=(2, 3), anticipation=4)
    missing = set(plain.cells.event_time.tolist()) - set(ring.cells.event_time.tolist())
    assert missing == {-2, -1, 0, 1, 2}
    assert ring.n_observations == START - 4
    assert "donut" in ids(ring)
    shown = ring.cells.event_time[(ring.cells.event_time < 0) & (ring.cells.event_time >= -4)]
    assert sorted(shown.tolist()) == [-4, -3]


def test_a_period_without_data_is_left_out_and_not_filled() -> None:
    frame = single_series(OWN, START, {"other": OTHER})
    hole = frame[~((frame["unit"] == "town") & frame["period"].isin([10, 50]))]
    estimate = fit(Panel.from_frame(hole, unit="unit", period="period", outcome="y", cohort="cohort"))
    assert estimate.n_observations == START - 1
    assert not {9, 49} & set(estimate.cells.period.tolist())


def test_earlier_programmes_are_steps_that_are_taken_out() -> None:
    moved = OWN + 12.0 * (np.arange(len(OWN)) >= 30)
    estimate = fit(series_panel(moved, START, {"other": OTHER}), other_interventions=("31",))
    row = estimate.aggregation("overall")
    assert row.low[0] < 4.0 < row.high[0]
    assert row.std_error[0] < 2.0 * fit(panel()).aggregation("overall").std_error[0]
    assert "earlier_programmes" in ids(estimate)


@pytest.mark.parametrize(("label", "error"), [("1999", ConfigError), ("46", DesignRefused), ("60", DesignRefused)])
def test_a_programme_that_no_period_can_tell_is_refused(label: str, error: type[Exception]) -> None:
    with pytest.raises(error, match=label):
        fit(panel(), other_interventions=(label,))


def monthly(values: np.typing.NDArray[np.float64], start: int) -> Panel:
    months = pd.period_range("1990-01", periods=len(values), freq="M").to_timestamp()
    frame = pd.DataFrame({"unit": "town", "month": months, "y": values})
    frame["law"] = (frame.index >= start).astype(int)
    return Panel.from_frame(frame, unit="unit", period="month", outcome="y", treated="law")


def test_months_have_a_season_that_the_calendar_gives() -> None:
    rng = np.random.default_rng(2)
    season = 5.0 * np.sin(2.0 * np.pi * np.arange(84) / 12.0) + 3.0 * (np.arange(84) % 12 == 11)
    values = 20.0 + season + 0.5 * rng.standard_normal(84)
    found = fit(monthly(values, 66))
    without = fit(monthly(values, 66), seasonality="none")
    assert found.aggregation("overall").std_error[0] < 0.5 * without.aggregation("overall").std_error[0]
    assert "season" in ids(found)
    assert any("12" in remark.text for remark in fit(monthly(values, 20)).remarks if remark.id == "season_left_out")


def test_calendar_effects_need_dates() -> None:
    values = 20.0 + np.random.default_rng(2).standard_normal(84)
    assert fit(monthly(values, 66), calendar_effects=("month_length", "trading_days")).n_observations == 66
    with pytest.raises(ConfigError, match="dates"):
        fit(panel(), calendar_effects=("month_length",))
    with pytest.raises(ConfigError, match="season"):
        fit(panel(), seasonality="dummy")


def test_a_covariate_of_the_place_enters_and_a_constant_one_is_named() -> None:
    rng = np.random.default_rng(3)
    weather = 3.0 * rng.standard_normal(len(OWN))
    frame = single_series(OWN + weather, START, {"other": OTHER}, weather=weather, fixed=1.0)
    built = Panel.from_frame(
        frame, unit="unit", period="period", outcome="y", cohort="cohort", covariates=["weather", "fixed"]
    )
    estimate = fit(built, covariates=("weather", "fixed"))
    assert estimate.facts["coefficient of weather"] == pytest.approx(1.0, abs=0.15)
    assert "constant_columns" in ids(estimate)


def test_several_places_are_fitted_by_themselves_and_may_start_apart() -> None:
    rng = np.random.default_rng(4)
    frames = [single_series(OTHER, len(OTHER) + 9, {}).assign(unit="other", cohort=0)]
    for name, start in (("Ayr", 40), ("Bute", 40), ("Cork", 50)):
        own = OTHER + np.cumsum(0.2 * rng.standard_normal(60)) + rng.standard_normal(60)
        own[start:] += 5.0
        frames.append(single_series(own, start, {}).assign(unit=name))
    built = Panel.from_frame(pd.concat(frames), unit="unit", period="period", outcome="y", cohort="cohort")
    estimate = fit(built)
    table = estimate.aggregate("unit")
    assert sorted(table["label"]) == ["Ayr", "Bute", "Cork"]
    assert (table["estimate"] - 5.0).abs().max() < 2.5
    assert estimate.cells.fraction is not None
    assert set(np.unique(estimate.cells.fraction)) == {0.5, 1.0}
    assert "shared_noise" in ids(estimate)
    alone = built_without(frames, {"Bute", "Cork"})
    own_alone = fit(alone).aggregation("overall")
    row = table[table["label"] == "Ayr"].iloc[0]
    assert own_alone.estimate[0] == pytest.approx(row["estimate"], abs=0.3)
    assert own_alone.std_error[0] == pytest.approx(row["std_error"], rel=0.15)


def built_without(frames: list[pd.DataFrame], names: set[str]) -> Panel:
    whole = pd.concat(frames)
    return Panel.from_frame(
        whole[~whole["unit"].isin(names)], unit="unit", period="period", outcome="y", cohort="cohort"
    )


def test_shocks_that_places_share_widen_the_pooled_interval() -> None:
    rng = np.random.default_rng(5)
    shocks = 2.0 * rng.standard_normal(60)
    together = [shocks + 0.3 * rng.standard_normal(60) for _ in range(4)]
    apart = [np.hypot(2.0, 0.3) * rng.standard_normal(60) for _ in range(4)]

    def pooled(series: list[np.typing.NDArray[np.float64]]) -> float:
        """Error of the pooled effect over that of a single place's."""
        frames = [single_series(own, 48, {}).assign(unit=f"town {i}") for i, own in enumerate(series)]
        built = Panel.from_frame(pd.concat(frames), unit="unit", period="period", outcome="y", cohort="cohort")
        estimate = fit(built)
        return float(estimate.aggregation("overall").std_error[0] / estimate.aggregation("unit").std_error.mean())

    assert pooled(together) > 0.8
    assert pooled(apart) == pytest.approx(0.5, abs=0.1)  # four places that have nothing in common


def test_outliers_widen_gaussian_intervals_and_not_those_of_student_t() -> None:
    spoiled = OWN.copy()
    spoiled[[8, 20, 33]] += np.array([15.0, -14.0, 16.0])
    built = series_panel(spoiled, START, {"other": OTHER})
    heavy = fit(built, family="student_t", draws=150, tune=150, chains=2)
    gaussian = fit(built)
    assert heavy.aggregation("overall").std_error[0] < 0.7 * gaussian.aggregation("overall").std_error[0]
    assert heavy.facts["degrees_of_freedom"] < 10.0
    density = predictive(heavy).log_likelihood
    assert density is not None
    assert np.isfinite(density).all()


def test_it_is_a_controlled_series_exactly_where_other_places_enter() -> None:
    built = series_panel(OWN, START, {"other": OTHER})
    assert [fit(built, comparison_series=kind).facts["controlled"] for kind in ("auto", "none")] == [1.0, 0.0]
    assert fit(series_panel(OWN, START, {})).facts["controlled"] == 0.0


@pytest.mark.parametrize(
    ("kind", "said"), [("mean", "as their average"), ("each", "each with a coefficient of its own")]
)
def test_comparison_series_that_enter_and_that_are_left_out_are_counted(kind: str, said: str) -> None:
    gappy = OTHER.copy()
    gappy[20] = np.nan
    built = series_panel(OWN, START, {"whole": OTHER, "another": np.sin(OTHER), "gappy": gappy})
    (remark,) = [each for each in fit(built, comparison_series=kind).remarks if each.id == "comparison_series"]
    assert str(remark.text) == f"2 comparison places enter {said}. 1 with missing periods were left out."
    assert remark.comparison == 1


@pytest.mark.parametrize(("places", "said"), [(4, "each with a coefficient of its own"), (5, "as their average")])
def test_places_have_coefficients_of_their_own_where_twice_as_many_periods_are_fitted(places: int, said: str) -> None:
    rng = np.random.default_rng(2)
    others = {f"place {j}": rng.standard_normal(14) for j in range(places)}
    estimate = fit(series_panel(rng.standard_normal(14), 8, others))
    (remark,) = [each for each in estimate.remarks if each.id == "comparison_series"]
    assert str(remark.text) == f"{places} comparison places enter {said}."


def test_more_regressors_than_can_be_enumerated_go_to_chains() -> None:
    rng = np.random.default_rng(6)
    others = {f"place {j:02d}": np.cumsum(rng.standard_normal(60)) for j in range(12)}
    built = series_panel(OWN, START, {"other": OTHER, **others})
    assert isinstance(fit(built).uncertainty, Posterior)
    assert fit(built).facts.keys() >= {"coefficient of mean of the comparison places"}
    estimate = fit(built, comparison_series="each", draws=150, tune=150, chains=2)
    assert isinstance(estimate.uncertainty, Posterior)
    assert estimate.uncertainty.sampler.engine == "gibbs"
    assert estimate.facts["coefficient of other"] == pytest.approx(1.0, abs=0.3)
    with pytest.raises(ConfigError, match="13 are offered"):
        fit(built, comparison_series="each", engine="exact")
    shrunk = fit(built, comparison_series="each", coefficients="horseshoe", draws=150, tune=150, chains=2)
    assert shrunk.facts["coefficient of other"] == pytest.approx(1.0, abs=0.3)


def count_panel(exposure: bool = False) -> tuple[Panel, float]:
    """A panel of counts, and what the programme added to the mean of a period."""
    rng = np.random.default_rng(7)
    index = np.log(40.0) + np.cumsum(0.03 * rng.standard_normal(60))
    size = np.where(np.arange(60) < 30, 1.0, 3.0) if exposure else np.ones(60)
    rate = np.exp(index) * np.where(np.arange(60) >= START, 1.5, 1.0)
    frame = single_series(rng.poisson(rate * size).astype(float), START, {}, people=1000.0 * np.tile(size, 1))
    built = Panel.from_frame(
        frame, unit="unit", period="period", outcome="y", cohort="cohort", exposure="people" if exposure else None
    )
    return built, float((rate * size)[START:].mean() / 3.0)


@pytest.mark.parametrize("exposure", [False, True])
def test_counts_give_effects_in_counts_at_the_exposure_of_the_day(exposure: bool) -> None:
    built, truth = count_panel(exposure)
    estimate = fit(built, family="negative_binomial", draws=150)
    row = estimate.aggregation("overall")
    assert row.low[0] < truth < row.high[0]
    assert row.std_error[0] < truth
    assert predictive(estimate).replicated.min() >= 0.0
    np.testing.assert_array_equal(predictive(estimate).replicated, np.round(predictive(estimate).replicated))


def test_counts_refuse_what_is_none() -> None:
    with pytest.raises(DataError, match="needs counts"):
        fit(panel(), family="poisson")
    with pytest.raises(ConfigError, match="horseshoe"):
        fit(count_panel()[0], family="poisson", coefficients="horseshoe")
    with pytest.raises(ConfigError, match="ar1"):
        fit(count_panel()[0], family="poisson", errors="ar1")


def test_short_series_are_refused_or_left_out_by_name() -> None:
    with pytest.raises(DesignRefused, match="6 usable periods"):
        fit(series_panel(OWN, 5, {}))
    early = single_series(OWN, 4, {}).assign(unit="early")
    built = Panel.from_frame(
        pd.concat([single_series(OWN, START, {}), early]), unit="unit", period="period", outcome="y", cohort="cohort"
    )
    estimate = fit(built)
    assert any("early" in remark.text for remark in estimate.remarks if remark.id == "series_too_short")


def test_weights_that_differ_are_refused_and_an_outcome_that_never_moves_as_well() -> None:
    frame = single_series(OWN, START, {"other": OTHER}).assign(w=lambda f: 1.0 + f["period"])
    built = Panel.from_frame(frame, unit="unit", period="period", outcome="y", cohort="cohort", weight="w")
    with pytest.raises(DesignRefused, match="weights"):
        fit(built)
    with pytest.raises(EstimationFailed, match="does not change"):
        fit(series_panel(np.where(np.arange(60) >= START, 4.0, 3.0), START, {}))


def test_more_draws_than_memory_holds_are_refused() -> None:
    with pytest.raises(DesignRefused, match="memory"):
        fit(panel(), draws=3_000_000)


def test_the_checks_get_densities_that_add_up_and_replicated_data() -> None:
    estimate = fit(panel())
    seen = predictive(estimate)
    assert seen.log_likelihood is not None
    assert seen.log_prior is not None
    assert seen.prior_replicated is not None
    assert seen.draws_of is not None
    rows, count = len(seen.draws_of), len(seen.observed)
    assert count == START - 1  # the first period starts the filter
    assert seen.log_likelihood.shape == (rows, count)
    assert seen.log_prior.shape == (rows,)
    assert np.isfinite(seen.log_likelihood).all()
    assert np.isfinite(seen.log_prior).all()
    assert seen.replicated.shape[1] == seen.prior_replicated.shape[1] == count
    assert seen.before.all()
    assert abs(seen.replicated.mean() - seen.observed.mean()) < 0.5
    np.testing.assert_allclose(seen.observed, OWN[1:START], rtol=LEVELLED)


def test_no_effect_depends_on_what_came_after() -> None:
    """The model is fitted before the start: another outcome afterwards moves an effect by just that much."""
    later = OWN.copy()
    later[-1] += 7.0
    first, second = fit(panel()), fit(series_panel(later, START, {"other": OTHER}))
    np.testing.assert_array_equal(first.cells.estimate[:-1], second.cells.estimate[:-1])
    assert second.cells.estimate[-1] - first.cells.estimate[-1] == pytest.approx(7.0)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"trend": "damped", "errors": "ar1"}, {"slope_sd", "damping", "autocorrelated_share", "autocorrelation"}),
        ({"trend": "local_linear"}, {"slope_sd"}),
        ({}, set()),
    ],
)
def test_each_trend_has_its_parameters_told_in_the_outcomes_unit(settings: dict[str, Any], named: set[str]) -> None:
    alone = series_panel(OWN, START, {})
    found, tenfold = fit(alone, **settings), fit(replace(alone, outcome=10.0 * alone.outcome), **settings)
    assert found.facts.keys() == {"sigma", "level_sd", "controlled", *named}
    for name, value in found.facts.items():
        scale = 10.0 if name in ("sigma", "level_sd", "slope_sd") else 1.0
        assert tenfold.facts[name] == pytest.approx(scale * value, rel=1e-6)
    row = found.aggregation("overall")
    assert row.low[0] < 4.0 < row.high[0]


def test_counts_with_a_slope_and_other_places_have_a_parameter_for_each() -> None:
    rng = np.random.default_rng(3)
    drive = 0.1 * np.arange(40) / 4.0
    own, other = rng.poisson(np.exp(2.0 + drive)), rng.poisson(np.exp(2.2 + drive))
    made = series_panel(own.astype(float), 32, {"other": other.astype(float)})
    found = fit(made, family="poisson", trend="local_linear", draws=100)
    assert {"level_sd", "slope_sd"} <= found.facts.keys()
    assert any(name.startswith("coefficient of") for name in found.facts)
    assert all(np.isfinite(value) for value in found.facts.values())


def test_more_numbers_than_memory_holds_are_refused_with_how_many_draws_would_fit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = panel()
    monkeypatch.setattr("evalkit.estimators.bayesian_time_series.MOST_NUMBERS", 1_200 * made.n_periods)
    with pytest.raises(DesignRefused, match=rf"1 places x {made.n_periods} periods x 2,000 draws") as refused:
        fit(made, draws=500, chains=4)
    assert refused.value.next_step == "Lower draws to 240."  # 0.8 x 1,200 / 4
    assert fit(made, draws=240, chains=4).cells.estimate.size
