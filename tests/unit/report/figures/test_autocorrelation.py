from __future__ import annotations

import pandas as pd

from evalkit.report.figures.autocorrelation import autocorrelation
from evalkit.report.figures.setting import Setting


def test_lags_that_the_errors_allow_for_are_told_apart() -> None:
    rows = pd.DataFrame(
        {
            "lag": [3, 1, 2],
            "autocorrelation": [0.1, 0.5, 0.3],
            "bound": [0.2, 0.2, 0.2],
            "allowed_for": [False, True, True],
        }
    )
    figure = autocorrelation(rows, Setting("calls", "calls", "month", "95 % interval"))
    assert figure.data["lag"].tolist() == [1, 2, 3]
    assert "the largest is 0.5, 1 month apart; 2 of 3 lie beyond" in figure.alt
    assert figure.png
