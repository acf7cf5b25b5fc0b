"""Leave-one-out: the effect with everything, and without each cohort or unit in turn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from evalkit.language import phrase, say
from evalkit.report.figures.canvas import BLUE, GREY, INK, PALE, Figure, draw, one_line
from evalkit.report.figures.setting import Setting
from evalkit.report.figures.words import number, span

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ROW_HEIGHT: Final = 0.3
FRAME_HEIGHT: Final = 1.3
MOST_NAMED: Final = 40
"""With more rows than this their names would be unreadable; the table beneath has them."""


def leave_one_out(rows: pd.DataFrame, setting: Setting) -> Figure:
    """Draw one effect a row, the one with everything first and as a band behind the others.

    Parameters
    ----------
    rows
        left_out (empty for the effect with everything), n_treated, estimate, low, high; the first
        row is the effect with everything.
    setting
        Names and units.

    Examples
    --------
    >>> rows = pd.DataFrame({"left_out": ["", "2005", "2006"], "n_treated": [9, 6, 5], "estimate": [1.0, 0.8, 1.5],
    ...                      "low": [0.5, 0.1, 1.0], "high": [1.5, 1.5, 2.0]})
    >>> leave_one_out(rows, Setting("jobs", "jobs", "year", "95 % interval")).alt
    'Effect on jobs: 1 jobs with all (0.5 to 1.5). Left out one at a time, it runs from 0.8 (without 2005) to 1.5 (without 2006).'
    """  # noqa: E501 (the sentence is one line)
    data = rows.reset_index(drop=True)
    numbers = data[["estimate", "low", "high"]].to_numpy(float)

    def paint(ax: Axes) -> None:
        ax.axvline(0.0, color=INK, linewidth=0.9, zorder=1)
        if np.isfinite(numbers[0]).all():
            ax.axvspan(numbers[0, 1], numbers[0, 2], color=PALE, alpha=0.5, linewidth=0, zorder=0)
        for place, (estimate, low, high) in enumerate(numbers):
            colour = BLUE if place == 0 else GREY
            ax.hlines(place, low, high, color=colour, linewidth=2.5 if place == 0 else 1.6)
            ax.plot(estimate, place, "o" if place == 0 else "D", color=colour, markersize=8 if place == 0 else 4.5)
        ax.set_ylim(len(data) - 0.4, -0.6)
        if len(data) <= MOST_NAMED:
            names = [
                say("without {name}", name=one_line(name, 18)) if name else phrase("with all")
                for name in data["left_out"]
            ]
            ax.set_yticks(range(len(data)), names)
        else:
            ax.set_yticks([0], [phrase("with all")])
        ax.tick_params(axis="y", length=0)
        ax.spines["left"].set_visible(False)
        ax.margins(x=0.08)

    height = FRAME_HEIGHT + ROW_HEIGHT * min(len(data), MOST_NAMED)
    svg, png = draw(
        paint,
        says=say("Effect on {outcome}, {effect_unit}", outcome=setting.outcome, effect_unit=setting.effect_unit),
        height=height,
    )
    return Figure(
        id="leave_one_out",
        title=phrase("Does the answer hang on one of them?"),
        alt=_alt(data, setting),
        note=say(
            "Top: the estimate with all. Below: without each in turn. Bars are the {interval} of "
            "each; shaded: that of the estimate with all.",
            interval=setting.interval,
        ),
        data=data,
        svg=svg,
        png=png,
    )


def _alt(data: pd.DataFrame, setting: Setting) -> str:
    unit = setting.effect_unit
    names = [one_line(name) for name in data["left_out"]]
    numbers = data[["estimate", "low", "high"]].to_numpy(float)
    said = say(
        "Effect on {outcome}: {numbers} {unit} with all ({range}).",
        outcome=setting.outcome,
        numbers=number(numbers[0, 0]),
        unit=unit,
        range=span(*numbers[0, 1:]),
    )
    known = [row for row in range(1, len(data)) if not np.isnan(numbers[row, 0])]
    if not known:
        return said
    least, most = (choose(known, key=lambda row: numbers[row, 0]) for choose in (min, max))
    return say(
        "{said} Left out one at a time, it runs from {numbers} (without {names}) to {numbers_2} (without {names_2}).",
        said=said,
        numbers=number(numbers[least, 0]),
        names=names[least],
        numbers_2=number(numbers[most, 0]),
        names_2=names[most],
    )
