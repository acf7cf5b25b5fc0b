"""Imputation against an oracle that writes every weight out, the paper's propositions, and limits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import evalkit as ek
from evalkit.errors import ConfigError, DesignRefused
from evalkit.estimate import Estimate
from evalkit.estimators.imputation import Imputation
from evalkit.estimators.sun_abraham import SunAbraham
from evalkit.uncertainty import Sampling
from tests.oracle import imputation as oracle
from tests.staggered_worlds import CASES, World, draw

ORACLE = 1e-9  # the oracle's pinv of a singular dummy design keeps about ten digits
ALGEBRA = 1e-12


def fit(panel: ek.Panel, **settings: Any) -> Estimate:
    return Imputation(**settings).fit(panel, rng=np.random.default_rng(0))


def remarks(estimate: Estimate) -> set[str]:
    return {remark.id for remark in estimate.remarks}


def sampling(estimate: Estimate) -> Sampling:
    assert isinstance(estimate.uncertainty, Sampling)
    return estimate.uncertainty


@pytest.mark.parametrize("holes", [0.0, 0.2])
@pytest.mark.parametrize("anticipation", [0, 1])
@pytest.mark.parametrize("case", list(CASES))
@pytest.mark.promise("second-imputation")
def test_effects_and_their_covariance_meet_the_weights_written_out(case: str, anticipation: int, holes: float) -> None:
    world, settings = draw(5, holes=holes), CASES[case]
    covariates = ("x",) if settings.get("covariate") else ()
    found = fit(world.panel(**settings), covariates=covariates, anticipation=anticipation)
    answer = oracle.estimate(world.y, world.first, anticipation=anticipation, **world.arguments(**settings))
    place = np.flatnonzero(found.cells.event_time >= -anticipation)
    cells = list(zip(found.cells.cohort[place].tolist(), found.cells.period[place].tolist(), strict=True))
    assert cells == answer.cells
    np.testing.assert_allclose(found.cells.estimate[place], answer.effect, rtol=0.0, atol=ORACLE)
    covariance = sampling(found).covariance[np.ix_(place, place)]
    np.testing.assert_allclose(covariance, answer.covariance, rtol=0.0, atol=ORACLE)


@pytest.mark.parametrize("case", list(CASES))
@pytest.mark.parametrize("shares_known", [False, True])
def test_influence_functions_give_the_covariance(case: str, shares_known: bool) -> None:
    uncertainty = sampling(fit(draw(2, holes=0.1).panel(**CASES[case]), shares_known=shares_known))
    assert uncertainty.influence_of is not None
    psi = uncertainty.influence_of()
    assert len(psi) == uncertainty.n_clusters
    np.testing.assert_allclose(psi.T @ psi, uncertainty.covariance, rtol=0.0, atol=ALGEBRA)
    assert (np.diag(uncertainty.covariance[-3:, -3:]) > 0.0).all() != shares_known


def linear_weights(world: World) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """(K, N T) weights of every cell on the outcomes, by adding 1 to one outcome at a time; event times."""
    panel = world.panel()
    base = fit(panel).cells
    rows = []
    for unit, period in np.ndindex(panel.outcome.shape):
        outcome = panel.outcome.copy()
        outcome[unit, period] += 1.0
        rows.append(fit(replace(panel, outcome=outcome)).cells.estimate - base.estimate)
    return np.array(rows).T, base.event_time


@pytest.mark.parametrize("keep_never", [True, False])
def test_leads_and_effects_are_uncorrelated_under_spherical_errors(keep_never: bool) -> None:
    """Proposition 9: with V = sigma^2 I their covariance is sigma^2 times the product of their weights."""
    world = draw(3, n=12)
    if not keep_never:
        keep = world.first != 99
        world = World(world.y[keep], world.first[keep], world.x[keep], world.weight[keep], world.cluster[keep])
    weights, event_time = linear_weights(world)
    leads, effects = weights[event_time < 0], weights[event_time >= 0]
    assert len(leads) > 5
    np.testing.assert_allclose(leads @ effects.T, 0.0, atol=1e-10)  # weights are differences of rounded numbers


def test_leads_are_the_saturated_regression_measured_from_the_cohorts_own_mean() -> None:
    panel = draw(4).panel()
    found, saturated = fit(panel), SunAbraham().fit(panel, rng=np.random.default_rng(0))
    for cohort in (3, 4, 6):
        leads = found.cells.estimate[(found.cells.cohort == cohort) & (found.cells.event_time < 0)]
        other = saturated.cells.estimate[(saturated.cells.cohort == cohort) & (saturated.cells.event_time < 0)]
        np.testing.assert_allclose(leads, other - other.mean(), rtol=0.0, atol=ALGEBRA)
    assert found.leads_from == "own_mean"


def test_leads_do_not_move_effects_and_can_be_left_away() -> None:
    panel = draw(4).panel()
    whole, alone = fit(panel), fit(panel, leads=False)
    assert (alone.cells.event_time >= 0).all()
    after = whole.cells.event_time >= 0
    np.testing.assert_array_equal(whole.cells.estimate[after], alone.cells.estimate)
    np.testing.assert_allclose(whole.aggregation("overall").std_error, alone.aggregation("overall").std_error)


def test_the_last_cohort_serves_the_leads_where_nobody_is_never_treated() -> None:
    world = draw(6)
    keep = world.first != 99
    found = fit(World(world.y[keep], world.first[keep], world.x[keep], world.weight[keep], world.cluster[keep]).panel())
    leads = found.cells.event_time < 0
    assert set(found.cells.cohort[leads].tolist()) == {3, 4}
    assert {"cohorts_without_leads", "periods_without_comparison"} <= remarks(found)
    assert found.cells.period.max() == 5  # from 6 on all are treated: nothing to impute from


def test_rows_that_nothing_links_with_their_unit_are_left_out_and_counted() -> None:
    world = draw(7)
    never = np.flatnonzero(world.first == 99)
    world.y[world.first < 99, 5:] = np.nan
    world.y[np.flatnonzero(world.first == 3), 5] = 1.0
    world.y[never[:4], 5:] = np.nan
    world.y[never[4:], :5] = np.nan  # who is seen in periods 5 and 6 is seen in no other
    found = fit(world.panel())
    assert {"rows_not_imputed", "cells_left_out"} <= remarks(found)
    assert found.n_observations == int(np.isfinite(world.y).sum()) - 8  # units of the cohort of period 3, in period 5
    assert not ((found.cells.cohort == 3) & (found.cells.period == 5)).any()
    assert np.isfinite(found.cells.estimate).all()


def test_no_treated_row_to_impute_and_one_cluster_are_refused() -> None:
    world = draw(1)
    world.first[:] = 3
    with pytest.raises(DesignRefused, match="No treated row can be imputed"):
        fit(world.panel())
    panel = draw(1).panel(clustered=True)
    with pytest.raises(DesignRefused, match="one cluster"):
        fit(replace(panel, cluster=panel.cluster_codes * 0))
    with pytest.raises(ConfigError, match="'z' is not in the panel"):
        fit(panel, covariates=("z",))


@pytest.mark.promise("law-unit-constant-covariate")
def test_covariates_without_variation_among_untreated_rows_are_left_out_and_named() -> None:
    world = draw(8)
    world.x[:, :, 0] = np.where(np.arange(7) >= world.first[:, None], world.x[:, :, 0], 1.0)
    found = fit(world.panel(covariate=True), covariates=("x",))
    assert "covariates_absorbed" in remarks(found)
    np.testing.assert_allclose(found.cells.estimate, fit(world.panel()).cells.estimate, rtol=0.0, atol=1e-8)


def test_a_trend_is_read_from_leads_as_from_effects() -> None:
    """Under a linear gap both are measured from the own mean of the untreated periods."""
    world = draw(9)
    keep = np.isin(world.first, [4, 99])
    y = np.where(world.first[keep, None] == 4, 0.5 * np.arange(7), 0.0)
    found = fit(World(y, world.first[keep], world.x[keep], world.weight[keep], world.cluster[keep]).panel())
    np.testing.assert_allclose(found.cells.estimate, 0.5 * (np.arange(7) - 1.5), rtol=0.0, atol=ALGEBRA)


def test_units_that_start_after_the_window_count_as_untreated_until_they_may_react() -> None:
    world = draw(10)
    world.first[world.first == 99] = np.where(np.arange(8) < 4, 7, 99)
    (late,) = [remark for remark in fit(world.panel()).remarks if remark.id == "treated_after_the_window"]
    assert (late.comparison, "rows" in late.text) == (4, False)
    (reacting,) = [r for r in fit(world.panel(), anticipation=1).remarks if r.id == "treated_after_the_window"]
    assert "4 rows" in reacting.text


def test_a_panel_in_which_all_start_at_once_has_no_row_to_impute() -> None:
    panel = ek.testing.staggered_panel(n_units=20, n_periods=8, cohorts={5: 1.0})
    with pytest.raises(DesignRefused, match="No treated row can be imputed"):
        fit(panel)


def test_treated_rows_that_no_untreated_row_links_to_their_past_are_not_imputed() -> None:
    """Comparison places were seen only from the start on: no untreated row joins their periods to the treated."""
    panel = ek.testing.staggered_panel(n_units=20, n_periods=8, cohorts={5: 0.5})
    late = panel.never_treated[:, None] & (panel.time[None, :] < panel.cohorts[0])
    with pytest.raises(DesignRefused, match="no untreated rows link its period"):
        fit(replace(panel, outcome=np.where(late, np.nan, panel.outcome)))


@pytest.mark.parametrize(
    ("settings", "said"), [({}, "none (conservative)"), ({"variance": "gardner"}, "none (two stages)")]
)
def test_an_estimate_says_what_its_errors_are_corrected_by(settings: dict[str, Any], said: str) -> None:
    assert sampling(fit(draw(5).panel(), **settings)).correction == said
