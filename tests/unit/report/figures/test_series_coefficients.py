from __future__ import annotations

import pandas as pd

from evalkit.report.figures.series_coefficients import series_coefficients
from evalkit.report.figures.setting import Setting


def test_the_slope_is_told_by_period_and_other_programmes_by_name() -> None:
    rows = pd.DataFrame(
        {"term": ["level", "slope", "belts"], "estimate": [1.0, 0.1, -2.0], "low": [0.0] * 3, "high": [2.0] * 3}
    )
    figure = series_coefficients(rows, Setting("calls", "calls", "month", "95 % interval"))
    assert "Level at the start 1 (0 to 2), slope, per month 0.1 (0 to 2), belts −2" in figure.alt
    assert "other programmes" in figure.note
    alone = series_coefficients(rows.head(1), Setting("calls", "calls", "month", "95 % interval"))
    assert "other programmes" not in alone.note
    assert figure.png
