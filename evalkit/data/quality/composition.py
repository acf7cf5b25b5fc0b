"""Definition changes: dates at which the mix of records moves at once, among places that are not treated (yet)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from evalkit.data.events.intake import Intake
from evalkit.data.quality.phrases import SAID
from evalkit.data.quality.view import View, found, not_run
from evalkit.errors import quote_names
from evalkit.vocabulary import NEVER, Diagnostic, Exhibit, FloatArray

WINDOW: Final = 6
"""Periods on either side of a date that are compared."""
POINTS: Final = 0.05
"""Smallest move of a share that is told."""
TIMES: Final = 5.0
"""Standard errors of the difference, from the scatter of the share within both windows, that make it a shift."""
NEAR: Final = 1
"""Periods from a start within which a shift could pass for an effect."""


@dataclass(frozen=True, slots=True)
class Shift:
    """One share that moves."""

    column: str
    value: str
    place: int
    before: float
    after: float
    times: float


def definition_changes(view: View, intake: Intake) -> Diagnostic:
    """Level shifts of the share of a category; treated places from their start on are left out, whoever looks."""
    if intake.too_many:
        return not_run("definition_changes", "not_by_unit")
    if not intake.composition:
        return not_run("definition_changes", "no_categories")
    found_shifts: list[tuple[Shift, int]] = []
    shares_of: dict[str, tuple[pd.DataFrame, pd.DataFrame]] = {}
    for column, table in intake.composition.items():
        kept = table[view.rows(table, table["bin"], untreated=True)]
        counts = kept.pivot_table(index="bin", columns="value", values="records", aggfunc="sum", fill_value=0)
        counts = counts.reindex(range(int(counts.index.min()), int(counts.index.max()) + 1), fill_value=0)
        shares = counts.div(counts.sum(axis=1).replace(0, np.nan), axis=0)
        shares_of[column] = (counts, shares)
        for value in shares:
            shift = largest_shift(shares[value].to_numpy(dtype=np.float64), column, str(value))
            if shift is not None:
                found_shifts.append((shift, int(shares.index[shift.place])))
    columns = quote_names(intake.composition)
    if not found_shifts:
        said = SAID.say("steady", columns=columns, points=100 * POINTS, window=WINDOW)
        shown = next(iter(intake.composition))
        exhibit = _exhibit(intake, *shares_of[shown], None)
        return found("definition_changes", "pass", said, statistic="largest_shift", value=0.0, exhibit=exhibit)
    starts = {view.ordinal(int(cohort)) for cohort in view.panel.cohorts if cohort != NEVER}
    near = [each for each in found_shifts if any(abs(each[1] - start) <= NEAR for start in starts)]
    shift, ordinal = max(near or found_shifts, key=lambda each: abs(each[0].after - each[0].before))
    said = SAID.say(
        "shift_near" if near else "shift", value=shift.value, column=shift.column, before=100 * shift.before,
        after=100 * shift.after, period=str(intake.bins.period(ordinal)),
    )  # fmt: skip
    distance = min((abs(ordinal - start) for start in starts), default=None)
    return found(
        "definition_changes", "fail" if near else "warn", said, statistic="largest_shift",
        value=abs(shift.after - shift.before), threshold=POINTS,
        exhibit=_exhibit(intake, *shares_of[shift.column], ordinal),
        details={} if distance is None else {"periods_from_start": float(distance)},
    )  # fmt: skip


def largest_shift(shares: FloatArray, column: str = "", value: str = "") -> Shift | None:
    """The date at which a share moves most, against its scatter on either side; None where it does not.

    Parameters
    ----------
    shares
        (T,) by period; NaN without records.
    column, value
        Whose shares they are.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> moved = largest_shift(np.r_[np.full(12, 0.2), np.full(12, 0.4)] + rng.normal(0, 0.01, 24))
    >>> moved.place, round(moved.before, 1), round(moved.after, 1)
    (12, 0.2, 0.4)
    >>> largest_shift(0.2 + rng.normal(0, 0.01, 24)) is None
    True
    """
    best: Shift | None = None
    for place in range(WINDOW, len(shares) - WINDOW + 1):
        sides = shares[place - WINDOW : place], shares[place : place + WINDOW]
        if not all(np.isfinite(side).all() for side in sides):
            continue
        means = [float(side.mean()) for side in sides]
        error = float(np.sqrt(sum(side.var(ddof=1) for side in sides) / WINDOW))
        move = abs(means[1] - means[0])
        if move < POINTS or move < TIMES * error:
            continue
        times = move / max(error, 1e-12)
        if best is None or times > best.times:
            best = Shift(column, value, place, means[0], means[1], times)
    return best


def _exhibit(intake: Intake, counts: pd.DataFrame, shares: pd.DataFrame, ordinal: int | None) -> Exhibit:
    """Shares of the largest categories over time, the shift marked."""
    top = counts.sum().sort_values(ascending=False).index[:5]
    rows = [
        (str(intake.bins.period(int(each))), str(value), 100 * float(shares.loc[each, value]), each == ordinal,
         int(counts.loc[each, value]))
        for value in top
        for each in counts.index
    ]  # fmt: skip
    keys = ("period", "series", "value", "flagged", "records")
    return Exhibit("data_composition", dict(zip(keys, zip(*rows, strict=True), strict=True)), counts=("records",))
