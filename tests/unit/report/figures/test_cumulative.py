from __future__ import annotations

import numpy as np
import pandas as pd

from evalkit.report.figures.cumulative import cumulative


def test_only_rows_with_a_sum_are_drawn_and_months_have_no_day() -> None:
    rows = pd.DataFrame(
        {
            "event_time": [-1, 0, 1],
            "period": ["2019-12-01", "2020-01-01", "2020-02-01"],
            "cumulative": [np.nan, 1.0, 2.5],
            "cumulative_low": [np.nan, 0.5, 1.0],
            "cumulative_high": [np.nan, 1.5, 4.0],
        }
    )
    figure = cumulative(rows, outcome="calls", unit="calls", step="month", interval="90 % credible interval")
    assert figure.data["period"].tolist() == ["2020-01", "2020-02"]
    assert figure.alt.endswith("1 calls after 1 month; 2.5 calls after 2 months (1 to 4).")
    assert figure.png
