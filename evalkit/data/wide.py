"""From long to wide: n rows to N units by T periods, by one scatter."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from evalkit.data.calendar import Calendar
from evalkit.data.columns import ROWS_SHOWN
from evalkit.errors import DataError
from evalkit.numerics.blocks import pieces
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

    @property
    def codes(self) -> npt.NDArray[np.intp]:
        """(n,) unit code of each row."""
        if self.flat is None:
            return np.repeat(np.arange(self.shape[0], dtype=np.intp), self.shape[1])
        return self.flat // self.shape[1]

    def one_a_unit(self, column: pd.Series[Any]) -> pd.Series[Any] | None:
        """(N,) the column's values by unit, where rows are laid out as the grid and no unit's value changes; else None.

        A column of a million units is then read at a tenth of its length.
        """
        if (
            self.flat is not None
            or not _is_plain(column.dtype, "iuM", "f8")
            or len(column) != self.shape[0] * self.shape[1]
        ):
            return None
        values = column.to_numpy()
        bits = (
            values.view(f"i{values.itemsize}") if values.dtype.kind in "fM" else values
        )  # a missing value equals itself
        if not _is_constant(bits.reshape(self.shape)):
            return None
        return pd.Series(values[:: self.shape[1]].copy(), name=column.name)  # next to each other from here on

    def widen(self, values: FloatArray) -> FloatArray:
        """(N, T) matrix of one value a row; NaN where there is no row. Always new memory."""
        if self.flat is None:
            return values.reshape(self.shape).copy()
        wide: FloatArray = np.full(self.shape[0] * self.shape[1], np.nan)
        wide[self.flat] = values
        return wide.reshape(self.shape)

    def widen_steady(self, values: FloatArray) -> FloatArray:
        """(N, T) as :meth:`widen`, read-only and of N values in memory where none changes over time."""
        if self.flat is None and self.shape[1] > 1:
            wide = values.reshape(self.shape)
            if _is_constant(wide):
                return np.broadcast_to(wide[:, :1].copy(), self.shape)
        return self.widen(values)

    def by_unit(self, values: npt.NDArray[np.intp]) -> tuple[npt.NDArray[np.intp], BoolArray]:
        """Value of each unit, taken from one of its rows, and the rows that disagree with it.

        Parameters
        ----------
        values
            (n,) value of each row.

        Returns
        -------
        unit_values, differs
            (N,) values; (n,) True where a row holds another one.
        """
        if self.flat is None:
            rows = values.reshape(self.shape)
            return rows[:, 0].copy(), (rows != rows[:, :1]).reshape(-1)
        codes = self.codes
        unit_values = np.empty(self.shape[0], dtype=values.dtype)
        unit_values[codes] = values
        return unit_values, unit_values[codes] != values

    @property
    def present(self) -> BoolArray:
        """(N, T) True where the frame has a row."""
        seen = np.zeros(self.shape[0] * self.shape[1], dtype=np.bool_)
        seen[slice(None) if self.flat is None else self.flat] = True
        return seen.reshape(self.shape)


def laid_out(unit: pd.Series[Any], period: pd.Series[Any]) -> Grid | None:
    """The grid of a frame that is already sorted by unit and period and balanced; None for any other.

    Looks at the columns block by block and stops at the first row that is out of place, so that a frame in
    another order costs next to nothing.

    Examples
    --------
    >>> laid_out(pd.Series([3, 3, 8, 8]), pd.Series([2004, 2008, 2004, 2008]))
    Grid(shape=(2, 2), flat=None)
    >>> laid_out(pd.Series([3, 8, 3, 8]), pd.Series([2004, 2004, 2008, 2008])) is None
    True
    """
    if not (_is_plain(unit.dtype, "iuM") and _is_plain(period.dtype, "iuM")) or len(unit) < 2:
        return None
    units, periods = unit.to_numpy(), period.to_numpy()
    n_periods = _run_length(units)
    if n_periods < 2 or len(units) % n_periods:
        return None
    shape = (len(units) // n_periods, n_periods)
    clock, labels = periods[:n_periods], units[::n_periods].copy()
    sorted_labels = bool((clock[1:] > clock[:-1]).all() and (labels[1:] > labels[:-1]).all())
    if not (sorted_labels and _is_constant(units.reshape(shape))):
        return None
    repeats = (
        bool((periods[n_periods:][part] == periods[:-n_periods][part]).all())
        for part in pieces(slice(0, len(periods) - n_periods))
    )
    return Grid(shape, None) if all(repeats) else None


def _is_plain(dtype: object, kinds: str, other: str = "") -> bool:
    """Whether a column is a plain array of one of numpy's kinds, or of one other type."""
    return isinstance(dtype, np.dtype) and (dtype.kind in kinds or (bool(other) and dtype == np.dtype(other)))


def _run_length(values: npt.NDArray[Any]) -> int:
    """Rows until the first value changes."""
    stop = 16
    while True:
        other = np.flatnonzero(values[:stop] != values[0])
        if other.size or stop >= len(values):
            return int(other[0]) if other.size else len(values)
        stop *= 16


def _is_constant(wide: npt.NDArray[Any]) -> bool:
    """Whether each row holds one value; a missing value is equal to nothing, so that it is not."""
    for rows in _blocks(wide.shape):
        flat = wide[rows].reshape(-1)
        same = flat[1:] == flat[:-1]  # along the memory: ten times faster than against each row's first
        same[wide.shape[1] - 1 :: wide.shape[1]] = True
        if not same.all():
            return False
    return True


def _blocks(shape: tuple[int, ...]) -> Iterator[slice]:
    """Rows of a matrix, as many at a time as stay in the cache."""
    return pieces(slice(0, shape[0]))


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
