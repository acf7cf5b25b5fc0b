from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

import pytest

from evalkit.evidence.schema_plan import PlanBlock
from evalkit.plan.access import Access
from evalkit.plan.data import known, now
from evalkit.plan.hold import Planning
from evalkit.plan.lock import Lock, lock
from evalkit.plan.words import listed
from tests.small_study import built, frame


def at(days: int) -> Access:
    """A reading so many days from now."""
    return Access(now() + dt.timedelta(days=days), "lights", "data/lights.csv", ("crimes",), "log")


@pytest.fixture
def made() -> Lock:
    lights = built()
    data = known(frame(), lights, anticipation=0, key=None)
    return lock(lights, who="Office", data=data, accesses=[], asked=[])


def held(made: Lock | None, *, accesses: tuple[Access, ...] = (), effect: float = -2.0, **changes: Any) -> PlanBlock:
    return Planning(made, accesses).against(built(**changes), frame(effect=effect), None)


def test_a_run_as_planned_is_confirmatory(made: Lock) -> None:
    found = held(made)
    assert (found.status, found.analysis, found.deviations) == ("internal_lock", "confirmatory", ())
    assert found.reading.startswith("Confirmatory: the run follows the plan that Office locked on")
    assert found.lock_sha.value == made.plan_sha


def test_other_outcomes_after_the_start_are_no_departure(made: Lock) -> None:
    assert held(made, effect=3.0).analysis == "confirmatory"


def test_without_a_lock_there_is_no_plan(made: Lock) -> None:
    found = held(None)
    assert (found.status, found.analysis) == ("none", None)
    assert found.outcome_access_at.value is not None


def test_an_undeclared_departure_makes_the_run_exploratory(made: Lock) -> None:
    found = held(made, design={"event_window": [-2, 2]})
    assert found.analysis == "exploratory"
    (deviation,) = found.deviations
    assert (deviation.item, deviation.planned, deviation.actual) == ("design.event_window", "[-3, 2]", "[-2, 2]")
    assert deviation.reason.how == "missing"
    assert "in the periods shown, and no reason is declared" in found.reading


def test_a_declared_departure_keeps_its_reason(made: Lock) -> None:
    notes = {"deviations": [{"item": "design", "reason": "fewer years arrived"}]}
    found = held(made, plan=notes, design={"event_window": [-2, 2]})
    assert found.analysis == "confirmatory"
    assert found.deviations[0].reason.value == "fewer years arrived"
    assert found.deviations[0].before_data_were_seen.value is True
    assert "1 declared departure" in found.reading


def test_data_before_the_start_that_changed_are_a_departure(made: Lock) -> None:
    changed = frame().assign(crimes=lambda data: data["crimes"] + 1.0)
    found = Planning(made).against(built(), changed, None)
    assert [each.item for each in found.deviations] == ["data_before_the_start"]
    assert found.analysis == "exploratory"


def test_outcomes_read_before_the_lock_make_it_exploratory(made: Lock) -> None:
    reading = at(-3)
    found = held(made, accesses=(reading,))
    assert found.analysis == "exploratory"
    assert "had been read before" in found.reading
    assert found.outcome_access_at.value == reading.at


def test_a_reading_after_the_lock_does_not(made: Lock) -> None:
    assert held(made, accesses=(at(0),)).analysis == "confirmatory"


def test_a_departure_after_outcomes_were_read_says_so(made: Lock) -> None:
    found = held(made, seed=7, accesses=(at(-1),))
    assert found.deviations[0].before_data_were_seen.value is False


def test_a_lock_that_was_edited_is_worth_nothing(made: Lock) -> None:
    found = held(dataclasses.replace(made, intact=False))
    assert found.analysis == "exploratory"
    assert "was changed after" in found.reading


def test_what_the_study_says_of_the_time_of_a_departure_holds_as_declared(made: Lock) -> None:
    late = {"item": "design", "reason": "fewer years arrived", "before_data_were_seen": False}
    (found,) = held(made, plan={"deviations": [late]}, design={"event_window": [-2, 2]}).deviations
    assert (found.before_data_were_seen.value, found.before_data_were_seen.how) == (False, "declared")


def test_a_plan_that_was_locked_before_any_data_is_not_held_to_them() -> None:
    blank = lock(built(), who="Office", data=None, accesses=[], asked=[])
    assert held(blank, effect=3.0).deviations == ()
    changed = frame().assign(crimes=lambda data: data["crimes"] + 1.0)
    assert Planning(blank).against(built(), changed, None).deviations == ()


def test_of_many_items_the_first_are_named_and_the_rest_counted() -> None:
    assert listed(["a", "b", "c", "d"]) == "a, b, c, d"
    assert listed(["a", "b", "c", "d", "e", "f"]).startswith("a, b, c, d")
    assert "2" in listed(["a", "b", "c", "d", "e", "f"])
