"""What a portfolio knows of each study."""

from __future__ import annotations

import datetime as dt

import pytest

from evalkit.evidence.values import Quantity
from evalkit.synthesis.entries import NO_CITY, Decided, Effect, Entry, effect_of, entry_of, newest
from tests.portfolio_samples import city_evidence
from tests.report_samples import evidence
from tests.unit.evidence import made as made_by_hand

SAME = 1e-6  # the sample rounds the normal quantile


def day(number: int) -> dt.datetime:
    return dt.datetime(2026, 3, number, tzinfo=dt.UTC)


def test_a_study_stands_with_its_newest_run_and_older_ones_are_counted() -> None:
    runs = [city_evidence("a", effect=effect, created=day(when)) for effect, when in ((-0.1, 2), (-0.2, 9), (-0.3, 5))]
    (entry,) = newest(runs)
    assert entry.versions == 3
    assert entry.evidence is not None
    assert entry.evidence.estimates[0].effect.value == -0.2


def test_stages_follow_rating_and_decision() -> None:
    assert entry_of(city_evidence("a")).stage == "finished"
    assert entry_of(city_evidence("a", certainty=None)).stage == "not rated"
    decided = entry_of(city_evidence("a", decided=True))
    assert decided.stage == "decided"
    assert decided.decision is not None
    assert (decided.decision.next_step, decided.adapted) == ("test_more", False)


def test_a_decision_recorded_later_counts_before_the_one_in_the_summary() -> None:
    later = Decided("scale", "City council", dt.date(2026, 6, 1))
    entry = entry_of(city_evidence("a", decided=True), decision=later)
    assert entry.decision == later
    assert entry.adapted


def test_a_summary_without_a_city_says_so() -> None:
    plain = evidence().model_dump(mode="json")
    del plain["question"]["city"]
    assert entry_of(type(evidence()).model_validate(plain)).city == NO_CITY


def test_the_error_is_what_the_reported_interval_implies() -> None:
    found = effect_of(entry_of(city_evidence("a", effect=-0.2, std_error=0.05)))
    assert isinstance(found, Effect)
    assert found.value == -0.2
    assert found.std_error == pytest.approx(0.05, rel=SAME)


def test_a_study_without_a_usable_effect_says_why() -> None:
    assert effect_of(entry_of(city_evidence("a", certainty=None))) == "not rated"
    assert effect_of(entry_of(city_evidence("a", std_error=0.0))) == "an interval without width"


def test_a_study_without_a_result_or_an_interval_says_so() -> None:
    nothing = Entry("a", "Sample City", "public_safety", "A study", "no result")
    assert effect_of(nothing) == "no result yet"
    plain = city_evidence("a").model_dump(mode="json")
    plain["estimates"][0]["effect"] = {**Quantity.missing("nobody settled it").model_dump(mode="json")}
    missing = entry_of(type(evidence()).model_validate(plain))
    assert effect_of(missing) == "nobody settled it"


def test_an_interval_that_cannot_be_relied_on_is_not_put_together_with_others() -> None:
    fitted = made_by_hand.estimate(-2.0)
    assert isinstance(effect_of(entry_of(made_by_hand.summary(fitted))), Effect)
    unsure = made_by_hand.summary(made_by_hand.reported(fitted, "none", -3.0, -1.0))
    assert effect_of(entry_of(unsure)) == "no interval that can be relied on"
