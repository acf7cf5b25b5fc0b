from __future__ import annotations

import pandas as pd

from evalkit.report.figures.goodman_bacon import goodman_bacon
from evalkit.report.figures.setting import Setting

SETTING = Setting("jobs", "jobs", "year", "95 % confidence interval")
ROWS = pd.DataFrame(
    {
        "type": ["all", "against never-treated", "against later starts", "against earlier starts (forbidden)"],
        "treated": ["", "2005", "2005", "2006"],
        "comparison": ["", "never treated", "2006", "2005"],
        "n_treated": [20, 12, 12, 8],
        "n_units": [50, 42, 20, 20],
        "weight": [1.0, 0.8, 0.15, 0.05],
        "estimate": [1.2, 1.4, 1.0, -1.4],
    }
)


def test_the_shares_and_averages_are_told() -> None:
    alt = goodman_bacon(ROWS, SETTING).alt
    assert alt == (
        "The two-way coefficient for jobs (1.2 jobs) is made of 3 comparisons: 80 % of the weight against "
        "never-treated (1.4 jobs on average), 15 % against later starts (1 jobs on average), 5 % against "
        "earlier starts (forbidden) (−1.4 jobs on average)."
    )


def test_withheld_rows_are_not_drawn() -> None:
    hidden = ROWS.astype({"weight": "Float64", "estimate": "Float64"})
    hidden.loc[1:, ["weight", "estimate"]] = pd.NA
    figure = goodman_bacon(hidden.astype({"weight": float, "estimate": float}), SETTING)
    assert figure.alt.endswith("its comparisons are withheld.")
    assert figure.png
