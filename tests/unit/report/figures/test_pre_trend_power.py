from __future__ import annotations

import pandas as pd

from evalkit.report.figures.pre_trend_power import pre_trend_power
from evalkit.report.figures.setting import Setting

SETTING = Setting("jobs", "jobs", "year", "95 % confidence interval")
ROWS = pd.DataFrame(
    {"event_time": [0, -1], "estimate": [1.0, 0.0], "low": [0.5, 0.0], "high": [1.5, 0.0], "trend": [0.5, 0.0],
     "expected": [0.6, 0.0]}
)  # fmt: skip


def test_the_last_period_is_told_whatever_the_order_of_rows() -> None:
    assert (
        "it reaches 0.5 jobs in the last year shown, where the estimate is 1 jobs" in pre_trend_power(ROWS, SETTING).alt
    )


def test_withheld_numbers_leave_a_sentence() -> None:
    hidden = ROWS.assign(estimate=float("nan"), low=float("nan"), high=float("nan"))
    assert pre_trend_power(hidden, SETTING).alt.endswith("its numbers are withheld.")
