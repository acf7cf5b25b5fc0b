"""The rating: steps, limits, and a label that can be added up by hand from the stored trail."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evalkit.evidence.rating import LATE_RULES, RULES, Rating, rate, recompute, tally
from evalkit.evidence.schema_rating import TrailStep
from evalkit.evidence.standard import shipped
from evalkit.vocabulary import Domain
from tests.unit.evidence import made

STANDARD = shipped()


def step(kind: str, points: int = 0, *, domain: Domain = "confounding", cap: int | None = None, rule: str = "r",
         exceed: bool = False) -> TrailStep:  # fmt: skip
    return TrailStep.model_validate(
        {
            "rule": rule, "kind": kind, "trigger": "t", "domain": domain, "state": "applied", "reason": "because.",
            "points": points, "cap": cap, "upgrade_may_exceed": exceed,
        }
    )  # fmt: skip


def test_every_rule_of_the_table_has_a_function_and_every_function_a_row() -> None:
    assert set(STANDARD.rules) == set(RULES) | set(LATE_RULES)


def test_a_clean_randomized_study_is_high() -> None:
    spec = made.spec(assignment={"mechanism": "lottery", "unit": "city"})
    assert rate(made.facts(made.estimate(-2.0), spec)).label == "High"


def test_a_clean_difference_in_differences_is_moderate() -> None:
    rating = rate(made.facts(made.estimate(-2.0)))
    assert (rating.certainty, rating.label) == (3, "Moderate")


def test_deductions_add_up_across_domains() -> None:
    assert tally([step("deduction", -1), step("deduction", -1, domain="estimation")], STANDARD).certainty == 2


def test_one_domain_takes_away_two_points_at_most() -> None:
    rating = tally([step("deduction", -1)] * 4, STANDARD)
    assert rating.certainty == 2
    assert [s.points for s in rating.trail if s.kind == "domain_limit"] == [2]
    (limited,) = [s for s in rating.trail if s.kind == "domain_limit"]
    assert str(limited.trigger) == "More than 2 points lost in one domain"


def test_certainty_never_falls_below_the_floor() -> None:
    domains: tuple[Domain, ...] = ("confounding", "selection", "estimation")
    rating = tally([step("cap", cap=2), *(step("deduction", -2, domain=domain) for domain in domains)], STANDARD)
    assert rating.certainty == 1
    assert rating.trail[-1].kind == "floor"


def test_a_gate_leaves_the_run_unrated_whatever_else_stands() -> None:
    rating = tally([step("gate"), step("deduction", -1)], STANDARD)
    assert (rating.certainty, rating.label, rating.not_rated_reasons) == (None, "Not rated", ("because.",))


def test_an_upgrade_exceeds_the_cap_of_three_but_no_lower_one() -> None:
    three, two = step("cap", cap=3, exceed=True), step("cap", cap=2)
    assert tally([three, step("upgrade", 1)], STANDARD).certainty == 4
    assert tally([two, step("upgrade", 1)], STANDARD).certainty == 2
    assert tally([two, step("deduction", -1, domain="estimation"), step("upgrade", 1)], STANDARD).certainty == 2
    assert tally([step("upgrade", 1)], STANDARD).certainty == 4


def cases() -> list[Rating]:
    """Ratings of all kinds, a few of them bad."""
    spec = made.spec()
    bad = [made.diagnostic("pre_trends", "fail", 0.01), made.diagnostic("placebo_period", "fail", domain="selection")]
    return [
        rate(made.facts(made.estimate(-2.0))),
        rate(made.facts(made.estimate(0.0, 1.0), diagnostics=bad)),
        rate(made.facts(made.estimate(0.0, 1.0), made.spec(assignment={"mechanism": "unknown"}), diagnostics=[])),
        rate(made.facts(made.estimate(-2.0), spec, data=made.panel(starts={2: 1}))),
        rate(made.facts(made.estimate(0.0, draws=made.posterior(-2.0), sampler={"divergences": 3}))),
        rate(made.facts(made.estimate(-2.0, cohorts=[(-2.0, 0.2, 6), (1.0, 0.2, 6)]))),
    ]


@pytest.mark.parametrize("number", range(6))
def test_the_label_follows_from_the_stored_trail_alone(number: int, tmp_path: Path) -> None:
    rating = cases()[number]
    stored = tmp_path / "trail.json"
    stored.write_text(json.dumps([each.model_dump(mode="json") for each in rating.trail]))
    trail: list[dict[str, Any]] = json.loads(stored.read_text())
    assert recompute(trail) == rating.certainty
    if rating.certainty is not None:
        assert trail[-1]["running"] == rating.certainty


def test_every_rule_leaves_a_step_with_a_reason_and_only_applied_steps_count() -> None:
    for rating in cases():
        assert {each.rule.partition(":")[0] for each in rating.trail} >= set(STANDARD.rules)
        assert all(each.reason for each in rating.trail)
        assert all(each.points == 0 and each.cap is None for each in rating.trail if each.state != "applied")


def test_what_counts_says_why_and_what_would_lift_it() -> None:
    for rating in cases():
        for each in rating.trail:
            counts = each.state == "applied" and each.kind in ("gate", "cap", "deduction")
            assert bool(each.because and each.fix) == counts


def test_triggers_are_filled_with_the_thresholds_of_the_table() -> None:
    trail = rate(made.facts(made.estimate(-2.0))).trail
    assert all("{" not in each.trigger for each in trail)
    assert "below 0.05" in next(each.trigger for each in trail if each.rule == "pre_trends")


@pytest.mark.parametrize(("value", "error", "points"), [(-2.0, 0.1, 0), (-0.5, 0.5, -1), (0.0, 1.0, -2)])
def test_what_counts_twice_is_charged_twice(value: float, error: float, points: int) -> None:
    rating = rate(made.facts(made.estimate(value, error)))
    (charged,) = [step for step in rating.trail if step.rule == "imprecision"]
    assert charged.points == points
