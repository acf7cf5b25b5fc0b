"""Rows behind cells of units and of cohorts."""

from __future__ import annotations

import numpy as np

from evalkit.numerics.did_cells import Reporting


def test_persons_behind_a_cell_are_those_of_its_unit_or_of_its_cohort() -> None:
    """Three groups over three periods, two of which start in period 1."""
    persons = np.array([[5.0, 6.0, 7.0], [10.0, 20.0, 30.0], [1.0, 1.0, 1.0]])
    first, time = np.array([1, 1, 9]), np.arange(3)
    cohort, period, one = np.array([1, 1]), np.array([1, 2]), np.ones(2)
    of_cohorts = Reporting(cohort, period, period - cohort, np.array([2, 2]), one, None, np.ones((4, 2)))
    of_units = Reporting(cohort, period, period - cohort, np.array([1, 1]), one, np.array([1, 0]), np.ones((4, 2)))
    assert of_cohorts.people(persons, first, time).tolist() == [26, 37]
    assert of_units.people(persons, first, time).tolist() == [20, 7]
