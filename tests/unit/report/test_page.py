from __future__ import annotations

from typing import Any

import pytest

from evalkit.evidence.schema import Evidence
from evalkit.report.page import build_page, signed
from tests import report_samples as samples


def _with(**blocks: dict[str, Any]) -> Evidence:
    """The sample summary with parts of blocks replaced."""
    plain = samples.evidence().model_dump()
    for name, change in blocks.items():
        plain[name] = {**plain[name], **change}
    return Evidence.model_validate(plain)


def test_three_dials_stand_apart() -> None:
    size, certainty, cost = build_page(samples.evidence()).dials
    assert (size.name, size.reading, size.tag) == ("Size of effect", "−6.8 %", "Favourable")
    assert (certainty.name, certainty.reading, certainty.level) == ("Certainty", "Low", 2)
    assert (cost.name, cost.reading) == ("Cost", "Not stated")


def test_a_run_that_is_not_rated_shows_no_size() -> None:
    page = build_page(samples.evidence(certainty=None))
    assert page.dials[0].reading == "Not stated"
    assert page.dials[1].reading == "Not rated"
    assert page.dials[1].beneath == ("R-hat is 1.4, above 1.01",)
    assert page.changes == ()
    assert not {"Reason of cap_not_randomized", "Reason of imprecision"} & set(page.weakens)


def test_events_avoided_are_told_as_a_change_of_events() -> None:
    avoided = samples.quantity(540.0, -1600.0, 2500.0, "homicides")
    block = {**samples.evidence().natural.absolute.model_dump(), "effect": avoided}
    change = build_page(_with(natural={"total_averted": block})).changes[-1]
    assert (change.measure, change.effect, change.interval) == ("In total", "−540 homicides", "−2,500 to 1,600")


def test_what_weakens_names_the_steps_that_counted_and_then_the_limitations() -> None:
    page = build_page(samples.evidence(limitations=2))
    assert page.weakens == (
        "Reason of cap_not_randomized", "Reason of imprecision", "Example City 0", "Example City 1"
    )  # fmt: skip
    assert page.raises == ("If random assignment", "If more treated states")


def test_what_alone_would_raise_the_label_names_the_label() -> None:
    raised = [
        {"rule": "cap_not_randomized", "fix": "random assignment", "points": 1, "alone": "Moderate"},
        {"rule": "imprecision", "fix": "more treated states", "points": 1, "alone": "Low"},
    ]
    page = build_page(_with(rating={"raises": raised}))
    assert page.raises == ("If random assignment (this alone: Moderate)", "If more treated states")


def test_the_cost_dial_says_whether_an_outcome_costs_no_more_than_it_may() -> None:
    money = {
        "incremental_cost": samples.quantity(1e6, 1e6, 1e6, "USD"),
        "currency": {"value": "USD", "how": "declared"},
    }
    page = build_page(_with(cost=money, sentences={"cost": "It cost.", "cost_effective": "In 84 of 100 draws."}))
    assert page.dials[2].beneath == ("It cost.", "In 84 of 100 draws.")


def test_limitations_that_do_not_fit_are_counted() -> None:
    page = build_page(samples.evidence(limitations=5), limitations=2)
    assert page.weakens_left_out == 3


def test_long_texts_are_cut_on_the_page() -> None:
    page = build_page(samples.evidence("word " * 300), words=10)
    assert all(len(text.split()) <= 11 for _, text in page.for_whom)


def test_declared_costs_show_with_their_currency() -> None:
    page = build_page(_with(cost={"incremental_cost": samples.quantity(12000.0, 12000.0, 12000.0, "USD")}))
    assert page.dials[2].reading == "12,000 USD"


@pytest.mark.parametrize(("value", "text"), [(0.0, "0 jobs"), (1e-12, "+0.000000000001 jobs"), (-3.14, "−3.1 jobs")])
def test_changes_carry_their_sign(value: float, text: str) -> None:
    assert signed(value, "jobs") == text


@pytest.mark.parametrize(("unit", "factor"), [("% of residents", 1.0), ("share of residents", 0.01)])
def test_shares_change_by_percentage_points(unit: str, factor: float) -> None:
    plain = samples.evidence().model_dump()
    absolute = {
        "effect": samples.quantity(-5.0 * factor, -8.0 * factor, -2.0 * factor, unit),
        "counterfactual": samples.quantity(30.0 * factor, 27.0 * factor, 33.0 * factor, unit),
        "observed": {"value": 25.0 * factor, "how": "derived"},
        "claim": "means",
    }
    outcome = {**plain["outcomes"][0], "family": "proportion", "unit": unit, "analysed_as": "identity"}
    estimates = [{**plain["estimates"][0], "scale": "identity"}]
    natural = {**plain["natural"], "absolute": absolute}
    page = build_page(
        Evidence.model_validate({**plain, "outcomes": [outcome], "estimates": estimates, "natural": natural})
    )
    assert page.dials[0].reading == "−5 percentage points"
    assert page.dials[0].beneath == ("95 % confidence interval: −8 to −2",)
    first = page.changes[0]
    assert (first.effect, first.interval, first.levels) == ("−5 percentage points", "−8 to −2", "30 → 25 %")


def test_an_effect_that_is_withheld_is_not_stated_with_its_reason() -> None:
    plain = samples.evidence().model_dump()
    absent = samples.quantity(None)
    natural = {
        **plain["natural"],
        **{kind: {**plain["natural"][kind], "effect": absent} for kind in ("absolute", "percent")},
    }
    estimates = [{**plain["estimates"][0], "effect": {**absent, "reason": "too few units"}}]
    size = build_page(Evidence.model_validate({**plain, "natural": natural, "estimates": estimates})).dials[0]
    assert (size.reading, size.beneath) == ("Not stated", ("too few units",))


@pytest.mark.parametrize(
    ("method", "p_value", "beneath"),
    [
        ("none", None, "no interval"),
        ("collapse", None, "by "),
        ("collapse", 0.25, "p = 0.25, by "),
    ],
)
def test_the_dial_says_by_which_method_the_interval_is(method: str, p_value: float | None, beneath: str) -> None:
    estimates = [_inferred(method, p_value)]
    size = build_page(Evidence.model_validate({**samples.evidence().model_dump(), "estimates": estimates})).dials[0]
    assert size.beneath[-1].lower().startswith(beneath) or beneath in size.beneath[-1].lower()
    assert len(size.beneath) == (1 if method == "none" else 2)


def _inferred(method: str, p_value: float | None) -> dict[str, Any]:
    row = samples.evidence().model_dump()["estimates"][0]
    absent = {"value": None, "how": "missing", "reason": "not known"}
    p = absent if p_value is None else {"value": p_value, "how": "derived"}
    names = ("clustered_low", "clustered_high", "clustered_p", "n_treated_clusters", "n_clusters", "degrees_of_freedom")
    of_estimator = dict.fromkeys(names, absent)
    return {
        **row,
        "inference": {"method": method, "reason": "few treated", "p_value": p, "smallest_p": absent, **of_estimator},
    }


def test_people_who_are_seen_once_are_counted_as_such() -> None:
    flow = [{"id": "repeated_cross_sections", "text": "x", "treated": None, "comparison": None}]
    told = dict(build_page(_with(sample={"flow": flow})).for_whom)["Evidence from"]
    assert told == "50 states, each seen once; 21 of them in groups that got the programme"


def test_without_advice_or_a_decision_there_is_no_next_step() -> None:
    nothing = {"value": None, "how": "missing", "reason": "not declared"}
    page = build_page(_with(use={"next_step": nothing, "transferability": nothing, "decision": None, "decisions": []}))
    assert page.next_step == ()
