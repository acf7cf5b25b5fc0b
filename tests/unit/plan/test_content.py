from __future__ import annotations

from typing import Any

import pytest

from evalkit.plan.content import content, differences, renewed, sha256
from evalkit.study.spec import Choice
from tests.small_study import built, study


def items(**changes: Any) -> dict[str, tuple[str, str]]:
    """Departures of a changed study from the small one."""
    found = differences(content(built()), content(built(**changes)))
    return {each.item: (each.planned, each.actual) for each in found}


def test_the_same_study_is_as_planned() -> None:
    assert items() == {}
    assert sha256(content(built())) == sha256(content(built()))


def test_a_departure_is_named_as_on_the_command_line() -> None:
    assert items(design={"event_window": [-2, 2]}) == {"design.event_window": ("[-3, 2]", "[-2, 2]")}
    assert items(seed=7) == {"seed": ("0", "7")}


def test_settings_that_follow_the_design_are_no_departures_of_their_own() -> None:
    def at(level: float, own: float) -> dict[str, Any]:
        fitted = Choice(name="callaway_santanna", settings={"level": own})
        return content(built(design={"level": level}).model_copy(update={"estimator": fitted}))

    assert [each.item for each in differences(at(0.95, 0.95), at(0.9, 0.9))] == ["design.level"]
    assert [each.item for each in differences(at(0.95, 0.95), at(0.95, 0.9))] == ["estimator.settings.level"]


def test_another_primary_outcome_is_the_first_item() -> None:
    outcome = {**study()["outcomes"][0], "column": "other"}
    found = items(outcomes=[outcome])
    assert next(iter(found.items())) == ("primary_outcome", ("crimes (identity)", "other (identity)"))


@pytest.mark.parametrize(
    "changes", [{"title": "Other"}, {"governance": {"contact": "Ana"}}, {"use": {"limitations": ["Other."]}}]
)
def test_what_is_no_choice_of_the_analysis_is_no_departure(changes: dict[str, Any]) -> None:
    assert items(**changes) == {}


def test_a_key_that_came_after_the_lock_has_its_default() -> None:
    old = content(built())
    del old["spec"]["design"]["inference"]
    assert differences(renewed(old, built()), content(built())) == []
    assert differences(old, content(built())) != []


def test_a_setting_that_one_side_leaves_out_and_the_other_leaves_empty_is_no_difference() -> None:
    found = differences({"estimator": {"name": "a", "settings": {"latitude": None}}}, {"estimator": {"name": "b"}})
    assert [each.item for each in found] == ["estimator.name"]
