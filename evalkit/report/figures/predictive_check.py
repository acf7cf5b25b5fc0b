"""Predictive check: statistics of the data beside what the model expected of them, in its own sds."""

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

ROW_HEIGHT: Final = 0.5
FRAME_HEIGHT: Final = 1.2
FARTHEST: Final = 12.0
"""Sds at which a mark stops: beyond, the axis would show nothing else. The table has the number."""


def predictive_check(rows: pd.DataFrame, setting: Setting) -> Figure:
    """Draw one statistic a row.

    Parameters
    ----------
    rows
        statistic, observed, model_low, model_high (all in sds of the model's replications, from their mean), p, level
        (share of the replications between the ends), own: whether the effect is read from it, and fitted: whether the
        model had seen the data.
    setting
        Names and units.

    Examples
    --------
    >>> rows = pd.DataFrame({"statistic": ["mean", "spread"], "observed": [0.5, 4.0], "model_low": [-1.6, -1.6],
    ...                      "model_high": [1.6, 1.6], "p": [0.3, 0.0], "level": [0.9, 0.9], "own": [False, False],
    ...                      "fitted": [True, True]})
    >>> predictive_check(rows, Setting("jobs", "jobs", "year", "90 % interval")).alt
    'What the model expects of jobs beside the data: 1 of 2 statistics lie outside (spread). Mean 0.5, spread 4 sds from the model.'
    """  # noqa: E501 (the sentence is one line)
    data = rows.reset_index(drop=True)
    numbers = data[["observed", "model_low", "model_high"]].to_numpy(float)
    inside = (numbers[:, 0] >= numbers[:, 1]) & (numbers[:, 0] <= numbers[:, 2])

    def paint(ax: Axes) -> None:
        ax.axvline(0.0, color=PALE, linewidth=1.2, zorder=0)
        for place, (observed, low, high) in enumerate(numbers):
            colour = BLUE if inside[place] else ORANGE
            ax.plot([low, high], [place, place], "-", color=INK, linewidth=5.0, alpha=0.25, solid_capstyle="butt",
                    label=phrase("the model") if not place else None)  # fmt: skip
            ax.plot(np.clip(observed, -FARTHEST, FARTHEST), place, "o" if inside[place] else "D", color=colour,
                    markersize=8, label=_first(inside, place))  # fmt: skip
        ax.set_ylim(len(data) - 0.4, -0.6)
        ax.set_yticks(range(len(data)), [wrapped(name, 26) for name in data["statistic"]])
        ax.tick_params(axis="y", length=0)
        ax.spines["left"].set_visible(False)
        ax.margins(x=0.08)

    svg, png = draw(
        paint, says=phrase("In standard deviations from the model"),
        height=FRAME_HEIGHT + ROW_HEIGHT * len(data),
    )  # fmt: skip
    level, fitted = float(data["level"].iloc[0]), bool(data["fitted"].iloc[0])
    when = phrase("once fitted") if fitted else phrase("before it has seen any")
    return Figure(
        id="predictive_check",
        title=phrase("Does the fitted model make data like these?")
        if fitted
        else phrase("Did the prior allow data like these?"),
        alt=_alt(data, numbers[:, 0], inside, setting),
        note=say(
            "Bars hold {level:g} % of the data sets that the model makes {when}; dots are the real "
            "data, diamonds those outside. Marks further than {farthest:g} standard deviations away "
            "are drawn at {farthest:g}.",
            level=100.0 * level,
            when=when,
            farthest=FARTHEST,
        ),
        data=data,
        svg=svg,
        png=png,
    )


def _first(inside: np.typing.NDArray[np.bool_], place: int) -> str | None:
    """Label of the first mark of its kind."""
    if place != int(np.argmax(inside == inside[place])):
        return None
    return phrase("the data") if inside[place] else phrase("the data, unlike the model's")


def _alt(
    data: pd.DataFrame, observed: np.typing.NDArray[np.float64], inside: np.typing.NDArray[np.bool_], setting: Setting
) -> str:
    names = [one_line(name) for name in data["statistic"]]
    outside = [name for name, within in zip(names, inside, strict=True) if not within]
    told = ", ".join(f"{name} {number(value)}" for name, value in zip(names, observed, strict=True))
    said = say("{outside} of {names} statistics lie outside", outside=len(outside), names=len(names))
    listed = f" ({', '.join(outside)})" if outside else ""
    return say(
        "What the model expects of {outcome} beside the data: {said}{listed}. {upper}{told} sds from the model.",
        outcome=setting.outcome,
        said=said,
        listed=listed,
        upper=told[:1].upper(),
        told=told[1:],
    )
