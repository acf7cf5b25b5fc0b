"""Effects by group, the difference that is tested, and what is withheld."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from evalkit.errors import DesignRefused
from evalkit.evidence.disclosure import Policy
from evalkit.evidence.equity import GroupResult, Groups, equity_blocks
from evalkit.evidence.schema import EquityBlock
from evalkit.evidence.standard import shipped
from tests.unit.evidence import made

PLACES, PERSONS = Policy("places", 11, ""), Policy("persons", 11, "counts are of persons")
SPEC = made.spec(equity=[{"name": "side", "column": "side", "reference": "north"}])
SAME = 1e-9

LIMITS = shipped().disclosure


def result(effect: float, error: float = 0.1, *, observed: float = 18.0, **more: Any) -> GroupResult:
    names = more.pop("clusters", frozenset({f"{effect}-{observed}"}))
    return GroupResult(made.panel(level=observed + 2.0, **more), made.estimate(effect, error, observed=observed), names)


def block(groups: Groups, rules: Policy = PLACES) -> EquityBlock:
    (found,) = equity_blocks(SPEC, groups, rules, LIMITS)
    return found


def test_gaps_and_the_difference_of_effects_follow_from_both_groups() -> None:
    found = block({"side": {"north": result(-3.0, 0.3, observed=18.0), "south": result(-1.0, 0.4, observed=24.0)}})
    assert found.difference_of_effects.value == pytest.approx(2.0)
    assert found.gap_after.value == pytest.approx(6.0)
    assert found.gap_counterfactual.value == pytest.approx(25.0 - 21.0)
    assert found.gap_before.value == pytest.approx(6.0)
    half = 1.959963984540054 * 0.5  # 0.3 and 0.4
    assert found.difference_of_effects.low == pytest.approx(2.0 - half, rel=1e-6)
    assert found.difference_of_effects.high == pytest.approx(2.0 + half, rel=1e-6)
    assert found.ratio.value == pytest.approx(24.0 / 18.0)
    assert found.score.value == pytest.approx(100.0 - 60.0 / 3.0)


def test_groups_that_share_clusters_have_the_wider_interval() -> None:
    shared = frozenset({"c1"})
    apart = block({"side": {"north": result(-3.0), "south": result(-1.0)}}).difference_of_effects
    joint = block(
        {"side": {"north": result(-3.0, clusters=shared), "south": result(-1.0, clusters=shared)}}
    ).difference_of_effects
    assert joint.low is not None
    assert apart.low is not None
    assert joint.low == pytest.approx(2.0 - 2.0 * 1.959963984540054 * 0.1, rel=1e-6)
    assert joint.low < apart.low


def test_a_group_without_an_estimate_says_why() -> None:
    refused = DesignRefused("There is no comparison.")
    found = block({"side": {"north": result(-3.0), "south": refused}})
    assert found.effect.reason == "there is no estimate for south: There is no comparison."
    gone = block({"side": {"north": refused, "south": result(-3.0)}})
    assert gone.difference_of_effects.reason.startswith("there is no estimate for north")


def test_a_reference_that_does_not_occur_is_named_with_those_that_do() -> None:
    assert "there are south" in block({"side": {"south": result(-3.0)}}).effect.reason
    assert "no row has a value" in block({"side": {}}).effect.reason


def test_beside_a_group_of_few_treated_persons_the_whole_grouping_is_withheld() -> None:
    few = result(-3.0, starts={6: 4})
    found = block({"side": {"north": result(-3.0, starts={6: 12}), "south": few}}, PERSONS)
    assert {found.effect.how, found.n.how, found.gap_after.how, found.score.how} == {"suppressed"}
    assert block({"side": {"north": result(-3.0), "south": few}}).effect.value == -3.0


def test_posteriors_are_compared_draw_by_draw() -> None:
    rng = np.random.default_rng(1)
    draws = rng.gamma(2.0, 1.0, (2, 4000))

    def of(row: int) -> GroupResult:
        estimate = made.estimate(float(draws[row].mean()), draws=draws[row])
        return GroupResult(made.panel(), estimate, frozenset({str(row)}))

    apart = block({"side": {"north": of(0), "south": of(1)}}).difference_of_effects
    expected = np.quantile(draws[1] - draws[0], [0.025, 0.975])
    assert apart.low == pytest.approx(expected[0], rel=SAME)
    assert apart.high == pytest.approx(expected[1], rel=SAME)
    assert apart.interval_kind == "credible"


def test_sentences_tell_the_gap_and_never_compare_groups_one_by_one() -> None:
    groups: Groups = {"side": {"north": result(-3.0, 0.3, observed=18.0), "south": result(-1.0, 0.4, observed=24.0)}}
    said = made.summary(made.estimate(-2.0), SPEC, groups=groups).sentences.equity
    assert said == (
        "The gap in the rate of calls between south and north would have been 4 calls per 1,000 residents; it was 6 "
        "calls per 1,000 residents.",
        "Effects on south and north differ by 2 calls per 1,000 residents (1 to 3), and the gap came out wider.",
    )
    alike: Groups = {"side": {"north": result(-2.0, 0.3), "south": result(-1.9, 0.4, observed=18.5)}}
    assert "cannot be told" in made.summary(made.estimate(-2.0), SPEC, groups=alike).sentences.equity[1]


def test_a_log_outcome_has_its_gaps_in_geometric_means() -> None:
    spec = made.spec({"transform": "log"}, equity=[{"name": "side", "column": "side", "reference": "north"}])

    def of(effect: float, level: float) -> GroupResult:
        estimate = made.estimate(effect, 0.02, observed=float(np.log(level)))
        return GroupResult(made.panel(level=level, log=True), estimate, frozenset({str(level)}))

    (found,) = equity_blocks(spec, {"side": {"north": of(-0.1, 10.0), "south": of(-0.2, 20.0)}}, PLACES, LIMITS)
    assert found.gap_after.value == pytest.approx(10.0)
    assert found.gap_counterfactual.value == pytest.approx(20.0 * np.exp(0.2) - 10.0 * np.exp(0.1))


def test_gaps_of_people_without_a_level_are_missing_and_never_a_number() -> None:
    """Nothing was seen before the start, and nobody knows the level after it."""
    data = made.panel(starts={6: 40}, never=40)
    outcome = data.outcome.copy()
    outcome[:40, :6] = np.nan
    unknown = dataclasses.replace(data, outcome=outcome)
    blind = GroupResult(unknown, made.estimate(-3.0, observed=float("nan")), frozenset({"a"}))
    seen = GroupResult(data, made.estimate(-1.0, observed=24.0), frozenset({"b"}))
    for rules in (PLACES, PERSONS):
        found = block({"side": {"north": blind, "south": seen}}, rules)
        for absent in (found.gap_before, found.gap_after, found.gap_counterfactual, found.ratio, found.score):
            assert (absent.value, absent.how) == (None, "missing")
        assert found.difference_of_effects.value == pytest.approx(2.0)
