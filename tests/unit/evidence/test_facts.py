"""Facts: what is counted, and over which units and periods."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from evalkit.evidence.facts import baseline_differences, design_of, detail, outcome_spread, sample_of
from evalkit.evidence.standard import shipped
from tests.unit.evidence import made

EXACT = 1e-9
"""Closed formulas; floating-point arithmetic only."""


def test_always_treated_units_are_in_neither_arm() -> None:
    sample = sample_of(made.panel(starts={0: 4, 6: 6}), made.spec(), made.estimate(-2.0))
    assert (sample.treated, sample.treated_clusters, sample.clusters) == (6, 6, 18)


def test_periods_are_those_of_the_cohort_with_fewest() -> None:
    sample = sample_of(made.panel(starts={4: 3, 8: 3}), made.spec(design={"anticipation": 1}), made.estimate(-2.0))
    assert (sample.pre_periods, sample.post_periods) == (3, 2)


def test_attrition_compares_units_seen_before_with_those_seen_last() -> None:
    data = made.panel()
    values = data.outcome.copy()
    values[:3, -1] = np.nan
    sample = sample_of(dataclasses.replace(data, outcome=values), made.spec(), made.estimate(-2.0))
    assert sample.attrition_overall == pytest.approx(100 * 3 / 24)
    assert sample.attrition_differential == pytest.approx(25.0)
    assert sample.missing_share == pytest.approx(3 / 240)


def test_baseline_differences_use_periods_before_the_first_start_only() -> None:
    values = np.zeros((24, made.PERIODS)) + np.tile(np.linspace(-1, 1, 12), 2)[:, None]
    values[:12, 6:] += 100.0
    declared = {
        "source": {"kind": "file", "path": "x.csv"}, "unit": "u", "period": "t", "cohort": "g", "covariates": ["income"]
    }  # fmt: skip
    found = baseline_differences(made.panel(covariates={"income": values}), made.spec(data=declared))
    assert found == {"income": pytest.approx(0.0, abs=EXACT)}


def test_spread_is_that_of_places_within_arms() -> None:
    spread = outcome_spread(made.panel())
    assert spread is not None
    assert spread[:2] == pytest.approx((0.1 * 13**0.5, 0.1 * 13**0.5))
    assert spread[2:] == (12, 12)
    assert outcome_spread(made.panel(never=1)) is None


def test_the_mechanism_outweighs_the_estimator() -> None:
    lottery = made.spec(assignment={"mechanism": "lottery", "unit": "city"})
    assert design_of(lottery, made.estimate(-2.0), shipped()) == "randomized"
    assert design_of(made.spec(), made.estimate(-2.0, name="synthetic_control"), shipped()) == "synthetic_control"


def test_details_that_are_no_numbers_do_not_exist() -> None:
    check = made.diagnostic("x", a=1.0, b=float("nan"))
    assert (detail(check, "a"), detail(check, "b"), detail(check, "c")) == (1.0, None, None)


def test_without_a_start_nothing_is_compared_before_or_after_one() -> None:
    nobody = made.panel(starts={}, never=12)
    assert baseline_differences(nobody, made.spec()) == {}
    assert outcome_spread(nobody) is None


def test_a_confounder_that_was_never_seen_before_the_start_has_no_difference() -> None:
    declared = {
        "source": {"kind": "file", "path": "x.csv"}, "unit": "u", "period": "t", "cohort": "g",
        "covariates": ["income", "age"],
    }  # fmt: skip
    rising = np.tile(np.arange(24.0)[:, None], made.PERIODS)
    found = baseline_differences(made.panel(covariates={"income": rising}), made.spec(data=declared))
    assert found.keys() == {"income"}
    early = made.panel(starts={0: 4, 1: 8}, covariates={"income": rising, "age": rising})
    anticipated = made.spec(data=declared, design={"anticipation": 1})
    assert baseline_differences(early, anticipated) == {}


def test_attrition_is_unknown_where_no_treated_unit_was_seen_before_the_first_start() -> None:
    data = made.panel()
    values = data.outcome.copy()
    values[:12, :6] = np.nan
    sample = sample_of(dataclasses.replace(data, outcome=values), made.spec(), made.estimate(-2.0))
    assert (sample.attrition_overall, sample.attrition_differential) == (None, None)
    assert sample.missing_share == pytest.approx(12 * 6 / 240)
