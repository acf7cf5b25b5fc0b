"""Prior sensitivity: the effect with a little less and a little more weight on prior and data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from evalkit.language import mark, phrase, say
from evalkit.report.figures.canvas import BLUE, GREY, INK, PALE, Figure, draw
from evalkit.report.figures.setting import Setting
from evalkit.report.figures.words import number, span

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ROW_HEIGHT: Final = 0.42
FRAME_HEIGHT: Final = 1.2


def prior_sensitivity(rows: pd.DataFrame, setting: Setting) -> Figure:
    """Draw one power a row, the posterior as it was first and as a band behind the others.

    Parameters
    ----------
    rows
        component (``as analysed``, ``the prior``, ``the data``), power, estimate, low, high.
    setting
        Names and units.

    Examples
    --------
    >>> rows = pd.DataFrame({"component": ["as analysed", "the prior", "the prior"], "power": [1.0, 0.8, 1.25],
    ...                      "estimate": [2.0, 2.1, 1.9], "low": [1.0, 1.0, 0.9], "high": [3.0, 3.2, 2.9]})
    >>> prior_sensitivity(rows, Setting("jobs", "jobs", "year", "95 % credible interval")).alt
    'Effect on jobs: 2 jobs as analysed (1 to 3). With less or more weight on the prior it runs from 1.9 to 2.1.'
    """
    data = rows.reset_index(drop=True)
    numbers = data[["estimate", "low", "high"]].to_numpy(float)

    def paint(ax: Axes) -> None:
        ax.axvline(0.0, color=INK, linewidth=0.9, zorder=1)
        ax.axvspan(numbers[0, 1], numbers[0, 2], color=PALE, alpha=0.5, linewidth=0, zorder=0)
        for position, least in enumerate(setting.marks):
            ax.axvline(least, color=GREY, linewidth=1.2, linestyle=(0, (1, 1.5)), zorder=1,
                       label=phrase("smallest change that matters") if position == 0 else None)  # fmt: skip
        for place, (estimate, low, high) in enumerate(numbers):
            colour = BLUE if place == 0 else GREY
            ax.hlines(place, low, high, color=colour, linewidth=2.8 if place == 0 else 1.8)
            ax.plot(estimate, place, "o" if place == 0 else "D", color=colour, markersize=8 if place == 0 else 5)
        ax.set_ylim(len(data) - 0.4, -0.6)
        ax.set_yticks(range(len(data)), [_named(row.component, row.power) for row in data.itertuples(index=False)])
        ax.tick_params(axis="y", length=0)
        ax.spines["left"].set_visible(False)
        ax.margins(x=0.08)

    height = FRAME_HEIGHT + ROW_HEIGHT * len(data)
    svg, png = draw(
        paint,
        says=say("Effect on {outcome}, {effect_unit}", outcome=setting.outcome, effect_unit=setting.effect_unit),
        height=height,
    )
    return Figure(
        id="prior_sensitivity",
        title=phrase("Does the answer hang on the prior?"),
        alt=_alt(data, numbers, setting),
        note=say(
            "Top: the effect as analysed (its {interval} shaded below). Then with prior, and data, "
            "counted for less (power below 1) or more (above 1). Where the prior's rows move, the "
            "prior decides.",
            interval=setting.interval,
        )
        + (phrase(" Dotted: the smallest change that matters.") if setting.marks else ""),
        data=data,
        svg=svg,
        png=png,
    )


def _named(component: object, power: object) -> str:
    return phrase("as analysed") if power == 1.0 else f"{component} × {power:g}"


def _alt(data: pd.DataFrame, numbers: np.typing.NDArray[np.float64], setting: Setting) -> str:
    estimate, low, high = numbers[0]
    said = [
        say(
            "Effect on {outcome}: {estimate} {effect_unit} as analysed ({range}).",
            outcome=setting.outcome,
            estimate=number(estimate),
            effect_unit=setting.effect_unit,
            range=span(low, high),
        ),
    ]
    for component in (mark("the prior"), mark("the data")):
        moved = numbers[(data["component"] == component).to_numpy(), 0]
        if moved.size:
            lowest, highest, what = number(moved.min()), number(moved.max()), phrase(component)
            said.append(
                say("With less or more weight on {component} it runs from {moved} to {moved_2}.", component=what,
                    moved=lowest, moved_2=highest)
            )  # fmt: skip
    return " ".join(said)
