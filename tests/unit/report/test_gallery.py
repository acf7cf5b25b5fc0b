from __future__ import annotations

import pandas as pd
import pytest

from evalkit.errors import ConfigError
from evalkit.report.figures.setting import Setting
from evalkit.report.gallery import Shown, drawn

SETTING = Setting("jobs", "jobs", "year", "95 % interval")
ROWS = pd.DataFrame({"left_out": ["", "2005"], "n_treated": [9, 6], "estimate": [1.0, 2.0], "low": 0.0, "high": 3.0})


def test_a_kind_that_comes_twice_is_numbered() -> None:
    figures = drawn([Shown("leave_one_out", ROWS)] * 2, SETTING)
    assert [figure.id for figure in figures] == ["leave_one_out", "leave_one_out_2"]


def test_an_unknown_kind_is_refused_with_those_that_exist() -> None:
    with pytest.raises(ConfigError, match="no drawing 'pie'") as caught:
        drawn([Shown("pie", ROWS)], SETTING)
    assert "leave_one_out" in str(caught.value)
