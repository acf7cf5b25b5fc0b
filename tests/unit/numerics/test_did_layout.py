"""Which rows a staggered design uses."""

from __future__ import annotations

import numpy as np

from evalkit.numerics.did_layout import UNTREATED, cell_means, lay_out
from evalkit.vocabulary import NEVER

TIME = np.arange(5)


def test_cells_are_sorted_by_cohort_and_period_with_their_sizes() -> None:
    layout = lay_out(np.ones((4, 5), dtype=bool), TIME, np.array([3, 2, 2, NEVER]))
    effects = layout.effects
    assert effects.cohort.tolist() == [2, 2, 2, 3, 3]
    assert effects.period.tolist() == [2, 3, 4, 3, 4]
    assert effects.event_time.tolist() == [0, 1, 2, 0, 1]
    assert effects.n_units.tolist() == [2, 2, 2, 1, 1]
    assert layout.leads.event_time.tolist() == [-2, -1, -3, -2, -1]


def test_units_without_a_clean_period_are_left_out() -> None:
    layout = lay_out(np.ones((4, 5), dtype=bool), TIME, np.array([-3, 1, 3, NEVER]), anticipation=1)
    assert layout.no_clean_period.tolist() == [True, True, False, False]
    assert layout.group.tolist() == [-1, -1, 0, 1]
    assert not layout.used[:2].any()


def test_a_unit_whose_untreated_periods_are_all_missing_is_left_out() -> None:
    observed = np.ones((3, 5), dtype=bool)
    observed[0, :2] = False
    layout = lay_out(observed, TIME, np.array([2, 2, NEVER]))
    assert layout.no_clean_period.tolist() == [True, False, False]


def test_periods_in_which_nobody_is_untreated_are_left_out() -> None:
    layout = lay_out(np.ones((3, 5), dtype=bool), TIME, np.array([2, 4, 4]))
    assert layout.dropped_periods.tolist() == [4]
    assert not layout.used[:, 4].any()
    assert layout.effects.period.tolist() == [2, 3]


def test_rows_that_anticipate_a_start_after_the_window_are_left_out() -> None:
    layout = lay_out(np.ones((3, 5), dtype=bool), TIME, np.array([2, 5, NEVER]), anticipation=1)
    assert layout.used[1].tolist() == [True, True, True, True, False]
    assert layout.group.tolist() == [0, 1, 1]


def test_codes_point_rows_to_their_cells() -> None:
    layout = lay_out(np.ones((2, 5), dtype=bool), TIME, np.array([3, NEVER]))
    assert layout.codes(layout.effects).tolist() == [[UNTREATED] * 3 + [0, 1], [UNTREATED] * 5]
    assert layout.codes(layout.leads)[0].tolist() == [0, 1, 2, UNTREATED, UNTREATED]


def test_cell_means_average_the_units_of_a_cell() -> None:
    layout = lay_out(np.ones((3, 5), dtype=bool), TIME, np.array([4, 4, NEVER]))
    outcome = np.arange(15.0).reshape(3, 5)
    assert cell_means(outcome, layout.codes(layout.effects), 1).tolist() == [(4.0 + 9.0) / 2.0]
