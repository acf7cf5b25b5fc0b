from __future__ import annotations

import pandas as pd

from evalkit.report.figures.honest import honest_relative, honest_smooth
from evalkit.report.figures.setting import Setting

SETTING = Setting("jobs", "jobs", "year", "95 % confidence interval")
ROWS = pd.DataFrame(
    {
        "mark": ["original", "robust", "robust", "breakdown"],
        "m": [None, 0.0, 2.0, 0.4],
        "low": [1.0, 0.5, -2.0, None],
        "high": [3.0, 3.5, 6.0, None],
    }
)


def test_the_widest_interval_and_the_breakdown_value_are_told() -> None:
    figure = honest_smooth(ROWS, SETTING)
    assert figure.id == "honest_smooth"
    assert figure.alt == (
        "Average effect on jobs: 1 to 3 jobs where trends are parallel. Allowing bends up to 2 times the "
        "largest one seen before the start: −2 to 6. It includes 0 from 0.4 on."
    )


def test_without_a_breakdown_value_none_is_told() -> None:
    figure = honest_relative(ROWS.iloc[:3], SETTING)
    assert "includes 0" not in figure.alt
    assert figure.png


def test_an_endless_interval_is_said_to_be_unbounded() -> None:
    rows = ROWS.assign(high=ROWS["high"].replace(6.0, float("inf")))
    assert "unbounded" in honest_relative(rows, SETTING).alt


def test_without_a_robust_interval_the_plain_one_stands_alone() -> None:
    assert honest_smooth(ROWS.iloc[:1], SETTING).alt == (
        "Average effect on jobs: 1 to 3 jobs where trends are parallel."
    )
