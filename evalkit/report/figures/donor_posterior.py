"""Donors' weights with their credible intervals, beside the weights that fit best."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pandas as pd

from evalkit.language import phrase, say
from evalkit.report.figures.canvas import BLUE, ORANGE, Figure, draw, one_line
from evalkit.report.figures.setting import Setting
from evalkit.report.figures.words import number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ROW_HEIGHT: Final = 0.3
FRAME_HEIGHT: Final = 1.3


def donor_posterior(rows: pd.DataFrame, setting: Setting) -> Figure:
    """Draw one donor a row, the heaviest first.

    Parameters
    ----------
    rows
        donor, weight, weight_low, weight_high, best_fit, donors_in_pool.
    setting
        Names and units.

    Examples
    --------
    >>> rows = pd.DataFrame({"donor": ["Utah", "Nevada"], "weight": [0.42, 0.2], "weight_low": [0.1, 0.0],
    ...                      "weight_high": [0.65, 0.34], "best_fit": [0.39, 0.21], "donors_in_pool": [38, 38]})
    >>> donor_posterior(rows, Setting("sales", "packs", "year", "95 % credible interval")).alt
    'Of 38 comparison places, the heaviest is Utah (42 % of the weight, 10 to 65); 2 carry half a per cent or more.'
    """
    data = rows.reset_index(drop=True)
    percent = 100.0 * data[["weight", "weight_low", "weight_high", "best_fit"]].to_numpy(float)

    def paint(ax: Axes) -> None:
        for place, (weight, low, high, best) in enumerate(percent):
            ax.hlines(place, low, high, color=BLUE, linewidth=2.0)
            ax.plot(weight, place, "o", color=BLUE, markersize=6)
            ax.plot(best, place, "D", color=ORANGE, markersize=5, markerfacecolor="white")
        ax.set_ylim(len(data) - 0.4, -0.6)
        ax.set_xlim(left=-1.0)
        ax.set_yticks(range(len(data)), [one_line(name, 22) for name in data["donor"]])
        ax.tick_params(axis="y", length=0)
        ax.spines["left"].set_visible(False)

    height = FRAME_HEIGHT + ROW_HEIGHT * len(data)
    svg, png = draw(paint, says=phrase("Share of the weight, per cent"), height=height)
    return Figure(
        id="donor_posterior",
        title=phrase("Which places is it compared with?"),
        alt=_alt(data),
        note=say(
            "Dots: posterior mean of each place's weight; bars: {interval}; places below half a per "
            "cent are left out. Diamonds: the weights that fit best before the start, without a "
            "prior.",
            interval=setting.interval,
        ),
        data=data,
        svg=svg,
        png=png,
    )


def _alt(data: pd.DataFrame) -> str:
    if not len(data):
        return phrase("No single place carries half a per cent of the weight or more.")
    first = data.iloc[0]
    low, high = (f"{100.0 * float(first[name]):.0f}" for name in ("weight_low", "weight_high"))
    return say(
        "Of {donors_in_pool} comparison places, the heaviest is {donor} ({weight} % of the "
        "weight, {low} to {high}); {data} carry half a per cent or more.",
        donors_in_pool=int(first["donors_in_pool"]),
        donor=one_line(str(first["donor"])),
        weight=number(100.0 * float(first["weight"])),
        low=low,
        high=high,
        data=len(data),
    )
