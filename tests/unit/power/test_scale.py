from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from evalkit.errors import ConfigError
from evalkit.power.result import Way
from evalkit.power.scale import Scale, make_scale, mid_as_analysed, wanted
from evalkit.study.spec import Outcome
from tests.designs import outcome as declared
from tests.simulated import spec

LEVELS = np.array([3.0, 5.0])


def outcome(**changes: Any) -> Outcome:
    return spec(**declared(**changes)).primary_outcome


def scale(one: Outcome, log_link: bool = False) -> Scale:
    values = np.log(LEVELS) if one.transform == "log" else LEVELS
    return make_scale(one, values, log_link)


@pytest.mark.parametrize("way", ["rise", "fall"])
def test_shown_sizes_come_back(way: Way) -> None:
    for one in (outcome(), outcome(transform="log"), outcome(family="proportion", unit="share of pupils")):
        made = scale(one)
        assert math.isclose(made.analysed(made.shown(0.3, way), way), 0.3)


def test_logged_outcomes_are_shown_in_per_cent_and_falls_are_smaller_than_rises() -> None:
    made = scale(outcome(transform="log"))
    assert made.unit == "%"
    assert math.isclose(made.level, math.sqrt(15.0))
    assert math.isclose(made.shown(math.log(2.0), "rise"), 100.0)
    assert math.isclose(made.shown(math.log(2.0), "fall"), 50.0)
    assert scale(outcome(family="count"), log_link=True).unit == "%"


def test_shares_are_shown_in_percentage_points() -> None:
    assert scale(outcome(family="proportion", unit="share of pupils")).words(2.0) == "2 percentage points"
    assert scale(outcome(family="proportion", unit="share of pupils")).shown(0.02, "rise") == 2.0
    assert scale(outcome(family="proportion", unit="% of pupils")).shown(0.02, "rise") == 0.02


def test_other_outcomes_keep_their_unit() -> None:
    assert scale(outcome(unit="calls per 1,000 residents")).words(1.0) == "1 call per 1,000 residents"


@pytest.mark.parametrize("size", [0.0, -3.0, 100.0])
def test_sizes_that_cannot_be_are_refused(size: float) -> None:
    with pytest.raises(ConfigError, match="cannot be"):
        scale(outcome(transform="log")).analysed(size, "fall")


@pytest.mark.parametrize(
    ("changes", "way", "expected"),
    [
        ({"mid": {"value": 0.5, "rationale": "r"}}, "fall", 0.5),
        ({"mid": {"value": 10, "unit": "%", "rationale": "r"}}, "fall", 0.4),
        ({"transform": "log", "mid": {"value": 5, "unit": "%", "rationale": "r"}}, "fall", -math.log(0.95)),
        ({"transform": "log", "mid": {"value": 5, "unit": "%", "rationale": "r"}}, "rise", math.log(1.05)),
        ({"transform": "log", "mid": {"value": 0.1, "unit": "log points", "rationale": "r"}}, "rise", 0.1),
        ({"transform": "log", "mid": {"value": 1, "rationale": "r"}}, "rise", math.log(1 + 1 / math.sqrt(15.0))),
        ({"transform": "log", "mid": {"value": 9, "rationale": "r"}}, "fall", None),
        (
            {"family": "proportion", "unit": "share of pupils",
             "mid": {"value": 2, "unit": "percentage points", "rationale": "r"}},
            "rise", 0.02,
        ),
        ({}, "fall", None),
    ],
)  # fmt: skip
def test_the_smallest_change_that_matters_comes_onto_the_scale_of_the_analysis(
    changes: dict[str, Any], way: Way, expected: float | None
) -> None:
    one = outcome(**changes)
    assert mid_as_analysed(one, scale(one), way) == (None if expected is None else pytest.approx(expected))


def test_the_way_is_the_one_that_the_city_wants() -> None:
    assert wanted(outcome()) == "fall"
    assert wanted(outcome(direction="higher_better")) == "rise"
