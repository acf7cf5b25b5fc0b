"""Weights inside the two-way coefficient: how each cohort and period counts, against the plain average."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from evalkit.language import phrase, say, say_count
from evalkit.report.figures.canvas import BLUE, GREY, INK, ORANGE, Figure, draw, plural, time_axis
from evalkit.report.figures.setting import Setting
from evalkit.report.figures.words import counted, number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HEIGHT: Final = 3.8
AREA: Final = 900.0
"""Square points of a mark that holds all treated observations."""
SMALLEST: Final = 14.0


def twfe_weights(rows: pd.DataFrame, setting: Setting) -> Figure:
    """Draw one mark a cohort and period, at its event time; its area is its share of the treated observations.

    Parameters
    ----------
    rows
        cohort, period, event_time, n_treated, share, weight, and relative: weight over share.
    setting
        Names and units.

    Examples
    --------
    >>> rows = pd.DataFrame({"event_time": [0, 1, 0], "share": [0.4, 0.3, 0.3], "weight": [0.9, -0.2, 0.3],
    ...                      "relative": [2.25, -0.67, 1.0]})
    >>> twfe_weights(rows, Setting("jobs", "jobs", "year", "95 % interval")).alt
    'How the two-way coefficient counts 3 cells (a cohort in a period): from −0.67 to 2.2 times their share of the treated observations; 1 cell is counted negatively (−0.2 of a total of 1).'
    """  # noqa: E501 (the sentence is one line)
    data = rows.reset_index(drop=True)

    def paint(ax: Axes) -> None:
        ax.axhline(0.0, color=INK, linewidth=0.9, zorder=1)
        ax.axhline(
            1.0, color=GREY, linewidth=1.2, linestyle=(0, (4, 3)), zorder=1, label=phrase("as in the plain average")
        )
        relative = data["relative"].to_numpy(float)
        area = np.maximum(AREA * data["share"].to_numpy(float), SMALLEST)
        time = data["event_time"].to_numpy(float)
        for chosen, colour, mark, label in (
            (relative >= 0.0, BLUE, "o", phrase("counted positively")),
            (relative < 0.0, ORANGE, "X", phrase("counted negatively")),
        ):
            if chosen.any():
                ax.scatter(time[chosen], relative[chosen], s=area[chosen], color=colour, marker=mark, alpha=0.6,
                           linewidth=0, zorder=3, label=label)  # fmt: skip
        time_axis(ax, time.tolist(), setting.step)
        ax.margins(y=0.15)

    svg, png = draw(paint, says=phrase("Weight, in multiples of the share of treated observations"), height=HEIGHT)
    return Figure(
        id="twfe_weights",
        title=phrase("How the two-way coefficient counts effects"),
        alt=_alt(data),
        note=say(
            "Each mark is a cohort in a period; its area is its share of the treated observations. "
            "Dashed: what the plain average would count. Below 0 an effect is subtracted. Late "
            "{steps} usually count least.",
            steps=plural(setting.step),
        ),
        data=data,
        svg=svg,
        png=png,
    )


def _alt(data: pd.DataFrame) -> str:
    known = data.dropna(subset=["relative", "weight"])
    if known.empty:
        return phrase("How the two-way coefficient counts cohorts and periods; the weights are withheld.")
    relative, weight = known["relative"].to_numpy(float), known["weight"].to_numpy(float)
    said = say(
        "How the two-way coefficient counts {counted} (a cohort in a period): from {relative} to "
        "{relative_2} times their share of the treated observations",
        counted=counted(len(known), "cell"),
        relative=number(relative.min()),
        relative_2=number(relative.max()),
    )
    below = int((weight < 0.0).sum())
    if not below:
        return say("{said}; none is counted negatively.", said=said)
    total = number(weight[weight < 0.0].sum())
    return say_count(
        "{said}; {count} cell is counted negatively ({total} of a total of 1).",
        "{said}; {count} cells are counted negatively ({total} of a total of 1).",
        below,
        said=said,
        total=total,
    )
