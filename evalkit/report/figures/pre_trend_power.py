"""The event study beside a difference in trends that the pre-trend test would miss one time in five."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from evalkit.language import phrase, say
from evalkit.report.figures.canvas import BLUE, GREY, INK, ORANGE, Figure, draw, plural, time_axis
from evalkit.report.figures.setting import Setting
from evalkit.report.figures.words import number, step_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HEIGHT: Final = 3.8


def pre_trend_power(rows: pd.DataFrame, setting: Setting) -> Figure:
    """Draw estimates, the trend, and the mean of estimates that pass although it is there.

    Parameters
    ----------
    rows
        event_time, n_treated, estimate, low, high, trend (found with 80 % power), expected (its mean among
        results that pass the test).
    setting
        Names and units.

    Examples
    --------
    >>> rows = pd.DataFrame({"event_time": [-2, -1, 0, 1], "estimate": [0.1, 0.0, 1.0, 2.0], "low": [-1, 0, 0, 1.0],
    ...                      "high": [1, 0, 2, 3.0], "trend": [-0.5, 0.0, 0.5, 1.0], "expected": [-0.3, 0.0, 0.6, 1.2]})
    >>> pre_trend_power(rows, Setting("jobs", "jobs", "year", "95 % interval")).alt
    'Effect on jobs by years since the start, beside a difference in trends that the test finds with 80 % power: it reaches 1 jobs in the last year shown, where the estimate is 2 jobs. Among results that pass the test it would show as 1.2 jobs there.'
    """  # noqa: E501 (the sentence is one line)
    data = rows.sort_values("event_time").reset_index(drop=True)

    def paint(ax: Axes) -> None:
        time = data["event_time"].to_numpy(float)
        estimate, low, high, trend, expected = (
            data[name].to_numpy(float) for name in ("estimate", "low", "high", "trend", "expected")
        )
        ax.axhline(0.0, color=INK, linewidth=0.9, zorder=1)
        ax.vlines(time, low, high, color=BLUE, linewidth=4.5, alpha=0.4, zorder=2, label=setting.interval)
        ax.plot(time, estimate, "o", color=BLUE, markersize=6.0, zorder=4, label=phrase("estimate"))
        ax.plot(time, trend, "-", color=ORANGE, linewidth=1.8, zorder=3, label=phrase("trend found with 80 % power"))
        ax.plot(
            time, expected, "D", color=GREY, markersize=4.5, zorder=3, label=phrase("as it shows if the test passes")
        )
        time_axis(ax, time.tolist(), setting.step)

    svg, png = draw(
        paint,
        says=say("Effect on {outcome}, {effect_unit}", outcome=setting.outcome, effect_unit=setting.effect_unit),
        height=HEIGHT,
    )
    return Figure(
        id="pre_trend_power",
        title=phrase("What could have gone unseen"),
        alt=_alt(data, setting),
        note=phrase(
            "The line is a steady difference in trends, measured as the estimates are, that the pre-"
            "trend test would miss one time in five; diamonds are what it would show on average among"
            " results that pass the test, had the programme moved nothing. Where they come near the "
            "dots, the test says little."
        ),
        data=data,
        svg=svg,
        png=png,
    )


def _alt(data: pd.DataFrame, setting: Setting) -> str:
    unit, step = setting.effect_unit, setting.step
    said = say(
        "Effect on {outcome} by {steps} since the start, beside a difference in trends that the "
        "test finds with 80 % power",
        outcome=setting.outcome,
        steps=plural(step),
    )
    known = np.flatnonzero(data[["estimate", "trend", "expected"]].notna().all(axis=1).to_numpy())
    if not known.size:
        return say("{said}; its numbers are withheld.", said=said)
    estimate, trend, expected = data[["estimate", "trend", "expected"]].to_numpy(float)[known[-1]]
    return say(
        "{said}: it reaches {trend} {unit} in the last {step} shown, where the estimate is "
        "{estimate} {unit}. Among results that pass the test it would show as {expected} {unit} "
        "there.",
        said=said,
        trend=number(trend),
        unit=unit,
        step=step_of(step),
        estimate=number(estimate),
        expected=number(expected),
    )
