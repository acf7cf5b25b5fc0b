"""Levels of people: when a mean tells of few of them."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from evalkit.data.panel import Panel
from evalkit.evidence.disclosure import Policy
from evalkit.evidence.levels import at_event_time, counted, natural_shown, rounded, telling
from evalkit.evidence.natural import effect_of, treated_cells
from evalkit.evidence.standard import shipped
from evalkit.study.spec import Outcome
from tests.unit.evidence import made

LIMITS = shipped().disclosure
PEOPLE = Policy("persons", LIMITS.min_cell, "")
PLACES = Policy("places", LIMITS.min_cell, "")
SHARE = {"family": "proportion", "unit": "share of residents"}
CELLS = 40 * 4
"""Forty people who start in period 6 of 10."""


def outcome(**changes: Any) -> Outcome:
    return made.spec(changes).primary_outcome


def people(events: int) -> Panel:
    """Forty treated, sixty others; so many events among the treated after their start, one each."""
    data = made.panel(starts={6: 40}, never=60, exposure=None)
    values = np.zeros_like(data.outcome)
    after = np.zeros(CELLS)
    after[:events] = 1.0
    values[:40, 6:] = after.reshape(4, 40).T
    return dataclasses.replace(data, outcome=values)


@pytest.mark.parametrize(
    ("events", "rule"),
    [(0, "homogeneous"), (1, "small_count"), (10, "small_count"), (11, None), (CELLS - 11, None),
     (CELLS - 10, "small_count"), (CELLS, "homogeneous")],
)  # fmt: skip
def test_a_share_beside_the_number_of_people_counts_them(events: int, rule: str | None) -> None:
    data = people(events)
    assert telling(outcome(**SHARE), data, treated_cells(data), PEOPLE, LIMITS) == rule
    assert telling(outcome(**SHARE), data, treated_cells(data), PLACES, LIMITS) is None


def test_a_level_of_few_people_is_withheld() -> None:
    data = made.panel(starts={6: 5}, never=60)
    assert telling(outcome(), data, treated_cells(data), PEOPLE, LIMITS) == "few_people"


def test_a_mean_that_one_person_makes_up_is_withheld() -> None:
    data = made.panel(starts={6: 40}, never=60, exposure=None)
    values = data.outcome.copy()
    money = outcome(family="continuous", unit="dollars")
    assert telling(money, data, treated_cells(data), PEOPLE, LIMITS) is None
    values[0, 6:] = 1e6
    rich = dataclasses.replace(data, outcome=values)
    assert telling(money, rich, treated_cells(rich), PEOPLE, LIMITS) == "dominance"


def test_events_of_a_rate_are_counted_through_its_exposure() -> None:
    data = made.panel(starts={6: 40}, never=60, level=0.1, exposure=1000.0)
    data = dataclasses.replace(data, outcome=np.full_like(data.outcome, 0.05))
    assert counted(outcome(), data, treated_cells(data)) == (8.0, None)  # 160 cells of 0.05 per 1,000
    assert telling(outcome(), data, treated_cells(data), PEOPLE, LIMITS) == "small_count"


def test_cells_at_an_event_time_are_those_of_the_cohorts_asked_for() -> None:
    data = made.panel(starts={6: 40, 7: 30}, never=60)
    both, one = (at_event_time(data, 1, np.array(cohorts)) for cohorts in ([6, 7], [7]))
    assert (int(both.sum()), int(one.sum())) == (70, 30)
    assert one[:, 8].sum() == 30


def test_the_percentage_goes_with_the_level_and_the_difference_stays() -> None:
    data, about = people(4), made.spec(SHARE)
    fitted = made.estimate(-0.1, 0.02, observed=4 / CELLS)
    effect = effect_of(about.primary_outcome, fitted, fitted.aggregation("overall"))
    shown = natural_shown(effect, about.primary_outcome, data, PEOPLE, LIMITS)
    assert shown.absolute.effect.value == pytest.approx(-0.1)
    assert shown.absolute.observed.how == shown.absolute.counterfactual.how == "suppressed"
    assert shown.percent.effect.value is None
    open_data = natural_shown(effect, about.primary_outcome, data, PLACES, LIMITS)
    assert open_data.absolute.observed.value == 4 / CELLS


def test_levels_of_people_are_rounded_since_all_digits_of_a_fraction_name_its_denominator() -> None:
    data, about = people(40), made.spec(SHARE)
    fitted = made.estimate(-0.1, 0.02, observed=43 / 157)
    effect = effect_of(about.primary_outcome, fitted, fitted.aggregation("overall"))
    shown = natural_shown(effect, about.primary_outcome, data, PEOPLE, LIMITS)
    assert shown.absolute.observed.value == rounded(43 / 157, LIMITS.level_digits) == 0.274
