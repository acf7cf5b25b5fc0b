from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import evalkit as ek
from evalkit.data.panel import Panel
from evalkit.errors import DesignRefused
from evalkit.power.history import History, HistoryKind, drawer, find_history, limits_of
from evalkit.power.places import places_of
from evalkit.power.schedule import Schedule, Wishes, schedule_for
from evalkit.testing.simulate import StaggeredDesign, simulate_staggered
from evalkit.vocabulary import NEVER
from tests.designs import long
from tests.designs import panel as simulated

SEED = 3


def history(
    made: Panel, kind: HistoryKind = "auto", wishes: Wishes | None = None, anticipation: int = 0
) -> tuple[History, Schedule]:
    places = places_of(made)
    asked = schedule_for(made, places, wishes or Wishes(), (-5, 3))
    return find_history(made, places, asked, kind=kind, anticipation=anticipation, least_before=2)


@pytest.mark.parametrize("kind", ["never_treated", "before_start"])
def test_what_the_programme_could_have_touched_is_never_read(kind: HistoryKind) -> None:
    made = simulated(n_units=40, n_periods=8)
    on = made.treated
    poisoned = dataclasses.replace(made, outcome=np.where(on, np.nan, made.outcome))
    touched = dataclasses.replace(made, outcome=np.where(on, 1e9, made.outcome))
    drawn = []
    for one in (made, poisoned, touched):
        found, schedule = history(one, kind)
        draw = drawer(found, schedule, inflate=True)
        drawn.append([draw(np.random.default_rng(k)).panel.outcome for k in range(5)])
    np.testing.assert_array_equal(drawn[0], drawn[1])
    np.testing.assert_array_equal(drawn[0], drawn[2])


def test_before_start_reads_nothing_of_anybody_after_the_first_start() -> None:
    made = simulated(n_units=40, n_periods=8)
    late = made.time >= made.cohorts.min()
    found, _ = history(dataclasses.replace(made, outcome=np.where(late[None, :], np.nan, made.outcome)), "before_start")
    assert found.n_places == 40
    assert np.isnan(found.panel.outcome[:, late]).all()


def test_anticipated_periods_are_touched_as_well() -> None:
    made = simulated(n_units=40, n_periods=8, first=5)
    starters = made.first_treated != NEVER
    assert (limits_of(made, 2, before_start=False)[starters] == made.cohorts.min() - 2).all()
    found, schedule = history(made, "before_start", anticipation=1)
    assert schedule.length <= 3
    assert max(found.windows) + found.length <= 3


def test_always_treated_units_do_not_set_the_first_start_and_are_never_drawn() -> None:
    made = long(np.random.default_rng(SEED).normal(size=(20, 8)), {0: 1, 1: 5, 2: 5})
    found, _ = history(made, "before_start")
    assert found.length == 4
    assert 0 not in np.concatenate(found.pools)


def test_auto_takes_the_whole_history_of_enough_places_that_never_start() -> None:
    assert history(simulated(n_units=40, n_periods=8))[0].kind == "never_treated"
    few = long(np.random.default_rng(SEED).normal(size=(20, 8)), dict.fromkeys(range(17), 5))
    assert history(few)[0].kind == "before_start"


def test_with_a_shorter_schedule_all_windows_with_enough_places_are_used() -> None:
    made = simulated(n_units=40, n_periods=8, first=7)
    found, _ = history(made, "never_treated", Wishes(before=2, after=2, units=20, treated=5))
    assert found.length == 4
    assert found.windows == (0, 1, 2, 3, 4)
    assert [len(pool) for pool in found.pools] == [40, 40, 40, 20, 20]


def test_too_few_untouched_places_are_refused() -> None:
    made = long(np.random.default_rng(SEED).normal(size=(20, 8)), dict.fromkeys(range(17), 5))
    with pytest.raises(DesignRefused, match="Fewer than 4 places"):
        history(made, "never_treated")


def test_one_untreated_period_is_refused() -> None:
    made = long(np.random.default_rng(SEED).normal(size=(20, 4)), dict.fromkeys(range(20), 2))
    with pytest.raises(DesignRefused, match="at least two are needed"):
        history(made, "before_start")


def test_a_panel_holds_the_schedule_and_places_with_their_own_history() -> None:
    made = simulated(n_units=40, n_periods=8)
    found, schedule = history(made)
    placebo = drawer(found, schedule, inflate=False)(np.random.default_rng(SEED))
    panel = placebo.panel
    assert panel.n_units == schedule.total
    starts, sizes = np.unique(panel.first_treated, return_counts=True)
    assert sizes[:-1].tolist() == list(schedule.sizes)
    assert starts[:-1].tolist() == panel.time[schedule.columns()].tolist()
    pool = {tuple(row) for row in found.panel.outcome[found.pools[0]]}
    assert all(tuple(row) in pool for row in panel.outcome)


def test_without_replacement_nobody_is_drawn_twice() -> None:
    made = simulated(n_units=60, n_periods=8)
    found, schedule = history(made, wishes=Wishes(units=15, treated=6))
    outcome = drawer(found, schedule, inflate=True)(np.random.default_rng(SEED)).panel.outcome
    assert len(np.unique(outcome, axis=0)) == 15


def test_drawing_with_replacement_gives_back_the_variance_that_it_takes() -> None:
    made = simulated(n_units=21, n_periods=8, first=5)
    found, schedule = history(made, wishes=Wishes(units=60, treated=20))
    draw = drawer(found, schedule, inflate=True)
    pool = found.panel.outcome[found.pools[0]]
    drawn = np.concatenate([draw(np.random.default_rng(k)).panel.outcome for k in range(150)])
    np.testing.assert_allclose(drawn.var(axis=0), pool.var(axis=0, ddof=1), rtol=0.05)
    np.testing.assert_allclose(drawn.mean(axis=0), pool.mean(axis=0), atol=0.1)


def test_a_pool_that_is_just_too_small_is_used_without_drawing_places_twice() -> None:
    made = long(np.random.default_rng(SEED).normal(size=(27, 6)), {0: 4})
    assert history(made)[1].total == 26
    crossing = long(np.random.default_rng(SEED).normal(size=(20, 6)), {0: 4})
    assert history(crossing)[1].total == 20, "one of 19 places less would put p = 0.05 out of reach"


def test_clusters_move_whole_and_are_new_clusters_when_drawn_twice() -> None:
    frame = simulate_staggered(StaggeredDesign(n_units=60, n_periods=6, cohorts={4: 0.25}), 1).frame
    made = ek.Panel.from_frame(frame, unit="unit", period="period", outcome="y", cohort="cohort", cluster="cluster")
    found, schedule = history(made, wishes=Wishes(units=30, treated=5))
    placebo = drawer(found, schedule, inflate=True)(np.random.default_rng(SEED))
    assert placebo.panel.n_units == 90
    assert np.unique(placebo.panel.cluster_codes).size == 30
    by_cluster = placebo.panel.first_treated.reshape(30, 3)
    assert (by_cluster == by_cluster[:, :1]).all()


def test_covariates_and_weights_go_with_their_units() -> None:
    frame = simulate_staggered(StaggeredDesign(n_units=40, n_periods=6), 1).frame.assign(w=lambda f: f["unit"] + 1.0)
    made = ek.Panel.from_frame(
        frame, unit="unit", period="period", outcome="y", cohort="cohort", weight="w", covariates=["x"]
    )
    found, schedule = history(made)
    panel = drawer(found, schedule, inflate=False)(np.random.default_rng(SEED)).panel
    assert panel.weight is not None
    rows = (panel.weight[:, 0] - 1.0).astype(int)
    np.testing.assert_array_equal(panel.covariates["x"], made.covariates["x"][rows])
    np.testing.assert_array_equal(panel.outcome, made.outcome[rows])


def test_effects_are_added_or_multiplied_where_units_are_treated() -> None:
    made = simulated(n_units=40, n_periods=8)
    found, schedule = history(made)
    placebo = drawer(found, schedule, inflate=False)(np.random.default_rng(SEED))
    on = placebo.panel.treated
    np.testing.assert_allclose((placebo.shifted(2.0).outcome - placebo.panel.outcome)[on], 2.0)
    np.testing.assert_allclose((placebo.shifted(0.5, multiply=True).outcome / placebo.panel.outcome)[on], np.exp(0.5))
    np.testing.assert_array_equal(placebo.shifted(2.0).outcome[~on], placebo.panel.outcome[~on])


def test_where_somebody_starts_in_the_second_period_only_the_never_treated_have_a_history() -> None:
    made = long(np.random.default_rng(SEED).normal(size=(20, 8)), {0: 2, 1: 5, 2: 5})
    found, _ = history(made)
    assert found.kind == "never_treated"
    assert sorted(set(np.concatenate(found.pools).tolist())) == list(range(3, 20))
