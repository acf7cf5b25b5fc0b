"""What is counted and repeated on changed panels."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

import evalkit as ek
from evalkit.errors import EstimationFailed
from evalkit.inference.refits import (
    anticipated,
    cluster_counts,
    comparison_clusters,
    counted_as_treated,
    is_static_two_way,
    lead_of,
    refitted,
    spread_of,
    statistic_of,
    treated_cells,
    two_way,
)
from evalkit.testing.simulate import staggered_panel
from evalkit.vocabulary import NEVER
from tests.oracle.panels import draw_persons
from tests.simulated import context

SAME = 1e-9
"""Relative: two exact solutions of one least-squares problem."""


def panel(**settings: Any) -> ek.Panel:
    return staggered_panel(n_units=20, n_periods=8, **{"cohorts": {4: 0.1, 6: 0.1}, "seed": 3, **settings})


def test_the_closed_form_is_used_where_it_is_the_estimators_own() -> None:
    made = context(ek.TwoWayFixedEffects())
    assert is_static_two_way(made.estimate)
    fast, slow = statistic_of(made.estimate, made.fit)(made.panel), refitted(made.fit)(made.panel)
    assert fast == pytest.approx(slow, rel=SAME)
    for estimator in (ek.TwoWayFixedEffects(errors="unadjusted"), ek.CallawaySantAnna()):
        assert not is_static_two_way(context(estimator).estimate)


def test_a_refusal_is_no_number() -> None:
    def refuse(made: ek.Panel) -> ek.Estimate:
        raise EstimationFailed("No.")

    assert np.isnan(refitted(refuse)(panel())).all()
    assert np.isnan(two_way(0)(dataclasses.replace(panel(), first_treated=np.full(20, 4)))).all()


def test_clusters_are_counted_without_the_always_treated() -> None:
    made = panel()
    first = made.first_treated.copy()
    first[np.flatnonzero(made.never_treated)[:2]] = made.time[0]
    made = dataclasses.replace(made, first_treated=first)
    assert cluster_counts(made) == (4, 18)
    assert comparison_clusters(made, later_cohorts=False) == 14
    assert comparison_clusters(made, later_cohorts=True) == 16
    order = np.argsort(made.first_treated, kind="stable")
    cluster = np.empty(20, dtype=np.int64)
    cluster[order] = np.arange(20) // 2
    assert cluster_counts(dataclasses.replace(made, cluster=cluster)) == (2, 9)


def test_a_constant_effect_touches_treated_cells_of_starting_units_only() -> None:
    made = panel()
    first = made.first_treated.copy()
    first[0] = made.time[0] - 1
    cells = treated_cells(dataclasses.replace(made, first_treated=first))
    assert cells[0].sum() == 0.0
    assert cells[1:].sum() == (dataclasses.replace(made, first_treated=first).treated[1:]).sum()


def test_periods_of_anticipation_are_found_before_starts_inside_the_window() -> None:
    made = panel()
    starts = np.full(20, NEVER)
    starts[:3] = [4, 0, 99]
    assert np.argwhere(anticipated(made, starts, 2)).tolist() == [[0, 2], [0, 3]]
    assert lead_of(context(ek.TwoWayFixedEffects(anticipation=2)).estimate) == 2
    assert lead_of(context(ek.Imputation()).estimate, 1) in (0, 1)


def test_the_scale_of_changes_ignores_levels() -> None:
    made = panel()
    higher = dataclasses.replace(made, outcome=made.outcome + 1e3 * np.arange(20)[:, None])
    assert spread_of(higher) == pytest.approx(spread_of(made), rel=1e-6)
    assert spread_of(dataclasses.replace(made, outcome=np.ones(made.outcome.shape))) == 1.0
    without = made.outcome.copy()
    without[0] = np.nan
    rest = without[1:] - without[1:].mean(axis=1, keepdims=True)
    assert spread_of(dataclasses.replace(made, outcome=without)) == pytest.approx(float(rest.std()), rel=SAME)


def test_ineligible_units_of_a_triple_difference_are_not_counted_as_treated() -> None:
    made = panel(ineligible=0.5)
    eligible = np.arange(20) % 2 == 1
    made = dataclasses.replace(made, covariates={"eligible": np.repeat(eligible[:, None] * 1.0, 8, axis=1)})
    plain = ek.CallawaySantAnna().fit(made, rng=np.random.default_rng(0))
    counted = counted_as_treated(made, dataclasses.replace(plain, settings={"eligible": "eligible"}))
    assert cluster_counts(made) == (4, 20)
    assert cluster_counts(counted) == (2, 20)
    assert (treated_cells(counted) == treated_cells(made) * eligible[:, None]).all()
    assert counted_as_treated(made, plain) is made


def test_the_spread_of_persons_is_that_of_all_of_them() -> None:
    persons = draw_persons(0).panel()
    assert spread_of(persons) == pytest.approx(float(np.nanstd(persons.outcome)))
    alike = dataclasses.replace(persons, outcome=np.full_like(persons.outcome, 3.0))
    assert spread_of(alike) == 1.0
