"""Specification curve: every combination of choices, from the lowest effect to the highest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from evalkit.language import phrase, say
from evalkit.report.figures.canvas import BLUE, GREY, INK, PALE, Figure, draw, one_line
from evalkit.report.figures.setting import Setting
from evalkit.report.figures.words import counted, number, span

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CURVE_HEIGHT: Final = 2.6
ROW_HEIGHT: Final = 0.24
PREFIX: Final = "choice: "


def specification_curve(rows: pd.DataFrame, setting: Setting) -> Figure:
    """Draw the effects in order and, beneath, which choices stand behind each.

    Parameters
    ----------
    rows
        From the lowest effect up: estimate, low, high, primary, and a column ``choice: NAME`` for each
        choice that differs.
    setting
        Names and units.

    Examples
    --------
    >>> rows = pd.DataFrame({"estimate": [1.0, 2.0], "low": [-1.0, 1.0], "high": [3.0, 3.0], "primary": [False, True],
    ...                      "choice: estimator": ["a", "b"]})
    >>> specification_curve(rows, Setting("jobs", "jobs", "year", "95 % interval")).alt
    'Effect on jobs in 2 specifications: from 1 to 2 jobs, that of the study 2 jobs. 1 of 2 intervals exclude 0.'
    """
    data = rows.reset_index(drop=True)
    numbers = data[["estimate", "low", "high"]].to_numpy(float)
    primary = data["primary"].to_numpy(bool)
    choices = [
        (name.removeprefix(PREFIX), value, (data[name] == value).to_numpy(bool))
        for name in data.columns
        if name.startswith(PREFIX)
        for value in dict.fromkeys(data[name])
    ]

    def paint(ax: Axes) -> None:
        places = np.arange(len(data))
        ax.axhline(0.0, color=INK, linewidth=0.9, zorder=1)
        ax.vlines(places, numbers[:, 1], numbers[:, 2], color=PALE, linewidth=2.4, zorder=2)
        ax.plot(places[~primary], numbers[~primary, 0], "o", color=GREY, markersize=4, zorder=3)
        ax.plot(places[primary], numbers[primary, 0], "o", color=BLUE, markersize=8, zorder=4)
        ax.margins(x=0.03)
        ax.set_xticks([])
        ax.spines["bottom"].set_visible(False)

    def paint_choices(ax: Axes) -> None:
        _matrix(ax, np.arange(len(data)), primary, choices)

    says = say("Effect on {outcome}, {effect_unit}", outcome=setting.outcome, effect_unit=setting.effect_unit)
    below = (paint_choices, ROW_HEIGHT * len(choices)) if choices else None
    svg, png = draw(paint, says=says, height=CURVE_HEIGHT, below=below)
    excluding = int(((numbers[:, 1] > 0.0) | (numbers[:, 2] < 0.0)).sum())
    unit = setting.effect_unit
    own = (
        say(", that of the study {numbers} {unit}", numbers=number(numbers[primary][0, 0]), unit=unit)
        if primary.any()
        else ""
    )
    return Figure(
        id="specification_curve",
        title=phrase("Other choices of the analyst"),
        alt=say(
            "Effect on {outcome} in {counted}: from {range} {unit}{own}. {excluding} of {data} intervals exclude 0.",
            outcome=setting.outcome,
            counted=counted(len(data), "specification"),
            range=span(numbers[:, 0].min(), numbers[:, 0].max()),
            unit=unit,
            own=own,
            excluding=excluding,
            data=len(data),
        ),
        note=say(
            "Each dot is one way to analyse the same data, with its {interval}; the large one is the "
            "study's own. The marks beneath it say which choices were made.",
            interval=setting.interval,
        ),
        data=data,
        svg=svg,
        png=png,
    )


def _matrix(
    ax: Axes,
    places: np.typing.NDArray[np.int64],
    primary: np.typing.NDArray[np.bool_],
    choices: list[tuple[str, str, np.typing.NDArray[np.bool_]]],
) -> None:
    """The table of choices under the curve, one row an option."""
    for row, (_, _, chosen) in enumerate(choices):
        for marked, colour, size in ((chosen & ~primary, GREY, 4), (chosen & primary, BLUE, 6)):
            ax.plot(places[marked], np.full(int(marked.sum()), row), "s", color=colour, markersize=size)
        if row and choices[row - 1][0] != choices[row][0]:
            ax.axhline(row - 0.5, color=PALE, linewidth=0.8)
    firsts = [row == 0 or choices[row - 1][0] != name for row, (name, _, _) in enumerate(choices)]
    named = [
        f"{name}: {one_line(value, 22)}" if first else one_line(value, 22)
        for first, (name, value, _) in zip(firsts, choices, strict=True)
    ]
    ax.set_ylim(len(choices) - 0.4, -0.6)
    ax.set_yticks(range(len(choices)), named, fontsize=8.5)
    ax.tick_params(axis="both", length=0, labelbottom=False)
    for side in ("left", "bottom"):
        ax.spines[side].set_visible(False)
