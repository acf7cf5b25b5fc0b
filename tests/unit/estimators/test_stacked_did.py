"""Stacked difference-in-differences against regressions on rows really stacked, and at its limits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import evalkit as ek
from evalkit.errors import ConfigError, DesignRefused
from evalkit.estimate import Estimate
from evalkit.estimators.callaway_santanna import CallawaySantAnna
from evalkit.estimators.stacked_did import StackedDid
from evalkit.uncertainty import Sampling
from evalkit.vocabulary import NEVER
from tests.oracle import stacked_did as oracle
from tests.staggered_worlds import CASES, draw

ORACLE = 1e-9  # the oracle's pinv of a singular dummy design keeps about ten digits
ALGEBRA = 1e-12
PLAIN = [name for name in CASES if not CASES[name].get("covariate")]


def fit(panel: ek.Panel, **settings: Any) -> Estimate:
    return StackedDid(**settings).fit(panel, rng=np.random.default_rng(0))


def sampling(estimate: Estimate) -> Sampling:
    assert isinstance(estimate.uncertainty, Sampling)
    return estimate.uncertainty


def remark(estimate: Estimate, name: str) -> str:
    (found,) = [remark.text for remark in estimate.remarks if remark.id == name]
    return found


def factor(estimate: Estimate) -> float:
    """C / (C - 1), which the oracle leaves out."""
    return sampling(estimate).n_clusters / (sampling(estimate).n_clusters - 1)


@pytest.mark.parametrize("never", [False, True])
@pytest.mark.parametrize("holes", [0.0, 0.05])
@pytest.mark.parametrize("anticipation", [0, 1])
@pytest.mark.parametrize("case", PLAIN)
@pytest.mark.promise("second-stacked-did")
def test_cells_and_their_covariance_meet_the_saturated_regression_on_the_stack(
    case: str, anticipation: int, holes: float, never: bool
) -> None:
    world, settings = draw(5, holes=holes, periods=8), CASES[case]
    comparison = "never_treated" if never else "not_yet_treated"
    window = (-3, 2)
    found = fit(world.panel(**settings), event_window=window, anticipation=anticipation, comparison=comparison)
    arguments = world.arguments(**settings)
    rows = oracle.stack_rows(
        world.y, world.first, window, weight=arguments["weight"], cluster=arguments["cluster"],
        anticipation=anticipation, never=never,
    )  # fmt: skip
    answer = oracle.stacked(rows, "saturated", reference=-1 - anticipation)
    place = np.flatnonzero(~found.cells.is_reference)
    assert list(zip(found.cells.cohort[place], found.cells.event_time[place], strict=True)) == answer.keys
    np.testing.assert_allclose(found.cells.estimate[place], answer.effect, rtol=0.0, atol=ORACLE)
    covariance = sampling(found).covariance[np.ix_(place, place)]
    np.testing.assert_allclose(covariance, factor(found) * answer.covariance, rtol=0.0, atol=ORACLE)
    assert found.n_units == len(np.unique(rows.unit))
    assert found.n_observations == len({*zip(rows.unit, rows.event + rows.stack, strict=True)})


@pytest.mark.parametrize("case", PLAIN)
@pytest.mark.promise("second-stacked-did")
def test_the_event_study_is_that_of_the_regression_with_corrective_weights(case: str) -> None:
    world, settings = draw(7, periods=8, n=40), CASES[case]
    found = fit(world.panel(**settings), event_window=(-3, 1)).aggregation("event_study")
    rows = oracle.stack_rows(world.y, world.first, (-3, 1), weight=world.arguments(**settings)["weight"])
    answer = oracle.stacked(rows, "corrective")
    keep = ~found.is_reference
    assert [(e,) for e in found.labels[keep].tolist()] == answer.keys
    np.testing.assert_allclose(found.estimate[keep], answer.effect, rtol=0.0, atol=ORACLE)


@pytest.mark.parametrize("case", PLAIN)
def test_variance_weights_give_the_regression_with_one_effect_an_event_time_and_its_errors(case: str) -> None:
    world, settings = draw(8, periods=8, n=40, holes=0.03), CASES[case]
    arguments = world.arguments(**settings)
    found = fit(world.panel(**settings), event_window=(-3, 1), weighting="variance")
    rows = oracle.stack_rows(world.y, world.first, (-3, 1), weight=arguments["weight"], cluster=arguments["cluster"])
    answer = oracle.stacked(rows, "variance")
    study = found.aggregation("event_study")
    keep = ~study.is_reference
    np.testing.assert_allclose(study.estimate[keep], answer.effect, rtol=0.0, atol=ORACLE)
    covariance = study.covariance[np.ix_(keep, keep)]
    np.testing.assert_allclose(covariance, factor(found) * answer.covariance, rtol=0.0, atol=ORACLE)
    after = answer.effect[np.array([e for (e,) in answer.keys]) >= 0]
    np.testing.assert_allclose(found.aggregation("overall").estimate, after.mean(), rtol=0.0, atol=ORACLE)


@pytest.mark.parametrize("mean_base", [False, True])
@pytest.mark.parametrize("case", PLAIN)
def test_variance_weighted_local_projections_meet_their_regressions_and_errors(case: str, mean_base: bool) -> None:
    world, settings = draw(9, n=40), CASES[case]
    arguments = world.arguments(**settings)
    found = fit(
        world.panel(**settings), method="local_projections", weighting="variance", event_window=(-3, 2),
        base="mean_before" if mean_base else "last_period",
    )  # fmt: skip
    study = found.aggregation("event_study")
    for place, horizon in enumerate(study.labels.tolist()):
        if study.is_reference[place]:
            assert horizon == -1
            continue
        answer = oracle.projection(
            world.y, world.first, horizon, weight=arguments["weight"], cluster=arguments["cluster"],
            mean_base=mean_base,
        )  # fmt: skip
        assert study.estimate[place] == pytest.approx(answer.effect[0], abs=ORACLE)
        assert study.std_error[place] == pytest.approx(np.sqrt(factor(found) * answer.covariance[0, 0]), abs=ORACLE)
    assert study.is_reference.any() != mean_base


@pytest.mark.parametrize("case", list(CASES))
def test_local_projections_of_equal_weight_are_callaway_and_santanna_with_a_universal_base(case: str) -> None:
    panel = draw(3, holes=0.1).panel(**CASES[case])
    covariates = ("x",) if CASES[case].get("covariate") else ()
    one = fit(panel, method="local_projections", event_window=(-3, 2), covariates=covariates)
    two = CallawaySantAnna(base_period="universal", covariates=covariates).fit(panel, rng=np.random.default_rng(0))
    inside = np.flatnonzero((two.cells.event_time >= -3) & (two.cells.event_time <= 2))
    assert np.array_equal(one.cells.cohort, two.cells.cohort[inside])
    np.testing.assert_allclose(one.cells.estimate, two.cells.estimate[inside], rtol=0.0, atol=ALGEBRA)
    np.testing.assert_allclose(one.cells.observed, two.cells.observed[inside], rtol=0.0, atol=ALGEBRA)
    errors = np.sqrt(np.diag(sampling(two).covariance)[inside] * factor(one))
    np.testing.assert_allclose(one.to_frame()["std_error"], errors, rtol=0.0, atol=ALGEBRA)


def test_covariates_adjust_each_stack_by_the_regression_of_its_comparison_units() -> None:
    world = draw(4, periods=8)
    found = fit(world.panel(covariate=True), event_window=(-3, 1), covariates=("x",), adjustment="reg")
    for cell in np.flatnonzero(~found.cells.is_reference):
        a, t = int(found.cells.cohort[cell]), int(found.cells.period[cell])
        change, x = world.y[:, t] - world.y[:, a - 1], np.column_stack([np.ones(32), world.x[:, a - 1, 0]])
        against, own = world.first > a + 1, world.first == a
        beta = np.linalg.lstsq(x[against], change[against], rcond=None)[0]
        assert found.cells.estimate[cell] == pytest.approx((change - x @ beta)[own].mean(), abs=ORACLE)


@pytest.mark.parametrize("settings", [{}, {"weighting": "variance"}, {"method": "local_projections"}])
@pytest.mark.parametrize("shares_known", [False, True])
@pytest.mark.parametrize("case", PLAIN)
def test_influence_functions_give_the_covariance(case: str, shares_known: bool, settings: dict[str, Any]) -> None:
    panel = draw(2, holes=0.05).panel(**CASES[case])
    uncertainty = sampling(fit(panel, shares_known=shares_known, **settings))
    assert uncertainty.influence_of is not None
    psi = uncertainty.influence_of()
    assert len(psi) == uncertainty.n_clusters
    np.testing.assert_allclose(psi.T @ psi, uncertainty.covariance, rtol=0.0, atol=ALGEBRA)
    n_shares = len(fit(panel, **settings).cells.shares)
    assert (np.diag(uncertainty.covariance)[-n_shares:] > 0.0).all() != shares_known


def test_every_event_time_averages_over_the_same_cohorts_and_the_trimmed_are_named() -> None:
    found = fit(draw(1).panel(), event_window=(-3, 2))  # periods 0 to 6, starts 3, 4 and 6
    by_time = [set(found.cells.cohort[found.cells.event_time == e]) for e in range(-3, 3)]
    assert by_time == [{3, 4}] * 6
    assert "Cohorts were trimmed (8 units)" in remark(found, "cohorts_trimmed")
    assert "'6' (the data end before the last period needed)" in remark(found, "cohorts_trimmed")
    earlier = fit(draw(1).panel(), event_window=(-4, 2))
    assert "'3' (the data start after the first period needed)" in remark(earlier, "cohorts_trimmed")


def test_a_trimmed_cohort_serves_as_comparison_until_it_starts() -> None:
    world = draw(1)
    changed = replace(world, y=world.y + np.where(world.first == 6, 5.0, 0.0)[:, None] * (np.arange(7) >= 4))
    one, two = fit(world.panel(), event_window=(-3, 2)), fit(changed.panel(), event_window=(-3, 2))
    moved = one.cells.estimate != two.cells.estimate
    assert set(one.cells.cohort[moved]) == {3}  # the window of 3 ends at 5, that of 4 at 6


def test_local_projections_say_that_horizons_differ_in_cohorts() -> None:
    found = fit(draw(1).panel(), method="local_projections", event_window=(-2, 2))
    assert "not the same ones" in remark(found, "horizons_differ_in_cohorts")
    assert set(found.cells.cohort[found.cells.event_time == 0]) == {3, 4, 6}


def test_a_window_no_cohort_fits_is_refused_with_each_cohort_and_reason() -> None:
    with pytest.raises(DesignRefused, match=r"(?s)from -5 to 5: '3', '4' \(the data start after.*event_window"):
        fit(draw(1).panel(), event_window=(-5, 5))


def test_a_window_with_nobody_untreated_through_it_is_refused() -> None:
    world = draw(1)
    keep = world.first != 99
    panel = ek.Panel(
        **{
            name: getattr(world.panel(), name)[keep] if name in ("outcome", "first_treated", "units") else value
            for name, value in ((name, getattr(world.panel(), name)) for name in ek.Panel.__slots__)
        }
    )
    with pytest.raises(DesignRefused, match="nobody stays untreated long enough"):
        fit(panel, event_window=(-3, 3))
    with pytest.raises(DesignRefused, match="nobody stays untreated"):
        fit(panel, event_window=(-2, 0), comparison="never_treated")


def test_units_that_miss_a_period_of_every_window_are_left_out_and_counted() -> None:
    world = draw(1)
    world.y[world.first == 99, 4] = np.nan
    world.y[3, 4] = 1.0
    found = fit(world.panel(), event_window=(-3, 2))
    assert found.n_units == 32 - 7
    assert remark(found, "units_without_a_full_window").startswith("7 of 32 units")


def test_treated_units_that_are_never_seen_throughout_the_window_are_refused() -> None:
    world = draw(1)
    world.y[(world.first < 99)[:, None] & (np.arange(7) == 4)] = np.nan
    with pytest.raises(DesignRefused, match="not observed throughout the event window from -3 to 2"):
        fit(world.panel(), event_window=(-3, 2))


def test_one_cluster_is_refused() -> None:
    world = draw(1)
    world.cluster[:] = 0
    with pytest.raises(DesignRefused, match="All units lie in one cluster"):
        fit(world.panel(clustered=True))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"event_window": (-1, 2), "anticipation": 1}, "must reach from the reference, event time -2"),
        ({"event_window": (-3, -1)}, "to 0 or later"),
        ({"base": "mean_before"}, "is for method=local_projections"),
        ({"weighting": "variance", "covariates": ("x",)}, "takes no covariates"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        StackedDid(**settings)


def test_a_panel_without_a_start_has_no_stack() -> None:
    panel = ek.testing.staggered_panel(n_units=20, n_periods=8, cohorts={5: 0.5})
    nobody = replace(panel, first_treated=np.full(20, NEVER))
    with pytest.raises(DesignRefused, match="No unit starts treatment within the data"):
        fit(nobody)


def test_units_with_gaps_are_counted_among_those_that_serve() -> None:
    world = draw(5)
    y = world.y.copy()
    y[0, 0] = y[1, 0] = y[1, -1] = np.nan
    said = [str(each.text) for each in fit(replace(world, y=y).panel()).remarks if each.id == "unbalanced_units"]
    assert [text.split(" units used")[0] for text in said] == [f"2 of {len(y)}"]
