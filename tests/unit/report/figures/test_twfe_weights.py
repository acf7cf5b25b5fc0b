from __future__ import annotations

import pandas as pd

from evalkit.report.figures.setting import Setting
from evalkit.report.figures.twfe_weights import twfe_weights

SETTING = Setting("jobs", "jobs", "year", "95 % confidence interval")
ROWS = pd.DataFrame({"event_time": [0, 1], "share": [0.5, 0.5], "weight": [0.6, 0.4], "relative": [1.2, 0.8]})


def test_all_positive_weights_are_said_to_be_so() -> None:
    assert twfe_weights(ROWS, SETTING).alt == (
        "How the two-way coefficient counts 2 cells (a cohort in a period): from 0.8 to 1.2 times their share of the "
        "treated observations; none is counted negatively."
    )


def test_withheld_weights_leave_a_sentence() -> None:
    figure = twfe_weights(ROWS.assign(share=float("nan"), weight=float("nan"), relative=float("nan")), SETTING)
    assert figure.alt.endswith("the weights are withheld.")
