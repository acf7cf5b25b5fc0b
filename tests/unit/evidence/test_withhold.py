"""Small counts of people: in no sentence, no step of the rating, no remark, no figure of a check."""

from __future__ import annotations

import dataclasses
import json
import re
from typing import Any

import pytest

from evalkit.errors import DesignRefused
from evalkit.evidence.disclosure import Policy
from evalkit.evidence.schema import Evidence
from evalkit.evidence.withhold import in_check, in_remark, in_text, small_details
from evalkit.language import Language, speaking
from evalkit.language.nouns import quoted
from evalkit.vocabulary import Remark
from tests.unit.evidence import made

PEOPLE = Policy("persons", 11, "")
PLACES = Policy("places", 11, "")
PERSONS: dict[str, Any] = {"assignment": {"mechanism": "policy_choice", "unit": "person"}}
TREATED, COMPARISON = 7, 31
FLOW = Remark("units_without_outcome", f"{TREATED + 30} units left out ({TREATED} treated, 30 comparison): 'Ann Lee'.",
              treated=TREATED, comparison=30)  # fmt: skip

NEVER = Remark("never_coding", f"{COMPARISON} never-treated units.", comparison=COMPARISON)


def few_people(**more: Any) -> Evidence:
    """Seven treated persons, thirty-one others, one remark and one check that count them."""
    data = dataclasses.replace(made.panel(starts={6: TREATED}, never=COMPARISON, exposure=None), remarks=(FLOW, NEVER))
    flow = dataclasses.replace(
        made.diagnostic("sample_flow", "informational", None, n_units_used=38.0, n_treated_units=float(TREATED)),
        reading=f"38 places in the estimate ({TREATED} treated); 2.5 % of place-periods have no outcome.",
    )
    fitted = dataclasses.replace(made.estimate(-2.0, 0.5), n_units=38, n_treated_units=TREATED)
    refused = DesignRefused(f"only {TREATED} units are treated")
    return made.summary(
        fitted, made.spec(**{**PERSONS, **more}), data=data, diagnostics=[*made.clean(), flow],
        robustness={"other": refused},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("3 units were left out.", "fewer than 11 units were left out."),
        ("12 units were left out.", "12 units were left out."),
        ("15 rows (15 in treated units, 0 in others).", "15 rows (15 in treated units, 0 in others)."),
        ("5 rows (5 treated, 0 others).", "fewer than 11 rows (fewer than 11 treated, 0 others)."),
        ("4 of 1,200 units start after 2004.", "fewer than 11 of 11 or more units start after 2004."),
        ("1984 units left out, 3 of them treated.", "11 or more units left out, fewer than 11 of them treated."),
        ("p = 0.03, 2 periods, 5 % lost, on 2004-05-01.", "p = 0.03, 2 periods, 5 % lost, on 2004-05-01."),
        ("Left out: 'Ann', 'Bo' and 4 more.", "Left out: (names withheld)."),
        ("The outcome 'calls' is empty.", "The outcome 'calls' is empty."),
        ("Callaway-Sant'Anna, the study's own.", "Callaway-Sant'Anna, the study's own."),
    ],
)  # fmt: skip
def test_texts_lose_small_counts_and_what_gives_them_away(text: str, shown: str) -> None:
    assert in_text(text, PEOPLE, {"calls"}) == shown
    assert in_text(text, PLACES) == text


def test_both_counts_of_a_remark_go_with_the_small_one() -> None:
    text, *counts = in_remark(FLOW, PEOPLE)
    assert counts == [None, None]
    assert text == "11 or more units left out (fewer than 11 treated, 11 or more comparison): (names withheld)."
    others = Remark("never_coding", "31 units are never treated.", comparison=31)
    assert in_remark(others, PEOPLE) == ("31 units are never treated.", 0, 31)
    assert in_remark(others, PEOPLE, every=True) == ("11 or more units are never treated.", None, None)
    assert in_remark(FLOW, PLACES) == (FLOW.text, TREATED, 30)


def test_figures_of_a_check_that_count_people_go_together_and_the_others_stay() -> None:
    found = made.diagnostic("flow", n_units_data=40.0, n_treated_units=3.0, n_pre_periods=4.0, missing_share=0.1)
    assert small_details(found, PEOPLE) == {"n_units_data", "n_treated_units"}
    assert dict(in_check(found, PEOPLE).details) == {"n_pre_periods": 4.0, "missing_share": 0.1}
    assert in_check(found, PLACES) == found


def test_a_summary_about_people_names_no_small_count_anywhere() -> None:
    evidence = few_people()
    said = evidence.model_dump(mode="json", include={"sentences", "use", "sample", "rating", "estimates"})
    text = json.dumps([said, [found.reading for found in evidence.diagnostics]])
    assert not re.search(rf"\b{TREATED} (?:treated|of|units|persons|clusters)\b", text)
    assert not re.search(rf"\b{COMPARISON} (?:comparison|clusters|units|in all|never-treated)\b", text)
    assert [(step.treated, step.comparison) for step in evidence.sample.flow] == [(None, None)] * 2
    assert "Ann Lee" not in text
    steps = {step.rule: step for step in evidence.rating.trail}
    assert steps["cap_single_unit"].value == "fewer than 11"
    assert steps["cap_no_comparison"].value == "11 or more"
    assert steps["few_clusters"].value == "fewer than 11 of 11 or more"
    check = evidence.diagnostics[1]
    assert check.details == {}


def test_the_same_summary_about_places_names_them() -> None:
    text = few_people(assignment={"mechanism": "policy_choice", "unit": "city"}).to_json()
    assert f"{TREATED} treated and {COMPARISON} comparison units." in text
    assert "Ann Lee" in text


def test_few_treated_people_are_not_counted_in_the_sentence_on_scale() -> None:
    outcome = made.spec().primary_outcome.model_dump() | {"family": "count", "unit": "calls a year"}
    assert few_people(outcomes=[outcome]).sentences.scale is not None
    assert "in the treated persons from" in str(few_people(outcomes=[outcome]).sentences.scale)


def test_totals_that_are_small_counts_of_people_are_suppressed() -> None:
    outcome = {"family": "count", "unit": "calls a year"}
    few = made.panel(level=0.01, exposure=None)
    few = dataclasses.replace(few, outcome=few.outcome * 0.0 + 0.1)
    events = made.summary(made.estimate(-2.0, 0.5), made.spec(outcome, **PERSONS), data=few)
    assert events.natural.total_averted.observed.how == "suppressed"
    assert events.natural.total_averted.effect.how == "suppressed"
    assert events.sentences.scale is None
    assert any("fewer than 11 events" in item.text for item in events.use.limitations)
    open_data = made.summary(made.estimate(-2.0, 0.5), made.spec(outcome), data=few)
    assert open_data.natural.total_averted.observed.value == pytest.approx(4.2)
    assert any("relative standard error 49 %" in item.text for item in open_data.use.limitations)


def test_effects_without_one_cohort_are_withheld_where_a_cohort_is_small() -> None:
    """With two cohorts the effect without the large one is that of the small one."""
    check = made.diagnostic("leave_one_cohort_out", value=1.0, domain="estimation", lowest=-4.321, highest=-1.0)
    spec, checks = made.spec(**PERSONS), [*made.clean(), check]
    small_one = made.summary(made.estimate(-2.0), spec, data=made.panel(starts={6: 20, 7: 5}), diagnostics=checks)
    found = small_one.diagnostics[1]
    assert (found.status, found.value.value, found.details) == ("pass", None, {})
    assert "Withheld: a cohort has fewer than 11 people." in small_one.sentences.checks
    assert "4.321" not in small_one.to_json()
    large = made.summary(made.estimate(-2.0), spec, data=made.panel(starts={6: 20, 7: 15}), diagnostics=checks)
    assert large.diagnostics[1].details["lowest"].value == -4.321


def test_counts_are_withheld_as_the_language_writes_them() -> None:
    people = Policy("persons", 11, "")
    with speaking("pt"):
        text = "1.234 pessoas, 3 deixadas de fora em 2 períodos; 1.231 restam, em média 1,5 e p = 0,05."
        assert in_text(text, people) == (
            "11 ou mais pessoas, menos de 11 deixadas de fora em 2 períodos; 11 ou mais restam, em média 1,5 e "
            "p = 0,05."
        )
        assert in_text("1.234 pessoas, em média 1,5.", people) == "1.234 pessoas, em média 1,5."
    with speaking("es"):
        assert in_text("1,234 personas y 3 fuera.", people) == "11 o más personas y menos de 11 fuera."


@pytest.mark.parametrize(("language", "withheld"), [("es", "(nombres ocultos)."), ("pt", "(nomes ocultos).")])
def test_names_of_people_in_a_list_that_was_cut_are_withheld_as_one(language: Language, withheld: str) -> None:
    with speaking(language):
        assert in_text(f"{quoted(['Ana', 'Rui', 'Zoe'], limit=2)}.", PEOPLE) == withheld
