"""Donor weights: which places the treated one is compared with, and how much each counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from evalkit.language import phrase, say
from evalkit.report.figures.canvas import BLUE, INK, ORANGE, Figure, draw, one_line
from evalkit.report.figures.setting import Setting
from evalkit.report.figures.words import counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ROW_HEIGHT: Final = 0.28
FRAME_HEIGHT: Final = 1.1
SAID: Final = 3
"""Donors that the sentence names."""


def donor_weights(rows: pd.DataFrame, setting: Setting) -> Figure:
    """Draw one bar a donor, the heaviest first; negative weights, of augmented estimators, in another colour.

    Parameters
    ----------
    rows
        donor, weight (they sum to 1 over all donors), donors_used (shown or not), donors_in_pool, treated_units.
    setting
        Names and units.

    Examples
    --------
    >>> rows = pd.DataFrame({"donor": ["Utah", "Nevada"], "weight": [0.7, 0.3], "donors_used": [2, 2],
    ...                      "donors_in_pool": [38, 38], "treated_units": [1, 1]})
    >>> donor_weights(rows, Setting("sales", "packs", "year", "95 % interval")).alt
    'Out of 38 places without the programme, 2 make up the comparison: Utah (70 %), Nevada (30 %).'
    """
    data = rows.reset_index(drop=True)
    weight = data["weight"].to_numpy(float)
    names = [one_line(name, 24) for name in data["donor"]]

    def paint(ax: Axes) -> None:
        places = np.arange(len(data))
        ax.barh(places, 100.0 * weight, height=0.62, color=np.where(weight >= 0.0, BLUE, ORANGE).tolist(), zorder=3)
        for place, value in enumerate(weight):
            ax.annotate(
                _percent(value), (100.0 * max(value, 0.0), place), xytext=(4, 0), textcoords="offset points",
                va="center", fontsize=9.5, color=INK,
            )  # fmt: skip
        ax.axvline(0.0, color=INK, linewidth=0.9, zorder=4)
        ax.set_ylim(len(data) - 0.4, -0.6)
        ax.set_yticks(places, names)
        ax.tick_params(axis="y", length=0)
        ax.spines["left"].set_visible(False)
        ax.margins(x=0.12)

    svg, png = draw(
        paint, says=phrase("Share of the comparison, per cent"), height=FRAME_HEIGHT + ROW_HEIGHT * max(len(data), 3)
    )
    return Figure(
        id="donor_weights",
        title=phrase("Who the treated are compared with"),
        alt=_alt(names, weight, data),
        note=_note(weight, data),
        data=data[["donor", "weight"]],
        svg=svg,
        png=png,
    )


def _percent(share: float) -> str:
    text = f"{100.0 * share:.1f}" if abs(share) < 0.0995 else f"{100.0 * share:.0f}"
    return f"{text} %".replace("-", "−")


def _alt(names: list[str], weight: np.typing.NDArray[np.float64], data: pd.DataFrame) -> str:
    if data.empty:
        return phrase("No single place counts for more than a trace.")
    pool, used = int(data["donors_in_pool"].iloc[0]), int(data["donors_used"].iloc[0])
    heaviest = ", ".join(f"{name} ({_percent(value)})" for name, value in list(zip(names, weight, strict=True))[:SAID])
    more = phrase(" and others") if used > SAID else ""
    return say(
        "Out of {counted} without the programme, {used} make up the comparison: {heaviest}{more}.",
        counted=counted(pool, "place"),
        used=used,
        heaviest=heaviest,
        more=more,
    )


def _note(weight: np.typing.NDArray[np.float64], data: pd.DataFrame) -> str:
    many = not data.empty and int(data["treated_units"].iloc[0]) > 1
    mean = phrase(", averaged over the treated places,") if many else ""
    below = (
        phrase(" Weights below 0 extrapolate beyond what these places can average to.") if (weight < 0.0).any() else ""
    )
    used = 0 if data.empty else int(data["donors_used"].iloc[0])
    cut = say(" The {data} largest of {used}.", data=len(data), used=used) if used > len(data) else ""
    best = say("The weights{mean} are those that follow the treated place best before the start", mean=mean)
    return say("{best}; they sum to 100 %.{below}{cut}", best=best, below=below, cut=cut)
