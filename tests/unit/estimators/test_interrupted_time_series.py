"""Segmented regression of one series, alone and against others: numbers by other routes, settings, refusals."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from evalkit.data.panel import Panel
from evalkit.errors import ConfigError, DesignRefused
from evalkit.estimate import Estimate
from evalkit.estimators import interrupted_time_series
from evalkit.estimators.interrupted_time_series import InterruptedTimeSeries
from evalkit.testing.simulate import staggered_frame
from evalkit.vocabulary import NEVER
from tests.monthly_worlds import SeriesWorld, frame, panel
from tests.oracle import interrupted_time_series as plain

SAME = 1e-8
"""Relative: one solution by two routes."""
WORLD = SeriesWorld(months=72, start=48, level=-2.0, slope=0.05, rho=0.4)


def fit(made: Panel, **settings: object) -> Estimate:
    return InterruptedTimeSeries(**settings).fit(made, rng=np.random.default_rng(0))


def made(seed: int = 1, world: SeriesWorld = WORLD) -> pd.DataFrame:
    return frame(world, np.random.default_rng(seed))


def design(world: SeriesWorld = WORLD, *, slope: bool = True) -> np.ndarray:
    """Constant, level, slope, trend and month dummies, written out."""
    t = np.arange(world.months)
    on = (t >= world.start).astype(float)
    columns = [np.ones(world.months), on, *([on * (t - world.start)] if slope else []), t.astype(float)]
    return np.column_stack([*columns, *[(t % 12 == month).astype(float) for month in range(1, 12)]])


@pytest.mark.promise("second-interrupted-time-series")
def test_autoregressive_estimates_are_those_of_the_dense_correlation_matrix() -> None:
    data = made()
    estimate = fit(panel(data))
    beta, covariance, _ = plain.generalized(
        data["y"].to_numpy(), design(), np.arange(WORLD.months), estimate.facts["rho"]
    )
    since = np.arange(WORLD.months - WORLD.start).mean()
    weights = np.zeros(len(beta))
    weights[1:3] = 1.0, since
    overall = estimate.aggregation("overall")
    assert overall.estimate[0] == pytest.approx(weights @ beta, rel=SAME)
    assert overall.std_error[0] == pytest.approx(np.sqrt(weights @ covariance @ weights), rel=SAME)
    assert estimate.facts["level"] == pytest.approx(beta[1], rel=SAME)
    assert estimate.facts["slope_std_error"] == pytest.approx(np.sqrt(covariance[2, 2]), rel=SAME)


@pytest.mark.parametrize("small_sample", [True, False])
@pytest.mark.promise("second-interrupted-time-series")
def test_newey_west_errors_are_those_of_statsmodels(small_sample: bool) -> None:
    data = made()
    estimate = fit(panel(data), change="step", errors="newey_west", lags=5, small_sample=small_sample)
    options = {"maxlags": 5, "use_correction": small_sample}
    fitted = sm.OLS(data["y"].to_numpy(), design(slope=False)).fit(cov_type="HAC", cov_kwds=options)
    overall = estimate.aggregation("overall")
    assert overall.estimate[0] == pytest.approx(fitted.params[1], rel=SAME)
    assert overall.std_error[0] == pytest.approx(fitted.bse[1], rel=SAME)


def test_the_interval_reported_with_newey_west_errors_is_wider_than_the_usual_one() -> None:
    estimate = fit(panel(made()), errors="newey_west")
    overall = estimate.aggregation("overall")
    assert estimate.own is not None
    assert estimate.own.method == "hac"
    assert estimate.own.low < overall.low[0] < overall.high[0] < estimate.own.high
    assert estimate.own.details["variance_factor"] > 1.0


@pytest.mark.parametrize("errors", ["ar1", "prais_winsten", "independent"])
def test_the_interval_reported_with_other_errors_is_their_own(errors: str) -> None:
    estimate = fit(panel(made()), errors=errors)
    overall = estimate.aggregation("overall")
    assert estimate.own is not None
    assert (estimate.own.low, estimate.own.high) == (float(overall.low[0]), float(overall.high[0]))


@pytest.mark.parametrize("errors", ["ar1", "prais_winsten", "newey_west", "independent"])
def test_the_mean_of_the_gaps_is_what_the_coefficients_say(errors: str) -> None:
    estimate = fit(panel(made()), errors=errors)
    expected = estimate.facts["level"] + estimate.facts["slope"] * np.arange(24).mean()
    assert estimate.aggregation("overall").estimate[0] == pytest.approx(expected, rel=SAME)
    assert estimate.leads_from == "fit"


@pytest.mark.parametrize("errors", ["ar1", "newey_west"])
def test_influence_functions_give_the_covariance(errors: str) -> None:
    estimate = fit(panel(made()), errors=errors)
    assert estimate.influence is not None
    np.testing.assert_allclose(
        np.sqrt(np.diag(estimate.influence.T @ estimate.influence)), estimate.to_frame()["std_error"], atol=1e-9
    )


def test_the_error_of_one_gap_holds_the_noise_of_its_period() -> None:
    """Simulated from the fitted model: gaps of single periods vary as their errors say."""
    data = made()
    estimate = fit(panel(data), change="step", errors="independent")
    rng, x = np.random.default_rng(0), design(slope=False)
    project = x @ np.linalg.inv(x.T @ x) @ x.T
    noise = rng.standard_normal((4_000, WORLD.months))
    residual = noise - noise @ project
    on = np.arange(WORLD.months) >= WORLD.start
    level = noise @ np.linalg.pinv(x)[1]
    gaps = residual.copy()
    gaps[:, on] += level[:, None]
    size = np.sqrt(estimate.facts["dispersion"])
    np.testing.assert_allclose(size * gaps.std(axis=0), estimate.to_frame()["std_error"], rtol=0.06)


def test_a_controlled_series_is_the_difference_of_two_separate_regressions() -> None:
    """By linearity b2 and b3 are the interactions of Linden's (2015) model."""
    rng = np.random.default_rng(3)
    treated, other = made(3), made(4, SeriesWorld(months=72, start=48, trend=0.05, rho=0.2))
    other["city"], other["start"] = "Omaha", pd.PeriodIndex([pd.NaT] * 72, freq="M")
    both = pd.concat([treated, other])
    panel_of_both = Panel.from_frame(both, unit="city", period="month", outcome="y", cohort="start")
    estimate = InterruptedTimeSeries(errors="independent").fit(panel_of_both, rng=rng)
    separate = [np.linalg.lstsq(design(), each["y"].to_numpy())[0] for each in (treated, other)]
    assert estimate.facts["controlled"] == 1.0
    assert estimate.facts["level"] == pytest.approx(separate[0][1] - separate[1][1], rel=SAME)
    assert estimate.facts["slope"] == pytest.approx(separate[0][2] - separate[1][2], rel=SAME)
    assert estimate.n_units == 2
    alone = InterruptedTimeSeries(errors="independent", comparison="none").fit(panel_of_both, rng=rng)
    assert alone.facts["level"] == pytest.approx(separate[0][1], rel=SAME)
    assert (alone.n_units, alone.facts["controlled"]) == (1, 0.0)


def test_other_programmes_by_date_and_by_column_are_the_same() -> None:
    data = made()
    data["camera"] = (data["month"] >= pd.Period("2011-07", "M")).astype(float)
    data["y"] += 3.0 * data["camera"]
    both = panel(data, covariates=["camera"])
    by_column = fit(both, other_interventions=[{"column": "camera"}])
    by_date = fit(both, other_interventions=[{"name": "camera", "start": "2011-07"}])
    assert by_column.facts["camera"] == by_date.facts["camera"]
    assert by_column.facts["camera"] == pytest.approx(3.0, abs=5.0 * by_column.facts["camera_std_error"])
    exhibit = by_column.exhibits[0]
    assert exhibit.table["term"] == ("level", "slope", "camera")


def test_a_donut_and_anticipation_leave_periods_out() -> None:
    data = made()
    wild = data.assign(y=np.where(np.isin(np.arange(72), [46, 47, 48, 49, 50]), 1e6, data["y"]))
    settings = {"anticipation": 2, "donut": 3}
    calm, loud = (fit(panel(each), **settings) for each in (data, wild))
    np.testing.assert_allclose(calm.cells.estimate, loud.cells.estimate, rtol=SAME)
    assert len(calm.cells) == 67
    assert any(remark.id == "donut" for remark in calm.remarks)


def test_missing_months_are_gaps_in_time_not_rows_to_close_up() -> None:
    data = made()
    data.loc[[10, 30, 55], "y"] = np.nan
    estimate = fit(panel(data))
    kept = data["y"].notna().to_numpy()
    beta, _, _ = plain.generalized(
        data["y"].to_numpy()[kept], design()[kept], np.flatnonzero(kept), estimate.facts["rho"]
    )
    assert estimate.facts["level"] == pytest.approx(beta[1], rel=SAME)
    assert len(estimate.cells) == 69


def counts(seed: int = 2) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    data = made()
    t = np.arange(72)
    data["people"] = 900.0 + 5.0 * t
    mean = data["people"] * np.exp(-3.5 + 0.2 * np.cos(2.0 * np.pi * t / 12.0) - 0.4 * (t >= 48))
    return data.assign(y=rng.poisson(mean).astype(float))


def test_poisson_estimates_are_those_of_statsmodels() -> None:
    data = counts()
    estimate = fit(panel(data, exposure="people"), family="quasi_poisson", errors="independent", change="step")
    model = sm.GLM(
        data["y"], design(slope=False), family=sm.families.Poisson(), offset=np.log(data["people"].to_numpy())
    )
    fitted = model.fit(scale="X2")
    overall = estimate.aggregation("overall")
    assert overall.estimate[0] == pytest.approx(fitted.params.iloc[1], rel=SAME)
    assert overall.std_error[0] == pytest.approx(fitted.bse.iloc[1], rel=SAME)
    assert estimate.facts["log_link"] == 1.0


def test_a_rate_weighted_by_its_exposure_gives_what_the_counts_give() -> None:
    data = counts()
    settings = {"family": "quasi_poisson", "change": "step"}
    of_counts = fit(panel(data, exposure="people"), **settings).aggregation("overall")
    of_rates = fit(panel(data.assign(y=data["y"] / data["people"]), exposure="people"), **settings)
    assert of_rates.aggregation("overall").estimate[0] == pytest.approx(of_counts.estimate[0], rel=1e-6)


def test_months_without_an_event_enter_the_model_and_have_no_gap() -> None:
    data = counts()
    data.loc[[3, 60], "y"] = 0.0
    estimate = fit(panel(data), family="poisson")
    assert len(estimate.cells) == 71
    assert estimate.n_observations == 72
    assert any(remark.id == "counts_of_zero" for remark in estimate.remarks)


def test_several_places_have_effects_of_their_own_that_average_to_the_overall_one() -> None:
    data = staggered_frame(n_units=9, n_periods=24, effect=2.0, noise=0.3, seed=3)
    many = Panel.from_frame(data, unit="unit", period="period", outcome="y", cohort="cohort")
    estimate = fit(many, comparison="none")
    by_unit = estimate.aggregate("unit")
    assert len(by_unit) == estimate.n_treated_units == 6
    sizes = (24 - many.first_treated[~many.never_treated]).astype(float)
    weighted = float(np.average(by_unit["estimate"], weights=sizes))
    assert estimate.aggregation("overall").estimate[0] == pytest.approx(weighted, rel=SAME)


def test_shocks_that_places_share_are_in_the_error_of_their_mean() -> None:
    rng = np.random.default_rng(8)
    world = SeriesWorld(months=60, start=36, season=0.0)
    shared = rng.standard_normal(60)
    alike = pd.concat(
        [made(seed, world).assign(city=f"city {seed}", y=shared + 0.1 * rng.standard_normal(60)) for seed in range(4)]
    )
    for errors in ("ar1", "newey_west"):
        together = fit(panel(alike), errors=errors).aggregation("overall").std_error[0]
        one = fit(panel(alike[alike["city"] == "city 0"]), errors=errors).aggregation("overall").std_error[0]
        assert together == pytest.approx(one, rel=0.1)


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"family": "poisson", "errors": "ar1"}, "'quasi_poisson' has"),
        ({"family": "poisson", "comparison": "controlled"}, "for family 'gaussian'"),
        ({"season": "dummies", "season_length": 52.2}, "a whole season_length"),
        ({"other_interventions": [{"name": "x"}]}, "exactly one of 'column' and 'start'"),
        ({"other_interventions": [{"column": "x", "change": "step_and_slope"}]}, "'change' belongs to 'start'"),
    ],
)
def test_settings_that_do_not_fit_together_are_refused(settings: dict[str, object], problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        InterruptedTimeSeries(**settings)


def test_a_series_too_short_for_its_model_is_refused_with_what_to_leave_out() -> None:
    short = panel(made().iloc[38:52])
    with pytest.raises(
        DesignRefused, match=r"10 periods before the start and 4 from it on, for 1\d coefficients"
    ) as no:
        fit(short, season="dummies")
    assert "season=none" in str(no.value.next_step)
    assert fit(short).facts["coefficients"] == 4.0, "less than two seasons: none by default"


def exact(places: int) -> pd.DataFrame:
    """A line with a step that the model fits to the last digit."""
    t = np.arange(24)
    return pd.DataFrame(
        {"place": np.repeat([f"place {k}" for k in range(places)], 24), "t": np.tile(t, places)}
    ).assign(y=lambda own: 2.0 + 0.5 * own["t"] + 3.0 * (own["t"] >= 12), start=12)


@pytest.mark.parametrize("errors", ["ar1", "prais_winsten", "newey_west", "independent"])
def test_series_without_any_noise_are_refused_and_one_among_others_is_taken(errors: str) -> None:
    def panel_of(frame: pd.DataFrame) -> Panel:
        return Panel.from_frame(frame, unit="place", period="t", outcome="y", cohort="start")

    with pytest.raises(DesignRefused, match="fits every period exactly"):
        fit(panel_of(exact(1)), errors=errors)
    frame = exact(2)
    noisy = frame["place"] == "place 1"
    frame.loc[noisy, "y"] += np.random.default_rng(0).standard_normal(24)
    both = fit(panel_of(frame), errors=errors).aggregation("overall")
    alone = fit(panel_of(frame[noisy]), errors=errors).aggregation("overall")
    assert both.estimate[0] == pytest.approx((3.0 + alone.estimate[0]) / 2.0, rel=SAME)
    assert both.std_error[0] == pytest.approx(alone.std_error[0] / 2.0, rel=SAME)


def test_a_date_that_is_no_period_is_refused() -> None:
    with pytest.raises(ConfigError, match="is no period of the data"):
        fit(panel(made()), other_interventions=[{"name": "x", "start": "spring"}])


def test_a_comparison_that_is_not_there_is_refused() -> None:
    with pytest.raises(DesignRefused, match="needs never-treated units"):
        fit(panel(made()), comparison="controlled")


def test_a_season_that_the_calendar_does_not_tell_must_be_declared() -> None:
    data = made().assign(month=np.arange(72), start=48)
    with pytest.raises(ConfigError, match="does not say after how many periods it repeats"):
        fit(panel(data), season="dummies")
    declared = fit(panel(data), season="dummies", season_length=12)
    assert declared.facts["level"] == pytest.approx(fit(panel(made())).facts["level"], rel=SAME)


def test_weights_that_differ_are_refused() -> None:
    data = made()
    data["weight"] = 1.0 + (np.arange(72) % 2)
    with pytest.raises(DesignRefused, match="takes no sampling weights that differ"):
        fit(panel(data, weight="weight"))


@pytest.mark.parametrize(("months", "enough"), [(6, True), (5, False)])
def test_two_periods_more_than_coefficients_are_enough(months: int, enough: bool) -> None:
    short = panel(made().iloc[45 : 45 + months])
    if enough:
        assert fit(short, errors="independent", season="none").facts["coefficients"] == 4.0
        return
    with pytest.raises(DesignRefused, match="too short for this model"):
        fit(short, errors="independent", season="none")


def test_places_that_never_start_and_too_many_places_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = panel(made())
    nobody = dataclasses.replace(whole, first_treated=np.full(1, NEVER))
    with pytest.raises(DesignRefused, match="No unit starts within the window"):
        fit(nobody)
    monkeypatch.setattr(interrupted_time_series, "MOST_CELLS", WORLD.months - 1)
    with pytest.raises(DesignRefused, match="too many"):
        fit(whole)


def test_a_comparison_place_that_is_never_seen_with_the_treated_is_no_comparison() -> None:
    """The only comparison place lacks one month."""
    other = made(2).assign(city="b")
    other["start"] = pd.NaT
    both = panel(pd.concat([made().assign(city="a"), other.drop(index=3)]))
    with pytest.raises(DesignRefused, match="No comparison unit is observed in all periods of 'a'"):
        fit(both, comparison="controlled")


def test_places_count_alike_at_each_event_time_however_many_start_together() -> None:
    data = pd.concat(
        made(seed, dataclasses.replace(WORLD, start=start)).assign(city=f"city {seed}")
        for seed, start in ((1, 40), (2, 40), (3, 40), (4, 50))
    )
    estimate = fit(panel(data), comparison="none")
    cells = estimate.cells
    study = estimate.aggregate("event_study").set_index("event_time")["estimate"]
    for k in (0, 3):
        assert study[k] == pytest.approx(cells.estimate[cells.event_time == k].mean(), rel=SAME)


def test_a_covariate_of_a_controlled_series_is_a_difference_too() -> None:
    rng = np.random.default_rng(5)
    treated, other = made(3), made(4, SeriesWorld(months=72, start=48, trend=0.05, rho=0.2))
    other["city"], other["start"] = "Omaha", pd.PeriodIndex([pd.NaT] * 72, freq="M")
    for data in (treated, other):
        data["x"] = rng.standard_normal(72)
        data["y"] += 2.0 * data["x"]
    estimate = fit(panel(pd.concat([treated, other]), covariates=["x"]), errors="independent", covariates=("x",))
    apart = [treated[name].to_numpy() - other[name].to_numpy() for name in ("y", "x")]
    solved = np.linalg.lstsq(np.column_stack([design(), apart[1]]), apart[0])[0]
    assert [estimate.facts[name] for name in ("level", "slope")] == pytest.approx(solved[1:3].tolist(), rel=SAME)


def test_the_coefficients_of_one_series_are_shown_and_those_of_several_are_not() -> None:
    data = pd.concat([made(), made(2).assign(city="Omaha")])
    assert [len(fit(panel(each), comparison="none").exhibits) for each in (made(), data)] == [1, 0]
