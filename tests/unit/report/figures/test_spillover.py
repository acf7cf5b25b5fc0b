from __future__ import annotations

import pandas as pd

from evalkit.report.figures.setting import Setting
from evalkit.report.figures.spillover import spillover

ROWS = pd.DataFrame(
    {"ring": ["none left out", "0 to 10 km", "10 to 25 km"], "n_left_out": [0, None, 30], "n_in_ring": [0, None, 18],
     "estimate": [1.0, None, 1.4], "low": [0.5, None, 0.6], "high": [1.5, None, 2.2],
     "ring_estimate": [None, None, 0.3],
     "ring_low": [None, None, -0.2], "ring_high": [None, None, 0.8]}
)  # fmt: skip


def test_withheld_rings_are_not_told() -> None:
    assert spillover(ROWS, Setting("jobs", "jobs", "year", "95 % confidence interval")).alt == (
        "Effect on jobs: 1 jobs with all places; 1.4 jobs without 30 places within 25 km, and 0.3 "
        "(−0.2 to 0.8) on the places 10 to 25 km away."
    )


def test_a_ring_whose_own_effect_is_withheld_is_told_by_its_reach() -> None:
    rows = ROWS.assign(ring_estimate=None, ring_low=None, ring_high=None).astype({"ring_estimate": "float64"})
    assert spillover(rows, Setting("jobs", "jobs", "year", "95 % confidence interval")).alt == (
        "Effect on jobs: 1 jobs with all places; 1.4 jobs without 30 places within 25 km."
    )
