"""Event study: the effect by periods since the start, with the period it is measured against marked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from evalkit.language import mark, phrase, say, say_count
from evalkit.report.figures.calendar_axis import MOST_MARKS, paint_time, periods_of
from evalkit.report.figures.canvas import BLUE, GREY, INK, PALE, Figure, draw, one_line, plural
from evalkit.report.figures.words import counted, number, span, step_of
from evalkit.vocabulary import BoolArray, FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HEIGHT = 3.7
FIT_NOTE = mark(
    "Observed less what the method says without the programme; before the start, what its fit"
    " leaves over. Bars or shading: the {interval} of one {step}."
)
COLUMNS = ("event_time", "estimate", "low", "high")


def event_study(
    rows: pd.DataFrame,
    *,
    outcome: str,
    effect_unit: str,
    step: str,
    interval: str,
    reference: int | None,
    marks: Sequence[float] = (),
    fit: bool = False,
) -> Figure:
    """Draw effects by event time: dots with their intervals, or a line with its band where there are many.

    Parameters
    ----------
    rows
        One row an event time: event_time (periods since the start; 0 is the first treated one),
        estimate, low, high in `effect_unit`; low_simultaneous, high_simultaneous and is_reference
        where known. Missing numbers leave a gap.
    outcome
        Name of the outcome.
    effect_unit
        Unit of the effects, e.g. ``per cent``.
    step
        One period in words, e.g. ``year``.
    interval
        The pointwise interval in words, e.g. ``95 % confidence interval``.
    reference
        Event time that effects after the start are measured against; None where that is the average
        over all periods before the start.
    marks
        Effects at which a change starts to matter (MID); none where none was declared.
    fit
        Whether effects before the start are gaps between observed and fitted.

    Examples
    --------
    >>> rows = pd.DataFrame({"event_time": [-1, 0], "estimate": [0.0, 2.0], "low": [0.0, 1.0], "high": [0.0, 3.0],
    ...                      "is_reference": [True, False]})
    >>> event_study(rows, outcome="jobs", effect_unit="jobs", step="year", interval="95 % confidence interval",
    ...             reference=-1).alt
    'Effect on jobs by years since the start. From the start on (1 year): 2 jobs (1 to 3).'
    """
    data = rows.sort_values("event_time").reset_index(drop=True)
    if periods_of(data):
        data["period"] = periods_of(data)
    has_band = {"low_simultaneous", "high_simultaneous"} <= set(data.columns)
    is_reference = _reference_rows(data)

    def paint(ax: Axes) -> None:
        time = data["event_time"].to_numpy(float)
        ax.axhline(0.0, color=INK, linewidth=0.9, zorder=1)
        if reference is not None:
            ax.axvspan(reference - 0.25, reference + 0.25, color=PALE, alpha=0.7, linewidth=0, zorder=0)
        _mark_mid(ax, marks)
        drawn = ~is_reference
        paint_time(ax, time.tolist(), step, periods_of(data))
        if len(data) > MOST_MARKS:
            _paint_band(ax, data, has_band, interval)
            return
        ax.vlines(
            time[drawn], *_bounds(data, "", drawn), color=BLUE, linewidth=4.5, alpha=0.45, zorder=2, label=interval
        )
        if has_band:
            ax.vlines(time[drawn], *_bounds(data, "_simultaneous", drawn), color=BLUE, linewidth=1.2,
                      label=phrase("the same, for all at once"))  # fmt: skip
        effect = data["estimate"].to_numpy(float)
        ax.plot(time[drawn], effect[drawn], "o", color=BLUE, markersize=6.5, label=phrase("estimate"))
        if is_reference.any():
            ax.plot(time[is_reference], effect[is_reference], "o", markerfacecolor="white", markeredgecolor=INK,
                    markersize=7.5, markeredgewidth=1.4, label=phrase("reference period"))  # fmt: skip

    svg, png = draw(
        paint, says=say("Effect on {outcome}, {effect_unit}", outcome=outcome, effect_unit=effect_unit), height=HEIGHT
    )
    return Figure(
        id="event_study",
        title=say("Effect on {outcome}, by {steps} since the start", outcome=one_line(outcome), steps=plural(step)),
        alt=_alt(data, is_reference, outcome, effect_unit, step),
        note=phrase(FIT_NOTE).format(interval=interval, step=step_of(step)) + _dotted(marks, effect_unit)
        if fit
        else _note(has_band, bool(is_reference.any()), reference, step, interval, marks, effect_unit),
        data=data,
        svg=svg,
        png=png,
    )


def _paint_band(ax: Axes, data: pd.DataFrame, has_band: bool, interval: str) -> None:
    time, every = data["event_time"].to_numpy(float), np.ones(len(data), dtype=bool)
    ax.fill_between(time, *_bounds(data, "", every), color=BLUE, alpha=0.25, linewidth=0, label=interval)
    if has_band:
        low, high = _bounds(data, "_simultaneous", every)
        ax.plot(time, low, "-", color=BLUE, linewidth=0.7, label=phrase("the same, for all at once"))
        ax.plot(time, high, "-", color=BLUE, linewidth=0.7)
    ax.plot(time, data["estimate"].to_numpy(float), "-", color=BLUE, linewidth=1.6, label=phrase("estimate"))


def _reference_rows(data: pd.DataFrame) -> BoolArray:
    if "is_reference" not in data:
        return np.zeros(len(data), dtype=bool)
    return data["is_reference"].fillna(False).to_numpy(bool)


def _bounds(data: pd.DataFrame, suffix: str, rows: BoolArray) -> tuple[FloatArray, FloatArray]:
    low, high = (data[f"{side}{suffix}"].to_numpy(float)[rows] for side in ("low", "high"))
    return low, high


def _mark_mid(ax: Axes, marks: Sequence[float]) -> None:
    for position, least in enumerate(marks):
        ax.axhline(least, color=GREY, linewidth=1.2, linestyle=(0, (1, 1.5)), zorder=1,
                   label=phrase("smallest change that matters") if position == 0 else None)  # fmt: skip


def _alt(data: pd.DataFrame, is_reference: BoolArray, outcome: str, unit: str, step: str) -> str:
    known = data[~is_reference & data["estimate"].notna().to_numpy()]
    before, after = known[known["event_time"] < 0], known[known["event_time"] >= 0]
    said = [say("Effect on {outcome} by {steps} since the start.", outcome=outcome, steps=plural(step))]
    if len(before):
        said.append(
            say(
                "Before the start ({counted}): estimates from {range} {unit}; {excluding}.",
                counted=counted(len(before), step),
                range=span(before["estimate"].min(), before["estimate"].max()),
                unit=unit,
                excluding=_excluding(before),
            )
        )
    if len(after) == 1:
        only = after.iloc[0]
        said.append(
            say(
                "From the start on (1 {step}): {estimate} {unit} ({range}).",
                step=step_of(step),
                estimate=number(only["estimate"]),
                unit=unit,
                range=span(only["low"], only["high"]),
            )
        )
    elif len(after):
        first, last = after.iloc[0], after.iloc[-1]
        said.append(
            say(
                "From the start on ({counted}): {estimate} {unit} in the first, {estimate_2} {unit} in "
                "the last; {excluding}.",
                counted=counted(len(after), step),
                estimate=number(first["estimate"]),
                unit=unit,
                estimate_2=number(last["estimate"]),
                excluding=_excluding(after),
            )
        )
    return " ".join(said)


def _excluding(rows: pd.DataFrame) -> str:
    outside = int(((rows["low"] > 0) | (rows["high"] < 0)).sum())
    return say_count(
        "{outside} of {count} interval excludes 0", "{outside} of {count} intervals exclude 0", len(rows),
        outside=outside,
    )  # fmt: skip


def _note(
    has_band: bool,
    reference_drawn: bool,
    reference: int | None,
    step: str,
    interval: str,
    marks: Sequence[float],
    unit: str,
) -> str:
    said = [
        say(
            "Each dot is an estimate; thick bars are the {interval} of one {step}",
            interval=interval,
            step=step_of(step),
        )
        + (phrase(", thin bars hold for all at once.") if has_band else ".")
    ]
    if reference is None:
        said.append(phrase("All effects are measured against the average over the time before the start."))
    elif reference_drawn:
        said.append(
            say("All effects are measured against event time {reference} (shaded).", reference=_signed(reference))
        )
    else:
        said.append(
            say(
                "Effects from the start on are measured against event time {reference} (shaded); each dot"
                " before it against the {step} just before.",
                reference=_signed(reference),
                step=step_of(step),
            )
        )
    return " ".join(said) + _dotted(marks, unit)


def _dotted(marks: Sequence[float], unit: str) -> str:
    if not marks:
        return ""
    return say(
        " Dotted: the smallest change that matters ({listed} {unit}).",
        listed=say("{first} or {last}", first=number(marks[0]), last=number(marks[-1]))
        if marks[1:]
        else number(marks[0]),
        unit=unit,
    )


def _signed(event_time: int) -> str:
    return f"−{abs(event_time)}" if event_time < 0 else str(event_time)
