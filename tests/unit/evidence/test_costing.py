"""What the programme cost, and what one outcome cost."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from evalkit.evidence.costing import INCLUDES_0, NO_NUMBER, WRONG_WAY, Bought, cost_block
from evalkit.evidence.schema import Evidence
from evalkit.study.spec import Cost
from evalkit.vocabulary import FloatArray
from tests.unit.evidence import made

LINE = {"name": "lamps", "quantity": 1200, "unit_cost": 1000}
SIMULATED = 0.03  # relative, 20,000 draws
MILLION = 1.2e6


def cost(**changes: Any) -> dict[str, Any]:
    return {"currency": "USD", "base_year": 2024, "ingredients": [LINE], **changes}


def summary(effect: float = -2.0, error: float = 0.1, outcome: dict[str, Any] | None = None, **costs: Any) -> Evidence:
    return made.summary(made.estimate(effect, error), made.spec(outcome, cost=cost(**costs)))


def test_cost_per_event_is_cost_over_events_and_its_bounds_are_those_of_the_effect() -> None:
    found = summary()
    averted, each = found.natural.total_averted.effect, found.cost.cost_per_outcome
    assert averted.value is not None
    assert averted.low is not None
    assert averted.high is not None
    assert each.value == pytest.approx(MILLION / averted.value)
    assert each.low == pytest.approx(MILLION / averted.high)
    assert each.high == pytest.approx(MILLION / averted.low)
    assert each.unit == "USD per one of the calls"


def test_the_brief_says_cost_and_cost_of_one_outcome() -> None:
    assert summary().sentences.cost == (
        "The programme cost about 1.2 million USD (prices of 2024): about 2,900 USD for each of the calls avoided "
        "(2,600 to 3,200)."
    )


def test_no_ratio_is_stated_where_the_interval_includes_0() -> None:
    found = summary(-0.5, 1.0)
    assert found.cost.cost_per_outcome.reason == INCLUDES_0
    assert "cannot be stated reliably" in str(found.sentences.cost)


def test_a_programme_that_made_it_worse_bought_nothing() -> None:
    assert summary(2.0).cost.cost_per_outcome.reason == WRONG_WAY


def test_more_of_a_good_outcome_counts_as_bought() -> None:
    found = summary(2.0, outcome={"direction": "higher_better"})
    assert found.cost.cost_per_outcome.value is not None
    assert "additional calls" in str(found.sentences.cost)


def test_an_outcome_without_a_number_of_events_has_no_cost_of_one() -> None:
    continuous = {"family": "continuous", "unit": "points", "per": 1.0}
    assert summary(outcome=continuous).cost.cost_per_outcome.reason == NO_NUMBER


def test_amounts_of_later_years_are_discounted() -> None:
    lines = [{**LINE, "year": 2024}, {**LINE, "year": 2026}]
    block = cost_block(Cost.model_validate(cost(discount_rate=0.05, ingredients=lines)))
    assert block.incremental_cost.value == pytest.approx(MILLION * (1.0 + 1.05**-2))
    assert block.ingredients[1].total.value == pytest.approx(MILLION * 1.05**-2)


def bought(error: float = 10.0) -> Bought:
    draws = np.random.default_rng(1).normal(100.0, error, 20_000)
    return Bought(100.0, 100.0 - 1.96 * error, 100.0 + 1.96 * error, draws, "calls")


def test_a_range_of_unit_costs_widens_both_cost_and_ratio() -> None:
    ranged = Cost.model_validate(cost(ingredients=[{**LINE, "low": 500, "high": 1500}]))
    block, plain = cost_block(ranged, bought()), cost_block(Cost.model_validate(cost()), bought())
    total, each, narrow = block.incremental_cost, block.cost_per_outcome, plain.cost_per_outcome
    assert total.low is not None
    assert total.high is not None
    # quantiles of the triangular law: 500 + sqrt(.025 * 1000 * 500), mirrored
    assert total.low / 1200 == pytest.approx(500 + np.sqrt(0.025 * 1000 * 500), rel=SIMULATED)
    assert total.high / 1200 == pytest.approx(1500 - np.sqrt(0.025 * 1000 * 500), rel=SIMULATED)
    assert each.low is not None
    assert narrow.low is not None
    assert each.high is not None
    assert narrow.high is not None
    assert each.low < narrow.low < narrow.high < each.high


def test_a_line_without_a_range_adds_its_cost_to_both_ends() -> None:
    poles = {"name": "poles", "quantity": 10, "unit_cost": 5_000}
    ranged = {**LINE, "low": 500, "high": 1500}
    alone, both = (
        cost_block(Cost.model_validate(cost(ingredients=lines)), bought()).incremental_cost
        for lines in ([ranged], [ranged, poles])
    )
    assert alone.low is not None
    assert alone.high is not None
    assert both.low == pytest.approx(alone.low + 50_000)
    assert both.high == pytest.approx(alone.high + 50_000)


def test_a_range_of_costs_over_events_that_may_be_none_has_no_ratio() -> None:
    declared = Cost.model_validate(
        cost(ingredients=[{**LINE, "low": 500, "high": 1500}], threshold={"value": 1e12, "rationale": "anything"})
    )
    block = cost_block(declared, bought(60.0))
    assert block.incremental_cost.value == pytest.approx(MILLION)
    assert (block.cost_per_outcome.value, block.cost_per_outcome.reason) == (None, INCLUDES_0)
    assert block.p_cost_effective.reason == INCLUDES_0


def test_the_share_below_the_threshold_is_that_of_the_draws() -> None:
    declared = Cost.model_validate(cost(threshold={"value": 12_000.0, "rationale": "what a call costs"}))
    found = cost_block(declared, bought()).p_cost_effective.value
    assert found == pytest.approx(0.5, abs=0.02)  # at 12,000 USD each, 100 of them cost what was spent
    assert cost_block(Cost.model_validate(cost()), bought()).p_cost_effective.reason == "no threshold is declared"


def test_draws_without_benefit_are_never_cost_effective() -> None:
    declared = Cost.model_validate(cost(threshold={"value": 1e12, "rationale": "anything"}))
    some = bought(40.0)
    assert cost_block(declared, some).p_cost_effective.value == pytest.approx(np.mean(some.draws > 0.0))


def test_a_range_that_leaves_out_its_cost_is_refused() -> None:
    with pytest.raises(ValidationError, match="outside its range"):
        Cost.model_validate(cost(ingredients=[{**LINE, "low": 1100, "high": 1500}]))
    with pytest.raises(ValidationError, match="come together"):
        Cost.model_validate(cost(ingredients=[{**LINE, "low": 900}]))


def test_money_is_events_times_their_worth_and_positive_where_wanted() -> None:
    worth = {"value": 50.0, "currency": "USD", "base_year": 2024, "source": "a council paper"}
    found = summary(outcome={"worth": worth}).natural
    assert found.total_averted.effect.value is not None
    assert found.money.effect.value == pytest.approx(50.0 * found.total_averted.effect.value)
    assert found.money.effect.value is not None
    assert found.money.effect.value > 0.0
    assert summary(outcome={"worth": worth, "direction": "higher_better"}).natural.money.effect.value == pytest.approx(
        -50.0 * found.total_averted.effect.value
    )


def test_without_costs_there_is_a_reason() -> None:
    block = cost_block(None)
    assert (block.incremental_cost.reason, block.cost_per_outcome.reason) == ("no costs are declared",) * 2


LIMIT = {"value": 12_000.0, "rationale": "what a call costs"}


@pytest.mark.parametrize("draws", [None, made.posterior(-2.0)], ids=["frequentist", "bayesian"])
def test_whether_an_outcome_costs_no_more_than_it_may_is_said_in_words(draws: FloatArray | None) -> None:
    declared = made.spec(cost=cost(threshold={"value": 2.0, "rationale": "what a call costs"}))
    found = made.summary(made.estimate(-2.0, draws=draws), declared)
    assert found.cost.threshold.value == 2.0
    assert found.cost.threshold_rationale.value == "what a call costs"
    share, said = found.cost.p_cost_effective.value, found.sentences.cost_effective
    assert share is not None
    assert said is not None
    assert "2 USD or less" in said
    assert said in found.sentences.all()
    assert ("chance" in said) == (draws is not None)


def test_without_a_threshold_or_a_finding_nothing_is_said_of_it() -> None:
    assert made.summary(made.estimate(-2.0), made.spec(cost=cost())).sentences.cost_effective is None
    unclear = made.summary(made.estimate(-0.1, 1.0), made.spec(cost=cost(threshold=LIMIT)))
    assert unclear.sentences.cost_effective is None


@pytest.mark.parametrize(("limit", "draws"), [(1e9, "more than 99 of 100"), (1e-9, "less than 1 of 100")])
def test_draws_never_show_that_something_is_certain(limit: float, draws: str) -> None:
    declared = made.spec(cost=cost(threshold={"value": limit, "rationale": "any"}))
    said = made.summary(made.estimate(-2.0), declared).sentences.cost_effective
    assert said is not None
    assert draws in said
