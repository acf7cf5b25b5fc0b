from __future__ import annotations

import pandas as pd
import pytest

from evalkit.report.figures.anticipation_scan import anticipation_scan
from evalkit.report.figures.setting import Setting

ROWS = pd.DataFrame(
    {"anticipation": [0, 1, 2], "n_treated": 9, "estimate": [1.0, 1.2, None], "low": [0.5, 0.4, None],
     "high": [1.5, 2.0, None], "declared": [False, True, False]}
)  # fmt: skip


def test_withheld_rows_are_said_to_be_unknown() -> None:
    figure = anticipation_scan(ROWS, Setting("jobs", "jobs", "month", "95 % confidence interval"))
    assert "with 1 month: 1.2 jobs (0.4 to 2); with 2 months: not known" in figure.alt
    assert figure.svg.startswith(b"<?xml")


@pytest.mark.parametrize("declared", [[False, False, False], [False, False, True]])
def test_without_a_known_choice_of_the_study_s_own_nothing_is_shaded(declared: list[bool]) -> None:
    setting = Setting("jobs", "jobs", "month", "95 % confidence interval")
    bare, shaded = (anticipation_scan(ROWS.assign(declared=own), setting) for own in (declared, ROWS["declared"]))
    assert bare.alt == shaded.alt
    assert bare.svg.count(b"opacity: 0.5") == shaded.svg.count(b"opacity: 0.5") - 1
