"""The sample: who has a part in some comparison, and in which order."""

from __future__ import annotations

import numpy as np

from evalkit.numerics.switching_paths import adoption_paths, dose_paths
from evalkit.numerics.switching_sample import SwitchingSample, switching_sample
from evalkit.vocabulary import NEVER

TIME = np.arange(4)


def sample(dose: list[list[float]], outcome: np.ndarray | None = None, anticipation: int = 0) -> SwitchingSample:
    values = np.array(dose)
    y = np.arange(values.size, dtype=float).reshape(values.shape) if outcome is None else outcome
    return switching_sample(y, None, dose_paths(values, TIME), TIME, None, anticipation)


def test_units_whose_first_dose_nobody_changes_have_no_part() -> None:
    made = sample([[0, 0, 1, 1], [5, 5, 5, 5], [0, 0, 0, 0]])
    assert made.position.tolist() == [0, 2]
    assert made.n_levels == 1


def test_units_come_by_first_change_then_first_dose_then_dose_reached() -> None:
    made = sample([[0, 0, 3, 3], [0, 0, 0, 0], [0, 2, 2, 2], [0, 0, 1, 1], [0, 0, 3, 0]])
    assert made.position.tolist() == [2, 3, 0, 4, 1]
    assert made.block.tolist() == [0, 1, 2, 2, 3]
    assert made.start.tolist() == [1, 2, 2, 2, 4]
    assert made.of_cohort(2) == slice(1, 4)
    assert made.not_before(2) == slice(1, 5)


def test_anticipation_moves_the_start_and_takes_units_without_a_base() -> None:
    made = sample([[0, 0, 3, 3], [0, 0, 0, 0], [0, 2, 2, 2]], anticipation=1)
    assert made.position.tolist() == [0, 1]
    assert made.start.tolist() == [1, 4]


def test_units_that_adopt_after_the_window_may_anticipate_within_it() -> None:
    paths = adoption_paths(np.array([3, 5, NEVER]), TIME)
    made = switching_sample(np.ones((3, 4)), None, paths, TIME, None, 2)
    assert made.position.tolist() == [0, 1, 2]
    assert made.start.tolist() == [1, 3, 4]
    assert made.sign.tolist() == [1.0, 0.0, 0.0]


def test_outcomes_are_less_the_units_mean_and_holes_are_zero() -> None:
    y = np.array([[1e9, 1e9 + 1, np.nan, 1e9 + 2], [1.0, 2.0, 3.0, 4.0]])
    made = sample([[0, 0, 1, 1], [0, 0, 0, 0]], y)
    assert made.outcome[:, 0].tolist() == [-1.0, 0.0, 0.0, 1.0]
    assert made.usable is not None
    assert made.usable[:, 0].tolist() == [True, True, False, True]
    assert made.centre.tolist() == [1e9 + 1, 2.5]


def test_clusters_are_numbered_among_the_units_with_a_part() -> None:
    dose = np.array([[0.0, 0, 1, 1], [5, 5, 5, 5], [0, 0, 0, 0]])
    made = switching_sample(np.ones((3, 4)), None, dose_paths(dose, TIME), TIME, np.array([7, 1, 3]), 0)
    assert made.cluster is not None
    assert made.cluster.tolist() == [1, 0]
    assert made.n_clusters == 2
