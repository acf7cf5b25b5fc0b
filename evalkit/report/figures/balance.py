"""Love plot: standardized differences between the arms before the first start, plain and weighted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from evalkit.language import phrase, say
from evalkit.report.figures.canvas import BLUE, INK, ORANGE, PALE, Figure, draw, one_line, wrapped
from evalkit.report.figures.setting import Setting
from evalkit.report.figures.words import number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ROW_HEIGHT: Final = 0.42
FRAME_HEIGHT: Final = 1.7
PASSES, FAILS = 0.05, 0.25
"""Marks of the What Works Clearinghouse, 5.0: drawn whatever the settings of the check."""


def balance(rows: pd.DataFrame, setting: Setting) -> Figure:
    """Draw one row a measure.

    Parameters
    ----------
    rows
        measure, n_treated, n_comparison, mean_treated, mean_comparison, g, g_weighted (missing without weights).
    setting
        Names and units.

    Examples
    --------
    >>> rows = pd.DataFrame({"measure": ["outcome: level", "income"], "g": [0.1, -0.4], "g_weighted": [0.05, None]})
    >>> balance(rows, Setting("jobs", "jobs", "year", "95 % interval")).alt
    'Differences between treated and comparison places before the first start, in standard deviations. outcome: level 0.1 (0.05 after weighting), income −0.4. 1 of 2 lie beyond 0.25.'
    """  # noqa: E501 (the sentence is one line)
    data = rows.reset_index(drop=True)
    plain, weighted = (data[name].to_numpy(float) for name in ("g", "g_weighted"))

    def paint(ax: Axes) -> None:
        place = np.arange(len(data))
        ax.axvspan(-FAILS, FAILS, color=PALE, alpha=0.35, linewidth=0, zorder=0)
        ax.axvspan(-PASSES, PASSES, color=PALE, alpha=0.8, linewidth=0, zorder=0)
        ax.axvline(0.0, color=INK, linewidth=0.9, zorder=1)
        ax.plot(plain, place, "o", color=BLUE, markersize=7.5, label=phrase("as they are"))
        if np.isfinite(weighted).any():
            ax.plot(weighted, place, "D", markerfacecolor="white", markeredgecolor=ORANGE, markeredgewidth=1.5,
                    markersize=6.0, label=phrase("weighted by the odds of being treated"))  # fmt: skip
        widest = float(np.nanmax(np.abs(np.concatenate([plain, weighted, [1.4 * FAILS]]))))
        ax.set_xlim(-1.08 * widest, 1.08 * widest)
        ax.set_ylim(len(data) - 0.4, -0.6)
        ax.set_yticks(place, [wrapped(name, 24) for name in data["measure"]])
        ax.tick_params(axis="y", length=0)
        ax.spines["left"].set_visible(False)

    says = phrase("Treated less comparison before the first start, standard deviations")
    svg, png = draw(paint, says=says, height=FRAME_HEIGHT + ROW_HEIGHT * len(data))
    return Figure(
        id="balance",
        title=phrase("Were the arms alike before the start?"),
        alt=_alt(data, plain, weighted),
        note=say(
            "Dark band: up to {passes:g} standard deviations, where nothing is asked. Light band: up "
            "to {fails:g}, where a confounder must be adjusted for. Difference-in-differences removes"
            " differences in the level of the outcome.",
            passes=PASSES,
            fails=FAILS,
        ),
        data=data,
        svg=svg,
        png=png,
    )


def _alt(data: pd.DataFrame, plain: np.typing.NDArray[np.float64], weighted: np.typing.NDArray[np.float64]) -> str:
    said = phrase("Differences between treated and comparison places before the first start, in standard deviations.")
    known = np.flatnonzero(np.isfinite(plain))
    if not known.size:
        return say("{said} All are withheld or unknown.", said=said)
    parts = []
    for row in known:
        after = (
            say(" ({weighted} after weighting)", weighted=number(weighted[row])) if np.isfinite(weighted[row]) else ""
        )
        parts.append(f"{one_line(data['measure'].iloc[row])} {number(plain[row])}{after}")
    beyond = int((np.abs(plain[known]) > FAILS).sum())
    return say(
        "{said} {listed}. {beyond} of {known} lie beyond {fails:g}.",
        said=said,
        listed=", ".join(parts),
        beyond=beyond,
        known=len(known),
        fails=FAILS,
    )
