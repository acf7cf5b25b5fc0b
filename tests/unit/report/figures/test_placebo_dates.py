from __future__ import annotations

import pandas as pd

from evalkit.report.figures.placebo_dates import placebo_dates
from evalkit.report.figures.setting import Setting

SETTING = Setting("calls", "calls", "month", "95 % interval")


def test_false_starts_that_show_an_effect_are_counted() -> None:
    rows = pd.DataFrame(
        {"event_time": [0, -24, -12], "estimate": [3.0, 2.0, 0.0], "low": [2.0, 1.0, -1.0], "high": [4.0, 3.0, 1.0]}
    )
    figure = placebo_dates(rows, SETTING)
    assert "2 false starts, 24 to 12 months before the real one: from 0 to 2 calls; 1 of 2 intervals" in figure.alt
    assert figure.alt.endswith("At the real start: 3 calls (2 to 4).")
    assert figure.png


def test_withheld_numbers_are_said_to_be_so() -> None:
    rows = pd.DataFrame(
        {"event_time": [-12, 0], "estimate": [float("nan")] * 2, "low": [float("nan")] * 2, "high": [float("nan")] * 2}
    )
    assert placebo_dates(rows, SETTING).alt.endswith("its numbers are withheld.")
