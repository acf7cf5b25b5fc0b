"""The sensitivity to differing trends: what it reports, in which words, and when it cannot run."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from evalkit.checks import honest, registry
from evalkit.checks.base import CheckContext
from evalkit.checks.honest import MOST, Honest
from evalkit.errors import ConfigError
from evalkit.estimators.bayesian_did import BayesianDid
from evalkit.estimators.callaway_santanna import CallawaySantAnna
from evalkit.evidence.disclosure import Policy
from evalkit.evidence.lint import lint
from evalkit.evidence.standard import shipped
from evalkit.evidence.withhold import in_text
from evalkit.vocabulary import Diagnostic, Remark
from tests.simulated import context, spec
from tests.unit.evidence import made as made_by_hand

CLEAR: dict[str, Any] = {"effect": 8.0, "noise": 0.3}
SAME = 1e-9


def run(made: CheckContext) -> Diagnostic:
    return Honest().run(made)[0]


def windowed(made: CheckContext, first: int, last: int) -> CheckContext:
    return dataclasses.replace(made, spec=spec(design={"event_window": [first, last]}))


def test_a_large_effect_survives_and_a_doubtful_one_does_not() -> None:
    strong, weak = run(context(**CLEAR)), run(context(effect=1.0))
    assert strong.status == "pass"
    assert weak.status == "fail"
    assert strong.value is not None
    assert weak.value is not None
    assert strong.value > 1.0 > 0.5 > weak.value > 0.0
    assert dict(strong.details)["excludes_zero"] == dict(weak.details)["excludes_zero"] == 1.0


def test_an_interval_that_includes_zero_anyway_is_no_finding_to_lose() -> None:
    found = run(context(effect=0.0, noise=4.0))
    details = dict(found.details)
    assert found.status == "informational"
    assert found.value == 0.0
    assert details["excludes_zero"] == 0.0
    assert details["low_at_0"] <= 0.0 <= details["high_at_0"]


def test_the_breakdown_value_lies_where_the_intervals_reach_zero() -> None:
    found = run(context(effect=3.0))
    details = dict(found.details)
    assert found.value is not None
    for m_bar in (0.0, 0.5, 1.0, 1.5, 2.0):
        low, high = details[f"low_at_{m_bar:g}"], details[f"high_at_{m_bar:g}"]
        assert (low <= 0.0 <= high) == (m_bar >= found.value)


def test_thresholds_decide_between_fail_warning_and_pass() -> None:
    made = context(effect=3.0)
    value = run(made).value
    assert value is not None
    assert 0.0 < value < MOST
    assert Honest(fail=value / 2.0, warn=2.0 * value).run(made)[0].status == "warn"
    assert Honest(fail=2.0 * value, warn=3.0 * value).run(made)[0].status == "fail"
    assert Honest(fail=value / 3.0, warn=value / 2.0).run(made)[0].status == "pass"


def test_a_varying_and_a_universal_base_give_the_same_answer() -> None:
    varying, universal = (
        context(CallawaySantAnna(comparison="never_treated", base_period=base), cohorts={4: 0.2, 6: 0.2}, effect=3.0)
        for base in ("varying", "universal")
    )
    found, expected = dict(run(varying).details), dict(run(universal).details)
    assert found.keys() == expected.keys()
    np.testing.assert_allclose(list(found.values()), list(expected.values()), rtol=SAME, atol=SAME)


def test_only_periods_within_the_event_window_count() -> None:
    made = context(CallawaySantAnna(comparison="never_treated"), cohorts={5: 0.4})
    assert dict(run(windowed(made, -3, 1)).details)["n_pre_periods"] == 2.0
    first_only, wide = dict(run(windowed(made, -3, 0)).details), dict(run(windowed(made, -3, 2)).details)
    assert first_only["low_at_1"] == pytest.approx(first_only["first_low_at_1"], abs=SAME)
    assert wide["high_at_1"] - wide["low_at_1"] > first_only["high_at_1"] - first_only["low_at_1"]


def test_anticipation_periods_lie_after_the_reference() -> None:
    made = context(CallawaySantAnna(comparison="never_treated", anticipation=1), cohorts={5: 0.4})
    details = dict(run(windowed(made, -4, 1)).details)
    assert details["n_pre_periods"] == 2.0  # -4 and -3 against -2
    plain = dict(run(windowed(context(CallawaySantAnna(comparison="never_treated"), cohorts={5: 0.4}), -4, 1)).details)
    # two steps from the reference to the start may differ instead of one
    width = details["first_high_at_2"] - details["first_low_at_2"]
    assert width > plain["first_high_at_2"] - plain["first_low_at_2"]


def test_a_posterior_is_told_why_it_has_no_such_interval() -> None:
    found = run(context(BayesianDid(engine="exact")))
    assert found.status == "not_run"
    assert "posterior" in found.reading


def test_without_an_earlier_pre_period_it_says_that_it_did_not_run() -> None:
    found = run(context(CallawaySantAnna(comparison="never_treated"), cohorts={2: 0.4}))
    assert found.status == "not_run"
    assert "before the start" in found.reading


def test_leads_from_an_own_mean_or_pinned_twice_or_across_gaps_are_not_used() -> None:
    made = context()
    own = dataclasses.replace(made, estimate=dataclasses.replace(made.estimate, leads_from="own_mean"))
    twice = dataclasses.replace(
        made, estimate=dataclasses.replace(made.estimate, remarks=(Remark("second_reference", "Two."),))
    )
    steps = context(CallawaySantAnna(comparison="never_treated"))
    gaps = dataclasses.replace(steps, panel=dataclasses.replace(steps.panel, time=steps.panel.time * 2))
    for refused, word in ((own, "own mean"), (twice, "by construction"), (gaps, "gaps")):
        found = run(refused)
        assert found.status == "not_run"
        assert word in found.reading


@pytest.mark.parametrize("design", [CLEAR, {"effect": 3.0}, {"effect": 0.0, "noise": 4.0}, {"cohorts": {2: 0.4}}])
def test_every_reading_passes_the_linter(design: dict[str, Any]) -> None:
    found = run(context(**design))
    assert lint(found.reading, shipped().prose, bayesian=False, very_low=True, digits=False) == found.reading


def test_the_reading_names_the_violation_that_the_finding_survives() -> None:
    found = run(context(effect=1.0))
    assert found.value is not None
    assert found.value < 1.0
    assert f"up to {found.value:.2f} times the largest one seen before the start" in found.reading


def test_the_multiple_is_not_taken_for_a_count_of_people() -> None:
    people = Policy("persons", 11, "")
    for design in (
        CLEAR,
        {"effect": 3.0},
        {"effect": 1.0},
        {"effect": 0.0, "noise": 4.0},
        {"effect": 90.0, "noise": 0.1},
    ):
        reading = run(context(**design)).reading
        assert in_text(reading, people) == reading


@pytest.mark.parametrize(
    ("asked", "meant"), [("leave_one_cohort", "leave_one_cohort_out"), ("placebo_perod", "placebo_period")]
)
def test_a_check_that_does_not_exist_is_answered_with_the_closest(asked: str, meant: str) -> None:
    with pytest.raises(ConfigError) as refused:
        registry.get(asked)
    assert meant in str(refused.value)
    assert f"Did you mean '{meant}'?" in str(refused.value.next_step)


def bends(made: CheckContext, **settings: Any) -> Diagnostic:
    found = Honest(**settings).run(made)
    assert [each.id for each in found] == ["honest", "honest_smoothness"]
    return found[1]


def test_smoothness_reports_a_breakdown_value_where_its_intervals_reach_zero() -> None:
    found = bends(context(effect=4.0, noise=0.5))
    details = dict(found.details)
    assert found.value is not None
    assert found.value > 0.0
    assert details["breakdown_multiple"] == pytest.approx(found.value / details["largest_change_seen"], rel=SAME)
    for multiple in (0.0, 0.25, 0.5, 0.75, 1.0):
        low, high = details[f"low_at_{multiple:g}"], details[f"high_at_{multiple:g}"]
        assert (low <= 0.0 <= high) == (multiple >= details["breakdown_multiple"])


def test_smoothness_passes_warns_or_informs_but_never_fails() -> None:
    assert bends(context(effect=90.0, noise=0.1)).status == "pass"
    assert bends(context(effect=3.0)).status == "warn"
    assert bends(context(effect=0.0, noise=4.0)).status == "informational"
    one_lead = windowed(context(CallawaySantAnna(comparison="never_treated"), cohorts={3: 0.4}, effect=9.0), -2, 2)
    found = bends(one_lead)
    assert found.status == "informational"
    assert dict(found.details)["largest_change_seen"] == 0.0


def test_a_steady_difference_in_trends_is_taken_out() -> None:
    made = context(CallawaySantAnna(comparison="never_treated", base_period="universal"), effect=3.0, noise=0.3)
    panel = made.panel
    line = np.where(panel.never_treated, 0.0, 1.0)[:, None] * 0.7 * panel.time
    tilted = dataclasses.replace(panel, outcome=panel.outcome + line)
    plain, bent = dict(bends(made).details), dict(bends(dataclasses.replace(made, estimate=made.fit(tilted))).details)
    assert bent["low_at_0"] == pytest.approx(plain["low_at_0"], abs=1e-6)
    assert bent["high_at_0"] == pytest.approx(plain["high_at_0"], abs=1e-6)


def test_without_values_of_smoothness_there_is_one_diagnostic() -> None:
    assert len(Honest(smoothness=()).run(context(effect=3.0))) == 1


def test_figures_show_the_original_interval_first_and_the_breakdown_value_last() -> None:
    made = context(effect=3.0)
    for found in Honest().run(made):
        assert found.exhibit is not None
        assert found.exhibit.table["mark"][0] == "original"
        if 0.0 < dict(found.details).get("breakdown_multiple", found.value or 0.0) < MOST:
            assert found.exhibit.table["mark"][-1] == "breakdown"
    overall = Honest().run(made)[0].exhibit
    assert overall is not None
    assert overall.kind == "honest_relative"


@pytest.mark.parametrize(
    "design", [CLEAR, {"effect": 3.0}, {"effect": 0.0, "noise": 4.0}, {"effect": 90.0, "noise": 0.1}]
)
def test_readings_of_smoothness_pass_the_linter_and_count_nobody(design: dict[str, Any]) -> None:
    reading = bends(context(**design)).reading
    assert lint(reading, shipped().prose, bayesian=False, very_low=True, digits=False) == reading
    assert in_text(reading, Policy("persons", 11, "")) == reading


def test_an_estimate_without_event_time_has_no_event_study_to_bound() -> None:
    pooled = dataclasses.replace(context(), estimate=made_by_hand.estimate(-2.0))
    found = run(pooled)
    assert found.status == "not_run"
    assert "There is no event study with one reference period" in found.reading


def test_a_start_that_nobody_saw_leaves_a_gap_to_the_reference() -> None:
    made = context()
    panel = made.panel
    outcome = np.where(panel.time[None, :] == panel.first_treated[:, None], np.nan, panel.outcome)
    holed = dataclasses.replace(panel, outcome=outcome)
    found = run(dataclasses.replace(made, panel=holed, estimate=made.fit(holed)))
    assert found.status == "not_run"
    assert "without a gap" in found.reading


def test_a_covariance_that_bounds_cannot_be_drawn_from_is_said_to_be_degenerate(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fails(*arguments: object, **settings: object) -> None:
        raise ValueError("two effects are one")

    monkeypatch.setattr(honest, "robust_interval", fails)
    found = run(context())
    assert found.status == "not_run"
    assert "degenerate: two effects are one" in found.reading
