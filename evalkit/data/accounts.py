"""What intake left out or found, counted by arm: the remarks that a reader must see."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from evalkit.data.columns import ROWS_SHOWN
from evalkit.data.time_axis import TimeAxis
from evalkit.data.wide import Grid
from evalkit.errors import DataError, Reason
from evalkit.language import phrase, say, say_count
from evalkit.language.nouns import quoted
from evalkit.vocabulary import NEVER, BoolArray, FloatArray, IntArray, Remark


def by_arm(cells: BoolArray, first_treated: IntArray, axis: TimeAxis) -> tuple[int, int]:
    """Count True cells in units treated by the last period, and in the others."""
    treated = first_treated <= axis.time[-1]
    return int(np.count_nonzero(cells[treated])), int(np.count_nonzero(cells[~treated]))


def _arms_in_words(counts: tuple[int, int]) -> str:
    return say("{treated} in treated units, {comparison} in comparison units", treated=counts[0], comparison=counts[1])


def periods_left_out(axis: TimeAxis, kept: BoolArray) -> Remark:
    """Periods in which no unit has a usable outcome."""
    gone = [axis.calendar.text(int(ordinal)) for ordinal in axis.time[~kept]]
    return Remark(
        "periods_without_outcome",
        say_count(
            "{count} period left out, because no unit has a usable outcome then: {gone}.",
            "{count} periods left out, because no unit has a usable outcome then: {gone}.",
            len(gone),
            gone=quoted(gone),
        ),
    )


def units_left_out(units: pd.Index[Any], kept: BoolArray, first_treated: IntArray, axis: TimeAxis) -> Remark:
    """Units without any usable outcome."""
    counts = by_arm(~kept, first_treated, axis)
    return Remark(
        "units_without_outcome",
        say(
            "{counts} units left out, because they have no usable outcome ({counts_2} treated, {counts_3}"
            " comparison): {units}.",
            counts=sum(counts),
            counts_2=counts[0],
            counts_3=counts[1],
            units=quoted(units[~kept], ROWS_SHOWN),
        ),
        *counts,
    )


def cells_left_out(lacking: Mapping[str, BoolArray], first_treated: IntArray, axis: TimeAxis) -> list[Remark]:
    """Outcomes left out because something that goes with them is missing."""
    remarks = []
    for name, gone in lacking.items():
        counts = by_arm(gone, first_treated, axis)
        what = phrase(name) if name in ("dose", "weight", "exposure") else say("covariate '{name}'", name=name)
        remarks.append(
            Remark(
                "rows_left_out_incomplete",
                say(
                    "{counts} rows left out, because their {what} is missing ({arms_in_words}).",
                    counts=sum(counts),
                    what=what,
                    arms_in_words=_arms_in_words(counts),
                ),
                *counts,
            )
        )
    return remarks


def outcomes_missing(
    name: str,
    grid: Grid,
    outcome: FloatArray,
    lacking: Mapping[str, BoolArray],
    kept_periods: BoolArray,
    first_treated: IntArray,
    axis: TimeAxis,
) -> list[Remark]:
    """Rows with an empty outcome, and unit-periods without a row."""
    empty = np.isnan(outcome)
    if not empty.any():
        return []
    for gone in lacking.values():
        empty &= ~gone[:, kept_periods]
    remarks = []
    present = grid.present[:, kept_periods]
    counts = by_arm(empty & present, first_treated, axis)
    if sum(counts):
        remarks.append(
            Remark(
                "outcome_missing",
                say(
                    "The outcome '{name}' is empty in {counts} rows ({arms_in_words}).",
                    name=name,
                    counts=sum(counts),
                    arms_in_words=_arms_in_words(counts),
                ),
                *counts,
            )
        )
    counts = by_arm(~present, first_treated, axis)
    if sum(counts):
        remarks.append(
            Remark(
                "unit_periods_absent",
                say(
                    "The panel is unbalanced: {counts} unit-periods have no row ({arms_in_words}).",
                    counts=sum(counts),
                    arms_in_words=_arms_in_words(counts),
                ),
                *counts,
            )
        )
    return remarks


def arms(first_treated: IntArray, axis: TimeAxis) -> list[Remark]:
    """Units whose adoption lies outside the window, on either side, and the absence of never-treated ones."""
    calendar, time = axis.calendar, axis.time
    remarks = []
    always = first_treated <= time[0]
    if always.any():
        count = int(np.count_nonzero(always))
        before = int(np.count_nonzero(first_treated < time[0]))
        remarks.append(
            Remark(
                "always_treated",
                say(
                    "{count} units are treated in every period ({before} since before {text}): they show no "
                    "change at adoption, and do not serve as comparison.",
                    count=count,
                    before=before,
                    text=calendar.text(0),
                ),
                treated=count,
            )
        )
    later = (first_treated > time[-1]) & (first_treated != NEVER)
    if later.any():
        count = int(np.count_nonzero(later))
        labels = [calendar.text(int(ordinal)) for ordinal in np.unique(first_treated[later])]
        remarks.append(
            Remark(
                "treated_after_window",
                say(
                    "{count} units are first treated after {text}, the last period ({labels}): within the window "
                    "they count as not treated.",
                    count=count,
                    text=calendar.text(int(time[-1])),
                    labels=quoted(labels),
                ),
                comparison=count,
            )
        )
    if len(first_treated) == 1:
        remarks.append(Remark("one_unit", phrase("The data are of one unit: there is no other to compare it with.")))
    elif not (first_treated > time[-1]).any():
        remarks.append(
            Remark(
                "no_never_treated",
                phrase("Every unit is treated by the last period; no unit stays untreated throughout."),
            )
        )
    return remarks


def weights(
    name: str, weight: FloatArray, outcome: FloatArray, first_treated: IntArray, axis: TimeAxis
) -> list[Remark]:
    """Refuse weights that are all zero; report rows that count for nothing."""
    known = ~np.isnan(outcome)
    zero = (weight == 0) & known
    if not zero.any():
        return []
    if zero[known].all():
        raise DataError(
            Reason("The weight column '{name}' is 0 in every row with an outcome.", name=name),
            next_step="Name another weight, or none.",
        )
    counts = by_arm(zero, first_treated, axis)
    text = say(
        "{rows} rows have weight 0 and count for nothing ({arms}).", rows=sum(counts), arms=_arms_in_words(counts)
    )
    return [Remark("weight_zero", text, *counts)]
