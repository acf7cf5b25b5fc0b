"""Each treated place's own effect, beside the average of all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from evalkit.language import phrase, say
from evalkit.report.figures.canvas import BLUE, GREY, INK, PALE, Figure, draw, one_line
from evalkit.report.figures.words import counted, number, span

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ROW_HEIGHT: Final = 0.3
FRAME_HEIGHT: Final = 1.3
MOST_NAMED: Final = 40
"""With more rows than this their names would be unreadable; the table beneath has them."""


def by_unit(
    rows: pd.DataFrame, *, outcome: str, effect_unit: str, interval: str, marks: Sequence[float] = ()
) -> Figure:
    """Draw one effect a unit, the average first and as a band behind the others, from the lowest to the highest.

    Parameters
    ----------
    rows
        label, estimate, low, high; the average is the row of label ``average``.
    outcome, effect_unit
        Name of the outcome and unit of the effects.
    interval
        In words.
    marks
        Effects at which a change starts to matter (MID).

    Examples
    --------
    >>> rows = pd.DataFrame({"label": ["Bogotá", "Lima", "average"], "estimate": [2.0, 1.0, 1.5],
    ...                      "low": [1.0, -1.0, 0.5], "high": [3.0, 3.0, 2.5]})
    >>> by_unit(rows, outcome="jobs", effect_unit="jobs", interval="95 % credible interval").alt
    'Effect on jobs of each of 2 places: from 1 (Lima) to 2 (Bogotá); 1 of 2 intervals exclude 0. Average: 1.5 jobs (0.5 to 2.5).'
    """  # noqa: E501 (the sentence is one line)
    average = rows[rows["label"] == "average"]
    units = rows[rows["label"] != "average"].sort_values("estimate", kind="stable")
    data = pd.concat([average, units]).reset_index(drop=True)
    numbers = data[["estimate", "low", "high"]].to_numpy(float)
    heads = len(average)

    def paint(ax: Axes) -> None:
        ax.axvline(0.0, color=INK, linewidth=0.9, zorder=1)
        for position, mark in enumerate(marks):
            ax.axvline(mark, color=GREY, linewidth=1.2, linestyle=(0, (1, 1.5)), zorder=1,
                       label=phrase("smallest change that matters") if position == 0 else None)  # fmt: skip
        if heads and np.isfinite(numbers[0]).all():
            ax.axvspan(numbers[0, 1], numbers[0, 2], color=PALE, alpha=0.5, linewidth=0, zorder=0)
        for place, (estimate, low, high) in enumerate(numbers):
            whole = place < heads
            ax.hlines(place, low, high, color=BLUE if whole else GREY, linewidth=2.5 if whole else 1.6)
            ax.plot(estimate, place, "o" if whole else "D", color=BLUE if whole else GREY,
                    markersize=8 if whole else 4.5)  # fmt: skip
        ax.set_ylim(len(data) - 0.4, -0.6)
        named = range(len(data)) if len(data) <= MOST_NAMED else range(heads)
        ax.set_yticks(list(named), [one_line(data["label"].iloc[place], 22) for place in named])
        ax.tick_params(axis="y", length=0)
        ax.spines["left"].set_visible(False)
        ax.margins(x=0.08)

    height = FRAME_HEIGHT + ROW_HEIGHT * min(len(data), MOST_NAMED)
    svg, png = draw(
        paint, says=say("Effect on {outcome}, {effect_unit}", outcome=outcome, effect_unit=effect_unit), height=height
    )
    return Figure(
        id="by_unit",
        title=say("Effect on {outcome}, place by place", outcome=one_line(outcome)),
        alt=_alt(data.iloc[heads:], data.iloc[:heads], outcome, effect_unit),
        note=say(
            "Top: the average. Below: each place, from the lowest effect to the highest. Bars are the"
            " {interval} of each, which say nothing about the difference between two places. Shaded: "
            "that of the average.",
            interval=interval,
        )
        + (phrase(" Dotted: the smallest change that matters.") if marks else ""),
        data=data,
        svg=svg,
        png=png,
    )


def _alt(units: pd.DataFrame, average: pd.DataFrame, outcome: str, unit: str) -> str:
    known = units[units["estimate"].notna()]
    said = [say("Effect on {outcome} of each of {counted}", outcome=outcome, counted=counted(len(units), "place"))]
    if len(known):
        first, last = known.iloc[0], known.iloc[-1]
        outside = int(((known["low"] > 0) | (known["high"] < 0)).sum())
        said[0] += say(
            ": from {estimate} ({label}) to {estimate_2} ({label_2}); {outside} of {known} intervals exclude 0",
            estimate=number(first["estimate"]),
            label=one_line(first["label"]),
            estimate_2=number(last["estimate"]),
            label_2=one_line(last["label"]),
            outside=outside,
            known=len(known),
        )
    said[0] += "."
    for label, estimate, low, high in average[["label", "estimate", "low", "high"]].itertuples(index=False):
        said.append(f"{str(label).capitalize()}: {number(estimate)} {unit} ({span(low, high)}).")
    return " ".join(said)
