from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from evalkit.power.detection import Thresholds
from evalkit.power.result import Power
from evalkit.power.rule import TestKind
from evalkit.power.schedule import Schedule
from evalkit.power.words import Words, often
from tests.designs import outcome, study, task
from tests.designs import panel as simulated

DRAWS = 1_000


def words(threshold: float, *, test: TestKind = "interval", schedule: Schedule | None = None, **declared: Any) -> Words:
    """Of a design whose thresholds are spread evenly from 0 to twice `threshold`, both ways."""
    asked = study(assignment={"unit": "city"}, **outcome(**declared))
    one = task(simulated(n_units=40, n_periods=6), asked)
    spread = np.linspace(-0.05, 2.0, DRAWS) * threshold if np.isfinite(threshold) else np.full(DRAWS, np.inf)
    found = Thresholds(spread, spread, np.zeros(DRAWS), np.zeros(DRAWS))
    made = schedule or one.schedule
    power = Power(made, one.history, found, test, 0.05, True, False, 0, made.distinct)
    return Words.of(asked.spec, power)


def test_the_headline_puts_what_is_detected_beside_what_matters() -> None:
    made = words(2.0, mid={"value": 1, "rationale": "r"})
    assert made.headline(0.8) == (
        "This design would detect a fall of 3.2 points or more four times in five; the smallest change that matters is "
        "1 point."
    )


def test_shares_are_told_in_percentage_points_and_a_missing_mid_is_told() -> None:
    share: dict[str, Any] = {"family": "proportion", "unit": "share of pupils", "direction": "higher_better"}
    assert words(0.1, **share).headline(0.9) == (
        "This design would detect a rise of 18 percentage points or more nine times in ten; no smallest change that "
        "matters is declared."
    )


def test_the_verdict_says_whether_the_change_that_matters_would_be_seen() -> None:
    assert "It is fit to see what matters." in words(2.0, mid={"value": 4.5, "rationale": "r"}).verdict(0.8)
    assert "most such changes would be missed" in words(2.0, mid={"value": 0.5, "rationale": "r"}).verdict(0.8)
    assert "more often than was asked for" in words(2.0, mid={"value": 2.5, "rationale": "r"}).verdict(0.8)
    assert words(2.0).verdict(0.8) == ""


def test_a_design_that_detects_nothing_says_so() -> None:
    made = words(np.inf)
    assert words(np.inf).headline(0.8).startswith("This design would detect no change of any size four times in five.")
    assert made.interval_in_words(made.found.detectable(0.8, "fall")) == "not reached at any size"


def test_the_design_is_told_in_one_sentence() -> None:
    made = words(1.0, schedule=Schedule((0, 1, 4), (1, 2, 3), total=30, before=3, after=2))
    assert made.design() == (
        "6 of 30 cities start: 1 first, 2 after 1 period, 3 after 4 periods; 3 periods before the first start, 2 "
        "periods from the last start on."
    )
    one = words(1.0, schedule=Schedule((0,), (4,), total=30, before=3, after=1))
    assert one.design().startswith("4 of 30 cities start together; ")


def test_the_size_is_told_and_a_warning_is_given_where_it_is_off() -> None:
    made = words(2.0)
    estimate = np.random.default_rng(0).normal(size=DRAWS)
    for critical, said in ((1.96, "does so in 5 %."), (1.4, "flattered"), (3.0, "costs power")):
        found = Thresholds(critical - estimate, critical + estimate, estimate, estimate)
        assert said in dataclasses.replace(made, found=dataclasses.replace(made.found, thresholds=found)).size()


def test_the_history_and_the_test_are_told() -> None:
    made = words(1.0)
    assert made.history().startswith("14 cities, 1 to 6, without the programme throughout.")
    assert made.test() == "The estimate's own interval, at the 5 % level."


@pytest.mark.parametrize(
    ("power", "said"), [(0.5, "half of the time"), (0.95, "19 times in 20"), (0.7, "in 70 % of cases")]
)
def test_powers_are_told_as_frequencies(power: float, said: str) -> None:
    assert often(power) == said
