"""Callaway and Sant'Anna against a plain oracle, and what it refuses, leaves out and reports."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import pandas as pd
import pytest

from evalkit.data.calendar import Calendar
from evalkit.data.panel import ColumnNames, Panel
from evalkit.errors import ConfigError, DesignRefused
from evalkit.estimate import Estimate
from evalkit.estimators.callaway_santanna import CallawaySantAnna
from evalkit.uncertainty import Sampling
from evalkit.vocabulary import NEVER, FloatArray, IntArray
from tests.oracle import callaway_santanna as oracle

SAME = 1e-9  # two routes to one number: least squares by cross-products against least squares one cell at a time
EXACT = 1e-12  # the same arithmetic in another order
Choice = Literal["never_treated", "not_yet_treated"]


def panel_of(y: FloatArray, first: IntArray, **more: Any) -> Panel:
    """A panel with periods 0..T-1."""
    return Panel(
        outcome=y,
        time=np.arange(y.shape[1]),
        first_treated=first.astype(np.int64),
        units=pd.RangeIndex(len(y)),
        calendar=Calendar("integer", 0, 1),
        names=ColumnNames("unit", "period", "y"),
        **more,
    )


def draw(seed: int, n: int = 90, periods: int = 6, missing: float = 0.0) -> dict[str, Any]:
    """Random outcomes, cohorts 2, 3, 5 and never, covariates that move over time, weights and clusters."""
    rng = np.random.default_rng(seed)
    first = rng.choice([2, 3, 5, NEVER], size=n, p=[0.25, 0.2, 0.2, 0.35]).astype(np.int64)
    x = rng.standard_normal((n, 1, 2)) + 0.3 * rng.standard_normal((n, periods, 2))
    y = rng.standard_normal((n, 1)) + rng.standard_normal((n, periods)).cumsum(axis=1) + 0.2 * x[:, :, 0]
    y += np.where(np.arange(periods) >= first[:, None], 1.0, 0.0)
    late = rng.random((n, periods)) < missing
    late[:, 0] = False
    y[late] = np.nan
    weight = rng.uniform(0.5, 2.0, (n, periods))
    return {"y": y, "first": first, "x": x, "weight": weight, "cluster": rng.integers(0, 25, n)}


def fit(panel: Panel, **settings: Any) -> Estimate:
    return CallawaySantAnna(**settings).fit(panel, rng=np.random.default_rng(0))


def sampling(estimate: Estimate) -> Sampling:
    assert isinstance(estimate.uncertainty, Sampling)
    return estimate.uncertainty


def ids(estimate: Estimate) -> set[str]:
    return {remark.id for remark in estimate.remarks}


def effects(estimate: Estimate) -> Mapping[tuple[int, int], float]:
    """Effect by cohort and period."""
    cells = estimate.cells
    keys = zip(cells.cohort.tolist(), cells.period.tolist(), strict=True)
    return dict(zip(keys, cells.estimate.tolist(), strict=True))


@pytest.mark.parametrize("method", ["dr", "ipw", "reg"])
@pytest.mark.parametrize("comparison", ["never_treated", "not_yet_treated"])
@pytest.mark.parametrize("base_period", ["varying", "universal"])
@pytest.mark.parametrize("anticipation", [0, 1])
@pytest.mark.promise("second-callaway-santanna")
def test_cells_and_errors_equal_the_plain_formulas_with_weights_covariates_and_clusters(
    method: str, comparison: str, base_period: str, anticipation: int
) -> None:
    data = draw(1)
    settings: dict[str, Any] = {
        "comparison": comparison, "method": method, "base_period": base_period, "anticipation": anticipation
    }  # fmt: skip
    plain = oracle.estimate(
        data["y"], np.minimum(data["first"], oracle.NEVER), covariates=data["x"], weight=data["weight"], **settings
    )
    covariates = {"a": data["x"][:, :, 0], "b": data["x"][:, :, 1]}
    panel = panel_of(
        data["y"], data["first"], covariates=covariates, weight=data["weight"], cluster=data["cluster"].astype(np.int64)
    )
    estimate = fit(panel, covariates=("a", "b"), **settings)
    real = ~estimate.cells.is_reference
    assert list(zip(estimate.cells.cohort[real], estimate.cells.period[real], strict=True)) == plain.cells
    np.testing.assert_allclose(estimate.cells.estimate[real], plain.att, rtol=SAME, atol=SAME)
    table = estimate.to_frame()
    np.testing.assert_allclose(table["std_error"][real], oracle.std_errors(plain, data["cluster"]), rtol=SAME)
    row = estimate.aggregation("overall")
    np.testing.assert_allclose(
        [row.estimate[0], row.std_error[0]], oracle.overall(plain, data["cluster"]), rtol=SAME, atol=SAME
    )


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("comparison", ["never_treated", "not_yet_treated"])
@pytest.mark.promise("second-callaway-santanna")
def test_unbalanced_panels_equal_the_plain_formulas_within_pairs(seed: int, comparison: Choice) -> None:
    data = draw(seed, n=130, missing=0.25)
    x = np.repeat(data["x"][:, :1, :1], 6, axis=1)
    plain = oracle.estimate(
        data["y"], np.minimum(data["first"], oracle.NEVER), covariates=x, comparison=comparison, method="dr"
    )
    estimate = fit(
        panel_of(data["y"], data["first"], covariates={"a": x[:, :, 0]}), covariates=("a",), comparison=comparison
    )
    np.testing.assert_allclose(estimate.cells.estimate, plain.att, rtol=SAME, atol=SAME)
    np.testing.assert_allclose(estimate.to_frame()["std_error"], oracle.std_errors(plain), rtol=SAME)
    row = estimate.aggregation("overall")
    np.testing.assert_allclose([row.estimate[0], row.std_error[0]], oracle.overall(plain), rtol=SAME, atol=SAME)
    assert "unbalanced_within_pairs" in ids(estimate)


def test_without_covariates_the_three_methods_are_differences_of_means() -> None:
    data = draw(3)
    panel = panel_of(data["y"], data["first"])
    tables = [fit(panel, method=method, comparison="never_treated").to_frame() for method in ("dr", "ipw", "reg")]
    for table in tables[1:]:
        np.testing.assert_allclose(table["estimate"], tables[0]["estimate"], rtol=EXACT, atol=EXACT)
        np.testing.assert_allclose(table["std_error"], tables[0]["std_error"], rtol=EXACT)
    y, g = data["y"], data["first"]
    by_hand = (y[g == 3, 4] - y[g == 3, 2]).mean() - (y[g == NEVER, 4] - y[g == NEVER, 2]).mean()
    assert effects(fit(panel, comparison="never_treated"))[3, 4] == pytest.approx(by_hand, rel=EXACT)


@pytest.mark.parametrize("clusters", [False, True])
def test_influence_functions_multiply_to_the_covariance_and_sum_to_zero(clusters: bool) -> None:
    data = draw(4, missing=0.1)
    cluster = data["cluster"].astype(np.int64) if clusters else None
    x = np.repeat(data["x"][:, :1, :1], 6, axis=1)[:, :, 0]
    uncertainty = sampling(
        fit(panel_of(data["y"], data["first"], covariates={"a": x}, cluster=cluster), covariates=("a",))
    )
    assert uncertainty.influence_of is not None
    psi = uncertainty.influence_of()
    assert psi.shape[0] == uncertainty.n_clusters == (25 if clusters else 90)
    np.testing.assert_allclose(psi.T @ psi, uncertainty.covariance, atol=EXACT)
    np.testing.assert_allclose(psi.sum(axis=0), 0.0, atol=EXACT)


def test_influence_rows_follow_the_panel_so_that_a_zero_weight_unit_has_no_influence() -> None:
    data = draw(5)
    weight = data["weight"].copy()
    weight[17] = 0.0
    uncertainty = sampling(fit(panel_of(data["y"], data["first"], weight=weight)))
    assert uncertainty.influence_of is not None
    psi = uncertainty.influence_of()
    n_cells = psi.shape[1] - 3
    assert not psi[17, :n_cells].any()
    assert psi[16, :n_cells].any()


@pytest.mark.promise("law-weight-two")
def test_a_unit_of_weight_two_counts_as_two_units() -> None:
    data = draw(6)
    weight = np.ones_like(data["y"])
    weight[:20] = 2.0
    twice = np.r_[np.arange(90), np.arange(20)]
    a = data["x"][:, :, 0]
    weighted = fit(panel_of(data["y"], data["first"], weight=weight, covariates={"a": a}), covariates=("a",))
    cloned = fit(panel_of(data["y"][twice], data["first"][twice], covariates={"a": a[twice]}), covariates=("a",))
    np.testing.assert_allclose(weighted.cells.estimate, cloned.cells.estimate, rtol=SAME, atol=SAME)
    assert weighted.aggregation("overall").estimate == pytest.approx(cloned.aggregation("overall").estimate, rel=SAME)
    by_count = fit(
        panel_of(data["y"], data["first"], weight=weight, covariates={"a": a}),
        covariates=("a",),
        cohort_shares="by_count",
    )
    np.testing.assert_allclose(by_count.cells.shares, [(data["first"] == g).mean() for g in (2, 3, 5)], rtol=EXACT)
    for estimate, said in ((weighted, "in the first period observed;"), (by_count, "in no period: units are counted;")):
        (remark,) = [each for each in estimate.remarks if each.id == "sampling_weights"]
        assert said in str(remark.text)


@pytest.mark.promise("law-always-treated")
def test_always_treated_units_change_nothing_whatever_their_outcomes() -> None:
    data = draw(7)
    alone = fit(panel_of(data["y"], data["first"]))
    y = np.vstack([data["y"], 1e6 * data["y"][:10]])
    joined = fit(panel_of(y, np.r_[data["first"], np.repeat([0, -4], 5)]))
    np.testing.assert_allclose(alone.cells.estimate, joined.cells.estimate, rtol=EXACT, atol=EXACT)
    for kind in ("overall", "event_study", "cohort", "period"):
        one, two = alone.aggregate(kind), joined.aggregate(kind)
        np.testing.assert_allclose(one["std_error"], two["std_error"], rtol=SAME)
    (remark,) = [remark for remark in joined.remarks if remark.id == "always_treated_excluded"]
    assert remark.treated == 10


@pytest.mark.promise("law-covariate-scale")
def test_a_large_constant_and_the_unit_of_a_covariate_change_nothing() -> None:
    data = draw(8)
    a = data["x"][:, :, 0]
    base = fit(panel_of(data["y"], data["first"], covariates={"a": a}), covariates=("a",)).to_frame()
    moved = fit(
        panel_of(np.round(data["y"], 6) + 1e9, data["first"], covariates={"a": 1e8 * a + 5.0}), covariates=("a",)
    ).to_frame()
    for column in ("estimate", "std_error"):
        # an outcome near 1e9 is stored to 1e-7: that is what rounding it costs, on average over units
        np.testing.assert_allclose(base[column], moved[column], atol=1e-6)


def test_starts_after_the_window_are_comparisons_and_are_reported() -> None:
    data = draw(9)
    never = np.flatnonzero(data["first"] == NEVER)
    first = data["first"].copy()
    first[never[:6]] = 8
    late = fit(panel_of(data["y"], first), comparison="never_treated")
    assert effects(late) == pytest.approx(
        effects(fit(panel_of(data["y"], data["first"]), comparison="never_treated")), rel=EXACT
    )
    assert "treated_after_the_window" in ids(late)


def test_units_that_may_anticipate_within_the_window_are_no_comparison() -> None:
    data = draw(9)
    never = np.flatnonzero(data["first"] == NEVER)
    first = data["first"].copy()
    first[never[:6]] = 6  # starts one period after the last
    with_them = fit(panel_of(data["y"], first), comparison="never_treated", anticipation=1)
    keep = np.setdiff1d(np.arange(90), never[:6])
    without = fit(panel_of(data["y"][keep], first[keep]), comparison="never_treated", anticipation=1)
    assert effects(with_them) == pytest.approx(effects(without), rel=EXACT)
    assert "anticipating_units_not_compared" in ids(with_them)


def test_dropping_incomplete_units_equals_a_panel_without_them() -> None:
    data = draw(10, n=140, missing=0.08)
    complete = ~np.isnan(data["y"]).any(axis=1)
    dropped = fit(panel_of(data["y"], data["first"]), unbalanced="drop_incomplete")
    clean = fit(panel_of(data["y"][complete], data["first"][complete]))
    assert effects(dropped) == pytest.approx(effects(clean), rel=EXACT)
    (remark,) = [remark for remark in dropped.remarks if remark.id == "unbalanced_drop_incomplete"]
    assert remark.treated + remark.comparison == int((~complete).sum())


def test_a_period_missing_for_all_moves_the_base_period_back() -> None:
    data = draw(11)
    keep = np.array([0, 2, 3, 4, 5])  # nobody was observed in period 1
    gap = Panel(
        outcome=data["y"][:, keep],
        time=keep,
        first_treated=data["first"],
        units=pd.RangeIndex(90),
        calendar=Calendar("integer", 0, 1),
        names=ColumnNames("unit", "period", "y"),
    )
    y, g = data["y"], data["first"]
    by_hand = (y[g == 2, 3] - y[g == 2, 0]).mean() - (y[g == NEVER, 3] - y[g == NEVER, 0]).mean()
    assert effects(fit(gap, comparison="never_treated"))[2, 3] == pytest.approx(by_hand, rel=EXACT)


def test_the_universal_base_has_a_reference_cell_of_zero_without_error() -> None:
    data = draw(12)
    estimate = fit(panel_of(data["y"], data["first"]), base_period="universal", comparison="never_treated")
    reference = estimate.cells.is_reference
    assert estimate.cells.event_time[reference].tolist() == [-1, -1, -1]
    assert not estimate.cells.estimate[reference].any()
    assert not estimate.to_frame()["std_error"][reference].any()
    table = estimate.aggregate("event_study")
    assert table.loc[table["event_time"] == -1, "estimate"].item() == 0.0


def test_without_never_treated_units_the_last_cohort_is_comparison_only() -> None:
    data = draw(13)
    treated = data["first"] != NEVER
    panel = panel_of(data["y"][treated], data["first"][treated])
    estimate = fit(panel, comparison="not_yet_treated")
    assert estimate.cells.share_cohorts.tolist() == [2, 3]
    assert estimate.cells.period.max() == 4
    assert {"cohorts_without_comparison", "cells_left_out_no_comparison_units"} <= ids(estimate)
    with pytest.raises(DesignRefused, match="no never-treated units"):
        fit(panel, comparison="never_treated")


def test_collinear_and_constant_covariates_are_dropped_and_reported() -> None:
    data = draw(14)
    a = data["x"][:, :1, 0].repeat(6, axis=1)
    panel = panel_of(
        data["y"], data["first"], covariates={"a": a, "twice": 2.0 * a + 1.0, "same": np.full_like(a, 0.1)}
    )
    alone, many = fit(panel, covariates=("a",)), fit(panel, covariates=("a", "twice", "same"))
    np.testing.assert_allclose(alone.to_frame()["estimate"], many.to_frame()["estimate"], rtol=SAME, atol=SAME)
    np.testing.assert_allclose(alone.to_frame()["std_error"], many.to_frame()["std_error"], rtol=SAME)
    texts = [remark.text for remark in many.remarks if remark.id == "covariate_dropped"]
    assert [text.split("'")[1] for text in texts] == ["twice", "same"]
    assert all("every cell" in text for text in texts)


def test_cells_without_overlap_are_left_out_and_reported() -> None:
    data = draw(15)
    a = np.where(data["first"] == 3, 50.0, 0.0)[:, None] + data["x"][:, :, 0]
    estimate = fit(
        panel_of(data["y"], data["first"], covariates={"a": a}), covariates=("a",), comparison="never_treated"
    )
    assert estimate.cells.share_cohorts.tolist() == [2, 5]
    assert "cells_left_out_no_overlap" in ids(estimate)
    assert np.isfinite(estimate.to_frame()["std_error"]).all()
    assert "no_overlap" not in " ".join(
        ids(fit(panel_of(data["y"], data["first"], covariates={"a": a}), covariates=("a",), method="reg"))
    )


def test_a_covariate_that_only_the_treated_vary_in_leaves_the_cell_out() -> None:
    data = draw(16)
    a = np.where((data["first"] == 3)[:, None], data["x"][:, :, 0], 0.0)
    estimate = fit(panel_of(data["y"], data["first"], covariates={"a": a}), covariates=("a",), method="reg")
    assert 3 not in estimate.cells.share_cohorts
    assert "cells_left_out_covariates_without_support" in ids(estimate)


def test_missing_covariates_leave_units_out_of_the_cells_with_that_base() -> None:
    data = draw(17)
    a = data["x"][:, :, 0].copy()
    a[:5, 1] = np.nan
    panel = panel_of(data["y"], data["first"], covariates={"a": a})
    y = data["y"].copy()
    y[:5, 1] = np.nan
    holed = panel_of(y, data["first"], covariates={"a": data["x"][:, :, 0]})
    left, right = (effects(fit(p, covariates=("a",), comparison="never_treated")) for p in (panel, holed))
    for cell in [(2, 2), (2, 5), (3, 1 + 1)]:  # base period 1
        assert left[cell] == pytest.approx(right[cell], rel=SAME)
    assert left[3, 1] != pytest.approx(right[3, 1], rel=SAME)  # period 1 as outcome, base 0: the units stay
    assert "covariate_missing" in ids(fit(panel, covariates=("a",)))


def test_small_cohorts_are_flagged_and_can_be_left_without_effects() -> None:
    data = draw(18)
    first = data["first"].copy()
    first[np.flatnonzero(first == 5)[1:]] = NEVER
    panel = panel_of(data["y"], first)
    flagged = fit(panel)
    (remark,) = [remark for remark in flagged.remarks if remark.id == "small_cohorts"]
    assert "5 (1)" in remark.text
    without = fit(panel, min_cohort_size=2)
    assert without.cells.share_cohorts.tolist() == [2, 3]
    assert "cohorts_below_minimum_size" in ids(without)


def test_one_comparison_unit_shows_no_spread_and_is_not_enough() -> None:
    data = draw(19)
    keep = np.r_[np.flatnonzero(data["first"] == 2), np.flatnonzero(data["first"] == NEVER)[:1]]
    with pytest.raises(DesignRefused, match="no spread"):
        fit(panel_of(data["y"][keep], data["first"][keep]))


@pytest.mark.parametrize(
    ("first", "message"),
    [([NEVER] * 90, "nothing to estimate"), ([0] * 45 + [NEVER] * 45, "nothing to estimate"), ([3] * 90, "nobody")],
)
def test_designs_without_an_answer_are_refused(first: list[int], message: str) -> None:
    with pytest.raises(DesignRefused, match=message):
        fit(panel_of(draw(20)["y"], np.array(first, dtype=np.int64)))


def test_one_cluster_is_refused_and_few_are_flagged() -> None:
    data = draw(21)
    with pytest.raises(DesignRefused, match="one cluster"):
        fit(panel_of(data["y"], data["first"], cluster=np.zeros(90, dtype=np.int64)))
    assert "few_clusters" in ids(fit(panel_of(data["y"], data["first"], cluster=np.arange(90) % 8)))


def test_few_treated_clusters_are_flagged_however_many_are_compared() -> None:
    data = draw(21)
    treated = data["first"] != NEVER
    cluster = np.where(treated, np.arange(90) % 4, 100 + np.arange(90))
    (remark,) = [
        remark
        for remark in fit(panel_of(data["y"], data["first"], cluster=cluster)).remarks
        if remark.id == "few_treated_clusters"
    ]
    assert "4 clusters" in remark.text
    assert remark.treated == treated.sum()
    assert "few_treated_clusters" not in ids(fit(panel_of(data["y"], data["first"])))


def test_an_unknown_covariate_names_the_nearest() -> None:
    data = draw(22)
    with pytest.raises(ConfigError, match="Did you mean 'income'"):
        fit(panel_of(data["y"], data["first"], covariates={"income": data["y"]}), covariates=("incme",))


def test_a_misspelt_setting_names_what_is_allowed() -> None:
    with pytest.raises(ConfigError, match="'comparison' parameter of CallawaySantAnna must be one of"):
        CallawaySantAnna(comparison="nevr")


@pytest.mark.parametrize("multiplier", ["gaussian", "rademacher", "mammen", "webb"])
def test_multiplier_errors_come_near_the_analytical_ones(multiplier: str) -> None:
    data = draw(23)
    panel = panel_of(data["y"], data["first"])
    analytical = fit(panel).aggregate("overall")["std_error"].item()
    drawn = fit(panel, inference="bootstrap", multiplier=multiplier, n_draws=4_000).aggregate("overall")
    # the interquartile range of 4,000 draws has a relative error of 2 %
    assert drawn["std_error"].item() == pytest.approx(analytical, rel=0.08)


def test_the_panel_is_not_changed_and_the_estimate_can_be_sent_to_another_process() -> None:
    data = draw(24, missing=0.1)
    y = data["y"].copy()
    estimate = fit(panel_of(y, data["first"]))
    np.testing.assert_array_equal(y, data["y"])
    sent: Estimate = pickle.loads(pickle.dumps(estimate))
    np.testing.assert_array_equal(sent.cells.estimate, estimate.cells.estimate)
    assert sent.influence is not None


def test_observed_means_and_counts_are_those_of_the_cell() -> None:
    data = draw(25)
    estimate = fit(panel_of(data["y"], data["first"], weight=data["weight"]), comparison="never_treated")
    cells = estimate.cells
    k = int(np.flatnonzero((cells.cohort == 3) & (cells.period == 5))[0])
    own = data["first"] == 3
    assert cells.observed[k] == pytest.approx(np.average(data["y"][own, 5], weights=data["weight"][own, 2]), rel=EXACT)
    assert cells.n_treated[k] == own.sum()


@pytest.mark.parametrize("clusters", [None, np.array([0, 0, 1, 1])])
def test_a_panel_of_which_no_unit_can_be_kept_is_refused(clusters: IntArray | None) -> None:
    y = np.array([[0.0, np.nan, 1.0], [np.nan, 1.0, 2.0], [1.0, 2.0, np.nan], [np.nan, 0.0, 1.0]])
    panel = panel_of(y, np.array([1, 2, NEVER, NEVER]), cluster=clusters)
    with pytest.raises(DesignRefused, match="nothing to estimate"):
        fit(panel, unbalanced="drop_incomplete")
    with pytest.raises(DesignRefused, match="nothing to estimate"):
        fit(panel_of(y[:2], np.array([0, 1]), cluster=None if clusters is None else clusters[:2]), anticipation=1)


def test_cohorts_too_small_for_effects_are_the_reason_where_none_is_left() -> None:
    data = draw(1)
    small = panel_of(data["y"][:6], np.array([2, 3, 3, NEVER, NEVER, NEVER]))
    with pytest.raises(DesignRefused, match="smaller than min_cohort_size"):
        CallawaySantAnna(min_cohort_size=3).fit(small, rng=np.random.default_rng(0))


@pytest.mark.parametrize(("base", "said"), [("varying", "previous"), ("universal", "reference")])
def test_an_estimate_says_what_its_leads_are_compared_with(base: str, said: str) -> None:
    data = draw(1)
    assert fit(panel_of(data["y"], data["first"]), base_period=base).leads_from == said


def test_always_treated_units_are_not_counted_among_those_with_gaps() -> None:
    data = draw(1)
    y, first = data["y"].copy(), data["first"].copy()
    first[:5] = 0
    y[:7, 3] = np.nan
    (remark,) = [each for each in fit(panel_of(y, first)).remarks if each.id == "unbalanced_within_pairs"]
    assert str(remark.text).startswith("2 of 85 units are not observed in every period")


def test_cells_left_out_are_counted_by_reason() -> None:
    data = draw(15)
    treated = data["first"] != NEVER
    a = np.where(data["first"] == 3, 50.0, 0.0)[:, None] + data["x"][:, :, 0]
    panel = panel_of(data["y"][treated], data["first"][treated], covariates={"a": a[treated]})
    estimate = fit(panel, covariates=("a",))
    told = {
        each.id: int(str(each.text).split()[0]) for each in estimate.remarks if each.id.startswith("cells_left_out")
    }
    assert set(told) == {"cells_left_out_no_overlap", "cells_left_out_no_comparison_units"}
    assert sum(told.values()) == estimate.facts["cells_left_out"]
    alone = fit(panel_of(data["y"][treated], data["first"][treated]))
    assert told["cells_left_out_no_comparison_units"] == alone.facts["cells_left_out"]
