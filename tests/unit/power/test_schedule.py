from __future__ import annotations

import numpy as np
import pytest

from evalkit.errors import ConfigError
from evalkit.power.places import places_of
from evalkit.power.schedule import Schedule, Wishes, schedule_for, shared_out
from tests.designs import long
from tests.designs import panel as simulated

WINDOW = (-5, 3)


def of(wishes: Wishes, **starts: int) -> Schedule:
    """The schedule of 12 units over 8 periods, of which some start in the named periods (p4=2: two in period 4)."""
    given, unit = {}, 0
    for name, count in starts.items():
        for _ in range(count):
            given[unit] = int(name[1:])
            unit += 1
    made = long(np.random.default_rng(0).normal(size=(12, 8)), given)
    return schedule_for(made, places_of(made), wishes, WINDOW)


def test_the_study_s_own_roll_out_is_taken_as_it_is() -> None:
    assert of(Wishes(), p4=2, p6=3) == Schedule((0, 2), (2, 3), total=12, before=3, after=3)


def test_always_treated_places_are_not_counted() -> None:
    assert of(Wishes(), p1=1, p4=2).total == 11


def test_fewer_treated_places_keep_the_shares_of_the_cohorts() -> None:
    assert of(Wishes(treated=3), p4=2, p6=4).sizes == (1, 2)
    assert of(Wishes(treated=1), p4=2, p6=4).offsets == (0,)


def test_a_number_of_cohorts_splits_the_places_evenly() -> None:
    assert of(Wishes(cohorts=(3,), treated=7, every=1), p4=2) == Schedule((0, 1, 2), (3, 2, 2), 12, before=3, after=3)


def test_sizes_of_cohorts_may_exceed_the_places_of_the_data() -> None:
    made = of(Wishes(cohorts=(22, 78), every=2), p4=2)
    assert (made.offsets, made.sizes, made.total) == ((0, 2), (22, 78), 100)


def test_exact_starts_within_the_data_stay_where_they_are() -> None:
    assert of(Wishes(starts={"5": 2, "7": 1}), p4=2) == Schedule((0, 2), (2, 1), 12, before=4, after=2)


def test_planned_starts_are_watched_as_long_as_the_event_window_says() -> None:
    made = of(Wishes(starts={"10": 2, "11": 1}), p4=2)
    assert (made.offsets, made.after) == ((0, 1), WINDOW[1] + 1)


def test_starts_after_the_data_are_the_study_s_own_plan() -> None:
    assert of(Wishes(), p11=2, p13=1).offsets == (0, 2)


def test_data_in_which_nobody_starts_need_a_wish() -> None:
    with pytest.raises(ConfigError, match="Nobody has started"):
        of(Wishes())
    assert of(Wishes(treated=4)).sizes == (4,)
    assert of(Wishes(cohorts=(3, 2))).sizes == (3, 2)


@pytest.mark.parametrize(
    ("wishes", "words"),
    [
        ({"starts": {"5": 1}, "treated": 3}, "--schedule says"),
        ({"cohorts": (2, 3), "treated": 4}, "add up to 5"),
    ],
)
def test_wishes_that_contradict_each_other_are_refused(wishes: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        Wishes(**wishes)  # type: ignore[arg-type]


def test_a_period_that_does_not_exist_is_refused_with_an_example() -> None:
    with pytest.raises(ConfigError, match="--schedule 9=5"):
        of(Wishes(starts={"spring": 2}), p4=2)
    with pytest.raises(ConfigError, match="nobody can start"):
        of(Wishes(starts={"1": 2}), p4=2)


def test_more_starts_than_places_and_more_cohorts_than_places_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"starts 13 places, and there are 12"):
        of(Wishes(treated=13, units=12), p4=2)
    with pytest.raises(ConfigError, match="cannot make 3 cohorts"):
        of(Wishes(treated=2, cohorts=(3,)), p4=2)


def test_a_short_history_takes_early_periods_first_then_late_ones_then_moves_cohorts_together() -> None:
    own = Schedule((0, 2, 4), (1, 1, 1), 9, before=6, after=3)
    assert own.fitted(20, 3) is own
    assert own.fitted(11, 3) == Schedule((0, 2, 4), (1, 1, 1), 9, before=4, after=3)
    assert own.fitted(8, 3) == Schedule((0, 2, 4), (1, 1, 1), 9, before=3, after=1)
    assert own.fitted(6, 3) == Schedule((0, 1, 2), (1, 1, 1), 9, before=3, after=1)
    assert own.fitted(5, 3) == Schedule((0, 1, 2), (1, 1, 1), 9, before=2, after=1)
    with pytest.raises(ConfigError, match="Ask for fewer cohorts"):
        own.fitted(4, 3, needed=2)


@pytest.mark.parametrize("length", range(6, 14))
def test_fitted_windows_have_the_length_asked_for_and_cohorts_in_order(length: int) -> None:
    made = Schedule((0, 1, 7, 8), (1, 2, 3, 4), 20, before=5, after=4).fitted(length, 3)
    assert made.length == length
    assert np.all(np.diff(made.offsets) >= 1)
    assert made.after >= 1


def test_counts_of_roll_outs_and_of_place_periods() -> None:
    made = Schedule((0, 2), (1, 2), total=5, before=3, after=2)
    assert made.distinct == 5 * 6
    assert made.delivered == 1 * 4 + 2 * 2
    assert made.groups.tolist() == [1, 2, 2, 0, 0]
    assert made.columns().tolist() == [3, 5]


def test_shares_add_up() -> None:
    assert [sum(shared_out(n, [3, 1, 1, 7])) for n in range(30)] == list(range(30))


def test_simulated_panels_with_two_cohorts_give_their_sizes() -> None:
    made = simulated(n_units=30, n_periods=8)
    assert schedule_for(made, places_of(made), Wishes(), WINDOW).sizes == (10, 10)


@pytest.mark.parametrize(
    ("offsets", "sizes"),
    [((0, 2), (1,)), ((), ()), ((1,), (4,)), ((0, 2), (1, 0)), ((0, 0), (1, 1)), ((0, 2, 1), (1, 1, 1))],
)
def test_cohorts_that_cannot_be_are_refused(offsets: tuple[int, ...], sizes: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"cohort|offsets"):
        Schedule(offsets, sizes, 12, before=3, after=2)


def test_a_roll_out_that_is_stretched_beyond_the_data_begins_earlier_and_is_watched_for_one_period() -> None:
    assert of(Wishes(cohorts=(1, 1), every=4), p7=2) == Schedule((0, 4), (1, 1), 12, before=3, after=1)
