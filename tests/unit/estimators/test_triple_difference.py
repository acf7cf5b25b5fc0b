"""Triple differences against plain comparisons and least squares with a triple interaction, and at their limits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

import evalkit as ek
from evalkit.errors import DesignRefused
from evalkit.estimate import Estimate
from evalkit.estimators.triple_difference import TripleDifference
from evalkit.numerics.triple_difference import Combination
from evalkit.testing.check import check_estimator
from evalkit.testing.simulate import StaggeredDesign, simulate_staggered
from evalkit.uncertainty import Sampling
from evalkit.vocabulary import NEVER
from tests.oracle import triple_difference as oracle
from tests.staggered_worlds import World, draw

ALGEBRA = 1e-11
EFFECT = 1e-8  # the oracle's logit stops at a gradient of 1e-12
DERIVATIVE = 1e-6  # of the oracle's difference quotient, relative


def fit(panel: ek.Panel, **settings: Any) -> Estimate:
    return TripleDifference(**settings).fit(panel, rng=np.random.default_rng(0))


def sampling(estimate: Estimate) -> Sampling:
    assert isinstance(estimate.uncertainty, Sampling)
    return estimate.uncertainty


def remark(estimate: Estimate, name: str) -> str:
    (found,) = [remark.text for remark in estimate.remarks if remark.id == name]
    return found


def small(seed: int = 0, holes: float = 0.0) -> tuple[World, ek.Panel, np.ndarray[Any, np.dtype[np.bool_]]]:
    """64 units that start in 3, 4, 6 or never, every other four of them eligible; x of the first period."""
    world = draw(seed, n=64, holes=holes)
    eligible = np.arange(64) // 4 % 2 == 0
    panel = world.panel(weighted=True, clustered=True)
    world.x[:, 0, 0] += 0.4 * eligible - 0.3 * world.first  # as drawn, x leaves starters and others no overlap
    fixed = np.repeat(world.x[:, :1, 0], 7, axis=1)
    who = np.repeat(eligible[:, None].astype(float), 7, axis=1)
    weight = np.where(np.isnan(world.y), np.nan, world.weight[:, :1])
    return world, replace(panel, covariates={"x": fixed, "policy": who}, weight=weight), eligible


@pytest.mark.parametrize("holes", [0.0, 0.1])
@pytest.mark.parametrize("method", ["dr", "ipw", "reg"])
@pytest.mark.promise("second-triple-difference")
def test_cells_and_errors_meet_plain_comparisons_and_their_numerical_derivative(method: str, holes: float) -> None:
    world, panel, eligible = small(3, holes)
    found = fit(
        panel, eligible="policy", comparison="never_treated", method=method, base_period="universal",
        covariates=("policy", "x"),
    )  # fmt: skip
    x, weight = np.column_stack([np.ones(64), world.x[:, 0, 0]]), world.weight[:, 0]
    errors = found.to_frame()["std_error"].to_numpy()
    for place in np.flatnonzero(~found.cells.is_reference)[:: 1 if method == "reg" else 4]:
        g, t = int(found.cells.cohort[place]), int(found.cells.period[place])

        def estimate(w: Any, cell: tuple[int, int, int] = (g, t, g - 1)) -> float:
            return oracle.triple(world.y, world.first, eligible, x, w, cell, 99, method)

        assert found.cells.estimate[place] == pytest.approx(estimate(weight), abs=EFFECT)
        psi = oracle.influence(estimate, weight)
        sums = np.bincount(world.cluster, weights=psi)
        assert errors[place] == pytest.approx(np.sqrt(sums @ sums), rel=1e-5)


def test_with_covariates_it_is_not_the_difference_of_two_adjusted_did_estimates() -> None:
    world, panel, eligible = small(3)
    x = np.column_stack([np.ones(64), world.x[:, 0, 0]])
    found = fit(panel, eligible="policy", comparison="never_treated", method="reg", covariates=("x",))
    place = np.flatnonzero((found.cells.cohort == 3) & (found.cells.period == 4))[0]
    change, w = world.y[:, 4] - world.y[:, 2], world.weight[:, 0]
    naive = [
        oracle.two_by_two(change, x, w, (world.first == 3) & q, (world.first == 99) & q, "reg")
        for q in (eligible, ~eligible)
    ]
    assert abs(found.cells.estimate[place] - (naive[0] - naive[1])) > 0.01


def test_without_covariates_two_periods_give_the_triple_interaction_of_least_squares() -> None:
    design = StaggeredDesign(n_units=60, n_periods=2, cohorts={2: 0.5}, ineligible=0.4)
    frame = simulate_staggered(design, 5).frame
    panel = ek.Panel.from_frame(
        frame, unit="unit", period="period", outcome="y", cohort="cohort", covariates=["eligible"]
    )
    found = fit(panel)
    g, q, t = ((frame[name] > low).to_numpy(float) for name, low in (("cohort", 0), ("eligible", 0), ("period", 1)))
    X = np.column_stack([np.ones(len(frame)), g, q, t, g * q, g * t, q * t, g * q * t])
    y = frame["y"].to_numpy()
    beta = np.linalg.lstsq(X, y, rcond=None)[0]
    bread = np.linalg.inv(X.T @ X)
    scores = (X * (y - X @ beta)[:, None]).reshape(60, 2, 8).sum(axis=1)
    covariance = bread @ scores.T @ scores @ bread
    assert found.cells.estimate[0] == pytest.approx(beta[7], abs=ALGEBRA)
    assert found.to_frame()["std_error"][0] == pytest.approx(np.sqrt(covariance[7, 7]), abs=ALGEBRA)


def means(world: World, eligible: Any, cohort: int, q: bool, t: int, b: int) -> float:
    rows = (world.first == cohort) & (eligible == q)
    return float((world.y[rows, t] - world.y[rows, b]).mean())


@pytest.mark.parametrize("combination", ["gmm", "by_size"])
def test_comparison_cohorts_are_used_one_by_one_and_averaged(combination: Combination) -> None:
    world, panel, eligible = small(4)
    panel = replace(panel, weight=None, cluster=None)
    found = fit(panel, eligible="policy", combination=combination)
    place = np.flatnonzero((found.cells.cohort == 3) & (found.cells.period == 3))[0]
    own = means(world, eligible, 3, True, 3, 2) - means(world, eligible, 3, False, 3, 2)
    others = (4, 6, 99)
    each = np.array(
        [own - means(world, eligible, c, True, 3, 2) + means(world, eligible, c, False, 3, 2) for c in others]
    )
    spread = {
        (c, q): np.var((world.y[:, 3] - world.y[:, 2])[(world.first == c) & (eligible == q)]) / 8.0
        for c in (3, *others)
        for q in (True, False)
    }
    omega = np.diag([spread[c, True] + spread[c, False] for c in others]) + spread[3, True] + spread[3, False]
    weights = np.linalg.solve(omega, np.ones(3)) if combination == "gmm" else np.ones(3)
    weights /= weights.sum()
    assert found.cells.estimate[place] == pytest.approx(weights @ each, abs=ALGEBRA)
    error = np.sqrt(weights @ omega @ weights)
    assert found.to_frame()["std_error"][place] == pytest.approx(error, abs=ALGEBRA)
    assert "cells have several comparison cohorts" in remark(found, "comparison_cohorts_averaged")


def test_pooling_comparison_cohorts_that_differ_in_eligibility_would_be_wrong() -> None:
    """Cohort trends that differ and shares of eligible that differ: single cohorts are right, pooled ones are not."""
    first = np.repeat([2, 3, 9], 200)
    eligible = np.concatenate([np.arange(200) < n for n in (100, 180, 20)])
    y = np.zeros((600, 4)) + np.where(first == 3, 5.0, 0.0)[:, None] * np.arange(4) + eligible[:, None] * np.arange(4)
    y += ((first == 2) & eligible)[:, None] * (np.arange(4) >= 2) * 1.0
    y += 0.01 * np.random.default_rng(0).standard_normal(y.shape)
    frame = pd.DataFrame(
        {
            "unit": np.repeat(np.arange(600), 4),
            "period": np.tile(np.arange(4), 600),
            "y": y.ravel(),
            "cohort": np.repeat(np.where(first == 9, -1, first), 4),
            "eligible": np.repeat(eligible.astype(int), 4),
        }
    )
    panel = ek.Panel.from_frame(
        frame, unit="unit", period="period", outcome="y", cohort="cohort", never=-1, covariates=["eligible"]
    )
    found = fit(panel)
    place = np.flatnonzero((found.cells.cohort == 2) & (found.cells.period == 2))[0]
    assert found.cells.estimate[place] == pytest.approx(1.0, abs=0.02)
    change = y[:, 2] - y[:, 1]
    pooled = [change[(first != 2) & (eligible == q)].mean() for q in (True, False)]
    own = [change[(first == 2) & (eligible == q)].mean() for q in (True, False)]
    assert abs(own[0] - own[1] - (pooled[0] - pooled[1]) - 1.0) > 1.0


@pytest.mark.parametrize("comparison", ["never_treated", "not_yet_treated"])
def test_influence_functions_give_the_covariance(comparison: str) -> None:
    _, panel, _ = small(2, holes=0.1)
    for clustered in (panel, replace(panel, cluster=None)):
        uncertainty = sampling(fit(clustered, eligible="policy", comparison=comparison, combination="by_size"))
        assert uncertainty.influence_of is not None
        psi = uncertainty.influence_of()
        assert len(psi) == uncertainty.n_clusters
        np.testing.assert_allclose(psi.T @ psi, uncertainty.covariance, rtol=0.0, atol=ALGEBRA)


@pytest.mark.promise("law-weight-two")
def test_averaged_by_size_a_unit_of_weight_2_equals_the_unit_twice() -> None:
    law = "a unit of weight 2 equals the unit twice"
    check_estimator(TripleDifference(combination="by_size"), laws=[law]).raise_if_broken()


def test_shares_are_those_of_eligible_units() -> None:
    _, panel, eligible = small(1)
    found = fit(replace(panel, weight=None), eligible="policy")
    share = [((panel.first_treated == g) & eligible).mean() for g in found.cells.share_cohorts]
    np.testing.assert_allclose(found.cells.shares, share)
    assert found.cells.n_treated.tolist() == [8] * len(found.cells)


@pytest.mark.parametrize(
    ("cohort", "q", "said"),
    [
        (3, False, r"cohort 3 with policy=0 is empty.*for ineligible units too"),
        (3, True, r"cohort 3 with policy=1 is empty"),
        (99, False, r"the never-treated places with policy=0 is empty"),
    ],
)
def test_an_empty_subgroup_is_refused_by_name(cohort: int, q: bool, said: str) -> None:
    world, panel, eligible = small(1)
    who = np.where(world.first == cohort, not q, eligible).astype(float)
    changed = replace(panel, covariates={"policy": np.repeat(who[:, None], 7, axis=1)})
    with pytest.raises(DesignRefused, match=said):
        fit(changed, eligible="policy", comparison="never_treated")


def test_a_comparison_cohort_without_one_subgroup_is_left_out_and_named() -> None:
    world, panel, eligible = small(1)
    who = np.where(world.first == 99, True, eligible).astype(float)
    found = fit(replace(panel, covariates={"policy": np.repeat(who[:, None], 7, axis=1)}), eligible="policy")
    assert "no comparison: 'never-treated'" in remark(found, "comparison_cohorts_left_out")
    assert 6 not in found.cells.cohort[found.cells.event_time >= 0]
    assert "no unit is left to compare with" in remark(found, "cells_left_out")


def test_subgroups_that_are_not_observed_in_a_cell_leave_it_out_by_name() -> None:
    world, panel, eligible = small(1)
    outcome = panel.outcome.copy()
    outcome[(world.first == 3) & ~eligible, 5] = np.nan
    changed = replace(panel, outcome=outcome, weight=None, covariates={"policy": panel.covariates["policy"]})
    found = fit(changed, eligible="policy", base_period="universal")
    assert "cohort 3 in 5" in remark(found, "cells_left_out")
    assert "no more comparison units than regressors" in remark(found, "cells_left_out")


def with_policy(panel: ek.Panel, values: Any) -> ek.Panel:
    return replace(panel, covariates={"policy": values})


def test_who_is_eligible_must_be_known_fixed_and_0_or_1() -> None:
    _, panel, _ = small(1)
    with pytest.raises(DesignRefused, match=r"(?s)no column 'eligible'.*x, policy.*estimator.eligible="):
        fit(replace(panel))
    changing = panel.covariates["policy"].copy()
    changing[5, 3] = 1.0 - changing[5, 3]
    with pytest.raises(DesignRefused, match="changes over time for the unit '5'"):
        fit(with_policy(panel, changing), eligible="policy")
    changing[5] = 0.0
    changing[5, 3] = 0.5
    with pytest.raises(DesignRefused, match="must hold zeros and ones alone, and does not for the unit '5'"):
        fit(with_policy(panel, changing), eligible="policy")
    changing[5] = 2.0
    with pytest.raises(DesignRefused, match="must hold zeros and ones alone, and does not for the unit '5'"):
        fit(with_policy(panel, changing), eligible="policy")


def test_one_cluster_or_no_start_is_refused() -> None:
    _, panel, _ = small(1)
    with pytest.raises(DesignRefused, match="All units lie in one cluster"):
        fit(replace(panel, cluster=np.zeros(64, dtype=np.int64)), eligible="policy")
    with pytest.raises(DesignRefused, match="No place starts treatment"):
        fit(replace(panel, first_treated=np.full(64, NEVER)), eligible="policy")


@pytest.mark.parametrize(("clusters", "weighed"), [(4, False), (5, True)])
def test_a_comparison_cohort_of_few_clusters_does_not_take_all_the_weight(clusters: int, weighed: bool) -> None:
    rng = np.random.default_rng(8)
    starts = np.repeat([3] * 6 + [4] * 6 + [NEVER] * clusters, 8)
    n = len(starts)
    eligible = np.tile([1.0, 0.0], n // 2)
    place = np.repeat(np.arange(n // 8), 8)
    shock = rng.standard_normal((n // 8, 2, 4))
    frame = pd.DataFrame(
        {
            "unit": np.repeat(np.arange(n), 4),
            "period": np.tile(np.arange(1, 5), n),
            "y": (shock[place, eligible.astype(int)] + rng.standard_normal((n, 4))).ravel(),
            "cohort": np.repeat(np.where(starts == NEVER, 0, starts), 4),
            "eligible": np.repeat(eligible, 4),
            "place": np.repeat(place, 4),
        }
    )
    panel = ek.Panel.from_frame(
        frame, unit="unit", period="period", outcome="y", cohort="cohort", covariates=["eligible"], cluster="place"
    )
    found, by_size = fit(panel), fit(panel, combination="by_size")
    assert ("averaged_by_size" in {remark.id for remark in found.remarks}) is not weighed
    same = found.cells.estimate == pytest.approx(by_size.cells.estimate, rel=ALGEBRA)
    assert same is not weighed


def test_places_treated_before_the_data_begin_change_nothing() -> None:
    _, panel, _ = small(5)
    starts = panel.first_treated.copy()
    earlier = np.flatnonzero(starts == 3)[:6]
    starts[earlier] = panel.time[0]
    rest = np.delete(np.arange(64), earlier)
    assert panel.weight is not None
    assert panel.cluster is not None
    without = replace(
        panel, outcome=panel.outcome[rest], first_treated=starts[rest], units=panel.units[rest],
        covariates={name: values[rest] for name, values in panel.covariates.items()}, weight=panel.weight[rest],
        cluster=panel.cluster[rest],
    )  # fmt: skip
    found, expected = fit(replace(panel, first_treated=starts), eligible="policy"), fit(without, eligible="policy")
    assert found.n_units == expected.n_units == 58
    np.testing.assert_allclose(found.cells.estimate, expected.cells.estimate, rtol=ALGEBRA)
    rows = [each.aggregation("overall") for each in (found, expected)]
    assert rows[0].std_error == pytest.approx(rows[1].std_error, rel=ALGEBRA)


def test_a_start_without_a_period_before_it_may_be_anticipated_is_left_out_and_told() -> None:
    _, panel, _ = small(5)
    starts = np.where(panel.first_treated == 3, panel.time[0] + 1, panel.first_treated)
    found = fit(replace(panel, first_treated=starts), eligible="policy", anticipation=1)
    assert int(panel.time[0]) + 1 not in found.cells.cohort
    assert found.n_units == 64 - int((panel.first_treated == 3).sum())


def test_places_that_start_after_the_data_are_counted_among_the_untreated() -> None:
    data = simulate_staggered(StaggeredDesign(n_units=80, n_periods=6, cohorts={4: 0.3, 9: 0.3}, ineligible=0.5), 1)
    late = data.frame.loc[data.frame["cohort"] == 9, "unit"].nunique()
    panel = ek.Panel.from_frame(
        data.frame, unit="unit", period="period", outcome="y", cohort="cohort", covariates=["eligible"]
    )
    estimate = TripleDifference(eligible="eligible").fit(panel, rng=np.random.default_rng(0))
    (said,) = [remark.text for remark in estimate.remarks if remark.id == "treated_after_the_window"]
    assert said.startswith(f"{late} units start after the last period")
