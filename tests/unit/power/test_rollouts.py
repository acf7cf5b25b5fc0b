from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from evalkit.errors import ConfigError, DesignRefused
from evalkit.power.rollout_words import Comparison
from evalkit.power.rollouts import RollOutOption, best, compare, options
from evalkit.power.schedule import Schedule, Wishes
from evalkit.study.spec import Study
from tests.designs import outcome, study
from tests.designs import panel as simulated

PLANNED = Schedule((0, 2), (6, 18), total=60, before=3, after=2)
DRAWS = 150
ASKED = study("imputation", **outcome(mid={"value": 0.5, "rationale": "r"}), assignment={"unit": "city"})


@pytest.fixture(scope="module")
def found() -> tuple[RollOutOption, ...]:
    """24 of 60 places over two cohorts, two periods apart."""
    wishes = Wishes(cohorts=(6, 18), every=2, units=60, before=3, after=2)
    return compare(ASKED, simulated(n_units=240, n_periods=7), wishes, hold_back=0.25, draws=DRAWS)


def test_every_schedule_has_the_same_places_window_and_dates() -> None:
    made = options(PLANNED, hold_back=0.25)
    assert list(made) == ["as planned", "all at once", "equal waves", "early-heavy", "late-heavy",
                          "equal waves, 25 % held back"]  # fmt: skip
    for schedule, waiting in made.values():
        assert schedule.treated + waiting == 24
        assert (schedule.length, schedule.total, schedule.before) == (7, 60, 3)
    assert made["early-heavy"][0].sizes == (16, 8)
    assert made["equal waves, 25 % held back"] == (Schedule((0, 2), (9, 9), 60, 3, 2), 6)


def test_a_plan_that_is_a_standard_schedule_is_shown_once() -> None:
    equal = options(Schedule((0, 1), (5, 5), 30, 3, 2), hold_back=0.0)
    assert list(equal) == ["all at once", "equal waves (as planned)", "early-heavy", "late-heavy"]
    one = options(Schedule((0,), (8,), 30, 3, 2), hold_back=0.25)
    assert list(one) == ["all at once (as planned)", "all at once, 25 % held back"]


def test_holding_back_too_many_is_refused() -> None:
    with pytest.raises(ConfigError, match="cannot make 3 cohorts"):
        options(Schedule((0, 1, 2), (1, 1, 1), 30, 3, 2), hold_back=0.5)


def test_delivery_and_delay_add_up() -> None:
    option = RollOutOption("x", Schedule((0, 2), (9, 9), 60, 3, 2), waiting=6, found=None)
    assert option.delivered == 9 * 4 + 9 * 2
    assert option.served() == [9, 9, 18, 18]
    assert option.delay == pytest.approx((9 * 0 + 9 * 2 + 6 * 4) / 24)
    assert RollOutOption("y", Schedule((0,), (24,), 60, 3, 4), waiting=0, found=None).delay == 0.0


def test_all_at_once_detects_the_smallest_change_where_enough_places_never_start(
    found: tuple[RollOutOption, ...],
) -> None:
    top = best(found, 0.8, "fall")
    assert top is not None
    assert top.name in ("all at once", "early-heavy", "equal waves")  # neighbours differ by about a Monte Carlo error
    effects = {option.name: option.detectable(0.8, "fall") for option in found}
    assert effects["all at once"] < effects["late-heavy"]
    assert effects["all at once"] < effects["as planned"]


def test_the_words_name_the_best_schedule_what_it_costs_and_what_cannot_be_told_apart(
    found: tuple[RollOutOption, ...],
) -> None:
    made = Comparison(ASKED.spec, found, 0.8)
    assert "detects the smallest change four times in five: a fall of " in made.headline()
    assert " city-periods of the programme" in made.cost()
    table = made.table()
    assert table["place_periods"].tolist()[1] == 24 * 4
    assert table["power_at_mid"].notna().all()
    assert set(made.curves()["design"]) == {option.name for option in found}
    assert made.to_dict()["schedules"][0]["served_by_period"] == "6, 6, 24, 24"


def test_schedules_that_leave_nobody_to_compare_with_stay_with_their_reason() -> None:
    asked: Study = study("callaway_santanna", settings={"comparison": "not_yet_treated"})
    wishes = Wishes(cohorts=(20, 20), units=40)
    found = compare(asked, simulated(n_units=240, n_periods=6), wishes, hold_back=0.2, draws=100)
    reasons = {option.name: option.reason for option in found}
    assert "untreated any more" in reasons["all at once"]
    made = Comparison(asked.spec, found, 0.8)
    assert made.refused()[0].startswith("Not estimable (all at once): ")
    assert "less than all at once" in made.cost()
    assert made.table()["detectable"].isna().tolist()[:2] == [True, False]


def test_where_no_schedule_can_be_estimated_the_reason_of_the_first_is_given() -> None:
    wishes = Wishes(cohorts=(20, 20), units=40)
    with pytest.raises(DesignRefused, match="None of the schedules can be estimated"):
        compare(
            study("callaway_santanna", settings={"comparison": "never_treated"}),
            simulated(n_units=240, n_periods=6), wishes, hold_back=0.0, draws=100,
        )  # fmt: skip


def test_a_schedule_whose_test_rejects_too_often_is_named(found: tuple[RollOutOption, ...]) -> None:
    made = Comparison(ASKED.spec, found, 0.8)
    first = found[0].found
    assert first is not None
    low = dataclasses.replace(first.thresholds, rise=first.thresholds.rise - 0.3, fall=first.thresholds.fall - 0.3)
    loose = dataclasses.replace(found[0], found=dataclasses.replace(first, thresholds=low))
    text = Comparison(ASKED.spec, (loose, *found[1:]), 0.8).off()
    assert text.startswith("Without any effect the test declares one too often (as planned ")
    assert "as planned" not in made.off()


def hopeless(option: RollOutOption) -> RollOutOption:
    """The same schedule, where no effect is ever detected."""
    assert option.found is not None
    never = np.full_like(option.found.thresholds.rise, np.inf)
    thresholds = dataclasses.replace(option.found.thresholds, rise=never, fall=never)
    return dataclasses.replace(option, found=dataclasses.replace(option.found, thresholds=thresholds))


def test_where_no_schedule_detects_anything_there_is_no_best_one_and_no_cost(found: tuple[RollOutOption, ...]) -> None:
    made = Comparison(ASKED.spec, tuple(hopeless(option) for option in found), 0.8)
    assert best(made.options, 0.8, "fall") is None
    assert "four times in five" in made.headline()
    assert "smallest change" not in made.headline()
    assert (made.cost(), made.alike()) == ("", "")


def test_a_schedule_that_alone_detects_anything_is_compared_with_none(found: tuple[RollOutOption, ...]) -> None:
    first = next(option for option in found if option.name == "late-heavy")
    made = Comparison(ASKED.spec, (first, *(hopeless(option) for option in found if option is not first)), 0.8)
    assert made.headline().startswith("Late-heavy detects the smallest change four times in five: a fall of ")
    assert "against" not in made.headline()
    assert made.alike() == ""
    assert "less than all at once" in made.cost()
    assert Comparison(ASKED.spec, (first,), 0.8).cost() == "", "without all at once there is nothing to set it beside"
