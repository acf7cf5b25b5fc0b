"""Files with one row a period and one column a unit, turned into one row a unit and period."""

from __future__ import annotations

import pandas as pd

from evalkit.data.columns import require_columns
from evalkit.errors import ConfigError


def rows_from_columns(df: pd.DataFrame, *, unit: str, period: str, value: str) -> pd.DataFrame:
    """One row a unit and period, from one column a unit.

    Parameters
    ----------
    df
        The period and one column for each unit, named like it.
    unit, period, value
        Names of the columns of units and values to make, and of the period that is there.

    Raises
    ------
    ConfigError
        When the period is missing, or a column to be made is there already.

    Examples
    --------
    >>> df = pd.DataFrame({"year": [2001, 2002], "A": [1.0, 2.0], "B": [3.0, 4.0]})
    >>> rows_from_columns(df, unit="city", period="year", value="jobs").to_dict("records")[2]
    {'year': 2001, 'city': 'B', 'jobs': 3.0}
    """
    require_columns(df, {"period": period})
    for made in (unit, value):
        if made in df.columns:
            raise ConfigError(
                f"With data.wide every column but '{period}' is a unit, but the data have a column '{made}'.",
                next_step="Leave out data.wide if the data have one row a unit and period, else choose another name.",
            )
    return df.melt(id_vars=period, var_name=unit, value_name=value)
