"""Remarks count by arm: treated by the last period, or not."""

from __future__ import annotations

import numpy as np

from evalkit.data.accounts import arms, by_arm
from evalkit.data.calendar import Calendar
from evalkit.data.time_axis import TimeAxis
from evalkit.vocabulary import NEVER

AXIS = TimeAxis(Calendar("integer", 2001, 1), np.arange(3), np.array([2001.0, 2002.0, 2003.0]))


def test_units_treated_after_the_window_count_in_the_comparison_arm() -> None:
    cells = np.ones((3, 3), dtype=bool)
    assert by_arm(cells, np.array([1, 5, NEVER]), AXIS) == (3, 6)


def test_each_side_of_the_window_has_its_own_remark_with_its_own_count() -> None:
    found = {remark.id: remark for remark in arms(np.array([-2, 0, 1, 5, NEVER]), AXIS)}
    assert found["always_treated"].treated == 2
    assert "1 since before 2001" in found["always_treated"].text
    assert found["treated_after_window"].comparison == 1
    assert "'2006'" in found["treated_after_window"].text
    assert "no_never_treated" not in found


def test_treatment_of_everyone_by_the_last_period_is_remarked() -> None:
    assert [remark.id for remark in arms(np.array([1, 2]), AXIS)] == ["no_never_treated"]
