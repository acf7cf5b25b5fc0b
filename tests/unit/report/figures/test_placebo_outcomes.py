from __future__ import annotations

import pandas as pd

from evalkit.report.figures.placebo_outcomes import placebo_outcomes
from evalkit.report.figures.setting import Setting

SETTING = Setting("jobs", "jobs", "year", "95 % confidence interval")


def test_withheld_outcomes_are_said_to_be_so() -> None:
    rows = pd.DataFrame(
        {
            "outcome": ["jobs", "rain"],
            "role": ["primary", "placebo"],
            "in_errors": [3.0, float("nan")],
            "low_in_errors": [1.0, float("nan")],
            "high_in_errors": [5.0, float("nan")],
        }
    )
    figure = placebo_outcomes(rows, SETTING)
    assert figure.alt == "Effects in standard errors. On jobs: 3 (1 to 5). On placebo outcomes: withheld."
    assert figure.png
