"""Treatment as a 0/1 column by unit and period, turned into cohorts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from evalkit.data.columns import ROWS_SHOWN, name_rows, read_numbers
from evalkit.data.time_axis import TimeAxis
from evalkit.data.wide import Grid
from evalkit.errors import DataError, DesignRefused, Reason, and_more, quote_names
from evalkit.language import say
from evalkit.vocabulary import NEVER, BoolArray, IntArray, Remark


@dataclass(frozen=True, slots=True)
class TreatedColumn:
    """What a 0/1 column says about adoption.

    Attributes
    ----------
    first_treated
        (N,) ordinals, ``NEVER`` for units without a treated period.
    unclear
        (N, T) cells in which the unit's treatment is not known: their outcomes belong to neither arm.
    remarks
        What was found and done.
    """

    first_treated: IntArray
    unclear: BoolArray
    remarks: tuple[Remark, ...]


def read_treated(
    df: pd.DataFrame, name: str, grid: Grid, kept: BoolArray, units: pd.Index[Any], axis: TimeAxis
) -> TreatedColumn:
    """Turn a 0/1 (or true/false) column into first treated periods.

    An empty cell before a known 0 is 0, one after a known 1 is 1 (treatment stays on); between the last 0 and the
    first 1, or after the last 0 of a unit that never shows a 1, it is unclear. A unit that enters the data
    already treated has no untreated period: it counts as treated from the first period on.

    Parameters
    ----------
    df, name
        The long frame, and its column.
    grid, kept
        Where each row lies; (T0,) which of the grid's periods the axis keeps.
    units, axis
        (N,) labels; the T kept periods.

    Raises
    ------
    DataError
        Values other than 0 and 1 (rows named), or units with no value at all.
    DesignRefused
        Treatment that switches off (units and periods named).
    """
    values = read_numbers(df, name, "treated")
    other = ~np.isnan(values) & (values != 0) & (values != 1)
    if other.any():
        found = quote_names(pd.unique(values[other]))
        raise DataError(
            f"The treated column '{name}' holds {found} in {name_rows(df.index, other)}.",
            allowed="0 and 1, or true and false",
            next_step="If the column is the first treated period, name it as cohort=; if it is a dose, name it as "
            "dose= (in a study: data.dose) and use estimator=switching_did.",
        )
    wide = grid.widen(values)[:, kept]
    has_row = grid.present[:, kept]
    on, off = wide == 1, wide == 0
    _refuse_unknown(name, on | off, has_row, units)
    periods = np.arange(wide.shape[1])
    first_on = np.where(on.any(axis=1), on.argmax(axis=1), wide.shape[1])
    last_off = np.where(off.any(axis=1), wide.shape[1] - 1 - off[:, ::-1].argmax(axis=1), -1)
    _refuse_switch_off(name, off & (periods > first_on[:, None]), units, axis)
    ever = first_on < wide.shape[1]
    at_entry = ever & (last_off < 0)
    first_treated = np.where(ever, axis.time[np.minimum(first_on, wide.shape[1] - 1)], NEVER)
    first_treated[at_entry] = axis.time[0]
    between = (periods > last_off[:, None]) & (periods < first_on[:, None])
    unclear = between & np.isnan(wide) & has_row
    skipped = ever & ~at_entry & (between & ~has_row).any(axis=1)
    remarks = _remarks(name, axis, unclear, ever, at_entry & (first_on > 0), skipped)
    return TreatedColumn(first_treated.astype(np.int64), unclear, remarks)


def _refuse_unknown(name: str, known: BoolArray, has_row: BoolArray, units: pd.Index[Any]) -> None:
    blank: BoolArray = np.asarray(has_row.any(axis=1) & ~known.any(axis=1))
    if blank.any():
        raise DataError(
            f"The treated column '{name}' is empty in all rows of {np.count_nonzero(blank)} units: "
            f"{quote_names(units[blank], ROWS_SHOWN)}.",
            allowed="0 or 1",
            next_step="Write 0 where a unit was never treated, or remove these units.",
        )


def _refuse_switch_off(name: str, off_again: BoolArray, units: pd.Index[Any], axis: TimeAxis) -> None:
    if not off_again.any():
        return
    who = np.flatnonzero(off_again.any(axis=1))
    shown = [f"'{units[int(unit)]}' ({axis.calendar.text(int(axis.time[off_again[unit].argmax()]))})" for unit in who]
    raise DesignRefused(
        Reason(
            "Treatment '{name}' switches off in {count} units: {units}."
            if len(who) > 1
            else "Treatment '{name}' switches off in 1 unit: {units}.",
            name=name,
            count=len(who),
            units=and_more(", ".join(shown[:ROWS_SHOWN]), len(shown) - ROWS_SHOWN),
        ),
        allowed="treatment that stays on once it has started",
        next_step="Correct the column if this is an error; else name it as dose= (in a study: data.dose) and use "
        "estimator=switching_did, or name the first treated period as cohort= to estimate the effect of having "
        "started.",
    )


def _remarks(
    name: str, axis: TimeAxis, unclear: BoolArray, ever: BoolArray, late_entry: BoolArray, skipped: BoolArray
) -> tuple[Remark, ...]:
    remarks = []
    n_never = int(np.count_nonzero(~ever))
    if n_never or len(ever) > 1:
        never = say("{never} units have no treated period in '{name}'.", never=n_never, name=name)
        remarks.append(Remark("never_coding", never, comparison=n_never))
    if unclear.any():
        by_arm = [int(np.count_nonzero(unclear[arm])) for arm in (ever, ~ever)]
        remarks.append(
            Remark(
                "treated_unclear_excluded",
                say(
                    "{by_arm} outcomes left out, because '{name}' is empty where adoption could have happened "
                    "({by_arm_2} in treated units, {by_arm_3} in units with no treated period).",
                    by_arm=sum(by_arm),
                    name=name,
                    by_arm_2=by_arm[0],
                    by_arm_3=by_arm[1],
                ),
                *by_arm,
            )
        )
    if late_entry.any():
        count = int(np.count_nonzero(late_entry))
        remarks.append(
            Remark(
                "treated_at_entry",
                say(
                    "{count} units are treated in their first row, after {text}: adoption was not seen, so they "
                    "count as treated from the first period on.",
                    count=count,
                    text=axis.calendar.text(0),
                ),
                treated=count,
            )
        )
    if skipped.any():
        count = int(np.count_nonzero(skipped))
        remarks.append(
            Remark(
                "adoption_period_uncertain",
                say(
                    "{count} units have no row between their last untreated and first treated one: adoption may "
                    "have come before the period it is counted from.",
                    count=count,
                ),
                treated=count,
            )
        )
    return tuple(remarks)
