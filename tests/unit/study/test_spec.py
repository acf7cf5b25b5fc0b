"""Parts of a study say what they mean without being told twice."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from evalkit.study.spec import Outcome, StudySpec
from tests.simulated import spec

DOCS = Path(__file__).parents[3] / "docs"
GUIDE = (DOCS / "writing-a-study.md").read_text("utf-8")
RULES = Path(__file__).parents[3] / "configs" / "evidence" / "standard.yaml"


def outcome(**changes: Any) -> Outcome:
    declared = {"name": "calls", "column": "calls", "unit": "per 1,000 residents", "direction": "lower_better"}
    return Outcome.model_validate({**declared, **changes})


@pytest.mark.parametrize(
    ("unit", "scale"),
    [
        ("per 1,000 residents", 1_000.0),
        ("homicides per 100,000 residents", 100_000.0),
        ("Per 10000 trips", 10_000.0),
        ("per 1 000 000 trips", 1_000_000.0),
        ("per 1.000 Einwohner", 1_000.0),
        ("per 2.5 trips", 1.0),
        ("claims per city and year", 1.0),
    ],
)
def test_the_scale_of_a_rate_follows_from_its_unit(unit: str, scale: float) -> None:
    assert outcome(unit=unit, exposure="residents").per == scale


def test_a_declared_scale_stands_and_without_exposure_there_is_none() -> None:
    assert outcome(exposure="thousand_residents", per=1).per == 1.0
    assert outcome().per == 1.0


def test_the_guides_example_is_a_study_about_places() -> None:
    block = re.findall(r"```yaml\n(.*?)```", GUIDE, flags=re.DOTALL)[0]
    content = yaml.safe_load(block)
    del content["defaults"]
    assert StudySpec.model_validate(content).assignment.unit in _places(yaml.safe_load(RULES.read_text("utf-8")))


def test_the_guide_names_every_key() -> None:
    guides = GUIDE + (DOCS / "events.md").read_text("utf-8")
    named = set(re.findall(r"[a-z_0-9]+", " ".join(re.findall(r"`([^`\n]+)`", guides))))
    keys = {key for model in StudySpec.model_json_schema()["$defs"].values() for key in model.get("properties", {})}
    assert (keys | set(StudySpec.model_fields)) - {"kind"} <= named


def _places(rules: dict[str, Any]) -> list[str]:
    found: list[str] = rules["disclosure"]["places"]
    return found


def test_a_count_told_as_a_rate_is_refused_since_every_sentence_would_be_off_by_the_denominator() -> None:
    with pytest.raises(ValueError, match="without 'per 1,000'"):
        outcome(family="count", unit="injuries per 1,000 residents", exposure="residents")
    assert outcome(family="count", unit="injuries", exposure="residents", per=1000).per == 1000.0
    assert outcome(family="count", unit="calls per year").unit == "calls per year"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"unit": None, "group": "state", "wide": "calls"}, "name 'unit' beside 'wide'"),
        ({"unit": None}, "exactly one of 'unit'"),
        ({"group": "state"}, "exactly one of 'unit'"),
        ({"cohort": None}, "exactly one of 'cohort'"),
        ({"treated": "on"}, "exactly one of 'cohort'"),
        ({"cohort": None, "treated": "on", "dose": "hours"}, "exactly one of 'cohort'"),
    ],
)
def test_who_is_followed_and_what_says_when_they_were_treated_are_named_once(data: dict[str, Any], words: str) -> None:
    declared = spec().model_dump(mode="json")
    with pytest.raises(ValueError, match=words):
        StudySpec.model_validate({**declared, "data": {**declared["data"], **data}})


@pytest.mark.parametrize(("window", "fits"), [([-1, 0], True), ([0, 5], False), ([-5, -1], False), ([-3, 4], True)])
def test_an_event_window_spans_the_start(window: list[int], fits: bool) -> None:
    if fits:
        assert list(spec(design={"event_window": window}).design.event_window) == window
        return
    with pytest.raises(ValueError, match="must start before 0 and end at 0 or later"):
        spec(design={"event_window": window})


@pytest.mark.parametrize("roles", [("secondary",), ("primary", "primary")])
def test_one_outcome_is_primary(roles: tuple[str, ...]) -> None:
    outcomes = [outcome(name=f"outcome {place}", role=role).model_dump() for place, role in enumerate(roles)]
    found = sum(role == "primary" for role in roles)
    with pytest.raises(ValueError, match=f"has role 'primary'; found {found}"):
        spec(outcomes=outcomes)
