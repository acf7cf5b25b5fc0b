from __future__ import annotations

import numpy as np

from evalkit.numerics.separation import drop_empty, separated


def test_dropping_goes_on_until_no_empty_unit_or_period_is_left() -> None:
    """Unit 0 has events in period 0 alone, whose only event it is once unit 1 is gone for want of a second row."""
    events = np.array([[0.0, 2.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 3.0]])
    used = np.array([[True, True, True], [True, False, False], [True, True, True]])
    found = drop_empty(events, used)
    assert found.seen_once.tolist() == [False, True, False]
    assert found.periods.tolist() == [True, False, False]
    assert not found.units.any()
    assert found.used.sum() == 4


def test_units_without_an_event_are_not_called_seen_once() -> None:
    found = drop_empty(np.array([[0.0, 0.0], [1.0, 2.0], [2.0, 1.0]]), np.ones((3, 2), dtype=bool))
    assert found.units.tolist() == [True, False, False]
    assert not found.seen_once.any()


def test_rows_on_which_a_term_stands_alone_without_events_are_separated() -> None:
    rng = np.random.default_rng(0)
    events = rng.poisson(3.0, (10, 5)).astype(float) + 1.0
    events[:3, 4] = 0.0
    term = np.zeros((1, 10, 5))
    term[0, :3, 4] = 1.0
    found = separated(events, np.ones((10, 5), dtype=bool), term)
    assert np.argwhere(found).tolist() == [[0, 4], [1, 4], [2, 4]]


def test_zeros_alone_are_not_separated() -> None:
    rng = np.random.default_rng(1)
    events = rng.poisson(0.7, (30, 6)).astype(float)
    term = (rng.random((1, 30, 6)) < 0.5).astype(float)
    used = drop_empty(events, np.ones((30, 6), dtype=bool)).used
    assert not separated(events, used, term * used).any()


def test_a_combination_of_two_terms_is_found() -> None:
    """Neither term stands alone, their difference does: 0 where there are events, 1 in two rows without."""
    rng = np.random.default_rng(2)
    events = rng.poisson(3.0, (12, 4)).astype(float) + 1.0
    events[[4, 7], [1, 2]] = 0.0
    first = rng.standard_normal((12, 4))
    second = first.copy()
    second[[4, 7], [1, 2]] -= 1.0
    found = separated(events, np.ones((12, 4), dtype=bool), np.stack([first, second]))
    assert np.argwhere(found).tolist() == [[4, 1], [7, 2]]


def test_unit_and_period_effects_alone_separate_zeros_that_no_other_zeros_hold_back() -> None:
    """Each half of the units has its events in one half of the periods; the second half is not seen in the first's."""
    events, nothing = np.kron(np.eye(2), np.full((2, 2), 3.0)), np.empty((0, 4, 4))
    used = np.ones((4, 4), dtype=bool)
    assert not separated(events, used, nothing).any()
    used[2:, :2] = False
    assert np.argwhere(separated(events, used, nothing)).tolist() == [[0, 2], [0, 3], [1, 2], [1, 3]]
