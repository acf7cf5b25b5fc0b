"""Which cells are planned, against which base period and which comparison group."""

from __future__ import annotations

import numpy as np
import pytest

from evalkit.numerics.group_time import base_position, plan_cohort
from evalkit.vocabulary import Comparison

TIME = np.arange(6)


def test_varying_cells_before_the_start_compare_with_the_period_before() -> None:
    plan = plan_cohort(TIME, 3, comparison="never_treated", base_period="varying", anticipation=0)
    assert [(cell.period, cell.base, cell.is_treated) for cell in plan] == [
        (1, 0, False), (2, 1, False), (3, 2, True), (4, 2, True), (5, 2, True),
    ]  # fmt: skip


def test_universal_cells_share_one_base_which_is_the_reference() -> None:
    plan = plan_cohort(TIME, 3, comparison="never_treated", base_period="universal", anticipation=0)
    assert [cell.base for cell in plan] == [2] * 6
    assert [cell.period for cell in plan if cell.is_reference] == [2]


def test_anticipation_moves_the_base_and_the_comparison() -> None:
    plan = plan_cohort(TIME, 4, comparison="not_yet_treated", base_period="varying", anticipation=1)
    assert {(cell.period, cell.base): cell.untreated_after for cell in plan} == {
        (1, 0): 2, (2, 1): 3, (3, 2): 4, (4, 2): 5, (5, 2): 6,
    }  # fmt: skip


@pytest.mark.parametrize(("comparison", "latest"), [("never_treated", 5), ("not_yet_treated", 2)])
def test_the_comparison_is_untreated_to_the_end_or_in_both_periods(comparison: Comparison, latest: int) -> None:
    plan = plan_cohort(TIME, 3, comparison=comparison, base_period="universal", anticipation=0)
    assert plan[0].untreated_after == latest


def test_a_cohort_without_a_period_before_it_has_no_cells() -> None:
    assert plan_cohort(TIME, 0, comparison="never_treated", base_period="varying", anticipation=0) == []
    assert plan_cohort(TIME, 1, comparison="never_treated", base_period="universal", anticipation=1) == []


def test_a_gap_in_time_moves_the_base_to_the_last_period_observed() -> None:
    assert base_position(np.array([0, 1, 5, 6]), 5, anticipation=0) == 1
    assert base_position(np.array([0, 1, 5, 6]), 4, anticipation=0) == 1
