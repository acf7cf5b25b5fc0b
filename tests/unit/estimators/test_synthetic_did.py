"""Synthetic difference-in-differences as an estimator: what it returns, its rule for errors, and its refusals."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from evalkit.errors import ConfigError, DesignRefused
from evalkit.estimate import Estimate
from evalkit.estimators.imputation import Imputation
from evalkit.estimators.synthetic_did import SyntheticDid
from evalkit.vocabulary import NEVER
from tests.factor_worlds import FactorWorld

ALGEBRA = 1e-9
BLOCK = FactorWorld(treated=((8, 12),), comparison=14, periods=12)
WAVES = FactorWorld(treated=((7, 6), (9, 6)), comparison=14, periods=12)
ONE = FactorWorld(treated=((8, 1),), comparison=14, periods=12)


def fit(world: FactorWorld, seed: int = 0, **settings: Any) -> Estimate:
    return SyntheticDid(**settings).fit(world.draw(seed), rng=np.random.default_rng(seed))


def remark(estimate: Estimate, name: str) -> str:
    (found,) = [remark.text for remark in estimate.remarks if remark.id == name]
    return found


def test_observed_less_effect_is_the_counterfactual_in_every_period() -> None:
    panel = ONE.draw(0)
    estimate = fit(ONE)
    gap = estimate.cells.observed - estimate.cells.estimate - panel.outcome[0]
    assert estimate.leads_from == "fit"
    assert len(estimate.cells) == 12
    np.testing.assert_allclose(gap + estimate.cells.estimate, 0.0, atol=ALGEBRA)


def test_cohorts_are_averaged_by_their_treated_unit_periods() -> None:
    estimate = fit(WAVES)
    by_cohort = estimate.aggregation("cohort").estimate
    expected = (by_cohort @ np.array([6 * 5, 6 * 3])) / (6 * 5 + 6 * 3)
    assert estimate.aggregation("overall").estimate[0] == pytest.approx(expected, abs=ALGEBRA)


def test_a_cohort_is_fitted_by_itself() -> None:
    panel = WAVES.draw(0)
    alone = panel.first_treated != 9
    first = replace(
        panel,
        outcome=panel.outcome[alone],
        first_treated=panel.first_treated[alone],
        units=panel.units[alone],
        covariates={},
    )
    one = SyntheticDid().fit(first, rng=np.random.default_rng(0)).aggregation("cohort").estimate
    assert one[0] == pytest.approx(fit(WAVES).aggregation("cohort").estimate[0], abs=ALGEBRA)


@pytest.mark.parametrize(("world", "expected"), [(BLOCK, "jackknife"), (WAVES, "jackknife"), (ONE, "placebo_variance")])
def test_errors_follow_the_number_of_treated_clusters(world: FactorWorld, expected: str) -> None:
    estimate = fit(world)
    assert estimate.own is not None
    assert estimate.own.method == expected
    overall = estimate.aggregation("overall")
    assert (estimate.own.low, estimate.own.high) == (overall.low[0], overall.high[0])
    assert "Standard errors" in remark(estimate, "standard_errors")


def test_without_spare_comparison_units_few_treated_ones_take_the_jackknife() -> None:
    world = FactorWorld(treated=((8, 5),), comparison=5, periods=12)
    estimate = fit(world)
    assert estimate.own is not None
    assert estimate.own.method == "jackknife"
    assert "fewer than" not in remark(estimate, "standard_errors")


def test_one_treated_unit_and_no_spare_ones_has_no_error() -> None:
    world = FactorWorld(treated=((7, 1), (9, 1)), comparison=2, periods=12)
    with pytest.raises(DesignRefused, match=r"no standard error.*too few for 2 treated.*a cohort is one cluster"):
        fit(world)


@pytest.mark.parametrize(("errors", "why"), [("jackknife", "a cohort is one cluster"), ("bootstrap", "one cluster")])
def test_an_error_that_is_asked_for_and_not_defined_is_refused(errors: str, why: str) -> None:
    with pytest.raises(DesignRefused, match=why):
        fit(ONE, errors=errors)


def test_placebos_are_refused_where_clusters_hold_several_units() -> None:
    with pytest.raises(DesignRefused, match="grouped in clusters"):
        fit(replace(BLOCK, cluster_size=2), errors="placebo")
    estimate = fit(replace(BLOCK, cluster_size=2))
    assert estimate.own is not None
    assert estimate.own.method == "jackknife"
    assert "13 clusters" in remark(estimate, "clusters_above_units")


@pytest.mark.parametrize("errors", ["jackknife", "placebo", "bootstrap"])
def test_the_three_errors_are_of_one_size_where_all_hold(errors: str) -> None:
    world = FactorWorld(treated=((8, 12),), comparison=30, periods=12, pull=0.0)
    scale = np.mean([fit(world, seed, errors="jackknife").aggregation("overall").std_error[0] for seed in range(4)])
    found = np.mean(
        [fit(world, seed, errors=errors, n_draws=60).aggregation("overall").std_error[0] for seed in range(4)]
    )
    assert 0.7 < found / scale < 1.4


def test_anticipated_periods_serve_neither_weights_nor_the_effect() -> None:
    panel = BLOCK.draw(0)
    moved = replace(panel, outcome=panel.outcome + 5.0 * ((np.arange(12) == 7) & (panel.first_treated == 8)[:, None]))
    one, two = (
        SyntheticDid(anticipation=1).fit(p, rng=np.random.default_rng(0)).aggregation("overall").estimate[0]
        for p in (panel, moved)
    )
    assert one == pytest.approx(two, abs=ALGEBRA)


def test_covariates_are_taken_out_with_slopes_of_never_treated_units() -> None:
    world = replace(BLOCK, slope=3.0)
    without = SyntheticDid().fit(BLOCK.draw(0), rng=np.random.default_rng(0)).aggregation("overall")
    found = fit(world, covariates=("x",)).aggregation("overall")
    plain = fit(world).aggregation("overall")
    assert abs(found.estimate[0] - without.estimate[0]) < 0.3
    assert abs(plain.estimate[0] - without.estimate[0]) > 1.0
    with pytest.raises(ConfigError, match="not in the panel"):
        fit(world, covariates=("z",))


def test_units_with_gaps_are_left_out_and_counted() -> None:
    panel = BLOCK.draw(0)
    panel.outcome[0, 3] = panel.outcome[20, 4] = np.nan
    estimate = SyntheticDid().fit(panel, rng=np.random.default_rng(0))
    assert estimate.n_units == 24
    assert "2 units with a period missing" in remark(estimate, "units_with_gaps")


def test_cohorts_without_two_periods_before_are_left_out() -> None:
    world = FactorWorld(treated=((1, 2), (8, 12)), comparison=14, periods=12)
    estimate = fit(world)
    assert estimate.cells.share_cohorts.tolist() == [8]
    assert "2 units were left out" in remark(estimate, "too_few_periods_before")


def test_sampling_weights_and_panels_without_never_treated_units_are_refused() -> None:
    panel = BLOCK.draw(0)
    weighted = replace(panel, weight=np.where(panel.first_treated[:, None] == NEVER, 1.0, 2.0) * np.ones(12))
    with pytest.raises(DesignRefused, match="no sampling weights"):
        SyntheticDid().fit(weighted, rng=np.random.default_rng(0))
    later = replace(panel, first_treated=np.where(panel.first_treated == NEVER, 11, panel.first_treated))
    with pytest.raises(DesignRefused, match="two never-treated units"):
        SyntheticDid().fit(later, rng=np.random.default_rng(0))


def test_period_shocks_common_to_all_change_nothing_but_the_ridge() -> None:
    panel = BLOCK.draw(0)
    shocked = replace(panel, outcome=panel.outcome + 0.02 * (np.arange(12) % 3))
    one, two = (SyntheticDid().fit(p, rng=np.random.default_rng(0)) for p in (panel, shocked))
    assert one.aggregation("overall").estimate[0] == pytest.approx(two.aggregation("overall").estimate[0], abs=0.01)


def test_where_trends_are_parallel_it_agrees_with_imputation() -> None:
    world = FactorWorld(treated=((8, 30),), comparison=60, periods=12, n_factors=0, noise=0.1, autocorrelation=0.0)
    imputed = Imputation().fit(world.draw(0), rng=np.random.default_rng(0)).aggregation("overall").estimate[0]
    assert fit(world).aggregation("overall").estimate[0] == pytest.approx(imputed, abs=0.03)


@pytest.mark.parametrize(("treated", "comparison", "enough"), [(1, 2, True), (2, 3, False), (2, 4, True)])
def test_placebos_need_more_comparison_units_than_treated_ones(treated: int, comparison: int, enough: bool) -> None:
    """One treated unit has two placebos among two; two have but one mean that differs among three."""
    world = FactorWorld(treated=((7, treated),), comparison=comparison, periods=12)
    if enough:
        assert fit(world, errors="placebo").aggregation("overall").std_error[0] > 0.0
    else:
        with pytest.raises(DesignRefused, match=f"{comparison} comparison units are too few for {treated} treated"):
            fit(world, errors="placebo")


def test_cohorts_of_different_effects_leave_the_jackknife_the_error_of_their_shares() -> None:
    """Without noise theta = sum_c s_c theta_c / sum_c s_c varies by the shares s_c alone, and linearly."""
    made = FactorWorld(treated=((8, 4), (10, 6)), comparison=20, periods=14).draw(0)
    rng = np.random.default_rng(0)
    outcome = rng.normal(size=(30, 1)) + np.arange(14.0) + 1e-7 * rng.normal(size=(30, 14))
    outcome[:4, 8:] += 5.0
    outcome[4:10, 10:] += 1.0
    estimate = SyntheticDid(errors="jackknife").fit(replace(made, outcome=outcome), rng=rng)
    shares, effects = np.array([4 / 30, 6 / 30]), np.array([5.0, 1.0])
    mean = float(shares @ effects / shares.sum())
    without = np.array([((4 - (k < 4)) / 29, (6 - (4 <= k < 10)) / 29) for k in range(30)])
    moves = (without - shares) @ (effects - mean) / shares.sum()
    study = estimate.aggregation("event_study")
    (at,) = np.flatnonzero(study.labels == 0)
    assert study.estimate[at] == pytest.approx(mean, abs=1e-4)
    assert study.std_error[at] == pytest.approx(float(np.sqrt(29 * moves.var())), rel=1e-4)


@pytest.mark.parametrize(("before", "short"), [(19, True), (20, False)])
def test_fewer_than_twenty_periods_before_are_a_short_history(before: int, short: bool) -> None:
    world = FactorWorld(treated=((before, 6),), comparison=20, periods=before + 4)
    assert ("short_history" in {each.id for each in fit(world).remarks}) == short
