"""Cumulative effect: what the effects of all periods since the start add up to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pandas as pd

from evalkit.language import phrase, say
from evalkit.report.figures.calendar_axis import MOST_MARKS, paint_time, periods_of
from evalkit.report.figures.canvas import BLUE, INK, Figure, draw, one_line, plural
from evalkit.report.figures.words import counted, number, span, step_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HEIGHT: Final = 3.4


def cumulative(rows: pd.DataFrame, *, outcome: str, unit: str, step: str, interval: str) -> Figure:
    """Draw the running sum of the effects from the start on.

    Parameters
    ----------
    rows
        One row an event time: event_time, cumulative, cumulative_low, cumulative_high (intervals of the sum, not
        sums of intervals), and period where all started together. Rows without a sum are left out.
    outcome, unit
        Name and unit of the outcome.
    step
        One period in words.
    interval
        In words.

    Examples
    --------
    >>> rows = pd.DataFrame({"event_time": [-1, 0, 1], "cumulative": [None, -2.0, -5.0],
    ...                      "cumulative_low": [None, -3.0, -7.0], "cumulative_high": [None, -1.0, -3.0]})
    >>> cumulative(rows, outcome="sales", unit="packs", step="year", interval="95 % credible interval").alt
    'Effects on sales added up since the start: −2 packs after 1 year; −5 packs after 2 years (−7 to −3).'
    """
    kept = rows[rows["cumulative"].notna()].sort_values("event_time").reset_index(drop=True)
    dates = {"period": periods_of(kept)} if periods_of(kept) else {}
    sums = kept[["cumulative", "cumulative_low", "cumulative_high"]]
    data = pd.concat([kept[["event_time"]].assign(**dates), sums], axis=1)
    marks = len(data) <= MOST_MARKS

    def paint(ax: Axes) -> None:
        time = data["event_time"].to_numpy(float)
        ax.axhline(0.0, color=INK, linewidth=0.9, zorder=1)
        ax.fill_between(time, data["cumulative_low"].to_numpy(float), data["cumulative_high"].to_numpy(float),
                        color=BLUE, alpha=0.18, linewidth=0, label=interval)  # fmt: skip
        ax.plot(time, data["cumulative"].to_numpy(float), "o-" if marks else "-", color=BLUE, markersize=5.5,
                linewidth=1.8, label=phrase("summed effect"))  # fmt: skip
        paint_time(ax, time.tolist(), step, periods_of(data))

    svg, png = draw(
        paint,
        says=say("Effect on {outcome}, summed since the start, {unit}", outcome=outcome, unit=unit),
        height=HEIGHT,
    )
    return Figure(
        id="cumulative",
        title=say("Effect on {outcome}, summed since the start", outcome=one_line(outcome)),
        alt=_alt(data, outcome, unit, step),
        note=say(
            "Each point adds up the effects of all {steps} since the start, for one treated unit. "
            "Shaded: {interval} of the sum, which counts that errors of different {steps} go "
            "together.",
            steps=plural(step),
            interval=interval,
        ),
        data=data,
        svg=svg,
        png=png,
    )


def _alt(data: pd.DataFrame, outcome: str, unit: str, step: str) -> str:
    first, last = data.iloc[0], data.iloc[-1]
    said = say("Effects on {outcome} added up since the start: ", outcome=outcome)
    after = counted(int(last["event_time"]) + 1, step)
    whole = say("{cumulative} {unit} after {after} ", cumulative=number(last["cumulative"]), unit=unit, after=after)
    whole += f"({span(last['cumulative_low'], last['cumulative_high'])})."
    return (
        said
        + (
            say(
                "{cumulative} {unit} after 1 {step}; ",
                cumulative=number(first["cumulative"]),
                unit=unit,
                step=step_of(step),
            )
            if len(data) > 1
            else ""
        )
        + whole
    )
