from __future__ import annotations

import pandas as pd

from evalkit.report.figures.predictive_check import predictive_check
from evalkit.report.figures.setting import Setting

SETTING = Setting("jobs", "jobs", "year", "95 % credible interval")


def rows(observed: list[float]) -> pd.DataFrame:
    count = len(observed)
    return pd.DataFrame(
        {
            "statistic": [f"statistic {i}" for i in range(count)], "observed": observed, "model_low": [-1.6] * count,
            "model_high": [1.6] * count, "p": [0.4] * count, "level": [0.9] * count, "own": [False] * count,
            "fitted": [False] * count,
        }
    )  # fmt: skip


def test_statistics_outside_are_named() -> None:
    figure = predictive_check(rows([0.0, 3.0, -40.0]), SETTING)
    assert "2 of 3 statistics lie outside (statistic 1, statistic 2)" in figure.alt
    assert "90 % of the data sets that the model makes before it has seen any" in figure.note
    assert figure.png


def test_all_inside_names_none() -> None:
    assert "0 of 2 statistics lie outside. " in predictive_check(rows([0.0, 1.0]), SETTING).alt
