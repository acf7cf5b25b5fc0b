"""What `bayesian_did` refuses, reports and keeps."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evalkit.data.panel import Panel
from evalkit.errors import ConfigError, DataError, DesignRefused, EstimationFailed
from evalkit.estimate import Estimate
from evalkit.estimators import bayesian_did
from evalkit.estimators.bayesian_did import BayesianDid
from evalkit.testing.simulate import StaggeredDesign, simulate_staggered
from evalkit.uncertainty import Posterior
from evalkit.vocabulary import FloatArray

MCSE = 4.0  # Monte Carlo standard errors that a fixed-seed mean may stray


def frame(seed: int = 1, **design: Any) -> pd.DataFrame:
    settings: dict[str, Any] = {"n_units": 60, "n_periods": 8, "noise": 0.5, **design}
    return simulate_staggered(StaggeredDesign(**settings), seed).frame


def panel_of(df: pd.DataFrame, **columns: Any) -> Panel:
    return Panel.from_frame(df, unit="unit", period="period", outcome="y", cohort="cohort", **columns)


def fit(panel: Panel, seed: int = 0, **settings: Any) -> Estimate:
    return BayesianDid(**settings).fit(panel, rng=np.random.default_rng(seed))


def posterior(estimate: Estimate) -> Posterior:
    assert isinstance(estimate.uncertainty, Posterior)
    return estimate.uncertainty


def treated_draws(estimate: Estimate) -> FloatArray:
    return posterior(estimate).draws[:, estimate.cells.event_time >= 0]


def remark_ids(estimate: Estimate) -> set[str]:
    return {remark.id for remark in estimate.remarks}


def test_cells_carry_counts_observed_means_and_shares() -> None:
    df = frame()
    estimate = fit(panel_of(df))
    table = estimate.to_frame()
    first = table[table["event_time"] == 0].iloc[0]
    inside = df[(df["cohort"] == first["cohort"]) & (df["period"] == first["period"])]
    assert first["n_treated"] == len(inside)
    position = int(np.flatnonzero(estimate.cells.event_time == 0)[0])
    assert estimate.cells.observed[position] == pytest.approx(inside["y"].mean())
    sizes = df[df["cohort"] > 0].groupby("cohort")["unit"].nunique()
    np.testing.assert_allclose(estimate.cells.shares, sizes / df["unit"].nunique())
    np.testing.assert_allclose(estimate.cells.estimate, posterior(estimate).draws.mean(axis=0))


def test_the_exact_engine_passes_the_gates_with_independent_draws() -> None:
    figures = posterior(fit(panel_of(frame()))).sampler
    assert (figures.engine, figures.divergences) == ("exact", 0)
    assert figures.rhat_max < 1.01
    assert min(figures.ess_bulk_min, figures.ess_tail_min) > 2_000


def test_leads_do_not_move_the_effects() -> None:
    panel = panel_of(frame())
    np.testing.assert_array_equal(treated_draws(fit(panel)), treated_draws(fit(panel, leads=False)))


def test_leads_can_be_left_out() -> None:
    estimate = fit(panel_of(frame()), leads=False)
    assert (estimate.cells.event_time >= 0).all()
    assert "leads_from_untreated_rows" not in remark_ids(estimate)


def test_a_trend_before_treatment_shows_in_the_leads() -> None:
    table = fit(panel_of(frame(trend_gap=0.5))).aggregate("event_study")
    before = table[table["event_time"] < 0]
    assert (np.diff(before["estimate"]) > 0.2).all()


def test_anticipation_is_reported_and_not_counted_as_effect() -> None:
    df = frame()
    estimate = fit(panel_of(df), anticipation=1)
    table = estimate.to_frame()
    anticipated = table[table["event_time"] == -1]
    assert len(anticipated) == 2
    assert set(estimate.aggregate("event_study")["event_time"]) >= {-1, 0}
    assert abs(anticipated["estimate"]).max() < MCSE * anticipated["std_error"].max()


def test_a_missing_outcome_is_no_parameter() -> None:
    df = frame(missing=0.2)
    estimate = fit(panel_of(df))
    assert estimate.n_observations == df["y"].notna().sum()
    assert np.isfinite(posterior(estimate).draws).all()


def test_a_covariate_that_drives_the_outcome_sharpens_the_effect() -> None:
    df = frame()
    rng = np.random.default_rng(5)
    df["rain"] = rng.standard_normal(len(df))
    df["y"] += 3.0 * df["rain"]
    panel = panel_of(df, covariates=["rain"])
    without, with_it = (fit(panel, covariates=names).aggregation("overall") for names in ((), ("rain",)))
    assert with_it.std_error[0] < 0.4 * without.std_error[0]


@pytest.mark.promise("law-unit-constant-covariate")
def test_a_covariate_constant_within_units_changes_nothing_and_is_reported() -> None:
    df = frame()
    df["size"] = df.groupby("unit")["y"].transform("first")
    panel = panel_of(df, covariates=["size"])
    estimate = fit(panel, covariates=("size",))
    np.testing.assert_allclose(treated_draws(estimate), treated_draws(fit(panel)), rtol=1e-9)
    assert "constant_covariates" in remark_ids(estimate)


def test_pooling_pulls_cells_together() -> None:
    panel = panel_of(frame(noise=3.0, n_units=24))
    partial, none = (treated_draws(fit(panel, pooling=kind)).mean(axis=0) for kind in ("partial", "none"))
    assert partial.std() < 0.8 * none.std()


def test_independent_errors_are_narrower_than_autoregressive_ones_on_autocorrelated_data() -> None:
    panel = panel_of(frame(autocorrelation=0.8))
    iid, ar1 = (fit(panel, errors=kind).aggregation("overall").std_error[0] for kind in ("iid", "ar1"))
    assert iid < 0.9 * ar1


@pytest.mark.promise("law-prior-only")
def test_the_prior_alone_ignores_the_outcome() -> None:
    df = frame()
    first = fit(panel_of(df), prior_only=True)
    other = fit(panel_of(df.assign(y=frame(seed=2)["y"])), prior_only=True)
    ratio = treated_draws(first) / treated_draws(other)
    np.testing.assert_allclose(ratio, ratio[0, 0])  # the residual sd alone differs, as the unit of all priors
    assert posterior(first).sampler.engine == "prior"
    assert "prior_only" in remark_ids(first)


@pytest.mark.promise("law-prior-only")
def test_the_prior_of_a_count_model_is_on_the_log_scale() -> None:
    panel = panel_of(frame())
    draws = treated_draws(fit(panel, prior_only=True, family="poisson"))
    assert np.quantile(np.abs(draws), 0.5) == pytest.approx(0.6745 * 2.5, rel=0.15)


def test_parameters_are_saved_by_chain_and_draw() -> None:
    parameters = posterior(fit(panel_of(frame()))).parameters
    assert set(parameters) == {"sigma", "rho", "sd_event_time", "sd_cohort", "sd_cell"}
    assert {value.shape for value in parameters.values()} == {(1, 6_000)}


def test_sampling_weights_are_refused_and_constant_ones_are_none() -> None:
    df = frame()
    df["w"] = 2.0
    plain, constant = fit(panel_of(df)), fit(panel_of(df, weight="w"))
    np.testing.assert_array_equal(treated_draws(plain), treated_draws(constant))
    df["w"] = np.where(df["unit"] == df["unit"].iloc[0], 3.0, 1.0)
    with pytest.raises(DesignRefused, match="no sampling weights"):
        fit(panel_of(df, weight="w"))


def test_clusters_above_units_are_reported() -> None:
    df = frame()
    df["region"] = df["unit"].rank(method="dense") % 6
    assert "clusters_above_units" in remark_ids(fit(panel_of(df, cluster="region")))


def test_never_treated_comparison_needs_never_treated_units() -> None:
    df = frame()
    panel = panel_of(df[df["cohort"] > 0])
    with pytest.raises(DesignRefused, match="no never-treated unit"):
        fit(panel, comparison="never_treated")
    assert "periods_without_comparison" in remark_ids(fit(panel))


def test_a_panel_without_untreated_units_is_refused() -> None:
    df = frame()
    late = int(df["cohort"].max())
    with pytest.raises(DesignRefused, match="Effects cannot be estimated"):
        fit(panel_of(df[df["cohort"] == late]))


def test_an_outcome_that_unit_and_period_effects_explain_wholly_fails_with_a_next_step() -> None:
    df = frame()
    df["y"] = df["unit"].rank(method="dense") * 0.1 + np.sin(df["period"])
    with pytest.raises(EstimationFailed, match="does not vary"):
        fit(panel_of(df))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"family": "poisson", "engine": "exact"}, "has no exact engine"),
        ({"family": "student_t", "errors": "ar1"}, "does not have"),
        ({"covariates": ("incme",)}, "not in the panel"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        fit(panel_of(frame()), **settings)


def test_an_unknown_family_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="negative_binomial"):
        BayesianDid(family="gausian")


def test_counts_must_be_counts_and_the_first_wrong_row_is_named() -> None:
    df = frame().assign(y=4.0)
    row = df.index[10]
    df.loc[row, "y"] = 2.5
    with pytest.raises(
        DataError, match=rf"needs counts.*unit '{df.loc[row, 'unit']}' in period {df.loc[row, 'period']}"
    ):
        fit(panel_of(df), family="poisson")


def test_exposure_must_be_positive() -> None:
    panel = panel_of(frame().assign(y=np.arange(480) % 7))
    exposure = np.ones_like(panel.outcome)
    exposure[3, 2] = 0.0
    with pytest.raises(DataError, match=f"Exposure must be a positive number.*unit '{panel.units[3]}'"):
        fit(replace(panel, exposure=exposure), family="negative_binomial")


@functools.cache
def places() -> tuple[Estimate, pd.Series]:
    """Fitted with a deviation for each treated unit, and the true effects."""
    df, own = with_places()
    return fit(panel_of(df), sites=True), own


def with_places(seed: int = 1, spread: float = 1.5) -> tuple[pd.DataFrame, pd.Series]:
    """A frame in which each treated unit has an effect of its own, and these effects."""
    df = frame(seed)
    units = np.sort(df.loc[df["cohort"] > 0, "unit"].unique())
    own = pd.Series(1.0 + spread * np.random.default_rng(seed).standard_normal(len(units)), index=units)
    treated = (df["cohort"] > 0) & (df["period"] >= df["cohort"])
    df["y"] += treated * (df["unit"].map(own).fillna(0.0) - 1.0)
    return df, own


def test_each_place_has_an_effect_of_its_own_pulled_towards_that_of_all() -> None:
    df, (estimate, own) = with_places()[0], places()
    table = estimate.aggregate("unit").set_index("label")
    assert set(table.index) == {str(unit) for unit in own.index}
    truth = own.set_axis([str(unit) for unit in own.index])[table.index]
    assert np.corrcoef(table["estimate"], truth)[0, 1] > 0.9
    assert ((table["low"] <= truth) & (truth <= table["high"])).mean() > 0.85
    after = df[(df["cohort"] > 0) & (df["period"] >= df["cohort"])]
    raw = after.groupby("unit")["y"].mean() - df[df["cohort"] > df["period"]].groupby("unit")["y"].mean()
    assert table["estimate"].std() < raw.std()
    assert estimate.cells.unit is not None
    assert estimate.aggregation("overall").n_treated.tolist() == [len(own)]
    assert "sites_pooled" in remark_ids(estimate)


def test_the_effects_of_places_average_to_the_overall_effect() -> None:
    estimate, _ = places()
    cells = estimate.cells
    assert cells.unit is not None
    after = cells.event_time >= 0
    mean = posterior(estimate).draws[:, after].mean(axis=1)
    np.testing.assert_allclose(estimate.aggregation("overall").draws[:, 0], mean, rtol=1e-9)  # type: ignore[index]


def test_a_new_place_is_less_certain_than_the_mean_of_those_seen() -> None:
    estimate, _ = places()
    overall = estimate.aggregation("overall")
    assert estimate.facts["new_place_sd"] > 3.0 * overall.std_error[0]
    assert abs(estimate.facts["new_place_effect"] - overall.estimate[0]) < 0.3
    assert estimate.facts["new_place_low"] < 0.0 < estimate.facts["new_place_high"]
    assert 0.5 < estimate.facts["new_place_p_above_0"] < 0.95


def test_places_alike_are_pooled_to_one_effect() -> None:
    df, _ = with_places(spread=0.0)
    table = fit(panel_of(df), sites=True).aggregate("unit")
    assert table["estimate"].std() < 0.15


def test_subgroups_have_effects_of_their_own_and_a_difference_drawn_jointly() -> None:
    df = frame()
    df["coast"] = df["unit"].rank(method="dense") % 2
    treated = (df["cohort"] > 0) & (df["period"] >= df["cohort"])
    df["y"] += 2.0 * (treated & (df["coast"] == 1))
    estimate = fit(panel_of(df, covariates=["coast"]), subgroup="coast", covariates=("coast",))
    facts = estimate.facts
    assert facts["coast_1_less_0_effect"] == pytest.approx(facts["coast_1_effect"] - facts["coast_0_effect"], rel=1e-9)
    assert abs(facts["coast_1_less_0_effect"] - 2.0) < MCSE * facts["coast_1_less_0_sd"]
    assert facts["coast_1_less_0_p_above_0"] > 0.99
    plain = fit(panel_of(df))
    assert len(estimate.cells) == len(plain.cells)
    np.testing.assert_array_equal(estimate.cells.n_treated, plain.cells.n_treated)
    assert "constant_covariates" not in remark_ids(estimate)


def test_a_subgroup_must_be_constant_within_units_and_have_few_values() -> None:
    df = frame()
    df["many"], df["moving"] = df["unit"].rank(method="dense"), df["period"] % 2
    panel = panel_of(df, covariates=["many", "moving"])
    with pytest.raises(DesignRefused, match=r"has .* values among treated units"):
        fit(panel, subgroup="many")
    with pytest.raises(DataError, match="must not vary within a unit"):
        fit(panel, subgroup="moving")


def test_known_standard_errors_make_precise_outcomes_count_more() -> None:
    df = frame(n_units=40)
    rng = np.random.default_rng(3)
    df["se"] = np.where(df["unit"].rank(method="dense") % 2 == 0, 0.1, 4.0)
    df["y"] += df["se"] * rng.standard_normal(len(df))
    panel = panel_of(df, covariates=["se"])
    known, ignored = (
        fit(panel, standard_error=name, covariates=("se",), leads=False).aggregation("overall") for name in ("se", None)
    )
    assert known.std_error[0] < 0.7 * ignored.std_error[0]
    assert abs(known.estimate[0] - 1.0) < MCSE * known.std_error[0]


def test_standard_errors_of_0_change_nothing_but_the_unit_of_the_prior_of_sigma() -> None:
    df = frame(n_units=30)
    df["se"] = 0.0
    panel = panel_of(df, covariates=["se"])
    noisy, plain = (fit(panel, standard_error=name, leads=False).aggregation("overall") for name in ("se", None))
    assert noisy.estimate[0] == pytest.approx(plain.estimate[0], abs=0.1 * plain.std_error[0])
    assert noisy.std_error[0] == pytest.approx(plain.std_error[0], rel=0.1)


def test_a_negative_standard_error_is_refused_with_its_row() -> None:
    df = frame()
    df["se"] = 1.0
    df.loc[df.index[7], "se"] = -1.0
    with pytest.raises(DataError, match=r"'se' must be a standard error"):
        fit(panel_of(df, covariates=["se"]), standard_error="se")


def persons_of(df: pd.DataFrame, each: int, seed: int = 0) -> Panel:
    """Each row of a panel as several persons of a group."""
    rng = np.random.default_rng(seed)
    people = df.loc[df.index.repeat(each)].reset_index(drop=True)
    people["y"] += rng.standard_normal(len(people))
    return Panel.from_frame(people, group="unit", period="period", outcome="y", cohort="cohort")


def test_repeated_cross_sections_are_summed_by_group_and_period() -> None:
    estimate = fit(persons_of(frame(n_units=18), each=20), leads=False)
    overall = estimate.aggregation("overall")
    assert abs(overall.estimate[0] - 1.0) < MCSE * overall.std_error[0]
    assert estimate.facts["omega"] == pytest.approx(1.0, abs=0.05)
    assert estimate.facts["sigma"] == pytest.approx(0.5, abs=0.15)
    assert estimate.n_observations == 18 * 8 * 20
    assert estimate.cells.n_treated.max() == 6 * 20
    assert {"persons_summed"} <= remark_ids(estimate)


def test_groups_with_one_row_a_period_are_sent_to_the_panel() -> None:
    with pytest.raises(DesignRefused, match="panel of groups"):
        fit(persons_of(frame(n_units=30), each=1))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"standard_error": "se", "family": "poisson"}, "is for Gaussian outcomes"),
        ({"standard_error": "se", "engine": "nuts"}, "exact engine alone"),
        ({"standard_error": "se", "prior_only": True}, "prior_only"),
    ],
)
def test_noise_of_known_variance_has_one_engine(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        fit(panel_of(frame().assign(se=1.0), covariates=["se"]), **settings)


def test_the_prior_alone_gives_places_deviations_too() -> None:
    estimate = fit(panel_of(frame()), sites=True, prior_only=True)
    assert estimate.aggregation("unit").std_error.min() > estimate.facts["sd_site"] / 2.0


def shares(seed: int = 3, effect: float = -0.5) -> pd.DataFrame:
    """Successes out of 200 in 24 places and 8 periods, with an effect on the log odds."""
    df = frame(seed, n_units=24, noise=1e-9)
    rng = np.random.default_rng(seed)
    level = 0.4 * rng.standard_normal(24)[df["unit"].rank(method="dense").astype(int) - 1]
    treated = (df["cohort"] > 0) & (df["period"] >= df["cohort"])
    odds = np.exp(-1.0 + level + effect * treated)
    return df.assign(trials=200, y=rng.binomial(200, odds / (1.0 + odds)))


def test_effects_on_shares_are_percentage_points_with_the_odds_ratio_as_fact() -> None:
    df = shares()
    estimate = fit(panel_of(df, exposure="trials"), family="binomial")
    overall = estimate.aggregation("overall")
    treated = df[(df["cohort"] > 0) & (df["period"] >= df["cohort"])]
    share = 100.0 * (treated["y"] / treated["trials"]).mean()
    assert overall.observed[0] == pytest.approx(share, rel=0.02)
    without = 1.0 / (1.0 + (100.0 / share - 1.0) * np.exp(-0.5)) * 100.0
    assert abs(overall.estimate[0] - (share - without)) < MCSE * overall.std_error[0]
    assert estimate.facts["odds_ratio_low"] < np.exp(-0.5) < estimate.facts["odds_ratio_high"]
    assert "log_link" not in estimate.facts
    assert posterior(estimate).sampler.engine == "importance"
    assert posterior(estimate).sampler.ess_bulk_min > 400
    leads = estimate.aggregate("event_study").query("event_time < 0")
    assert (abs(leads["estimate"]) < MCSE * leads["std_error"]).all()


def test_shares_by_place_average_to_the_overall_effect() -> None:
    estimate = fit(panel_of(shares(), exposure="trials"), family="binomial", sites=True, leads=False)
    assert len(estimate.aggregate("unit")) == 16
    mean = posterior(estimate).draws.mean(axis=1)
    overall = estimate.aggregation("overall").draws
    assert overall is not None
    np.testing.assert_allclose(overall[:, 0], mean, rtol=1e-9)
    assert "new_place_log_odds_effect" in estimate.facts


def test_shares_need_trials_no_fewer_than_successes() -> None:
    df = shares()
    with pytest.raises(ConfigError, match="no exposure"):
        fit(panel_of(df), family="binomial")
    df.loc[df.index[4], "trials"] = 1
    with pytest.raises(DataError, match="no fewer than the successes"):
        fit(panel_of(df, exposure="trials"), family="binomial")


def test_counts_need_no_chain() -> None:
    df = shares().assign(y=lambda d: np.random.default_rng(0).poisson(0.2 * d["trials"]))
    estimate = fit(panel_of(df), family="negative_binomial", leads=False)
    figures = posterior(estimate).sampler
    assert (figures.engine, figures.divergences) == ("importance", 0)
    assert abs(estimate.aggregation("overall").estimate[0]) < 0.1
    assert estimate.facts["log_link"] == 1.0


def counted_panel() -> Panel:
    data = frame()
    counts = np.random.default_rng(0).poisson(6.0, len(data)).astype(float)
    return panel_of(data.assign(y=counts))


class Sampled(Exception):
    """The sampler was asked."""


def test_counts_whose_weights_cannot_be_relied_on_are_sampled_as_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sampler reads the counts themselves and their exposure."""
    asked: dict[str, Any] = {}

    def sample(**settings: Any) -> None:
        asked.update(settings)
        raise Sampled

    monkeypatch.setattr(BayesianDid, "_weighted", lambda *_: None)
    monkeypatch.setattr(bayesian_did, "sample_effects", sample)
    made = counted_panel()
    with pytest.raises(Sampled):
        fit(made, family="poisson", draws=100)
    assert asked["family"] == "poisson"
    assert sorted(asked["counts"][~np.isnan(asked["counts"])]) == sorted(made.outcome[~np.isnan(made.outcome)])
    assert (asked["offset"] == 0.0).all()


def test_leads_of_counts_need_no_chain_either(monkeypatch: pytest.MonkeyPatch) -> None:
    def sample(**_: Any) -> None:
        raise Sampled

    monkeypatch.setattr(bayesian_did, "sample_effects", sample)
    monkeypatch.setattr(bayesian_did, "sample_leads", sample)
    data = frame(n_units=20, n_periods=6)
    counts = panel_of(data.assign(y=np.random.default_rng(0).poisson(6.0, len(data)).astype(float)))
    estimate = fit(counts, family="poisson", draws=100)
    assert (estimate.cells.event_time < -1).any()
    with pytest.raises(Sampled):
        fit(counts, family="poisson", draws=100, engine="nuts")


def test_periods_in_which_units_may_anticipate_are_not_before() -> None:
    made = panel_of(frame(n_units=20))
    found = posterior(fit(made, anticipation=1, leads=False)).predictive
    assert found is not None
    starts = made.first_treated[found.series]
    np.testing.assert_array_equal(found.before, found.period < starts - 1)
    assert (found.before != (found.period < starts)).any()
