"""Gardner's variance, and levels shared by a cluster, against both stages written out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import evalkit as ek
from evalkit.errors import ConfigError
from evalkit.estimate import Estimate
from evalkit.estimators.imputation import Imputation
from evalkit.uncertainty import Sampling
from evalkit.vocabulary import AggregationKind
from tests.oracle import two_stage as oracle
from tests.staggered_worlds import CASES, World, draw

ORACLE = 1e-9  # the oracle's pinv of a singular dummy design keeps about ten digits
SECOND_STAGES: list[tuple[str, AggregationKind]] = [("static", "overall"), ("event_time", "event_study")]


def fit(panel: ek.Panel, **settings: Any) -> Estimate:
    return Imputation(**{"variance": "gardner", **settings}).fit(panel, rng=np.random.default_rng(0))


def assert_cells_meet(found: Estimate, answer: oracle.Answer) -> None:
    assert isinstance(found.uncertainty, Sampling)
    place = np.flatnonzero(found.cells.event_time >= 0)
    assert list(zip(found.cells.cohort[place], found.cells.period[place], strict=True)) == answer.keys
    np.testing.assert_allclose(found.cells.estimate[place], answer.effect, rtol=0.0, atol=ORACLE)
    covariance = found.uncertainty.covariance[np.ix_(place, place)]
    np.testing.assert_allclose(covariance, answer.covariance, rtol=0.0, atol=ORACLE)


@pytest.mark.parametrize("holes", [0.0, 0.2])
@pytest.mark.parametrize("case", list(CASES))
@pytest.mark.promise("second-imputation")
def test_cells_meet_both_stages_with_one_coefficient_a_cell(case: str, holes: float) -> None:
    world, settings = draw(5, holes=holes), CASES[case]
    found = fit(world.panel(**settings), covariates=("x",) if settings.get("covariate") else ())
    assert_cells_meet(found, oracle.estimate(world.y, world.first, "cells", **world.arguments(**settings)))


@pytest.mark.parametrize("clustered", [False, True])
@pytest.mark.parametrize(("second_stage", "kind"), SECOND_STAGES)
def test_averages_have_the_errors_of_a_second_stage_with_that_coefficient(
    second_stage: str, kind: AggregationKind, clustered: bool
) -> None:
    world = draw(6)
    rows = fit(world.panel(clustered=clustered), leads=False).aggregation(kind)
    answer = oracle.estimate(world.y, world.first, second_stage, cluster=world.cluster if clustered else None)
    np.testing.assert_allclose(rows.estimate, answer.effect, rtol=0.0, atol=ORACLE)
    np.testing.assert_allclose(rows.covariance, answer.covariance, rtol=0.0, atol=ORACLE)


def with_rows_of_every_cohort_in_a_cluster(seed: int, holes: float = 0.0) -> World:
    world = draw(seed, n=48, holes=holes)
    world.cluster[:] = np.arange(48) // 8
    return world


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("holes", [0.0, 0.2])
def test_levels_shared_by_a_cluster_meet_the_first_stage_with_one_effect_a_cluster(
    holes: float, weighted: bool
) -> None:
    world = with_rows_of_every_cohort_in_a_cluster(7, holes)
    panel = world.panel(covariate=True, weighted=weighted, clustered=True)
    found = fit(panel, effects_by="cluster", covariates=("x",))
    arguments = world.arguments(covariate=True, weighted=weighted, clustered=True)
    assert_cells_meet(found, oracle.estimate(world.y, world.first, "cells", level=world.cluster, **arguments))
    assert "levels_by_cluster" in {remark.id for remark in found.remarks}
    assert found.cells.event_time.min() == 0


def test_effects_are_those_of_borusyak_jaravel_and_spiess_and_errors_differ_where_weights_do() -> None:
    panel = draw(8).panel(weighted=True)
    one, two = fit(panel), fit(panel, variance="borusyak_jaravel_spiess")
    np.testing.assert_array_equal(one.cells.estimate, two.cells.estimate)
    assert not np.allclose(one.to_frame()["std_error"], two.to_frame()["std_error"])
    plain = draw(8).panel()
    one, two = fit(plain), fit(plain, variance="borusyak_jaravel_spiess")
    np.testing.assert_allclose(one.to_frame()["std_error"], two.to_frame()["std_error"], rtol=0.0, atol=ORACLE)


@pytest.mark.parametrize(("settings", "counted"), [({}, True), ({"shares_known": True}, False)])
def test_the_shares_of_cohorts_count_unless_taken_as_known(settings: dict[str, Any], counted: bool) -> None:
    found = fit(draw(2).panel(), **settings)
    assert isinstance(found.uncertainty, Sampling)
    assert bool((np.diag(found.uncertainty.covariance)[-3:] > 0.0).all()) == counted


def test_levels_by_cluster_without_clusters_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"effects_by=cluster of imputation needs clusters"):
        fit(draw(1).panel(), effects_by="cluster")
