"""Two-way fixed effects: against dummies by hand, against linearmodels' own errors, and its refusals."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evalkit.data.panel import Panel
from evalkit.errors import ConfigError, DesignRefused
from evalkit.estimate import Estimate
from evalkit.estimators.two_way_fixed_effects import TwoWayFixedEffects
from evalkit.testing.simulate import StaggeredDesign, simulate_staggered

EXACT = 1e-8  # two exact least-squares routes on a few hundred rows


def frame(seed: int = 1, **settings: Any) -> pd.DataFrame:
    made = simulate_staggered(StaggeredDesign(n_units=60, n_periods=7, growth=0.4, **settings), seed).frame
    return made.assign(w=1.0 + (made["unit"] % 4))


def panel(data: pd.DataFrame, **columns: Any) -> Panel:
    return Panel.from_frame(
        data, unit="unit", period="period", outcome="y", cohort="cohort", covariates=["x"], **columns
    )


def fit(made: Panel, **settings: Any) -> Estimate:
    return TwoWayFixedEffects(**settings).fit(made, rng=np.random.default_rng(0))


def dummies(data: pd.DataFrame) -> pd.DataFrame:
    design = pd.get_dummies(data[["unit", "period"]].astype(str), drop_first=True, dtype=float)
    treated = ((data["cohort"] > 0) & (data["period"] >= data["cohort"])).astype(float)
    return design.assign(const=1.0, treated=treated)


@pytest.mark.parametrize("missing", [0.0, 0.25])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.promise("second-two-way-fixed-effects")
def test_static_effect_and_error_equal_least_squares_with_dummies(missing: float, weighted: bool) -> None:
    import statsmodels.api as sm

    data = frame(missing=missing)
    made = fit(panel(data, weight="w" if weighted else None)).aggregation("overall")
    model = sm.WLS(data["y"], dummies(data), weights=data["w"] if weighted else 1.0)
    groups = data["unit"].to_numpy()
    plain = model.fit(cov_type="cluster", cov_kwds={"groups": groups, "use_correction": False})
    n, clusters = len(data), data["unit"].nunique()
    parameters = 1 + data["period"].nunique()
    correction = clusters / (clusters - 1) * (n - 1) / (n - parameters)
    np.testing.assert_allclose(made.estimate[0], plain.params["treated"], rtol=EXACT)
    np.testing.assert_allclose(made.std_error[0], plain.bse["treated"] * np.sqrt(correction), rtol=EXACT)
    assert made.degrees_of_freedom == clusters - 1


def test_unadjusted_errors_equal_ordinary_least_squares_with_dummies() -> None:
    import statsmodels.api as sm

    data = frame()
    plain = sm.OLS(data["y"], dummies(data)).fit()
    made = fit(panel(data), errors="unadjusted").aggregation("overall")
    np.testing.assert_allclose(made.std_error[0], plain.bse["treated"], rtol=EXACT)


def test_errors_equal_those_of_linearmodels_when_it_does_not_count_nested_effects() -> None:
    from linearmodels.panel import PanelOLS

    data = frame()
    indexed = data.set_index(["unit", "period"])
    treated = dummies(data)["treated"].to_numpy()
    model = PanelOLS(
        indexed["y"], pd.DataFrame({"d": treated}, index=indexed.index), entity_effects=True, time_effects=True
    )
    fitted = model.fit(
        cov_type="clustered", cluster_entity=True, auto_df=False, count_effects=False, group_debias=True, debiased=True
    )
    made = fit(panel(data)).aggregation("overall")
    n, periods = len(data), data["period"].nunique()
    counted = np.sqrt((n - 1) / (n - 1 - periods) * (n - 1) / n)  # linearmodels: n / (n - k), no period effects
    np.testing.assert_allclose(made.std_error[0] / float(fitted.std_errors.iloc[0]), counted, rtol=2e-3)


@pytest.mark.promise("second-two-way-fixed-effects")
def test_event_study_equals_dummies_with_the_reference_left_out() -> None:
    import statsmodels.api as sm

    data = frame()
    relative = (data["period"] - data["cohort"]).where(data["cohort"] > 0)
    design = dummies(data).drop(columns="treated")
    for e in sorted(relative.dropna().unique()):
        if e != -1:
            design[f"e{int(e)}"] = (relative == e).astype(float)
    plain = sm.OLS(data["y"], design).fit()
    rows = fit(panel(data)).aggregation("event_study")
    for label, value in zip(rows.labels, rows.estimate, strict=True):
        expected = 0.0 if label == -1 else plain.params[f"e{label}"]
        np.testing.assert_allclose(value, expected, atol=EXACT)
    assert rows.is_reference.tolist() == (rows.labels == -1).tolist()


def test_clusters_above_the_unit_are_summed() -> None:
    import statsmodels.api as sm

    data = frame()
    made = fit(panel(data, cluster="cluster"))
    plain = sm.OLS(data["y"], dummies(data)).fit(
        cov_type="cluster", cov_kwds={"groups": data["cluster"].to_numpy(), "use_correction": False}
    )
    clusters, n = data["cluster"].nunique(), len(data)
    correction = clusters / (clusters - 1) * (n - 1) / (n - 1 - data["period"].nunique())
    overall = made.aggregation("overall")
    np.testing.assert_allclose(overall.std_error[0], plain.bse["treated"] * np.sqrt(correction), rtol=EXACT)
    assert made.influence is not None
    assert made.influence.shape[0] == clusters


@pytest.mark.promise("law-covariate-scale", "law-unit-constant-covariate")
def test_a_covariate_in_other_units_changes_nothing_and_one_without_change_over_time_is_reported() -> None:
    data = frame().assign(z=lambda f: np.sin(f["unit"] * 3.0 + f["period"]))
    columns: dict[str, Any] = {"unit": "unit", "period": "period", "outcome": "y", "cohort": "cohort"}
    one = fit(Panel.from_frame(data, **columns, covariates=["z", "x"]), covariates=("z", "x"))
    big = fit(Panel.from_frame(data.assign(z=data["z"] * 1e8), **columns, covariates=["z", "x"]), covariates=("z", "x"))
    np.testing.assert_allclose(one.aggregation("overall").estimate, big.aggregation("overall").estimate, rtol=EXACT)
    np.testing.assert_allclose(one.aggregation("overall").std_error, big.aggregation("overall").std_error, rtol=EXACT)
    absorbed = next(remark.text for remark in one.remarks if remark.id == "covariates_absorbed")
    assert absorbed.endswith("out: 'x'.")


def test_staggered_roll_out_names_the_share_of_forbidden_comparisons() -> None:
    made = fit(panel(frame()))
    share = made.facts["forbidden_share"]
    assert 0.0 < share < 0.5
    assert f"{100 * share:.0f} %" in next(r.text for r in made.remarks if r.id == "forbidden_comparisons")


def test_one_start_has_no_forbidden_comparisons_and_no_warning() -> None:
    made = fit(panel(frame(cohorts={4: 0.5})))
    assert made.facts["forbidden_share"] == 0.0
    assert not [remark for remark in made.remarks if remark.id == "forbidden_comparisons"]


@pytest.mark.promise("law-anticipation")
def test_anticipation_moves_the_reference_and_leaves_its_rows_out_of_the_overall_effect() -> None:
    made = fit(panel(frame()), anticipation=1)
    rows = made.aggregation("event_study")
    assert rows.labels[rows.is_reference].tolist() == [-2]
    assert any(remark.id == "anticipation_rows" for remark in made.remarks)


def test_without_never_treated_units_a_second_reference_is_named() -> None:
    made = fit(panel(frame(cohorts={4: 0.5, 6: 0.5})))
    assert any(remark.id == "second_reference" for remark in made.remarks)


def test_treatment_that_effects_absorb_is_refused() -> None:
    with pytest.raises(DesignRefused, match="Treatment does not vary"):
        fit(panel(frame(cohorts={4: 1.0})))


def test_one_cluster_is_refused() -> None:
    one = dataclasses.replace(panel(frame()), cluster=np.zeros(60, dtype=np.int64))
    with pytest.raises(DesignRefused, match="one cluster"):
        fit(one)


def test_an_unknown_covariate_is_refused_with_the_closest_name() -> None:
    data = frame().rename(columns={"x": "income"})
    made = Panel.from_frame(data, unit="unit", period="period", outcome="y", cohort="cohort", covariates=["income"])
    with pytest.raises(ConfigError, match="Did you mean 'income'"):
        fit(made, covariates=("incme",))


def test_a_wrong_setting_is_refused_with_what_is_allowed() -> None:
    with pytest.raises(ConfigError, match=r"must be one of .'clustered', .* Got 'clusterd'"):
        TwoWayFixedEffects(errors="clusterd")
    with pytest.raises(ConfigError, match="Did you mean 'anticipation'"):
        TwoWayFixedEffects(**{"anticipaton": 1})


@pytest.mark.parametrize("grouped", [False, True])
def test_always_treated_units_have_no_part_in_the_level_of_the_treated(grouped: bool) -> None:
    frame = simulate_staggered(StaggeredDesign(n_units=30, n_periods=6, cohorts={1: 0.3, 4: 0.4}), 2).frame
    frame.loc[frame["cohort"] == 1, "y"] += 100.0
    key: dict[str, Any] = {"group" if grouped else "unit": "unit"}
    panel = Panel.from_frame(frame, **key, period="period", outcome="y", cohort="cohort")
    estimate = TwoWayFixedEffects().fit(panel, rng=np.random.default_rng(0))
    treated = frame[(frame["cohort"] == 4) & (frame["period"] >= 4)]
    overall, study = estimate.aggregation("overall"), estimate.aggregation("event_study")
    np.testing.assert_allclose(overall.observed, treated["y"].mean())
    np.testing.assert_allclose(study.observed[study.labels >= 0], treated.groupby("period")["y"].mean())
    assert study.n_treated[study.labels >= 0].tolist() == [12, 12, 12]


def test_an_event_study_without_its_reference_or_with_one_untreated_period_is_refused() -> None:
    data = frame(cohorts={6: 0.5})
    unseen = data[(data["cohort"] == 0) | (data["period"] != 2)]
    with pytest.raises(DesignRefused, match="observed at event time -4"):
        fit(panel(unseen), anticipation=3)
    second = data[data["cohort"] > 0].assign(cohort=lambda rows: 2 + rows["unit"] % 2)
    early = second[second["period"] >= second["cohort"] - 1]
    with pytest.raises(DesignRefused, match="one untreated period only"):
        fit(panel(early))
