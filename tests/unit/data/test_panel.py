"""The panel answers who is treated, when, and who never."""

from __future__ import annotations

import numpy as np

from tests.frames import long_frame, read


def test_arms_and_cohorts_follow_the_first_treated_period() -> None:
    law = [2001] * 4 + [2003] * 4 + [2009] * 4
    panel = read(long_frame(law=law))
    assert panel.always_treated.tolist() == [True, False, False]
    assert panel.never_treated.tolist() == [False, False, True]
    assert panel.cohorts.tolist() == [2]
    assert panel.treated.astype(int).tolist() == [[1, 1, 1, 1], [0, 0, 1, 1], [0, 0, 0, 0]]


def test_balance_and_size_follow_the_known_outcomes() -> None:
    panel = read(long_frame())
    assert (panel.n_units, panel.n_periods, panel.is_balanced) == (3, 4, True)
    gappy = read(long_frame().drop(index=3))
    assert not gappy.is_balanced
    assert np.count_nonzero(~gappy.observed) == 1


def test_the_panel_remembers_which_columns_it_came_from() -> None:
    names = read(long_frame(w=1.0), weight="w").names
    assert (names.unit, names.period, names.outcome, names.cohort, names.treated, names.weight) == (
        "city", "year", "y", "law", None, "w",
    )  # fmt: skip
