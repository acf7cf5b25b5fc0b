"""The collapse against a t test of two-period means, a stacked loop, and the designs it cannot do."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import numpy as np
import pytest
from scipy import stats

import evalkit as ek
from evalkit.inference.collapse import collapse
from evalkit.inference.contrasts import contrasts_of
from evalkit.inference.refits import Statistic, refitted, two_way
from evalkit.inference.reported import NotComputable
from evalkit.testing.simulate import staggered_panel

SAME = 1e-7
"""Relative: weights are found by differencing two solutions of one least-squares problem."""


def panel(units: int, treated: int, **settings: Any) -> ek.Panel:
    return staggered_panel(
        n_units=units, n_periods=8, cohorts={5: treated / units}, **{"autocorrelation": 0.8, "seed": 2, **settings}
    )


def fitted(estimator: ek.Estimator) -> Statistic:
    return refitted(functools.partial(_fit, estimator))


def _fit(estimator: ek.Estimator, made: ek.Panel) -> ek.Estimate:
    return estimator.fit(made, rng=np.random.default_rng(0))


@pytest.mark.parametrize(("units", "treated"), [(6, 3), (12, 1), (9, 2)])
@pytest.mark.parametrize("base", ["mean", "last"])
def test_with_one_start_it_is_the_t_test_of_one_change_a_place(units: int, treated: int, base: str) -> None:
    made = panel(units, treated)
    before = made.outcome[:, :4].mean(axis=1) if base == "mean" else made.outcome[:, 3]
    change = made.outcome[:, 4:].mean(axis=1) - before
    arms = change[~made.never_treated], change[made.never_treated]
    gap = float(arms[0].mean() - arms[1].mean())
    pooled = sum(float(((arm - arm.mean()) ** 2).sum()) for arm in arms) / (units - 2)
    error = np.sqrt(pooled * (1 / treated + 1 / (units - treated)))
    width = float(stats.t(units - 2).ppf(0.975)) * error
    statistic = two_way(0) if base == "mean" else fitted(ek.CallawaySantAnna())
    found = collapse(contrasts_of(made, statistic), alpha=0.05)
    assert (found.low, found.high) == pytest.approx((gap - width, gap + width), rel=SAME)
    assert found.degrees_of_freedom == units - 2
    if treated > 1:
        assert found.p_value == pytest.approx(float(stats.ttest_ind(*arms).pvalue), rel=SAME)


@pytest.mark.parametrize(
    "estimator",
    [ek.CallawaySantAnna(), ek.SunAbraham(), ek.Imputation(), ek.TwoWayFixedEffects()],
    ids=lambda estimator: estimator.name,
)
def test_with_several_starts_the_variance_is_that_of_every_cluster_played_by_every_never_treated_one(
    estimator: ek.Estimator,
) -> None:
    made = staggered_panel(n_units=8, n_periods=6, cohorts={3: 0.25, 5: 0.25}, effect=0.5, autocorrelation=0.5, seed=6)
    statistic = two_way(0) if estimator.name == "two_way_fixed_effects" else fitted(estimator)
    value, step = statistic(made)[0], 0.5
    weights = np.zeros(made.outcome.shape)
    for unit, period in np.ndindex(*weights.shape):
        outcome = made.outcome.copy()
        outcome[unit, period] += step
        weights[unit, period] = (statistic(dataclasses.replace(made, outcome=outcome))[0] - value) / step
    assert float((weights * made.outcome).sum()) == pytest.approx(value, rel=SAME)
    never = made.outcome[made.never_treated]
    covariance = np.cov(never.T, ddof=1)
    error = np.sqrt(sum(float(w @ covariance @ w) for w in weights))
    found = collapse(contrasts_of(made, statistic), alpha=0.1)
    assert found.degrees_of_freedom == len(never) - 1
    width = float(stats.t(len(never) - 1).ppf(0.95)) * error
    assert (found.low, found.high) == pytest.approx((value - width, value + width), rel=1e-6)


def test_missing_cells_of_treated_places_are_carried_by_their_own_weights() -> None:
    made = staggered_panel(n_units=12, n_periods=6, cohorts={4: 0.25}, seed=3)
    outcome = made.outcome.copy()
    outcome[np.flatnonzero(~made.never_treated)[0], 1] = np.nan
    holed = dataclasses.replace(made, outcome=outcome)
    contrasts = contrasts_of(holed, two_way(0))
    assert contrasts.value == pytest.approx(two_way(0)(holed)[0])
    assert collapse(contrasts, alpha=0.05).degrees_of_freedom == 8  # nine never-treated places


def test_clusters_of_several_units_are_one_path_each() -> None:
    made = panel(12, 4)
    order = np.argsort(made.first_treated, kind="stable")
    cluster = np.empty(12, dtype=np.int64)
    cluster[order] = np.arange(12) // 2
    grouped = dataclasses.replace(made, cluster=cluster)
    found = collapse(contrasts_of(grouped, two_way(0)), alpha=0.05)
    change = grouped.outcome[:, 4:].mean(axis=1) - grouped.outcome[:, :4].mean(axis=1)
    means = np.array([change[cluster == code].mean() for code in range(6)])
    assert found.p_value == pytest.approx(float(stats.ttest_ind(means[:2], means[2:]).pvalue), rel=SAME)


def test_clusters_of_unequal_numbers_of_units_keep_the_estimators_number() -> None:
    made = panel(12, 4)
    order = np.argsort(made.first_treated, kind="stable")
    cluster = np.empty(12, dtype=np.int64)
    cluster[order] = [0, 0, 0, 1, 2, 2, 3, 3, 3, 4, 4, 4]
    contrasts = contrasts_of(dataclasses.replace(made, cluster=cluster), two_way(0))
    assert contrasts.value == pytest.approx(two_way(0)(made)[0])
    assert sorted(contrasts.weights[contrasts.treated].sum(axis=1)) == pytest.approx([0.0, 0.0], abs=1e-12)
    ratio = np.linalg.norm(contrasts.weights[0]) / np.linalg.norm(contrasts.weights[1])
    assert ratio == pytest.approx(3.0)


def test_an_estimate_with_covariates_is_no_sum_of_paths() -> None:
    made = staggered_panel(n_units=10, n_periods=6, cohorts={4: 0.3}, covariate_slope=0.5, seed=3)
    varying = dataclasses.replace(made, covariates={"x": made.covariates["x"] * np.arange(6)[None, :]})

    def square(other: ek.Panel) -> tuple[float, float]:
        return two_way(0)(dataclasses.replace(other, outcome=other.outcome**2))

    with pytest.raises(NotComputable, match="weighted sum"):
        contrasts_of(varying, square)


@pytest.mark.parametrize(("units", "treated", "match"), [(2, 1, "no arm has two")])
def test_too_few_clusters_are_refused(units: int, treated: int, match: str) -> None:
    with pytest.raises(NotComputable, match=match):
        collapse(contrasts_of(panel(units, treated), two_way(0)), alpha=0.05)


def test_one_never_treated_cluster_beside_two_cohorts_is_refused() -> None:
    made = staggered_panel(n_units=5, n_periods=6, cohorts={3: 0.4, 5: 0.4}, seed=1)
    with pytest.raises(NotComputable, match="never treated"):
        collapse(contrasts_of(made, two_way(0)), alpha=0.05)


def test_changes_that_are_all_alike_say_nothing_of_what_varies() -> None:
    made = panel(8, 3)
    still = dataclasses.replace(made, outcome=np.zeros_like(made.outcome))
    with pytest.raises(NotComputable, match="do not vary"):
        collapse(contrasts_of(still, two_way(0)), alpha=0.1)
