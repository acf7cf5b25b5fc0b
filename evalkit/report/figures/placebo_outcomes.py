"""Placebo outcomes: effects on what the programme cannot move, beside the outcome itself, in standard errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pandas as pd

from evalkit.language import phrase, say
from evalkit.report.figures.canvas import BLUE, GREY, INK, Figure, draw, one_line, wrapped
from evalkit.report.figures.setting import Setting
from evalkit.report.figures.words import number, span

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ROW_HEIGHT: Final = 0.46
FRAME_HEIGHT: Final = 1.2
NUMBERS: Final = ["in_errors", "low_in_errors", "high_in_errors"]


def placebo_outcomes(rows: pd.DataFrame, setting: Setting) -> Figure:
    """Draw one effect an outcome.

    Parameters
    ----------
    rows
        outcome, role (``primary`` or ``placebo``), effect, p, and the effect with its interval over its standard
        error: in_errors, low_in_errors, high_in_errors.
    setting
        Names and units.

    Examples
    --------
    >>> rows = pd.DataFrame({"outcome": ["jobs", "rain"], "role": ["primary", "placebo"], "in_errors": [3.0, 0.5],
    ...                      "low_in_errors": [1.0, -1.5], "high_in_errors": [5.0, 2.5]})
    >>> placebo_outcomes(rows, Setting("jobs", "jobs", "year", "95 % interval")).alt
    'Effects in standard errors. On jobs: 3 (1 to 5). On placebo outcomes: rain 0.5 (−1.5 to 2.5).'
    """
    data = rows.reset_index(drop=True)
    numbers = data[NUMBERS].to_numpy(float)

    def paint(ax: Axes) -> None:
        ax.axvline(0.0, color=INK, linewidth=0.9, zorder=1)
        for place, (estimate, low, high) in enumerate(numbers):
            primary = data["role"].iloc[place] == "primary"
            colour = BLUE if primary else GREY
            ax.hlines(place, low, high, color=colour, linewidth=3.0 if primary else 2.0)
            ax.plot(estimate, place, "o" if primary else "D", color=colour, markersize=9 if primary else 5.5)
        ax.set_ylim(len(data) - 0.4, -0.6)
        ax.set_yticks(range(len(data)), [wrapped(name, 24) for name in data["outcome"]])
        ax.tick_params(axis="y", length=0)
        ax.spines["left"].set_visible(False)
        ax.margins(x=0.08)

    svg, png = draw(paint, says=phrase("Effect, in standard errors"), height=FRAME_HEIGHT + ROW_HEIGHT * len(data))
    return Figure(
        id="placebo_outcomes",
        title=phrase("Did what cannot move stay?"),
        alt=_alt(data),
        note=say(
            "Top: the effect on {outcome}. Below: effects on outcomes that the programme cannot move."
            " Bars are the {interval} of each, all over their standard errors, since units differ.",
            outcome=one_line(setting.outcome),
            interval=setting.interval,
        ),
        data=data,
        svg=svg,
        png=png,
    )


def _alt(data: pd.DataFrame) -> str:
    known = data.dropna(subset=NUMBERS)

    def told(role: str, named: bool) -> str:
        own = known[known["role"] == role]
        numbers = own[NUMBERS].to_numpy(float)
        parts = [
            f"{one_line(name) + ' ' if named else ''}{number(estimate)} ({span(low, high)})"
            for name, (estimate, low, high) in zip(own["outcome"], numbers, strict=True)
        ]
        return ", ".join(parts) or "withheld"

    first = one_line(data["outcome"].iloc[0])
    return say(
        "Effects in standard errors. On {first}: {told}. On placebo outcomes: {told_2}.",
        first=first,
        told=told("primary", named=False),
        told_2=told("placebo", named=True),
    )
