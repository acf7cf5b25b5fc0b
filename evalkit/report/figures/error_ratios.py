"""Error ratios: how much worse each place is fitted after the start than before it, the treated among them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from evalkit.language import phrase, say
from evalkit.report.figures.canvas import BLUE, GREY, INK, Figure, draw, one_line
from evalkit.report.figures.setting import Setting
from evalkit.report.figures.words import number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ROW_HEIGHT: Final = 0.24
FRAME_HEIGHT: Final = 1.2
MOST_SHOWN: Final = 20
"""Places with the largest ratios, the treated always among them."""


def error_ratios(rows: pd.DataFrame, setting: Setting) -> Figure:
    """Draw one bar a place, the largest ratio first.

    Parameters
    ----------
    rows
        place, role (``treated`` or ``placebo``), error_before, error_after, ratio; the largest ratio first.
    setting
        Names and units.

    Examples
    --------
    >>> rows = pd.DataFrame({"place": ["B", "A"], "role": ["placebo", "treated"], "error_before": [1.0, 2.0],
    ...                      "error_after": [9.0, 8.0], "ratio": [9.0, 4.0]})
    >>> error_ratios(rows, Setting("sales", "packs", "year", "95 % interval")).alt
    'After the start A is fitted 4 times worse than before it: rank 2 of 2 places. The first is B (9 times).'
    """
    data = rows.reset_index(drop=True)
    ratio, own = data["ratio"].to_numpy(float), (data["role"] == "treated").to_numpy()
    place = int(np.argmax(own)) if own.any() else 0
    shown = np.arange(min(len(data), MOST_SHOWN))
    if place >= len(shown):
        shown = np.append(shown[:-1], place)

    def paint(ax: Axes) -> None:
        where = np.arange(len(shown))
        ax.barh(where, ratio[shown], height=0.62, color=np.where(own[shown], BLUE, GREY).tolist(), zorder=3)
        for row, index in enumerate(shown):
            ax.annotate(number(ratio[index]), (ratio[index], row), xytext=(4, 0), textcoords="offset points",
                        va="center", fontsize=9.0, color=INK)  # fmt: skip
        ax.set_ylim(len(shown) - 0.4, -0.6)
        ax.set_yticks(where, [f"{index + 1}. {one_line(data['place'][index], 22)}" for index in shown], fontsize=9.0)
        ax.tick_params(axis="y", length=0)
        ax.spines["left"].set_visible(False)
        ax.margins(x=0.1)

    svg, png = draw(
        paint, says=phrase("Typical gap after the start, as a multiple of that before it"),
        height=FRAME_HEIGHT + ROW_HEIGHT * max(len(shown), 3),
    )  # fmt: skip
    more = say(" The {shown} largest of {data}.", shown=len(shown), data=len(data)) if len(shown) < len(data) else ""
    return Figure(
        id="error_ratios",
        title=phrase("How unusual is the treated place?"),
        alt=_alt(data, place, ratio),
        note=say(
            "Typical gap: root of the mean squared difference between observed and fitted. If the "
            "programme did nothing, the treated place (blue) is as likely to stand at any rank.{more}",
            more=more,
        ),
        data=data,
        svg=svg,
        png=png,
    )


def _alt(data: pd.DataFrame, place: int, ratio: np.typing.NDArray[np.float64]) -> str:
    if data.empty or np.isnan(ratio).all():
        return phrase("The ratios are withheld.")
    name = one_line(data["place"][place])
    first = (
        ""
        if place == 0
        else say(" The first is {place} ({ratio} times).", place=one_line(data["place"][0]), ratio=number(ratio[0]))
    )
    return say(
        "After the start {name} is fitted {ratio} times worse than before it: rank {place} of {data} places.{first}",
        name=name,
        ratio=number(ratio[place]),
        place=place + 1,
        data=len(data),
        first=first,
    )
