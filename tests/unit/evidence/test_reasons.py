"""Reasons: the certainty sentence promises a rise only where the table gives one."""

from __future__ import annotations

from dataclasses import replace

from evalkit.evidence.rating import rate, tally
from evalkit.evidence.reasons import fix, raises, weightiest
from evalkit.evidence.standard import shipped
from tests.unit.evidence import made

STANDARD = shipped()


def test_deductions_weigh_more_than_a_cap_of_the_same_size() -> None:
    rating = rate(made.facts(made.estimate(-2.0), diagnostics=[made.diagnostic("pre_trends", "fail", 0.01)]))
    assert [step.rule for step in weightiest(rating, STANDARD)] == ["pre_trends", "cap_not_randomized"]


def test_the_lowest_cap_alone_counts() -> None:
    rating = rate(made.facts(made.estimate(-2.0), made.spec(assignment={"mechanism": "unknown"})))
    assert [step.rule for step in weightiest(rating, STANDARD)] == ["cap_no_comparison"]


def test_what_is_said_to_lift_the_certainty_lifts_it() -> None:
    bad = [made.diagnostic("pre_trends", "fail", 0.01), made.diagnostic("placebo_period", "fail", domain="selection")]
    for value, error in ((-2.0, 0.1), (0.0, 1.0)):
        rating = rate(made.facts(made.estimate(value, error), diagnostics=bad))
        chosen = fix(rating, weightiest(rating, STANDARD), STANDARD)
        left = [step for step in rating.trail if step.kind in ("cap", "deduction", "upgrade") and step not in chosen]
        assert chosen
        assert (tally(left, STANDARD).certainty or 0) > (rating.certainty or 0)


def test_several_fixes_are_named_where_one_is_not_enough() -> None:
    few = made.panel(starts={2: 1})
    rating = rate(made.facts(made.estimate(0.0, 1.0), diagnostics=[], data=few))
    assert rating.certainty == 1
    assert len(fix(rating, weightiest(rating, STANDARD), STANDARD)) > 1


def test_the_list_of_what_would_raise_the_certainty_is_complete() -> None:
    bad = [made.diagnostic("pre_trends", "fail", 0.01), made.diagnostic("placebo_period", "fail", domain="selection")]
    for diagnostics in (bad, [], list(made.clean())):
        rating = rate(made.facts(made.estimate(0.0, 1.0), diagnostics=diagnostics))
        listed = raises(rating, STANDARD)
        named = {each.rule for each in listed}
        left = [s for s in rating.trail if s.kind in ("cap", "deduction", "upgrade") and s.rule not in named]
        assert tally(left, STANDARD).label == "High"
        assert all(each.fix for each in listed)


def test_each_says_what_it_alone_would_give() -> None:
    rating = rate(made.facts(made.estimate(-2.0), diagnostics=[made.diagnostic("pre_trends", "fail", 0.01)]))
    found = {each.rule: (each.points, each.alone) for each in raises(rating, STANDARD)}
    assert rating.label == "Low"
    assert found == {"cap_not_randomized": (1, "Moderate"), "pre_trends": (1, "Moderate")}


def test_of_a_run_that_is_not_rated_the_gate_alone_is_listed() -> None:
    draws = made.posterior(-2.0)
    unsettled = made.estimate(-2.0, draws=draws, sampler={"rhat_max": 1.3})
    ran = made.diagnostic("sampler", "fail", 1.3, domain="estimation")
    rating = rate(made.facts(unsettled, diagnostics=[*made.clean(), ran]))
    assert [(each.rule, each.alone) for each in raises(rating, STANDARD)] == [("sampler_gate", "Moderate")]


def test_with_nothing_against_it_there_is_nothing_to_raise() -> None:
    lottery = made.spec(assignment={"mechanism": "lottery", "unit": "city"})
    rating = rate(made.facts(made.estimate(-2.0), lottery))
    assert (rating.label, raises(rating, STANDARD)) == ("High", ())


def test_a_comparison_group_alone_does_not_make_a_lottery() -> None:
    other: dict[str, dict[str, object]] = {
        "cap_time_series": {"state": "applied", "cap": 2},
        "cap_not_randomized": {"state": "not_applicable", "cap": None},
    }
    rating = rate(made.facts(made.estimate(-2.0)))
    steps = [step.model_copy(update=other.get(step.rule, {})) for step in rating.trail]
    series = tally([step for step in steps if step.kind in ("cap", "deduction", "upgrade")], STANDARD)
    fixable = [step.model_copy(update={"fix": "x"}) if step.rule in other else step for step in series.trail]
    (lifted,) = raises(replace(series, trail=tuple(fixable)), STANDARD)
    assert (series.label, lifted.rule, lifted.alone) == ("Low", "cap_time_series", "Moderate")


def test_where_no_fix_is_known_none_is_promised() -> None:
    """One treated place, chosen nobody knows how, with failing checks: nothing that could be mended would be enough."""
    bad = [made.diagnostic("pre_trends", "fail", 0.01), made.diagnostic("placebo_period", "fail", domain="selection")]
    spec, alone = made.spec(assignment={"mechanism": "unknown", "unit": "city"}), made.panel(starts={6: 1})
    rating = rate(made.facts(made.estimate(0.0, 1.0), spec, diagnostics=bad, data=alone))
    assert fix(rating, weightiest(rating, STANDARD), STANDARD) == ()
    told = made.summary(made.estimate(0.0, 1.0), spec, data=alone, diagnostics=bad).sentences.certainty
    assert "Very low" in told
    assert "It would rise" not in told
