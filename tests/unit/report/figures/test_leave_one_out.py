from __future__ import annotations

import pandas as pd

from evalkit.report.figures.canvas import Figure
from evalkit.report.figures.leave_one_out import MOST_NAMED, leave_one_out
from evalkit.report.figures.setting import Setting

SETTING = Setting("jobs", "jobs", "year", "95 % confidence interval")


def _draw(estimates: list[float | None]) -> Figure:
    rows = pd.DataFrame(
        {
            "left_out": ["", *(f"{2000 + row}" for row in range(1, len(estimates)))],
            "n_treated": 20,
            "estimate": estimates,
            "low": [None if value is None else value - 1.0 for value in estimates],
            "high": [None if value is None else value + 1.0 for value in estimates],
        }
    )
    return leave_one_out(rows, SETTING)


def test_the_extremes_are_told_by_name() -> None:
    assert _draw([2.0, 3.0, None, -1.0]).alt == (
        "Effect on jobs: 2 jobs with all (1 to 3). Left out one at a time, it runs from −1 (without 2003) to "
        "3 (without 2001)."
    )


def test_withheld_rows_leave_the_effect_with_all() -> None:
    assert _draw([2.0, None]).alt == "Effect on jobs: 2 jobs with all (1 to 3)."


def test_a_picture_of_very_many_rows_stays_of_readable_height() -> None:
    heights = [int.from_bytes(_draw([1.0] * rows).png[20:24], "big") for rows in (MOST_NAMED, 4 * MOST_NAMED)]
    assert heights[0] == heights[1]


def test_an_effect_with_all_that_is_withheld_shades_nothing() -> None:
    assert b"Effect on jobs" in _draw([2.0, 3.0]).svg
    assert len(_draw([None, 3.0]).svg) < len(_draw([2.0, 3.0]).svg)
