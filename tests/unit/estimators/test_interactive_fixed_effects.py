"""Interactive fixed effects as an estimator: what it returns, gaps in the data, its errors and its refusals."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from evalkit.errors import ConfigError, DesignRefused, EstimationFailed
from evalkit.estimate import Estimate
from evalkit.estimators.interactive_fixed_effects import InteractiveFixedEffects
from evalkit.numerics import interactive_effects
from evalkit.testing.check import check_estimator
from evalkit.vocabulary import NEVER
from tests.factor_worlds import FactorWorld

ALGEBRA = 1e-9
BLOCK = FactorWorld(treated=((9, 12),), comparison=24, periods=14, noise=0.3)
WAVES = FactorWorld(treated=((8, 6), (10, 6)), comparison=24, periods=14, noise=0.3)
ONE = FactorWorld(treated=((9, 1),), comparison=20, periods=14, noise=0.3)
KINDS: tuple[dict[str, Any], ...] = ({}, {"factors_from": "untreated"}, {"method": "matrix_completion"})


def fit(world: FactorWorld, seed: int = 0, **settings: Any) -> Estimate:
    return InteractiveFixedEffects(**settings).fit(world.draw(seed), rng=np.random.default_rng(seed))


def remark(estimate: Estimate, name: str) -> str:
    (found,) = [remark.text for remark in estimate.remarks if remark.id == name]
    return found


@pytest.mark.parametrize("settings", KINDS[:2])
def test_effects_are_found_where_trends_are_not_parallel(settings: dict[str, Any]) -> None:
    overall = fit(BLOCK, **settings).aggregation("overall")
    assert overall.estimate[0] == pytest.approx(1.0, abs=0.35)


@pytest.mark.parametrize(
    "law",
    [
        "unit names do not matter",
        "period constants change nothing",
        "unit constants change nothing",
        "adding c to treated outcomes adds c",
        "a design without comparison is refused",
    ],
)
def test_matrix_completion_keeps_the_laws(law: str) -> None:
    """With a penalty that is set, which is in the outcome's own unit: nothing is said of scale."""
    check_estimator(InteractiveFixedEffects(method="matrix_completion", penalty=0.02), laws=[law]).raise_if_broken()


def test_cells_before_the_start_are_what_the_fit_leaves() -> None:
    estimate = fit(WAVES)
    assert estimate.leads_from == "fit"
    assert len(estimate.cells) == 28
    before = estimate.cells.event_time < 0
    sums = [estimate.cells.estimate[before & (estimate.cells.cohort == g)].sum() for g in (8, 10)]
    np.testing.assert_allclose(sums, 0.0, atol=ALGEBRA)  # the unit effect takes up their mean


@pytest.mark.parametrize(("world", "method"), [(BLOCK, "jackknife"), (WAVES, "jackknife"), (ONE, "placebo_variance")])
def test_errors_follow_the_number_of_treated_clusters(world: FactorWorld, method: str) -> None:
    estimate = fit(world, n_draws=50)
    assert estimate.own is not None
    assert estimate.own.method == method
    spread_of = world.comparison if method == "placebo_variance" else sum(count for _, count in world.treated)
    assert estimate.own.degrees_of_freedom == spread_of - 1.0


@pytest.mark.parametrize("settings", KINDS)
def test_gaps_in_the_data_are_taken(settings: dict[str, Any]) -> None:
    panel = replace(BLOCK, missing=0.1).draw(0)
    estimate = InteractiveFixedEffects(**settings).fit(panel, rng=np.random.default_rng(0))
    assert estimate.n_observations == int(panel.observed.sum())
    assert estimate.cells.n_treated.min() < 12
    assert estimate.aggregation("overall").std_error[0] > 0.0


def test_covariates_are_adjusted_for() -> None:
    world = replace(BLOCK, slope=3.0)
    found = fit(world, covariates=("x",)).aggregation("overall").estimate[0]
    assert found == pytest.approx(fit(BLOCK).aggregation("overall").estimate[0], abs=0.1)
    with pytest.raises(ConfigError, match="not in the panel"):
        fit(world, covariates=("z",))


def test_units_with_a_short_history_are_left_out() -> None:
    world = FactorWorld(treated=((2, 3), (9, 12)), comparison=24, periods=14, noise=0.3)
    estimate = fit(world)
    assert estimate.cells.share_cohorts.tolist() == [9]
    assert "3 units were left out" in remark(estimate, "too_few_periods_before")


def test_a_period_without_comparison_has_no_cells() -> None:
    panel = BLOCK.draw(0)
    panel.outcome[panel.never_treated, 11] = np.nan
    estimate = InteractiveFixedEffects().fit(panel, rng=np.random.default_rng(0))
    assert 11 not in estimate.cells.period
    assert "1 periods were left out" in remark(estimate, "periods_not_compared")


def test_the_number_of_factors_may_be_set_within_what_the_design_bears() -> None:
    assert fit(BLOCK, n_factors=1).facts["n_factors"] == 1.0
    assert "(as set)" in remark(fit(BLOCK, n_factors=1), "model")
    with pytest.raises(DesignRefused, match="room for 3"):
        fit(FactorWorld(treated=((9, 2),), comparison=3, periods=14), n_factors=9, factors_from="untreated")
    with pytest.raises(DesignRefused, match="room for 7"):
        fit(BLOCK, n_factors=8)


def test_a_penalty_may_be_set() -> None:
    assert fit(BLOCK, method="matrix_completion", penalty=0.01).facts["penalty"] == pytest.approx(0.01)


def test_without_never_treated_units_the_other_forms_answer() -> None:
    panel = WAVES.draw(0)
    later = replace(panel, first_treated=np.where(panel.first_treated == NEVER, 13, panel.first_treated))
    with pytest.raises(DesignRefused, match="factors_from: untreated"):
        InteractiveFixedEffects().fit(later, rng=np.random.default_rng(0))
    estimate = InteractiveFixedEffects(method="matrix_completion").fit(later, rng=np.random.default_rng(0))
    assert 13 not in estimate.cells.period


def test_one_treated_unit_among_few_has_no_error() -> None:
    with pytest.raises(DesignRefused, match="no standard error"):
        fit(FactorWorld(treated=((9, 1),), comparison=2, periods=14))


def test_sampling_weights_are_refused() -> None:
    panel = replace(BLOCK.draw(0), weight=np.repeat(1.0 + np.arange(36.0)[:, None], 14, axis=1))
    with pytest.raises(DesignRefused, match="no sampling weights"):
        InteractiveFixedEffects().fit(panel, rng=np.random.default_rng(0))


def test_weights_that_differ_by_rounding_are_none() -> None:
    panel = BLOCK.draw(0)
    rounded = np.where(np.arange(36)[:, None] % 2 == 0, 0.1 + 0.2, 0.3) + np.zeros((36, 14))
    assert np.ptp(rounded) > 0.0
    weighted = InteractiveFixedEffects().fit(replace(panel, weight=rounded), rng=np.random.default_rng(0))
    plain = InteractiveFixedEffects().fit(panel, rng=np.random.default_rng(0))
    assert weighted.aggregation("overall").estimate[0] == plain.aggregation("overall").estimate[0]


def test_a_design_without_room_for_factors_says_0() -> None:
    world = FactorWorld(treated=((7, 2),), comparison=2, periods=12)
    with pytest.raises(DesignRefused, match="room for 0"):
        fit(world, n_factors=1)


def test_slopes_and_factors_that_do_not_come_to_rest_are_no_estimate(monkeypatch: pytest.MonkeyPatch) -> None:
    panel = BLOCK.draw(0)
    x = np.random.default_rng(0).standard_normal(panel.outcome.shape)
    moved = replace(panel, outcome=panel.outcome + 2.0 * x, covariates={"x": x})
    monkeypatch.setattr(interactive_effects, "MOST_ROUNDS", 1)
    with pytest.raises(EstimationFailed, match="did not settle"):
        InteractiveFixedEffects(n_factors=2, covariates=("x",)).fit(moved, rng=np.random.default_rng(0))


def test_a_comparison_unit_seen_twice_serves_and_one_seen_once_does_not() -> None:
    made = BLOCK.draw(0)
    outcome = made.outcome.copy()
    once, twice = np.flatnonzero(made.never_treated)[:2]
    outcome[once, 1:] = np.nan
    outcome[twice, 2:] = np.nan
    estimate = InteractiveFixedEffects().fit(replace(made, outcome=outcome), rng=np.random.default_rng(0))
    assert estimate.n_units == made.n_units - 1
    assert "1 units with fewer than two usable periods" in remark(estimate, "units_seen_once")


def test_a_cell_of_one_unit_that_the_jackknife_leaves_out_is_no_cell_and_is_told_of() -> None:
    made = BLOCK.draw(0)
    outcome = made.outcome.copy()
    outcome[np.flatnonzero(~made.never_treated)[1:], -1] = np.nan
    estimate = InteractiveFixedEffects(errors="jackknife").fit(
        replace(made, outcome=outcome), rng=np.random.default_rng(0)
    )
    assert int(made.time[-1]) not in estimate.cells.period
    assert int(made.time[-2]) in estimate.cells.period
    assert np.isfinite(estimate.aggregation("event_study").std_error).all()
    assert remark(estimate, "cells_without_error").startswith("1 effects of a cohort in a period were left out")
    assert "cells_without_error" not in {each.id for each in fit(BLOCK).remarks}


def test_placebos_of_a_completed_matrix_need_two_comparison_units_to_spare() -> None:
    settings: dict[str, Any] = {"method": "matrix_completion", "errors": "placebo", "n_draws": 50}
    assert fit(FactorWorld(treated=((9, 1),), comparison=3, periods=14), **settings).n_treated_units == 1
    with pytest.raises(DesignRefused, match="2 comparison units are too few, 3 are needed"):
        fit(FactorWorld(treated=((9, 1),), comparison=2, periods=14), **settings)


def test_a_cohort_of_two_clusters_has_a_jackknife_and_one_of_one_has_none() -> None:
    world = FactorWorld(treated=((9, 2),), comparison=20, periods=14)
    assert fit(world, errors="jackknife").aggregation("overall").std_error[0] > 0.0
    with pytest.raises(DesignRefused, match="a cohort is one cluster"):
        fit(ONE, errors="jackknife")
