"""False starts: the effect that the same model finds at dates at which nothing began, beside that of the real start."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from evalkit.language import phrase, say
from evalkit.report.figures.canvas import BLUE, GREY, INK, Figure, draw, plural
from evalkit.report.figures.setting import Setting
from evalkit.report.figures.words import number, span

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HEIGHT: Final = 3.6


def placebo_dates(rows: pd.DataFrame, setting: Setting) -> Figure:
    """Draw one effect a date, the real start in blue.

    Parameters
    ----------
    rows
        event_time of the start that was pretended (0 for the real one), estimate, low, high.
    setting
        Names and units.

    Examples
    --------
    >>> rows = pd.DataFrame({"event_time": [-20, -10, 0], "estimate": [0.1, -0.2, 1.0], "low": [-1.0, -1.0, 0.5],
    ...                      "high": [1.2, 0.6, 1.5]})
    >>> placebo_dates(rows, Setting("crime", "crimes", "month", "95 % interval")).alt
    'Effect on crime at 2 false starts, 20 to 10 months before the real one: from −0.2 to 0.1 crimes; 0 of 2 intervals exclude 0. At the real start: 1 crimes (0.5 to 1.5).'
    """  # noqa: E501 (the sentence is one line)
    data = rows.sort_values("event_time").reset_index(drop=True)
    time, estimate, low, high = (data[name].to_numpy(float) for name in ("event_time", "estimate", "low", "high"))
    real = time == 0.0

    def paint(ax: Axes) -> None:
        ax.axhline(0.0, color=INK, linewidth=0.9, zorder=1)
        for which, colour, mark, label in (
            (~real, GREY, "D", phrase("false starts")),
            (real, BLUE, "o", phrase("the real start")),
        ):
            ax.vlines(time[which], low[which], high[which], color=colour, linewidth=3.0, alpha=0.5)
            ax.plot(time[which], estimate[which], mark, color=colour, markersize=6.0, label=label)
        ax.set_xlabel(say("{steps} before the real start", steps=plural(setting.step).capitalize()))
        ax.margins(x=0.05)

    svg, png = draw(
        paint,
        says=say("Effect on {outcome}, {effect_unit}", outcome=setting.outcome, effect_unit=setting.effect_unit),
        height=HEIGHT,
    )
    return Figure(
        id="placebo_dates",
        title=phrase("Would another date have shown it too?"),
        alt=_alt(data, setting),
        note=say(
            "The same model on the time before the programme alone, as if it had started at each of "
            "these dates; at the right, the real start on all the data. Bars are the {interval} of "
            "each.",
            interval=setting.interval,
        ),
        data=data,
        svg=svg,
        png=png,
    )


def _alt(data: pd.DataFrame, setting: Setting) -> str:
    time, numbers = data["event_time"].to_numpy(float), data[["estimate", "low", "high"]].to_numpy(float)
    false, real = numbers[time != 0.0], numbers[time == 0.0]
    said = say("Effect on {outcome} at {false} false starts", outcome=setting.outcome, false=len(false))
    if not len(false) or np.isnan(false).any():
        return say("{said}; its numbers are withheld.", said=said)
    outside = int(((false[:, 1] > 0.0) | (false[:, 2] < 0.0)).sum())
    apart = -time[time != 0.0]
    at_real = (
        ""
        if not len(real)
        else (
            say(
                " At the real start: {real} {effect_unit} ({range}).",
                real=number(real[0, 0]),
                effect_unit=setting.effect_unit,
                range=span(real[0, 1], real[0, 2]),
            )
        )
    )
    return say(
        "{said}, {apart:.0f} to {apart_2:.0f} {steps} before the real one: from {false} to "
        "{false_2} {effect_unit}; {outside} of {false_3} intervals exclude 0.{at_real}",
        said=said,
        apart=apart.max(),
        apart_2=apart.min(),
        steps=plural(setting.step),
        false=number(false[:, 0].min()),
        false_2=number(false[:, 0].max()),
        effect_unit=setting.effect_unit,
        outside=outside,
        false_3=len(false),
        at_real=at_real,
    )
