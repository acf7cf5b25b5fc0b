"""Each rule about design and data: a case that triggers it, one that does not, and what it says without information."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from evalkit.data.calendar import Calendar
from evalkit.data.panel import Panel
from evalkit.evidence import rules_design as rules
from evalkit.evidence.facts import Facts
from evalkit.evidence.ledger import MISSING, Ledger
from evalkit.evidence.phrases import RULE_WORDS
from evalkit.evidence.standard import shipped
from evalkit.evidence.verdict import Verdict
from evalkit.vocabulary import NEVER, CheckStatus, Diagnostic, InferenceMethod
from tests.unit.evidence import made

TABLE = shipped().rules
RANDOM: Mapping[str, Any] = {"assignment": {"mechanism": "lottery", "unit": "city"}}
CHOSEN: Mapping[str, Any] = {"mechanism": "selected_on_outcome", "unit": "city"}


def judge(name: str, facts: Facts) -> Verdict:
    verdict: Verdict = getattr(rules, name)(facts, TABLE[name])
    return verdict


def facts(**changes: Any) -> Facts:
    """A clean study: an effect of -2 with a standard error of 0.1; `changes` to the study or its data."""
    name = changes.pop("name", "callaway_santanna")
    data, diagnostics = changes.pop("data", None), changes.pop("diagnostics", None)
    fitted = made.estimate(-2.0, name=name, settings=changes.pop("settings", None))
    return made.facts(fitted, made.spec(**changes), data=data, diagnostics=diagnostics)


@pytest.mark.parametrize(
    ("figures", "state"),
    [
        ({}, "not_triggered"),
        ({"rhat_max": 1.02}, "applied"),
        ({"rhat_max": float("nan")}, "applied"),
        ({"ess_bulk_min": 399.0}, "applied"),
        ({"ess_tail_min": 399.0}, "applied"),
        ({"divergences": 1}, "applied"),
    ],
)
@pytest.mark.promise("fault-divergences", "fault-r-hat", "fault-ess")
def test_sampler_gate_closes_on_each_figure_and_on_unknown_ones(figures: dict[str, Any], state: str) -> None:
    fitted = made.estimate(0.0, draws=made.posterior(-2.0), sampler=figures)
    assert judge("sampler_gate", made.facts(fitted)).state == state


@pytest.mark.parametrize(
    ("figures", "variant", "said"),
    [
        ({"rhat_max": 1.2}, "short", "its chains disagree (R-hat 1.200, at most 1.01 is allowed)"),
        ({"ess_tail_min": 58.0}, "short", "its draws are worth 58 independent ones (at least 400 are needed)"),
        ({"divergences": 7, "rhat_max": 1.2}, "diverged", "; 7 of its steps diverged (none may)"),
    ],
)
def test_a_closed_gate_says_what_failed_and_points_to_what_would_help(
    figures: dict[str, Any], variant: str, said: str
) -> None:
    found = judge("sampler_gate", made.facts(made.estimate(0.0, draws=made.posterior(-2.0), sampler=figures)))
    assert found.variant == variant
    assert said in found.reason
    assert f"sampler_gate/{variant}" in RULE_WORDS


def test_sampler_gate_is_not_for_frequentist_runs() -> None:
    assert judge("sampler_gate", facts()).state == "not_applicable"


def test_cap_without_comparison() -> None:
    alone = made.panel(starts={6: 6}, never=0)
    assert judge("cap_no_comparison", facts(data=alone)).state == "applied"
    assert judge("cap_no_comparison", facts(assignment={"mechanism": "unknown"})).state == "applied"
    assert judge("cap_no_comparison", facts()).state == "not_triggered"


def test_later_cohorts_are_a_comparison_only_where_the_design_uses_them() -> None:
    staggered = made.panel(never=0)
    later = facts(data=staggered, design={"comparison": "not_yet_treated"})
    assert judge("cap_no_comparison", later).state == "not_triggered"
    assert judge("cap_no_comparison", facts(data=staggered, design={"comparison": "never_treated"})).state == "applied"


def test_cap_for_a_time_series_alone() -> None:
    assert judge("cap_time_series", facts(name="interrupted_time_series")).state == "applied"
    assert judge("cap_time_series", facts()).state == "not_triggered"


def test_cap_for_designs_without_randomization() -> None:
    assert judge("cap_not_randomized", facts()).state == "applied"
    assert judge("cap_not_randomized", facts(name="synthetic_control")).state == "applied"
    assert judge("cap_not_randomized", facts(**RANDOM)).state == "not_triggered"
    assert judge("cap_not_randomized", facts(name="interrupted_time_series")).state == "not_applicable"


def test_an_estimator_unknown_to_the_table_is_named_in_the_reason() -> None:
    assert "does not know my_own" in judge("cap_not_randomized", facts(name="my_own")).reason


def test_cap_for_a_single_unit_is_lower_without_exact_inference() -> None:
    single = made.panel(starts={6: 1})
    without = judge("cap_single_unit", facts(data=single))
    assert (without.state, without.cap) == ("applied", TABLE["cap_single_unit"].cap_without_inference)
    inference = [*made.clean(), made.diagnostic("permutation")]
    with_it = judge("cap_single_unit", facts(data=single, diagnostics=inference))
    assert (with_it.state, with_it.cap) == ("applied", None)
    assert judge("cap_single_unit", facts()).state == "not_triggered"


def test_pre_periods_are_counted_in_the_cohort_with_fewest_and_before_anticipation() -> None:
    assert judge("few_pre_periods", facts()).state == "not_triggered"
    assert judge("few_pre_periods", facts(data=made.panel(starts={2: 6, 6: 6}))).state == "applied"
    assert judge("few_pre_periods", facts(data=made.panel(starts={3: 6}))).state == "not_triggered"
    early = facts(data=made.panel(starts={3: 6}), design={"anticipation": 1})
    assert judge("few_pre_periods", early).state == "applied"


def test_a_study_may_ask_for_more_pre_periods_but_not_for_fewer() -> None:
    assert judge("few_pre_periods", facts(design={"required_pre_periods": 7})).state == "applied"
    few = facts(data=made.panel(starts={2: 6}), design={"required_pre_periods": 1})
    assert judge("few_pre_periods", few).state == "applied"


def test_short_series_count_points_on_both_sides() -> None:
    short = facts(name="interrupted_time_series")
    assert judge("short_series", short).state == "applied"
    long = facts(name="interrupted_time_series", data=made.panel(starts={12: 1}, periods=24))
    assert judge("short_series", long).state == "not_triggered"
    assert judge("short_series", facts()).state == "not_applicable"


def balance(gap: float, *, adjusted: bool) -> Verdict:
    """A confounder whose standardized gap between arms is `gap` before the small-sample correction."""
    ranks = np.concatenate([np.linspace(-1, 1, 12)] * 2)
    values = ranks / ranks[:12].std(ddof=1) + gap * (np.arange(24) < 12)
    data = made.panel(covariates={"income": np.repeat(values[:, None], made.PERIODS, axis=1)})
    declared = {
        "source": {"kind": "file", "path": "x.csv"}, "unit": "u", "period": "t", "cohort": "g", "covariates": ["income"]
    }  # fmt: skip
    fitted = made.estimate(-2.0, settings={"covariates": ["income"] if adjusted else []})
    return judge("baseline", made.facts(fitted, made.spec(data=declared), data=data))


@pytest.mark.parametrize(
    ("gap", "adjusted", "state"),
    [(0.03, False, "not_triggered"), (0.1, False, "applied"), (0.1, True, "not_triggered"), (0.4, True, "applied")],
)
def test_baseline_differences_are_held_against_both_boundaries(gap: float, adjusted: bool, state: str) -> None:
    assert balance(gap, adjusted=adjusted).state == state


def test_baseline_without_declared_confounders_is_not_run() -> None:
    assert judge("baseline", facts()).state == "not_run"


def test_regression_to_the_mean_needs_a_window_before_selection() -> None:
    assert judge("regression_to_the_mean", facts(assignment=CHOSEN)).state == "applied"
    assert (
        judge("regression_to_the_mean", facts(assignment=CHOSEN, design={"anticipation": 1})).state == "not_triggered"
    )
    assert judge("regression_to_the_mean", facts()).state == "not_applicable"


def test_concurrent_events_count_where_they_reached_the_treated_only() -> None:
    event = {"mechanism": "policy_choice", "unit": "city", "concurrent_events": ["a new bridge"]}
    assert judge("concurrent_event", facts(assignment=event)).state == "not_triggered"
    only = {**event, "concurrent_events_treated_only": True}
    assert judge("concurrent_event", facts(assignment=only)).state == "applied"
    assert judge("concurrent_event", facts()).state == "not_run"


def lost(treated: int, comparison: int, *, holes: int = 0) -> Verdict:
    """Attrition of some units of each arm in the last period, and further holes in the middle."""
    data = made.panel()
    values = data.outcome.copy()
    values[:treated, -1] = np.nan
    values[12 : 12 + comparison, -1] = np.nan
    values[:, 1 : 1 + holes] = np.nan
    return judge("attrition", facts(data=dataclasses.replace(data, outcome=values)))


def test_attrition_is_charged_once_or_twice() -> None:
    assert lost(0, 0).state == "not_triggered"
    assert lost(1, 1).state == "not_triggered"
    once = lost(1, 0)  # 4 % overall, 8.3 points between arms: above 6.0, below 10.4
    assert (once.state, once.severe) == ("applied", False)
    twice = lost(3, 0)
    assert (twice.state, twice.severe) == ("applied", True)
    assert "unverified" in twice.reason


def test_much_missing_data_is_charged_without_attrition() -> None:
    assert lost(0, 0, holes=3).state == "applied"


@pytest.mark.parametrize(("day", "state"), [("2007-06-01", "applied"), ("2003-01-01", "not_triggered")])
def test_changes_of_definition_count_near_a_start(day: str, state: str) -> None:
    spec = made.spec({"definition_changes": [day]})
    assert judge("measurement_change", made.facts(made.estimate(-2.0), spec)).state == state


def test_undeclared_changes_of_definition_are_no_pass() -> None:
    assert judge("measurement_change", facts()).state == "not_run"


def of_data(part: str, status: CheckStatus) -> Diagnostic:
    return Diagnostic(f"data_{part}", "", "share", 0.2, 0.05, status, "measurement", "The records moved.")


def test_records_that_change_what_is_measured_are_charged_like_a_change_of_definition() -> None:
    bulk = made.facts(made.estimate(-2.0), diagnostics=[of_data("bulk_closures", "fail")])
    verdict = judge("measurement_change", bulk)
    assert (verdict.state, verdict.variant, verdict.reason) == ("applied", "data_bulk_closures", "The records moved.")
    steady = made.facts(made.estimate(-2.0), diagnostics=[of_data("definition_changes", "pass")])
    assert judge("measurement_change", steady).state == "not_triggered"
    warned = made.facts(made.estimate(-2.0), diagnostics=[of_data("bulk_closures", "warn")])
    assert judge("measurement_change", warned).state == "not_run"


def test_few_clusters_count_treated_ones_and_all() -> None:
    assert judge("few_clusters", facts()).state == "not_triggered"
    assert judge("few_clusters", facts(data=made.panel(starts={6: 4}))).state == "applied"
    together = [0] * 6 + [1] * 6 + [2 + number % 3 for number in range(12)]
    assert judge("few_clusters", facts(data=made.panel(cluster=together))).state == "applied"
    exact = [*made.clean(), made.diagnostic("wild_bootstrap")]
    assert judge("few_clusters", facts(data=made.panel(starts={6: 4}), diagnostics=exact)).state == "not_triggered"


@pytest.mark.parametrize(("status", "state"), [("pass", "not_triggered"), ("fail", "applied"),
                                               ("informational", "applied"), ("not_run", "applied")])  # fmt: skip
def test_inference_that_judged_lifts_the_row_for_few_clusters_and_one_that_only_informs_does_not(
    status: CheckStatus, state: str
) -> None:
    exact = [*made.clean(), made.diagnostic("wild_bootstrap", status)]
    assert judge("few_clusters", facts(data=made.panel(starts={6: 4}), diagnostics=exact)).state == state


@pytest.mark.parametrize(("method", "state"), [("randomization", "not_triggered"), ("collapse", "not_triggered"),
                                               ("cr3", "applied"), ("none", "applied")])  # fmt: skip
def test_a_reported_interval_that_holds_with_few_clusters_lifts_the_rows_on_few(
    method: InferenceMethod, state: str
) -> None:
    few, single = made.panel(starts={6: 4}), made.panel(starts={6: 1})
    fitted = made.reported(made.estimate(-2.0), method, -3.0, -1.0)
    step = judge("few_clusters", made.facts(fitted, data=few))
    assert step.state == state
    assert (f"by {method}" in step.reason) == (state == "not_triggered")
    cap = judge("cap_single_unit", made.facts(fitted, data=single)).cap
    assert cap == (None if state == "not_triggered" else TABLE["cap_single_unit"].cap_without_inference)


def test_never_treated_units_are_not_treated_clusters() -> None:
    assert facts().sample.treated_clusters == sum(made.STARTS.values())
    assert (made.panel().first_treated == NEVER).sum() == made.NEVER_TREATED


def series(controlled: bool, **changes: Any) -> Facts:
    """A model of one series, which reads those of other places or not."""
    found = facts(name="interrupted_time_series", **changes)
    estimate = dataclasses.replace(found.estimate, facts={"controlled": float(controlled)})
    return made.facts(estimate, found.spec, data=found.panel)


def test_a_controlled_series_is_a_comparison_and_a_series_alone_is_none() -> None:
    alone, controlled = series(controlled=False), series(controlled=True)
    assert (alone.design, controlled.design) == ("interrupted_time_series", "controlled_time_series")
    assert alone.sample.comparison == 0, "places in the panel that the model does not read"
    assert controlled.sample.comparison > 0
    assert judge("cap_time_series", alone).state == "applied"
    assert judge("cap_time_series", controlled).state == "not_triggered"
    assert judge("cap_no_comparison", controlled).state == "not_triggered"
    assert judge("cap_not_randomized", controlled).state == "applied"
    assert judge("few_pre_periods", controlled).state == "not_applicable"


def test_a_controlled_series_of_one_place_has_the_cap_of_one_place_and_no_lower_one() -> None:
    one = made.panel(starts={6: 1})
    verdict = judge("cap_single_unit", series(controlled=True, data=one))
    assert verdict.state == "applied"
    assert verdict.cap is None, "the row's own cap, not the one without inference"
    assert judge("cap_single_unit", series(controlled=True)).state == "not_triggered"


@pytest.mark.parametrize("controlled", [False, True])
def test_both_kinds_of_series_are_held_to_their_length(controlled: bool) -> None:
    assert judge("short_series", series(controlled=controlled)).state == "applied"


@pytest.mark.parametrize(
    ("name", "state"),
    [("bayesian_time_series", "not_triggered"), ("bayesian_did", "applied")],
    ids=["series", "places"],
)
def test_a_posterior_of_one_series_is_not_charged_for_few_places_and_one_over_places_is(name: str, state: str) -> None:
    fitted = made.estimate(-2.0, name=name, draws=made.posterior(-2.0))
    assert judge("few_clusters", made.facts(fitted, made.spec(), data=made.panel(starts={6: 1}))).state == state


def unseen_before() -> Panel:
    """No treated unit was seen before the first start: 30 % of cells are missing, and attrition has no meaning."""
    data = made.panel()
    values = data.outcome.copy()
    values[:12, :6] = np.nan
    return dataclasses.replace(data, outcome=values)


def test_missing_data_are_charged_where_attrition_cannot_be_computed() -> None:
    found = judge("attrition", facts(data=unseen_before()))
    assert (found.state, found.reason) == ("applied", "30.0 % is missing.")
    assert found.value == pytest.approx(0.3)
    few = facts(data=unseen_before())
    hidden = dataclasses.replace(few, ledger=Ledger(frozenset({MISSING})))
    withheld = judge("attrition", hidden)
    assert (withheld.state, withheld.value) == ("applied", None)
    assert "30" not in withheld.reason


@pytest.mark.parametrize(
    ("calendar", "state"),
    [
        (Calendar(kind="integer", origin=1, step=1), "not_run"),
        (Calendar(kind="period", origin=2001 - 1970, step=1, frequency="Y-DEC"), "applied"),
        (Calendar(kind="period", origin=2011 - 1970, step=1, frequency="Y-DEC"), "not_triggered"),
    ],
)
def test_changes_of_definition_are_placed_by_years_and_dates_alone(calendar: Calendar, state: str) -> None:
    """Starts in the seventh and eighth period: of a calendar that begins in 2001, those are 2007 and 2008."""
    spec = made.spec({"definition_changes": ["2007-02-01"]})
    data = dataclasses.replace(made.panel(), calendar=calendar)
    found = judge("measurement_change", made.facts(made.estimate(-2.0), spec, data=data))
    assert found.state == state
    assert ("cannot be placed" in found.reason) == (state == "not_run")
