"""Treatment as a dose by unit and period: it may rise, fall, and change again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from evalkit.data.time_axis import TimeAxis
from evalkit.language import say
from evalkit.vocabulary import NEVER, BoolArray, FloatArray, IntArray, Remark


@dataclass(frozen=True, slots=True)
class DoseColumn:
    """What a dose says about treatment.

    Attributes
    ----------
    first_treated
        (N,) ordinals; ``NEVER`` for units whose dose never changes.
    dose
        (N, T); NaN where there is no row. None where treatment is 0 or 1 and stays 1 once it is: cohorts say
        it all then.
    remarks
        What was found.
    """

    first_treated: IntArray
    dose: FloatArray | None
    remarks: tuple[Remark, ...]


def read_dose(name: str, dose: FloatArray, units: pd.Index[Any], axis: TimeAxis) -> DoseColumn:
    """Turn doses into first treated periods.

    The first treated period is the first whose dose differs from the unit's first known one (F_g of de Chaisemartin
    and D'Haultfoeuille 2024, section 2). Where all units are at 0 until they are at 1 for good, it is
    the first period at 1, as with a 0/1 column: a unit at 1 throughout is then always treated.

    Parameters
    ----------
    name
        The dose's column, for messages.
    dose
        (N, T) doses; NaN where not known.
    units, axis
        (N,) labels; the T periods.

    Examples
    --------
    >>> from evalkit.data.time_axis import read_time
    >>> _, axis = read_time(pd.DataFrame({"year": [2001, 2002, 2003]}), "year")
    >>> column = read_dose("beds", np.array([[2.0, 2.0, 5.0], [1.0, 1.0, 1.0]]), pd.Index(["a", "b"]), axis)
    >>> column.first_treated[0], column.first_treated[1] == NEVER
    (np.int64(2), np.True_)
    """
    known = ~np.isnan(dose)
    entry = known.argmax(axis=1)
    start = dose[np.arange(len(dose)), entry]
    differs = known & (dose != start[:, None])
    absorbing = departure(dose) is None
    changes = differs.any(axis=1)
    first = differs.argmax(axis=1)
    first_treated = np.where(changes, axis.time[first], NEVER).astype(np.int64)
    remarks = [_constant(name, ~changes & known.any(axis=1) & ~(absorbing & (start == 1.0)))]
    if absorbing:
        at_entry = known.any(axis=1) & (start == 1.0)
        first_treated[at_entry] = axis.time[0]
        remarks += _entered_treated(at_entry & (entry > 0), axis)
    else:
        remarks.append(_switches(name, dose, start, changes, first))
    remarks += _uncertain(known, changes, first)
    return DoseColumn(first_treated, None if absorbing else dose, tuple(remarks))


def departure(dose: FloatArray) -> tuple[int, int] | None:
    """Position of the first unit, and of its first period, that no 0/1 treatment which stays on could have.

    Parameters
    ----------
    dose
        (N, T); NaN where not known.

    Returns
    -------
    (int, int) or None
        None where every unit is at 0 until it is at 1 for good.

    Examples
    --------
    >>> departure(np.array([[0.0, 1.0, 1.0], [0.0, 1.0, 0.0]]))
    (1, 2)
    >>> departure(np.array([[0.0, np.nan, 1.0]])) is None
    True
    """
    on = dose == 1.0
    wrong = (~on & (dose != 0.0) & ~np.isnan(dose)) | ((dose == 0.0) & np.logical_or.accumulate(on, axis=1))
    who = np.flatnonzero(wrong.any(axis=1))
    return (int(who[0]), int(wrong[who[0]].argmax())) if who.size else None


def _constant(name: str, constant: BoolArray) -> Remark:
    count = int(np.count_nonzero(constant))
    return Remark(
        "dose_constant",
        say("{count} units have a dose in '{name}' that never changes.", count=count, name=name),
        comparison=count,
    )


def _switches(name: str, dose: FloatArray, start: FloatArray, changes: BoolArray, first: IntArray) -> Remark:
    """How treatment departs from one that is switched on once."""
    moved = dose[np.arange(len(dose)), first] - start
    up, down = changes & (moved > 0.0), changes & (moved < 0.0)
    later = (dose != dose[np.arange(len(dose)), first][:, None]) & ~np.isnan(dose)
    again = changes & (later & (np.arange(dose.shape[1]) > first[:, None])).any(axis=1)
    return Remark(
        "dose_switches",
        say(
            "'{name}' takes {count} values. It first changes upwards in {up} units and downwards in "
            "{down}; {again} of them change again.",
            name=name,
            count=len(pd.unique(dose[~np.isnan(dose)])),
            up=up.sum(),
            down=down.sum(),
            again=again.sum(),
        ),
        treated=int(changes.sum()),
    )


def _entered_treated(late: BoolArray, axis: TimeAxis) -> list[Remark]:
    if not late.any():
        return []
    count = int(np.count_nonzero(late))
    return [
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
    ]


def _uncertain(known: BoolArray, changes: BoolArray, first: IntArray) -> list[Remark]:
    """Units whose dose is not known in the period before it is first seen changed."""
    before = known[np.arange(len(known)), np.maximum(first - 1, 0)]
    count = int(np.count_nonzero(changes & ~before))
    if not count:
        return []
    return [
        Remark(
            "adoption_period_uncertain",
            say(
                "The dose of {count} units is not known in the period before it is first seen changed: it may"
                " have changed before the period it is counted from.",
                count=count,
            ),
            treated=count,
        )
    ]
