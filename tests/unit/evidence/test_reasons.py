"""Reasons: the certainty sentence promises a rise only where the table gives one."""

from __future__ import annotations

from evalkit.evidence.rating import rate, tally
from evalkit.evidence.reasons import fix, weightiest
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
