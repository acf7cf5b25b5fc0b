"""From a long frame to the pieces of a Panel: every refusal and every exclusion happens here, and is stated.

The order matters. Rows are placed first (units, periods, duplicates); then cells that lack a weight, covariate
or exposure are left out; then periods without any outcome go, so that adoption is compared with periods that
are analysed; then treatment is read; then units without any outcome go; last, the design is looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from evalkit.data import accounts
from evalkit.data.calendar import Calendar
from evalkit.data.cohort import read_cohorts
from evalkit.data.columns import ROLES, read_numbers, require_columns, rows_named
from evalkit.data.cross_sections import CrossSections
from evalkit.data.dose import read_dose
from evalkit.data.time_axis import TimeAxis, read_time
from evalkit.data.treated import read_treated
from evalkit.data.units import read_clusters, read_units
from evalkit.data.wide import Grid, laid_out, place
from evalkit.errors import ConfigError, DataError, DesignRefused, Reason
from evalkit.numerics.blocks import has_missing, pieces
from evalkit.vocabulary import BoolArray, FloatArray, IntArray, Remark


@dataclass(frozen=True, slots=True)
class Request:
    """Which column plays which part; see :meth:`evalkit.data.panel.Panel.from_frame`.

    With `planned`, nobody needs to have started: the programme may lie in the future.
    """

    unit: str | None
    period: str
    outcome: str
    cohort: str | None = None
    treated: str | None = None
    covariates: tuple[str, ...] = ()
    cluster: str | None = None
    weight: str | None = None
    exposure: str | None = None
    never: object = None
    dose: str | None = None
    group: str | None = None
    planned: bool = False

    def __post_init__(self) -> None:
        if (self.unit is None) == (self.group is None):
            raise ConfigError(
                f"{'Neither' if self.unit is None else 'Both'} of 'unit' and 'group' named.",
                allowed="unit= for units followed over time, or group= for repeated cross-sections, where each row is "
                "another person and treatment is known by group and period",
                next_step="Name exactly one of them.",
            )
        if self.group is not None and self.dose is not None:
            raise ConfigError(
                "'dose' is read for units that are followed over time, not for repeated cross-sections.",
                allowed="cohort= or treated= together with group=",
                next_step="Average the data by group and period and name the group as unit=.",
            )
        named = [f"'{role}'" for role in ("cohort", "treated", "dose") if getattr(self, role) is not None]
        if len(named) != 1:
            found = " and ".join(named) + " are" if named else "none of 'cohort', 'treated' and 'dose' is"
            raise ConfigError(
                f"Treatment must come from one column; {found} named.",
                allowed="cohort= (first treated period of the unit), treated= (a 0/1 column that stays 1), or dose= "
                "(a number that may rise and fall)",
                next_step="Name exactly one of them.",
            )
        if self.never is not None and self.cohort is None:
            raise ConfigError(
                f"'never' declares a code of the cohort column, but treatment comes from {named[0]}.",
                next_step="Remove never=.",
            )
        taken = (self.outcome, self.unit, self.group, self.period, self.cohort, self.treated, self.dose)
        other = (*taken[1:], self.weight, self.exposure)
        if self.outcome in other:
            raise ConfigError(
                Reason("The column '{name}' is named as the outcome and in another role as well.", name=self.outcome),
                next_step="Copy it under another name if both are meant.",
            )
        for name in self.covariates:
            if name in taken or self.covariates.count(name) > 1:
                raise ConfigError(
                    f"The column '{name}' cannot be a covariate: it is named {'twice' if name not in taken else 'as'}"
                    f"{'' if name not in taken else ' outcome, unit, period or treatment as well'}.",
                    next_step="Name each covariate once, and no other column as one.",
                )

    @property
    def roles(self) -> dict[str, str]:
        """Role to column, for those that are named."""
        roles = (
            "unit", "group", "period", "outcome", "cohort", "treated", "dose", "cluster", "weight", "exposure",
        )  # fmt: skip
        single = {role: getattr(self, role) for role in roles}
        several = {f"covariates[{number}]": name for number, name in enumerate(self.covariates)}
        return {role: name for role, name in (single | several).items() if name is not None}


@dataclass(frozen=True, slots=True)
class Pieces:
    """The arrays of a Panel, with the meanings and shapes that it documents."""

    outcome: FloatArray
    time: IntArray
    first_treated: IntArray
    units: pd.Index[Any]
    calendar: Calendar
    weight: FloatArray | None = None
    covariates: dict[str, FloatArray] = field(default_factory=dict)
    cluster: IntArray | None = None
    exposure: FloatArray | None = None
    remarks: tuple[Remark, ...] = ()
    dose: FloatArray | None = None
    cross_sections: CrossSections | None = None


@dataclass(frozen=True, slots=True)
class Cells:
    """The (N, T) matrices read so far; (N, 1) in repeated cross-sections."""

    outcome: FloatArray
    weight: FloatArray | None
    exposure: FloatArray | None
    covariates: dict[str, FloatArray]
    dose: FloatArray | None = None

    def taken(self, index: Any) -> Cells:
        """The same matrices, cut down by an index."""
        return Cells(
            self.outcome[index],
            None if self.weight is None else self.weight[index],
            None if self.exposure is None else self.exposure[index],
            {name: values[index] for name, values in self.covariates.items()},
            None if self.dose is None else self.dose[index],
        )


def read_pieces(df: pd.DataFrame, request: Request) -> Pieces:
    """Read, check and widen a long frame. The frame is never changed, and nothing of it is kept by reference.

    Raises
    ------
    ConfigError
        Columns that do not exist, or contradictory arguments.
    DataError
        Bad data, with columns, rows, units and periods named.
    DesignRefused
        Sound data in which there is nothing to compare.
    """
    df = require_columns(df, request.roles)
    grid, units, axis = read_layout(df, str(request.unit), request.period)
    cells = read_cells(df, request, grid)
    lacking = leave_out_incomplete(cells)
    whole = not has_missing(cells.outcome)
    kept_periods: BoolArray = (
        np.ones(len(axis.time), dtype=np.bool_) if whole else np.asarray(~np.isnan(cells.outcome).all(axis=0))
    )
    if not kept_periods.any():
        raise DataError(
            Reason("No row has an outcome together with every dose, weight, covariate and exposure it needs."),
            next_step="Look at " + ", ".join(f"'{name}'" for name in lacking) + " in the data.",
        )
    remarks = list(axis.remarks)
    if not kept_periods.all():
        remarks.append(accounts.periods_left_out(axis, kept_periods))
        axis, cells = axis.keep(kept_periods), cells.taken(np.s_[:, kept_periods])
    first_treated, dose, treatment_remarks = _read_treatment(df, request, grid, kept_periods, units, axis, cells)
    whole = whole and request.treated is None  # outcomes of unclear treatment were set missing
    remarks += treatment_remarks
    remarks += accounts.cells_left_out(lacking, first_treated, axis)
    if not whole:
        remarks += accounts.outcomes_missing(
            request.outcome, grid, cells.outcome, lacking, kept_periods, first_treated, axis
        )
    cluster = read_clusters(df, request.cluster, grid, units) if request.cluster is not None else None
    kept_units: BoolArray | None = None if whole else np.asarray(~np.isnan(cells.outcome).all(axis=1))
    if kept_units is not None and not kept_units.all():
        remarks.append(accounts.units_left_out(units, kept_units, first_treated, axis))
        cells, first_treated, units = cells.taken(kept_units), first_treated[kept_units], units[kept_units]
        dose = None if dose is None else dose[kept_units]
        cluster = None if cluster is None else np.unique(cluster[kept_units], return_inverse=True)[1].astype(np.int64)
    refuse_empty_designs(request, cells.outcome, first_treated, cluster, axis)
    remarks += accounts.arms(first_treated, axis)
    if cells.weight is not None:
        remarks += accounts.weights(request.weight or "", cells.weight, cells.outcome, first_treated, axis)
    return Pieces(
        outcome=cells.outcome,
        time=axis.time,
        first_treated=first_treated,
        units=units,
        calendar=axis.calendar,
        weight=cells.weight,
        covariates=cells.covariates,
        cluster=cluster,
        exposure=cells.exposure,
        remarks=tuple(remarks),
        dose=dose,
    )


def read_layout(df: pd.DataFrame, unit: str, period: str) -> tuple[Grid, pd.Index[Any], TimeAxis]:
    """Where the rows of a frame lie, who the units are and which periods there are."""
    grid = laid_out(df[unit], df[period])
    if grid is not None:  # one look at the labels was enough: rows need no codes
        _, axis = read_time(df.iloc[: grid.shape[1]], period)
        return grid, pd.Index(df[unit].to_numpy()[:: grid.shape[1]].copy(), name=unit), axis
    codes, units = read_units(df, unit)
    position, axis = read_time(df, period)
    return place(codes, position, units, axis.calendar, axis.time, df.index), units, axis


def read_cells(df: pd.DataFrame, request: Request, grid: Grid) -> Cells:
    """Widen the numeric columns, refusing what no analysis can use."""
    outcome = read_numbers(df, request.outcome, "outcome")
    if np.isnan(outcome[:1]).all() and np.isnan(outcome).all():
        raise DataError(
            Reason("The outcome column '{outcome}' is empty in every row.", outcome=request.outcome),
            next_step="Look at the source, or name another column.",
        )
    weight = exposure = None
    if request.weight is not None:
        values = read_numbers(df, request.weight, "weight")
        _refuse_where(df, values < 0, request.weight, "weight", "negative", "weights of 0 or more")
        weight = grid.widen(values)
    if request.exposure is not None:
        values = read_numbers(df, request.exposure, "exposure")
        _refuse_where(df, values <= 0, request.exposure, "exposure", "not positive", "exposures above 0")
        exposure = grid.widen(values)
    covariates = {name: grid.widen_steady(read_numbers(df, name, "covariate")) for name in request.covariates}
    dose = None if request.dose is None else grid.widen(read_numbers(df, request.dose, "dose"))
    return Cells(grid.widen(outcome), weight, exposure, covariates, dose)


def _refuse_where(df: pd.DataFrame, where: BoolArray, name: str, role: str, what: str, allowed: str) -> None:
    if where.any():
        raise DataError(
            Reason(
                "The {role} column '{name}' is negative in {rows}."
                if what == "negative"
                else "The {role} column '{name}' is not positive in {rows}.",
                role=ROLES.reason(role),
                name=name,
                rows=rows_named(df.index, where),
            ),
            allowed=allowed,
            next_step="Correct these rows, or remove them from the data before analysis.",
        )


def leave_out_incomplete(cells: Cells) -> dict[str, BoolArray]:
    """Set the outcome missing where a dose, weight, exposure or covariate is; return the cells by reason.

    `cells.outcome` is intake's own matrix, so it is changed in place. A cell that lacks two things counts under
    the first.
    """
    sources = {"dose": cells.dose, "weight": cells.weight, "exposure": cells.exposure, **cells.covariates}
    lacking: dict[str, BoolArray] = {}
    for name, values in sources.items():
        if values is None:
            continue
        if not has_missing(values):
            continue
        gone = np.isnan(values)
        gone &= ~np.isnan(cells.outcome)
        if gone.any():
            lacking[name] = gone
            cells.outcome[gone] = np.nan
    return lacking


def _read_treatment(
    df: pd.DataFrame,
    request: Request,
    grid: Grid,
    kept_periods: BoolArray,
    units: pd.Index[Any],
    axis: TimeAxis,
    cells: Cells,
) -> tuple[IntArray, FloatArray | None, list[Remark]]:
    """First treated periods from any kind of column, and doses; outcomes of unclear treatment are set missing."""
    if request.cohort is not None:
        first_treated, remarks = read_cohorts(df, request.cohort, grid, units, axis, request.never)
        return first_treated, None, remarks
    if request.dose is not None and cells.dose is not None:
        doses = read_dose(request.dose, cells.dose, units, axis)
        return doses.first_treated, doses.dose, list(doses.remarks)
    column = read_treated(df, str(request.treated), grid, kept_periods, units, axis)
    cells.outcome[column.unclear] = np.nan
    return column.first_treated, None, list(column.remarks)


def refuse_empty_designs(
    request: Request, outcome: FloatArray, first_treated: IntArray, cluster: IntArray | None, axis: TimeAxis
) -> None:
    """Refuse data in which no estimator has anything to compare."""
    if not len(outcome):
        raise DesignRefused(
            Reason("The data have no unit with a known outcome."), next_step="Look at the outcome's column."
        )
    if len(axis.time) < 2:
        raise DesignRefused(
            Reason(
                "The outcome '{outcome}' is known in one period only: {period}.",
                outcome=request.outcome,
                period=axis.calendar.text(0),
            ),
            allowed="at least two periods",
            next_step="Add periods before or after treatment.",
        )
    value = _only_value(outcome)
    if value is not None:
        raise DataError(
            Reason(
                "The outcome '{outcome}' never varies: it is {value:g} in every row.",
                outcome=request.outcome,
                value=value,
            ),
            next_step="Name another outcome, or look at how this one was computed.",
        )
    column = request.cohort or request.treated or request.dose
    treated = "is treated" if request.dose is None else "changes its dose"
    last = axis.calendar.text(int(axis.time[-1]))
    if not request.planned and not (first_treated <= axis.time[-1]).any():
        raise DesignRefused(
            Reason(
                "According to '{column}', no unit is treated by {last}, the last period."
                if request.dose is None
                else "According to '{column}', no unit changes its dose by {last}, the last period.",
                column=column,
                last=last,
            ),
            allowed=f"at least one unit that {treated} within the window",
            next_step="Look at the coding of never-treated, or add later periods.",
        )
    if (first_treated <= axis.time[0]).all():
        raise DesignRefused(
            Reason(
                "According to '{column}', every unit is treated from {period}, the first period, on.",
                column=column,
                period=axis.calendar.text(0),
            ),
            allowed="some untreated periods",
            next_step="Add periods before treatment, or units that were not treated.",
        )
    if cluster is not None and len(np.unique(cluster)) < 2:
        raise DesignRefused(
            Reason(
                "All units are in one cluster of '{cluster}': no standard error can be computed.",
                cluster=request.cluster,
            ),
            allowed="at least two clusters",
            next_step="Cluster by unit, or by a smaller grouping.",
        )


def _only_value(outcome: FloatArray) -> float | None:
    """The one value that an outcome has wherever it is known; None where there are two."""
    lowest, highest = np.inf, -np.inf
    for rows in pieces(slice(0, len(outcome))):
        lowest = min(lowest, float(np.fmin.reduce(outcome[rows], axis=None)))
        highest = max(highest, float(np.fmax.reduce(outcome[rows], axis=None)))
        if lowest < highest:
            return None
    return lowest


def as_request(covariates: Sequence[str], **columns: Any) -> Request:
    """Build a request, taking one covariate's name for a list of it to be a mistake worth naming."""
    if isinstance(covariates, str):
        raise ConfigError(f"'covariates' must be a list of column names. Got the text {covariates!r} instead.")
    return replace(Request(**columns), covariates=tuple(covariates))
