"""Paths: first doses, first changes, sides, and what is not known of them."""

from __future__ import annotations

import numpy as np

from evalkit.numerics.switching_paths import adoption_paths, dose_paths
from evalkit.vocabulary import NEVER

NAN = np.nan


def test_a_lasting_treatment_as_a_dose_has_the_same_paths() -> None:
    first = np.array([2, 1, NEVER, 0])
    time = np.arange(4)
    dose = np.where(first[:, None] <= time, 1.0, 0.0)
    by_cohort, by_dose = adoption_paths(first, time), dose_paths(dose, time)
    for name in ("level", "levels", "first", "sign", "reached"):
        np.testing.assert_array_equal(getattr(by_cohort, name), getattr(by_dose, name))
    assert by_dose.apart is None
    assert by_dose.unclear is None


def test_the_first_dose_is_the_first_known_one_and_gaps_carry_the_last_known_one() -> None:
    paths = dose_paths(np.array([[NAN, 2.0, 3.0, NAN, 1.0], [2.0, 2.0, 2.0, 2.0, 2.0]]), np.arange(5))
    assert paths.levels.tolist() == [2.0]
    assert paths.first.tolist() == [2, NEVER]
    assert paths.change is not None
    assert paths.change[0].tolist() == [0.0, 0.0, 1.0, 1.0, -1.0]


def test_the_side_is_that_of_the_first_change() -> None:
    paths = dose_paths(np.array([[3.0, 1.0, 5.0], [0.0, 1.0, 0.0]]), np.arange(3))
    assert paths.sign.tolist() == [-1.0, 1.0]
    assert paths.apart is not None
    assert paths.apart.tolist() == [[False, False, True], [False, False, False]]


def test_a_change_behind_a_gap_makes_the_unit_unchanged_and_its_later_cells_unclear() -> None:
    paths = dose_paths(np.array([[1.0, 1.0, NAN, 4.0], [1.0, 1.0, 1.0, 4.0]]), np.arange(4))
    assert paths.first.tolist() == [NEVER, 3]
    assert paths.unclear is not None
    assert paths.unclear.tolist() == [[False, False, True, True], [False] * 4]


def test_periods_are_ordinals_not_positions() -> None:
    assert dose_paths(np.array([[0.0, 0.0, 2.0]]), np.array([0, 1, 5])).first.tolist() == [5]
