from __future__ import annotations

import pandas as pd

from evalkit.report.figures.prior_sensitivity import prior_sensitivity
from evalkit.report.figures.setting import Setting


def test_prior_and_data_are_told_apart() -> None:
    rows = pd.DataFrame(
        {
            "component": ["as analysed", "the prior", "the prior", "the data", "the data"],
            "power": [1.0, 0.8, 1.25, 0.8, 1.25],
            "estimate": [2.0, 2.1, 1.9, 1.5, 2.4],
            "low": [1.0] * 5,
            "high": [3.0] * 5,
        }
    )
    figure = prior_sensitivity(rows, Setting("jobs", "jobs", "year", "95 % credible interval", (1.0,)))
    assert figure.alt.endswith(
        "With less or more weight on the prior it runs from 1.9 to 2.1. With less or more weight on the data it runs "
        "from 1.5 to 2.4."
    )
    assert "smallest change" in figure.note
    assert figure.png
