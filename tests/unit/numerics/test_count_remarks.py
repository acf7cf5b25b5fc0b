from __future__ import annotations

import numpy as np

from evalkit.numerics import count_remarks as tell

NEVER_TREATED = np.array([False, True, True])


def test_units_and_rows_left_out_are_counted_by_arm() -> None:
    (units,) = tell.left_out(np.array([True, True, False]), NEVER_TREATED, "no event in any period")
    assert (units.treated, units.comparison) == (1, 1)
    assert "2 units with no event in any period" in units.text
    (rows,) = tell.separated(np.array([[True, True], [False, True], [False, False]]), NEVER_TREATED)
    assert (rows.treated, rows.comparison) == (2, 1)


def test_nothing_is_said_where_nothing_is_left_out() -> None:
    assert not list(tell.left_out(np.zeros(3, dtype=bool), NEVER_TREATED, ""))
    assert not list(tell.separated(np.zeros((3, 2), dtype=bool), NEVER_TREATED))
    assert not list(tell.empty_periods([]))
    (remark,) = tell.empty_periods([2004])
    assert "'2004'" in remark.text
