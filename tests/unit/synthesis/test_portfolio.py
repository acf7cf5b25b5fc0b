"""Counts of a portfolio."""

from __future__ import annotations

import datetime as dt

from evalkit.synthesis.entries import Decided, Entry, entry_of, newest
from evalkit.synthesis.portfolio import build
from tests.portfolio_samples import cities, city_evidence

PRIORITIES = {"permits": "Faster permits", "public_safety": "Public safety", "housing": "Housing"}


def test_every_study_is_at_one_stage() -> None:
    entries = [*newest(cities(20)), Entry("p", "Lima", "permits", "Desk", "planned")]
    made = build(entries, title="T", priorities=PRIORITIES)
    assert sum(made.stages().values()) == 21
    assert made.stages()["planned"] == 1
    assert made.criteria()["launched"] == 20


def test_priorities_that_occur_keep_their_order_and_unknown_ones_their_name() -> None:
    made = build(newest(cities(6)), title="T", priorities=PRIORITIES)
    assert list(made.priorities.items()) == [
        ("permits", "Faster permits"), ("public_safety", "Public safety"), ("homelessness", "homelessness"),
    ]  # fmt: skip


def test_what_was_used_is_counted_by_city_and_priority() -> None:
    scaled = Decided("scale", "Council", dt.date(2026, 6, 1))
    kept = Decided("continue", "Council", dt.date(2026, 6, 1))
    entries = [
        entry_of(city_evidence("a", city="Lima"), decision=scaled),
        entry_of(city_evidence("b", city="Lima", priority="permits"), decision=kept),
        entry_of(city_evidence("c", city="Quito", certainty=None)),
    ]
    made = build(entries, title="T", priorities=PRIORITIES)
    assert made.criteria() == {"launched": 3, "completed": 2, "decided": 2, "adapted": 1}
    assert made.criteria(city="Quito") == {"launched": 1, "completed": 0, "decided": 0, "adapted": 0}
    assert made.criteria(city="Lima", priority="permits")["decided"] == 1
