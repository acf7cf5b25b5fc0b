from __future__ import annotations

import numpy as np
import pandas as pd

from evalkit.report.figures.balance import balance
from evalkit.report.figures.setting import Setting

SETTING = Setting("jobs", "jobs", "year", "95 % confidence interval")
ROWS = pd.DataFrame({"measure": ["outcome: level", "age"], "g": [0.3, -0.1], "g_weighted": [np.nan, np.nan]})


def test_differences_are_told_by_name() -> None:
    assert balance(ROWS, SETTING).alt.endswith("outcome: level 0.3, age −0.1. 1 of 2 lie beyond 0.25.")


def test_withheld_differences_leave_a_sentence() -> None:
    figure = balance(ROWS.assign(g=np.nan), SETTING)
    assert figure.alt.endswith("All are withheld or unknown.")
    assert figure.png
