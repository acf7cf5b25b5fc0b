"""One column a unit becomes one row a unit and period."""

from __future__ import annotations

import pandas as pd
import pytest

from evalkit.data.columns_as_units import rows_from_columns
from evalkit.errors import ConfigError


def test_every_column_but_the_period_becomes_a_unit() -> None:
    wide = pd.DataFrame({"year": [2001, 2002], "New York": [1.0, 2.0], "Ohio": [3.0, None]})
    long = rows_from_columns(wide, unit="state", period="year", value="jobs")
    assert list(long.columns) == ["year", "state", "jobs"]
    assert long.query("state == 'New York'")["jobs"].tolist() == [1.0, 2.0]
    assert len(long) == 4
    assert list(wide.columns) == ["year", "New York", "Ohio"]


@pytest.mark.parametrize("there", ["state", "jobs"])
def test_a_column_that_is_there_already_is_refused(there: str) -> None:
    with pytest.raises(ConfigError, match=f"have a column '{there}'"):
        rows_from_columns(pd.DataFrame({"year": [1], there: [2]}), unit="state", period="year", value="jobs")


def test_a_missing_period_is_named() -> None:
    with pytest.raises(ConfigError, match="year"):
        rows_from_columns(pd.DataFrame({"A": [1.0]}), unit="state", period="year", value="jobs")
