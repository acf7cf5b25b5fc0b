from __future__ import annotations

import dataclasses

import numpy as np

from evalkit.data.panel import Panel
from evalkit.power.history import HistoryKind
from evalkit.power.remarks import _test
from evalkit.power.schedule import Wishes
from evalkit.power.simulate import power
from tests.designs import panel as simulated
from tests.designs import study

DRAWS = 100


def remarks(made: Panel, wishes: Wishes | None = None, history: HistoryKind = "auto") -> dict[str, str]:
    found = power(study("imputation"), made, wishes, history=history, draws=DRAWS)
    return {remark.id: remark.text for remark in found.remarks}


def test_a_window_that_had_to_be_cut_is_named() -> None:
    text = remarks(simulated(n_units=60, n_periods=8), history="before_start")["window_cut"]
    assert "The untreated history has 4 periods in a row and the roll-out 8" in text
    assert "moved together" not in text


def test_places_drawn_twice_and_noise_seen_in_few_places_are_named() -> None:
    said = remarks(simulated(n_units=36, n_periods=6))
    assert "from the 12 with an untreated history" in said["drawn_with_replacement"]
    assert "about 21 % of itself" in said["noise_from_few_places"]
    assert remarks(simulated(n_units=150, n_periods=6), Wishes(units=40, treated=20)) == {}


def test_starters_with_other_noise_are_named_from_the_time_before_any_start() -> None:
    made = simulated(n_units=120, n_periods=10)
    starters = made.first_treated <= made.time[-1]
    loud = np.where(starters[:, None], 2.0 * made.outcome, made.outcome)
    said = remarks(dataclasses.replace(made, outcome=loud), Wishes(units=40, treated=20))
    assert "moved 2." in said["starters_differ_in_noise"]
    assert "larger than stated" in said["starters_differ_in_noise"]
    later = np.where(made.treated, 100.0 * made.outcome, made.outcome)
    assert remarks(dataclasses.replace(made, outcome=later), Wishes(units=40, treated=20)) == {}


def test_a_missing_comparison_place_is_named() -> None:
    made = simulated(n_units=27, n_periods=6, cohorts={4: 1 / 27})
    assert "panels hold 26 places in all, not 27" in remarks(made)["fewer_places"]


def test_how_it_was_tested_is_told_where_it_was_not_by_moving_an_interval() -> None:
    found = power(study("imputation"), simulated(n_units=60, n_periods=6), Wishes(units=40, treated=20), draws=DRAWS)
    assert list(_test(found)) == []
    changed = dataclasses.replace(found, linear=False, n_failed=3, test="wild_bootstrap")
    said = {remark.id: remark.text for remark in _test(changed)}
    assert list(said) == ["wild_bootstrap_test", "refitted", "panels_refused"]
    assert "the wild cluster bootstrap" in said["wild_bootstrap_test"]
    assert f"3 of {DRAWS}" in said["panels_refused"]
