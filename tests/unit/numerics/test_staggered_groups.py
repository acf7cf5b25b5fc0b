from __future__ import annotations

import numpy as np
import pytest

from evalkit.numerics.staggered_groups import StaggeredGroups, group_units
from evalkit.vocabulary import NEVER

TIME = np.arange(2000, 2008)


def group(first: list[int], **settings: object) -> StaggeredGroups | None:
    options = {"anticipation": 0, "kind": None, **settings}
    return group_units(TIME, np.array(first), np.ones(len(first), dtype=bool), **options)  # type: ignore[arg-type]


def test_never_treated_units_are_the_comparison_where_there_are_any() -> None:
    found = group([2003, NEVER, 2005, 2003, 2020, 2000])
    assert found is not None
    assert found.kind == "never_treated"
    assert found.comparison.tolist() == [1, 4]
    assert found.cohorts.tolist() == [2003, 2005]
    assert [units.tolist() for units in found.members] == [[0, 3], [2]]
    assert found.units.tolist() == [0, 1, 2, 3, 4]
    assert found.n_periods == 8


@pytest.mark.parametrize(("anticipation", "n_periods"), [(0, 5), (2, 3)])
def test_else_the_last_cohort_until_it_may_react(anticipation: int, n_periods: int) -> None:
    found = group([2003, 2005, 2005], anticipation=anticipation)
    assert found is not None
    assert (found.kind, found.comparison.tolist(), found.n_periods) == ("last_treated", [1, 2], n_periods)


def test_units_that_react_within_the_window_to_a_start_after_it_take_no_part() -> None:
    found = group([2003, NEVER, 2008], anticipation=1)
    assert found is not None
    assert found.units.tolist() == [0, 1]


def test_units_without_a_period_before_they_may_react_take_no_part() -> None:
    found = group([2001, 2003, NEVER], anticipation=1)
    assert found is not None
    assert found.cohorts.tolist() == [2003]


@pytest.mark.parametrize(
    ("first", "kind"),
    [
        ([2003, 2003], None),
        ([2003, 2005], "never_treated"),
        ([NEVER, NEVER], "never_treated"),
        ([NEVER], "last_treated"),
    ],
)
def test_without_a_comparison_or_a_cohort_there_are_no_groups(first: list[int], kind: str | None) -> None:
    assert group(first, kind=kind) is None
