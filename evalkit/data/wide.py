"""From long to wide: n rows to N units by T periods, by one scatter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from evalkit.data.calendar import Calendar
from evalkit.data.columns import ROWS_SHOWN
from evalkit.errors import DataError
from evalkit.vocabulary import BoolArray, FloatArray


@dataclass(frozen=True, slots=True)
class Grid:
    """Where each row of the long frame lies in the (N, T) matrix.

    Attributes
    ----------
    shape
        N units, T periods.
    flat
        (n,) position in the flattened matrix; None when row i is cell i (sorted and balanced), which
        makes widening a copy.
    """

    shape: tuple[int, int]
    flat: npt.NDArray[np.intp] | None

    def widen(self, values: FloatArray) -> FloatArray:
        """(N, T) matrix of one value a row; NaN where there is no row. Always new memory."""
        if self.flat is None:
            return values.reshape(self.shape).copy()
        wide = np.full(self.shape[0] * self.shape[1], np.nan)
        wide[self.flat] = values
        return wide.reshape(self.shape)

    def by_unit(
        self, codes: npt.NDArray[np.intp], values: npt.NDArray[np.intp]
    ) -> tuple[npt.NDArray[np.intp], BoolArray]:
        """Value of each unit, taken from one of its rows, and the rows that disagree with it.

        Parameters
        ----------
        codes, values
            (n,) unit code and value of each row.

        Returns
        -------
        unit_values, differs
            (N,) values; (n,) True where a row holds another one.
        """
        if self.flat is None:
            rows = values.reshape(self.shape)
            return rows[:, 0].copy(), (rows != rows[:, :1]).reshape(-1)
        unit_values = np.empty(self.shape[0], dtype=values.dtype)
        unit_values[codes] = values
        return unit_values, unit_values[codes] != values

    @property
    def present(self) -> BoolArray:
        """(N, T) True where the frame has a row."""
        seen = np.zeros(self.shape[0] * self.shape[1], dtype=np.bool_)
        seen[slice(None) if self.flat is None else self.flat] = True
        return seen.reshape(self.shape)


def place(
    codes: npt.NDArray[np.intp],
    position: npt.NDArray[np.intp],
    units: pd.Index[Any],
    calendar: Calendar,
    time: npt.NDArray[np.int64],
    frame_index: pd.Index[Any],
) -> Grid:
    """Lay rows out on the grid.

    Parameters
    ----------
    codes, position
        (n,) unit code and period position of each row.
    units, calendar, time
        (N,) labels; the calendar; (T,) ordinals of the periods.
    frame_index
        Index of the long frame, for messages.

    Raises
    ------
    DataError
        Two rows of one unit and period, named with unit, period and rows.
    """
    shape = (len(units), len(time))
    flat = codes * shape[1]
    flat += position
    cells = shape[0] * shape[1]
    if len(flat) == cells and np.array_equal(flat, np.arange(cells)):
        return Grid(shape, None)
    grid = Grid(shape, flat)
    if np.count_nonzero(grid.present) < len(flat):
        raise _duplicates(flat, units, calendar, time, frame_index)
    return grid


def _duplicates(
    flat: npt.NDArray[np.intp],
    units: pd.Index[Any],
    calendar: Calendar,
    time: npt.NDArray[np.int64],
    frame_index: pd.Index[Any],
) -> DataError:
    """Name the first cells that occur more than once."""
    repeated, counts = np.unique(flat, return_counts=True)
    repeated = repeated[counts > 1]
    shown = []
    for cell in repeated[:3]:
        unit, period = divmod(int(cell), len(time))
        rows = np.flatnonzero(flat == cell)
        listed = ", ".join(str(row) for row in rows[:ROWS_SHOWN])
        shown.append(f"unit '{units[unit]}' in {calendar.text(int(time[period]))} (rows {listed})")
    more = f", and {len(repeated) - 3} more" if len(repeated) > 3 else ""
    return DataError(
        f"More than one row for the same unit and period: {'; '.join(shown)}{more}. Rows are counted from 0.",
        allowed="one row a unit and period",
        next_step="Remove repeated rows, or aggregate to one row a unit and period before analysis.",
    )
