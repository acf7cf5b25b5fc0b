"""From a frame with one row a person to the pieces of a Panel of repeated cross-sections.

Values, missing cells and clusters are read by the rules of :mod:`evalkit.data.intake`, each person a unit with
one column. Treatment is read by the rules of a panel of groups.
"""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from evalkit.data import accounts
from evalkit.data.cohort import read_cohorts
from evalkit.data.columns import ROWS_SHOWN, name_rows, read_numbers, require_columns
from evalkit.data.cross_sections import CrossSections
from evalkit.data.intake import Pieces, Request, leave_out_incomplete, read_cells, refuse_empty_designs
from evalkit.data.time_axis import TimeAxis, read_time
from evalkit.data.treated import read_treated
from evalkit.data.units import read_units
from evalkit.data.wide import Grid
from evalkit.errors import DataError, DesignRefused, Reason, and_more
from evalkit.vocabulary import BoolArray, IntArray, Remark


def read_cross_sections(df: pd.DataFrame, request: Request) -> Pieces:
    """Read and check a frame of repeated cross-sections. The frame is never changed.

    Raises
    ------
    ConfigError
        Columns that do not exist, or contradictory arguments.
    DataError
        Bad data, with columns and rows named; treatment that varies within a group and period.
    DesignRefused
        Sound data in which there is nothing to compare: above all a group without rows in some period, which
        is named.
    """
    df = require_columns(df, request.roles)
    name = str(request.group)
    codes, groups = read_units(df, name, role="group")
    position, axis = read_time(df, request.period)
    persons = Grid((len(df), 1), None)
    cells = read_cells(df, request, persons)
    lacking = leave_out_incomplete(cells)
    known: BoolArray = ~np.isnan(cells.outcome[:, 0])
    _refuse_empty_cells(request, codes[known], position[known], groups, axis)
    starts, remarks = _read_treatment(df, request, codes, position, groups, axis)
    first_treated = starts[codes]
    remarks = [*axis.remarks, *remarks]
    remarks += accounts.cells_left_out(lacking, first_treated, axis)
    remarks += accounts.outcomes_missing(
        request.outcome, persons, cells.outcome, lacking, np.ones(1, dtype=np.bool_), first_treated, axis
    )
    cluster = None if request.cluster is None else read_units(df, request.cluster, role="cluster")[0].astype(np.int64)
    refuse_empty_designs(request, cells.outcome, first_treated, cluster, axis)
    remarks = [_in_all(name, groups, starts, first_treated, axis), *remarks, *accounts.arms(first_treated, axis)]
    if cells.weight is not None:
        remarks += accounts.weights(request.weight or "", cells.weight, cells.outcome, first_treated, axis)
    return Pieces(
        outcome=cells.outcome,
        time=axis.time,
        first_treated=first_treated,
        units=df.index,
        calendar=axis.calendar,
        weight=cells.weight,
        covariates=cells.covariates,
        cluster=cluster,
        exposure=cells.exposure,
        remarks=tuple(remarks),
        cross_sections=CrossSections(codes.astype(np.int64), groups, position.astype(np.int64)),
    )


def _refuse_empty_cells(
    request: Request, codes: npt.NDArray[np.intp], position: npt.NDArray[np.intp], groups: pd.Index[Any], axis: TimeAxis
) -> None:
    """Every group must be seen in every period: a regression would fill an empty cell with a number of its own."""
    shape = (len(groups), len(axis.time))
    empty = np.bincount(codes * shape[1] + position, minlength=shape[0] * shape[1]).reshape(shape) == 0
    if not empty.any():
        return
    shown = [_cell(request, groups, axis, int(group), int(period)) for group, period in np.argwhere(empty)]
    raise DesignRefused(
        Reason(
            "No row with a usable outcome has {cells}: the cell is empty, nothing fills it.",
            cells=and_more(shown[:ROWS_SHOWN], len(shown) - ROWS_SHOWN),
        ),
        allowed="rows of every group in every period",
        next_step="Widen the subgroup or the groups, merge periods, or leave the group out of the data.",
    )


def _read_treatment(
    df: pd.DataFrame,
    request: Request,
    codes: npt.NDArray[np.intp],
    position: npt.NDArray[np.intp],
    groups: pd.Index[Any],
    axis: TimeAxis,
) -> tuple[IntArray, list[Remark]]:
    """(G,) first treated period of each group, as a panel of groups would read it."""
    grid = Grid((len(groups), len(axis.time)), codes * len(axis.time) + position)
    try:
        if request.cohort is not None:
            starts, remarks = read_cohorts(df, request.cohort, grid, groups, axis, request.never)
        else:
            _refuse_mixed_cells(df, request, grid, groups, axis)
            every = np.ones(len(axis.time), dtype=np.bool_)
            column = read_treated(df, str(request.treated), grid, every, groups, axis)
            starts, remarks = column.first_treated, list(column.remarks)
    except (DataError, DesignRefused) as error:
        allowed = None if error.allowed is None else _of_groups(error.allowed)
        raise type(error)(_of_groups(error.what), allowed=allowed, next_step=error.next_step) from None
    # these count groups, not people
    return starts, [dataclasses.replace(each, text=_of_groups(each.text), treated=0, comparison=0) for each in remarks]


def _refuse_mixed_cells(df: pd.DataFrame, request: Request, grid: Grid, groups: pd.Index[Any], axis: TimeAxis) -> None:
    """Treatment must be one and the same for everybody in a group and period."""
    treated = str(request.treated)
    values = read_numbers(df, treated, "treated")
    blank = np.isnan(values)
    if blank.any():
        raise DataError(
            f"The treated column '{treated}' is empty in {name_rows(df.index, blank)}.",
            allowed="0 or 1 in every row",
            next_step="Fill it in by group and period, or name the first treated period as cohort=.",
        )
    if grid.flat is None:  # pragma: no cover - only the grid of followed units has no list of cells
        raise ValueError("the grid of groups lists the cell of each row")
    differs = grid.widen(values).reshape(-1)[grid.flat] != values
    if differs.any():
        cells = pd.unique(grid.flat[differs])
        group, period = divmod(int(cells[0]), grid.shape[1])
        where = _cell(request, groups, axis, group, period)
        raise DataError(
            f"The treated column '{treated}' holds both 0 and 1 in {len(cells)} groups and periods, first in {where} "
            f"({name_rows(df.index, differs)}).",
            allowed="one value a group and period: in repeated cross-sections treatment is known by group",
            next_step="Name as group= the column by which treatment was given.",
        )


def _in_all(name: str, groups: pd.Index[Any], starts: IntArray, first_treated: IntArray, axis: TimeAxis) -> Remark:
    """State the kind of data, and the rows by arm."""
    treated = int((first_treated <= axis.time[-1]).sum())
    treated_groups = int((starts <= axis.time[-1]).sum())
    return Remark(
        "repeated_cross_sections",
        f"Repeated cross-sections: each row is another person. '{name}' makes {len(groups)} groups; treatment starts "
        f"in {treated_groups} group{'s' if treated_groups != 1 else ''} within {len(axis.time)} periods.",
        treated,
        len(first_treated) - treated,
    )


def _cell(request: Request, groups: pd.Index[Any], axis: TimeAxis, group: int, period: int) -> Reason:
    """A group and period by the names of their columns."""
    return Reason(
        "{group} = {name} and {period} = {when}",
        group=request.group, name=groups[group], period=request.period, when=axis.calendar.text(int(axis.time[period])),
    )  # fmt: skip


def _of_groups(text: str) -> str:
    """Say of groups what the rules of a panel say of its units."""
    return re.sub(r"\b1 groups have\b", "1 group has", re.sub(r"\bunit(s?)\b", r"group\1", text))
