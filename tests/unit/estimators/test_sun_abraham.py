"""Sun and Abraham against an oracle that writes every dummy out, against its peers here, and at its limits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import evalkit as ek
from evalkit.errors import ConfigError, DesignRefused
from evalkit.estimate import Estimate
from evalkit.estimators.callaway_santanna import CallawaySantAnna
from evalkit.estimators.sun_abraham import SunAbraham
from evalkit.uncertainty import Sampling
from tests.oracle import sun_abraham as oracle
from tests.staggered_worlds import CASES, World, draw

ORACLE = 1e-9  # the oracle's pinv of a singular dummy design keeps about ten digits
ALGEBRA = 1e-12


def fit(panel: ek.Panel, **settings: Any) -> Estimate:
    return SunAbraham(**settings).fit(panel, rng=np.random.default_rng(0))


def sampling(estimate: Estimate) -> Sampling:
    assert isinstance(estimate.uncertainty, Sampling)
    return estimate.uncertainty


def remarks(estimate: Estimate) -> set[str]:
    return {remark.id for remark in estimate.remarks}


def assert_meets(estimate: Estimate, answer: oracle.Answer) -> None:
    keep = ~estimate.cells.is_reference
    cells = list(zip(estimate.cells.cohort[keep].tolist(), estimate.cells.period[keep].tolist(), strict=True))
    assert cells == answer.cells
    np.testing.assert_allclose(estimate.cells.estimate[keep], answer.effect, rtol=0.0, atol=ORACLE)
    place = np.flatnonzero(keep)
    covariance = sampling(estimate).covariance
    np.testing.assert_allclose(covariance[np.ix_(place, place)], answer.covariance, rtol=0.0, atol=ORACLE)


@pytest.mark.parametrize("holes", [0.0, 0.2])
@pytest.mark.parametrize("anticipation", [0, 1])
@pytest.mark.parametrize("case", list(CASES))
@pytest.mark.promise("second-sun-abraham")
def test_cells_and_their_covariance_meet_the_regression_on_all_dummies(
    case: str, anticipation: int, holes: float
) -> None:
    world, settings = draw(5, holes=holes), CASES[case]
    covariates = ("x",) if settings.get("covariate") else ()
    found = fit(world.panel(**settings), covariates=covariates, anticipation=anticipation)
    assert_meets(found, oracle.estimate(world.y, world.first, anticipation=anticipation, **world.arguments(**settings)))


@pytest.mark.parametrize("case", list(CASES))
@pytest.mark.parametrize("shares_known", [False, True])
def test_influence_functions_give_the_covariance(case: str, shares_known: bool) -> None:
    settings = CASES[case]
    uncertainty = sampling(fit(draw(2, holes=0.1).panel(**settings), shares_known=shares_known))
    assert uncertainty.influence_of is not None
    psi = uncertainty.influence_of()
    assert len(psi) == uncertainty.n_clusters
    np.testing.assert_allclose(psi.T @ psi, uncertainty.covariance, rtol=0.0, atol=ALGEBRA)
    shares = uncertainty.covariance[-3:, -3:]
    assert (np.diag(shares) > 0.0).all() != shares_known


@pytest.mark.parametrize("clustered", [False, True])
@pytest.mark.promise("law-two-by-two")
def test_without_covariates_cells_equal_callaway_and_santanna_with_a_universal_base(clustered: bool) -> None:
    panel = draw(3).panel(clustered=clustered)
    one = fit(panel)
    two = CallawaySantAnna(comparison="never_treated", base_period="universal").fit(panel, rng=np.random.default_rng(0))
    np.testing.assert_allclose(one.cells.estimate, two.cells.estimate, rtol=0.0, atol=ALGEBRA)
    for name in ("cohort", "period", "is_reference", "n_treated"):
        assert np.array_equal(getattr(one.cells, name), getattr(two.cells, name))
    np.testing.assert_allclose(one.cells.observed, two.cells.observed, rtol=0.0, atol=ALGEBRA)
    np.testing.assert_allclose(one.cells.shares, two.cells.shares, rtol=0.0, atol=ALGEBRA)
    # the errors differ by the small-sample correction alone, the shares' own not at all
    first, second = np.diag(sampling(one).covariance), np.diag(sampling(two).covariance)
    estimated = second > 0.0
    ratio = np.sqrt(first[estimated] / second[estimated])
    n_cells = int((~one.cells.is_reference).sum())
    assert ratio.min() >= 1.0 - ALGEBRA
    np.testing.assert_allclose(ratio[:n_cells], ratio[0], rtol=ALGEBRA)
    np.testing.assert_allclose(ratio[n_cells:], 1.0, rtol=ALGEBRA)


def test_the_shares_own_error_widens_the_overall_effect_alone() -> None:
    panel = draw(4).panel()
    known, estimated = fit(panel, shares_known=True), fit(panel)
    assert known.aggregation("overall").std_error[0] < estimated.aggregation("overall").std_error[0]
    np.testing.assert_array_equal(known.aggregation("cohort").std_error, estimated.aggregation("cohort").std_error)


def without_never(world: World) -> World:
    keep = world.first != 99
    return World(world.y[keep], world.first[keep], world.x[keep], world.weight[keep], world.cluster[keep])


def test_without_never_treated_units_the_last_cohort_is_the_comparison_until_it_starts() -> None:
    world = without_never(draw(6))
    found = fit(world.panel())
    assert "last_treated_comparison" in remarks(found)
    assert found.cells.period.max() == 5
    assert 6 not in found.cells.cohort
    # as if the panel ended before the last cohort starts
    assert_meets(found, oracle.estimate(world.y[:, :6], world.first))


def test_a_comparison_that_is_not_there_is_refused() -> None:
    with pytest.raises(DesignRefused, match="comparison group is empty"):
        fit(without_never(draw(6)).panel(), comparison="never_treated")


def test_one_cluster_is_refused_and_an_unknown_covariate_named() -> None:
    panel = draw(1).panel(clustered=True)
    with pytest.raises(DesignRefused, match="one cluster"):
        fit(replace(panel, cluster=panel.cluster_codes * 0))
    with pytest.raises(ConfigError, match="'z' is not in the panel"):
        fit(panel, covariates=("z",))


def test_a_cell_without_a_link_to_its_reference_is_left_out_by_name() -> None:
    world = draw(7)
    early = world.first == 3
    world.y[np.flatnonzero(early)[:4], 3:] = np.nan  # half the cohort is seen before the start,
    world.y[np.flatnonzero(early)[4:], :3] = np.nan  # the other half after it: no unit links the two
    found = fit(world.panel())
    assert not ((found.cells.cohort == 3) & (found.cells.event_time >= 0)).any()
    (left_out,) = [remark for remark in found.remarks if remark.id == "cells_left_out"]
    assert "cohort 3 in 3" in left_out.text
    others = fit(world.panel()).to_frame().query("cohort == 4")
    np.testing.assert_allclose(others["estimate"], fit(draw(7).panel()).to_frame().query("cohort == 4")["estimate"])


@pytest.mark.promise("law-unit-constant-covariate")
def test_covariates_without_variation_of_their_own_are_left_out_and_named() -> None:
    world = draw(8)
    world.x[:, :, 0] = world.first[:, None] + np.arange(7)
    found = fit(world.panel(covariate=True), covariates=("x",))
    assert "covariates_absorbed" in remarks(found)
    np.testing.assert_allclose(found.cells.estimate, fit(world.panel()).cells.estimate, rtol=0.0, atol=1e-8)


def test_units_seen_once_or_too_early_are_left_out_and_counted() -> None:
    world = draw(9)
    world.y[0, 1:] = np.nan
    world.first[1] = 1
    found = fit(world.panel(), anticipation=1)
    assert {"units_seen_once", "no_base_period"} <= remarks(found)
    assert found.n_units == 30


def test_units_that_may_anticipate_a_start_after_the_window_are_no_comparison() -> None:
    world = draw(10)
    world.first[world.first == 99] = np.where(np.arange(8) < 4, 7, 99)
    found = fit(world.panel(), anticipation=1)
    assert "anticipating_units_not_compared" in remarks(found)
    assert found.n_units == 28
    assert "treated_after_the_window" in remarks(fit(world.panel()))
