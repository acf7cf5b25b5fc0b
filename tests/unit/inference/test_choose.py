"""Which row of the rule table is taken, and what a study may ask for."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import numpy as np
import pytest

import evalkit as ek
from evalkit.errors import DesignRefused
from evalkit.evidence.standard import shipped
from evalkit.inference.choose import report
from evalkit.inference.rules import InferenceTable
from evalkit.testing.simulate import staggered_panel
from evalkit.uncertainty import OwnInterval, Reported

TABLE = shipped().inference
ALMOST = 1e-12
"""Relative: the same numbers added up in another order."""


def panel(units: int, cohorts: dict[int, float], **settings: Any) -> ek.Panel:
    return staggered_panel(n_units=units, n_periods=6, cohorts=cohorts, **{"seed": 3, **settings})


def run(
    made: ek.Panel, estimator: ek.Estimator | None = None, table: InferenceTable = TABLE, **settings: Any
) -> Reported:
    fit = functools.partial(_fit, estimator or ek.CallawaySantAnna())
    return report(fit(made), made, fit, table, **{"level": 0.95, **settings})


def _fit(estimator: ek.Estimator, made: ek.Panel) -> ek.Estimate:
    return estimator.fit(made, rng=np.random.default_rng(0))


def quick(**changes: object) -> InferenceTable:
    """The shipped table with few random roll-outs."""
    rows = [row.model_copy(update={"draws": 99}) if row.method == "randomization" else row for row in TABLE.rows]
    return TABLE.model_copy(update={"rows": tuple(rows), **changes})


@pytest.mark.parametrize(
    ("units", "treated", "method"),
    [(20, 10, "clustered"), (19, 9, "randomization"), (30, 9, "randomization"), (25, 16, "randomization"),
     (20, 1, "randomization"), (19, 1, "collapse"), (6, 3, "collapse"), (7, 3, "randomization"), (3, 1, "collapse")],
)  # fmt: skip
@pytest.mark.promise("trap-12")
def test_the_method_follows_the_numbers_of_clusters(units: int, treated: int, method: str) -> None:
    found = run(panel(units, {4: treated / units}), table=quick())
    assert found.method == method
    assert (found.n_treated_clusters, found.n_clusters) == (treated, units)
    assert found.replaces_clustered == (method != "clustered")


def test_the_estimates_own_interval_stands_beside_the_reported_one() -> None:
    made = panel(6, {4: 0.5})
    found, own = run(made), _fit(ek.CallawaySantAnna(), made).aggregation("overall", level=0.95)
    assert (found.clustered_low, found.clustered_high) == (own.low[0], own.high[0])
    assert found.clustered_p == own.p_values()[0]
    assert found.low < found.clustered_low
    assert found.degrees_of_freedom == 4.0


def test_enough_clusters_cost_no_refit() -> None:
    made = panel(30, {4: 0.5})
    estimate = _fit(ek.CallawaySantAnna(), made)

    def never(other: ek.Panel) -> ek.Estimate:
        raise AssertionError("a refit")

    found = report(estimate, made, never, TABLE, level=0.9)
    own = estimate.aggregation("overall", level=0.9)
    assert (found.method, found.low, found.high, found.p_value) == (
        "clustered", own.low[0], own.high[0], own.p_values()[0],
    )  # fmt: skip


def test_a_posterior_keeps_its_credible_interval() -> None:
    found = run(panel(20, {4: 0.05}), ek.BayesianDid(engine="exact"))
    assert (found.method, found.p_value, found.smallest_p) == ("credible", None, None)


def test_methods_passed_over_leave_their_reason() -> None:
    over = dict(run(panel(6, {4: 0.5})).passed_over)
    assert over["clustered"] == "it needs 10 treated clusters and there are 3"
    assert "below 0.1" in over["randomization"]


def test_clusters_with_several_starts_are_left_to_the_jackknife() -> None:
    made = panel(24, {3: 0.25, 4: 0.25})
    mixed = dataclasses.replace(made, cluster=np.arange(24, dtype=np.int64) % 8)
    found = run(mixed)
    assert found.method == "cr3"
    assert found.degrees_of_freedom == pytest.approx(7.0, rel=1e-12)  # a ratio of sums of squares, to rounding
    assert "different times" in dict(found.passed_over)["randomization"]


@pytest.mark.promise("trap-12")
def test_two_clusters_have_no_interval_to_rely_on() -> None:
    found = run(panel(2, {4: 0.5}), ek.TwoWayFixedEffects())
    assert found.method == "none"
    assert {"collapse", "wild_bootstrap", "cr3"} <= set(dict(found.passed_over))


def test_a_study_may_ask_for_another_method_but_not_for_errors_that_fail_it() -> None:
    made = panel(6, {4: 0.5})
    assert run(made, asked="cr3").method == "cr3"
    assert run(made, asked="cr3").asked
    assert run(panel(30, {4: 0.5}), asked="collapse").method == "collapse"
    with pytest.raises(DesignRefused, match="it needs 10 treated clusters and there are 3"):
        run(made, asked="clustered")
    with pytest.raises(DesignRefused, match=r"no data could give a p-value below 0\.1"):
        run(made, asked="randomization")
    with pytest.raises(DesignRefused, match="keeps its credible interval"):
        run(made, ek.BayesianDid(engine="exact"), asked="collapse")
    with pytest.raises(DesignRefused, match="not a posterior"):
        run(made, asked="credible")


def test_methods_for_many_comparison_groups_are_taken_when_asked_for() -> None:
    made = panel(60, {4: 1 / 60})
    assert run(made).method == "randomization"
    assert run(made, asked="conley_taber").method == "conley_taber"
    with pytest.raises(DesignRefused, match="of one size"):
        run(made, asked="ferman_pinto")
    people = np.linspace(10.0, 500.0, 60)[:, None] + np.zeros(made.outcome.shape)
    assert run(dataclasses.replace(made, exposure=people), asked="ferman_pinto").method == "ferman_pinto"


def test_a_large_panel_gets_fewer_roll_outs_and_a_larger_one_another_method() -> None:
    made = panel(30, {4: 0.1})
    cells = made.outcome.size
    fewer = run(made, table=TABLE.model_copy(update={"refit_cells": 3.0 * 201 * cells}))
    assert (fewer.method, fewer.details["n_assignments"]) == ("randomization", 201.0)
    other = run(made, table=TABLE.model_copy(update={"refit_cells": 3.0 * 150 * cells}))
    assert other.method == "collapse"
    assert "too many" in dict(other.passed_over)["randomization"]


def test_robustness_keeps_its_own_interval_where_another_costs_much() -> None:
    made = panel(30, {4: 0.1})
    table = TABLE.model_copy(update={"cheap_refit_cells": 10.0})
    found = run(made, table=table, cheap=True)
    assert (found.method, found.low) == ("clustered", found.clustered_low)
    assert "too many" in dict(found.passed_over)["collapse"]


def test_the_same_seed_reports_the_same_numbers() -> None:
    made = panel(30, {4: 0.1})
    assert run(made, table=quick()) == run(made, table=quick())


def test_few_eligible_units_are_few_however_many_ineligible_ones_start_with_them() -> None:
    made = panel(120, {4: 0.5})
    eligible = (np.arange(120) % 30 == 0) | (np.arange(120) >= 90)
    made = dataclasses.replace(made, covariates={"eligible": np.repeat(eligible[:, None] * 1.0, 6, axis=1)})
    found = run(made, ek.TripleDifference())
    assert found.n_treated_clusters == 2
    assert found.method not in ("clustered", "collapse", "conley_taber", "ferman_pinto")


def test_a_cross_check_without_any_method_is_not_said_to_take_too_long() -> None:
    assert run(panel(2, {4: 0.5}), ek.TwoWayFixedEffects(), cheap=True).method == "none"


def test_the_interval_of_an_estimators_own_design_comes_before_clustered_errors() -> None:
    made = panel(30, {4: 0.5})
    own = OwnInterval("placebo_in_space", -1.0, 3.0, 0.95, p_value=0.1, smallest_p=1 / 16, details={"rank": 2.0})
    estimate = dataclasses.replace(_fit(ek.CallawaySantAnna(), made), own=own)
    found = report(estimate, made, functools.partial(_fit, ek.CallawaySantAnna()), TABLE, level=0.95)
    assert (found.method, found.low, found.high, found.p_value) == ("placebo_in_space", -1.0, 3.0, 0.1)
    assert (found.smallest_p, found.details["rank"]) == (1 / 16, 2.0)
    assert found.replaces_clustered


def test_an_own_interval_at_another_level_is_passed_over() -> None:
    made = panel(30, {4: 0.5})
    estimate = dataclasses.replace(_fit(ek.CallawaySantAnna(), made), own=OwnInterval("hac", -1.0, 3.0, 0.9))
    found = report(estimate, made, functools.partial(_fit, ek.CallawaySantAnna()), TABLE, level=0.95)
    assert found.method == "clustered"
    assert "at 0.9" in dict(found.passed_over)["of_design"]


def test_an_estimator_whose_intervals_hold_too_seldom_has_none_whatever_the_design() -> None:
    """Matrix completion: ten treated of forty would be enough for an error that counts all there is."""
    made = panel(40, {4: 0.25})
    plain = _fit(ek.CallawaySantAnna(), made)
    assert report(plain, made, lambda _: plain, TABLE, level=0.95).method == "clustered"
    shrunk = dataclasses.replace(plain, uncalibrated=True)
    found = report(shrunk, made, lambda _: shrunk, TABLE, level=0.95)
    assert (found.method, found.uncalibrated) == ("none", True)
    assert {reason for _, reason in found.passed_over} == {
        "intervals around this estimator are known to hold less often than they say"
    }
    with pytest.raises(DesignRefused, match="hold less often than they say"):
        report(shrunk, made, lambda _: shrunk, TABLE, level=0.95, asked="randomization")


def test_a_row_that_must_be_asked_for_is_passed_by_and_those_after_it_are_not() -> None:
    first, *rest = sorted(quick().rows, key=lambda row: not row.only_if_asked)
    assert first.only_if_asked
    assert not rest[-1].only_if_asked
    found = run(panel(25, {4: 0.6}), table=quick(rows=(first, *rest)))
    assert found.method not in ("none", first.method)


def test_a_method_that_the_standard_leaves_out_cannot_be_asked_for() -> None:
    rows = tuple(row for row in TABLE.rows if row.method != "cr3")
    with pytest.raises(DesignRefused, match="the rule table of the evidence standard does not have it"):
        run(panel(6, {4: 0.5}), table=TABLE.model_copy(update={"rows": rows}), asked="cr3")


def test_finding_the_weights_of_clusters_costs_a_refit_for_each_cohort_and_period_and_one_more() -> None:
    made = panel(6, {4: 0.5})
    refits = 6 * (1 + 1)
    for allowed, method in ((refits, "collapse"), (refits - 1, "cr3")):
        table = quick(refit_cells=allowed * made.outcome.size)
        assert run(made, table=table).method == method
