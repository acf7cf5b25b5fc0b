from __future__ import annotations

import pandas as pd

from evalkit.report.figures.canvas import Figure
from evalkit.report.figures.setting import Setting
from evalkit.report.figures.specification_curve import specification_curve

SETTING = Setting("jobs", "jobs", "year", "95 % confidence interval")


def _draw(count: int, options: int) -> Figure:
    rows = pd.DataFrame({"estimate": range(count), "primary": [row == 1 for row in range(count)]}).astype(
        {"estimate": float}
    )
    rows = rows.assign(low=rows["estimate"] - 1.5, high=rows["estimate"] + 1.5)
    return specification_curve(
        rows.assign(**{"choice: estimator": [f"e{row % options}" for row in range(count)]}), SETTING
    )


def test_the_range_and_the_study_s_own_effect_are_told() -> None:
    assert _draw(4, 2).alt == (
        "Effect on jobs in 4 specifications: from 0 to 3 jobs, that of the study 1 jobs. 2 of 4 intervals exclude 0."
    )


def test_each_option_adds_a_row_beneath_the_curve() -> None:
    heights = [int.from_bytes(_draw(12, options).png[20:24], "big") for options in (2, 8)]
    assert heights[0] < heights[1]
