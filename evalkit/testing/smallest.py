"""Find a small panel on which something still happens, and print it so that a person can follow the sums.

Units are left out in halves, quarters and so on to one by one (Zeller and Hildebrandt 2002, "ddmin"), then periods
from either end, then digits of the outcome, and that again until nothing can go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from textwrap import dedent, indent

import numpy as np
import pandas as pd

COLUMNS = ("unit", "period", "y", "cohort", "eligible", "weight")
"""Of a frame, what laws read."""
DIGITS = (0, 1, 2, 3)
"""Decimals of the outcome that are tried, fewest first."""
MOST_SHOWN = 12
"""Units and periods of a table; a larger one is named by its size."""

Happens = Callable[[pd.DataFrame], bool]


class _Tries:
    """Count the panels that are tried, and stop asking when there are no more tries."""

    def __init__(self, happens: Happens, left: int) -> None:
        self.happens, self.left = happens, left

    def __call__(self, frame: pd.DataFrame) -> bool:
        if self.left <= 0:
            return False
        self.left -= 1
        return self.happens(frame)


def smallest(frame: pd.DataFrame, happens: Happens, tries: int) -> pd.DataFrame:
    """The smallest part of a frame, by units, periods and digits, on which something still happens.

    Parameters
    ----------
    frame
        Long, with the columns unit, period, y, cohort, and eligible or weight where there are any; `happens` holds.
    happens
        Whether it does on a part; never asked more than `tries` times.
    tries
        The price of the search: one is one call.

    Returns
    -------
    DataFrame
        Rows of `frame`, its outcome perhaps rounded, from which no single unit and no period at either end can go (or
        what was reached after `tries`).

    Examples
    --------
    >>> frame = pd.DataFrame({"unit": [1, 1, 2, 2, 3, 3], "period": [1, 2] * 3, "y": [1.26, 7.1, 3.0, 2.0, 0.0, 4.0]})
    >>> smallest(frame.assign(cohort=0), lambda part: part["y"].max() > 6.0, tries=50)
       unit  period    y  cohort
    1     1       2  7.0       0
    """
    frame = frame[[name for name in COLUMNS if name in frame]]
    ask = _Tries(happens, tries)
    before = None
    while before != len(frame):
        before = len(frame)
        frame = _fewer_periods(_fewer_units(frame, ask), ask)
    return _fewer_digits(frame, ask)


def _fewer_units(frame: pd.DataFrame, happens: Happens) -> pd.DataFrame:
    """Leave out runs of units, long ones first."""
    units = list(frame["unit"].unique())
    run = max(len(units) // 2, 1)
    while True:
        for start in range(0, len(units), run):
            kept = units[:start] + units[start + run :]
            part = frame[frame["unit"].isin(kept)]
            if kept and happens(part):
                frame, units = part, kept
                break
        else:
            if run == 1:
                return frame
            run //= 2


def _fewer_periods(frame: pd.DataFrame, happens: Happens) -> pd.DataFrame:
    """Leave out the last period or the first, as long as either can go."""
    while True:
        for part in _ends_off(frame):
            if len(part) and happens(part):
                frame = part
                break
        else:
            return frame


def _ends_off(frame: pd.DataFrame) -> Iterator[pd.DataFrame]:
    yield frame[frame["period"] < frame["period"].max()]
    yield frame[frame["period"] > frame["period"].min()]


def _fewer_digits(frame: pd.DataFrame, happens: Happens) -> pd.DataFrame:
    for digits in DIGITS:
        rounded = frame.assign(y=np.round(frame["y"], digits) + 0.0)
        if happens(rounded):
            return rounded
    return frame


def as_table(frame: pd.DataFrame) -> str:
    """A panel with one line a unit: its first treated period and its outcome in each period.

    Examples
    --------
    >>> frame = pd.DataFrame({"unit": [7, 7, 9, 9], "period": [1, 2] * 2, "y": [0.0, 3.0, 1.0, 1.5]})
    >>> print(as_table(frame.assign(cohort=[2, 2, 0, 0])))
      smallest panel found: 2 units, 2 periods (y by period; cohort 0 is never)
        unit  cohort   1   2
           7       2 0.0 3.0
           9       0 1.0 1.5
    """
    units, periods = frame["unit"].nunique(), frame["period"].nunique()
    said = f"  smallest panel found: {units} unit{'s' * (units != 1)}, {periods} period{'s' * (periods != 1)}"
    if max(units, periods) > MOST_SHOWN:
        return f"{said}, too many to show"
    constant = [name for name in ("cohort", "eligible", "weight") if name in frame]
    wide = frame.pivot_table(index=["unit", *constant], columns="period", values="y", sort=False).reset_index()
    wide.columns.name = None
    lines = [line.rstrip() for line in wide.to_string(index=False, na_rep="").splitlines()]
    table = indent(dedent("\n".join(lines)), "    ")
    return f"{said} (y by period; cohort 0 is never)\n{table}"
