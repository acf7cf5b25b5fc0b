from __future__ import annotations

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit.testing.simulate import staggered_frame
from evalkit.testing.smallest import as_table, smallest

FRAME = staggered_frame(n_units=16, n_periods=6, seed=1)


@settings(max_examples=40, deadline=None)
@given(units=st.sets(st.integers(0, 15), min_size=1, max_size=4), first=st.integers(1, 6), length=st.integers(0, 3))
def test_exactly_what_is_needed_is_left(units: set[int], first: int, length: int) -> None:
    last = min(first + length, 6)

    def happens(part: pd.DataFrame) -> bool:
        found = set(part["unit"])
        return units <= found and part["period"].min() <= first and part["period"].max() >= last

    left = smallest(FRAME, happens, tries=1_000)
    assert set(left["unit"]) == units
    assert (left["period"].min(), left["period"].max()) == (first, last)


def test_no_more_panels_are_tried_than_may_be() -> None:
    tried: list[int] = []

    def never(part: pd.DataFrame) -> bool:
        tried.append(len(part))
        return False

    left = smallest(FRAME, never, tries=7)
    assert len(tried) == 7
    assert len(left) == len(FRAME)


def test_a_table_shows_who_is_eligible_and_what_is_missing() -> None:
    frame = pd.DataFrame({"unit": [1, 1, 2], "period": [1, 2, 1], "y": [1.0, 2.0, 3.0], "cohort": [2, 2, 0]})
    lines = as_table(frame.assign(eligible=[1, 1, 0])).splitlines()
    assert lines[1].split() == ["unit", "cohort", "eligible", "1", "2"]
    assert lines[3].split() == ["2", "0", "0", "3.0"]
    assert "too many to show" in as_table(FRAME)
