"""Sensitivity to differing trends: the interval as the violation that is allowed for grows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evalkit.language import phrase, say
from evalkit.report.figures.canvas import BLUE, GREY, INK, ORANGE, Figure, draw
from evalkit.report.figures.setting import Setting
from evalkit.report.figures.words import number, span
from evalkit.vocabulary import FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HEIGHT: Final = 3.7


def honest_relative(rows: pd.DataFrame, setting: Setting) -> Figure:
    """Draw the intervals under relative magnitudes.

    Parameters
    ----------
    rows
        mark (``original``, ``robust``, ``breakdown``), m (M-bar; missing for the original), low, high.
    setting
        Names and units.

    Examples
    --------
    >>> rows = pd.DataFrame({"mark": ["original", "robust", "robust", "breakdown"], "m": [None, 0.0, 1.0, 0.8],
    ...                      "low": [1.0, 0.9, -0.5, None], "high": [3.0, 3.1, 4.5, None]})
    >>> honest_relative(rows, Setting("jobs", "jobs", "year", "95 % interval")).alt
    'Average effect on jobs: 1 to 3 jobs where trends are parallel. Allowing violations up to 1 times the largest one seen before the start: −0.5 to 4.5. It includes 0 from 0.8 on.'
    """  # noqa: E501 (the sentence is one line)
    axis = phrase("Violation allowed for (M-bar: multiples of the largest one before)")
    return _figure(rows, setting, "honest_relative", axis, "violations", phrase("largest one seen before the start"))


def honest_smooth(rows: pd.DataFrame, setting: Setting) -> Figure:
    """Draw the intervals under smoothness; as :func:`honest_relative`, with m in multiples of the bend seen before."""
    axis = phrase("Change of slope allowed for (multiples of the largest one before)")
    return _figure(rows, setting, "honest_smooth", axis, "bends", phrase("largest one seen before the start"))


def _figure(rows: pd.DataFrame, setting: Setting, name: str, axis: str, what: str, unit: str) -> Figure:
    data = rows.reset_index(drop=True)
    mark = data["mark"].to_numpy(np.str_)
    m, low, high = (data[column].to_numpy(float) for column in ("m", "low", "high"))
    robust, broken = mark == "robust", m[mark == "breakdown"]
    step = float(np.diff(np.unique(m[robust])).min()) if robust.sum() > 1 else 1.0
    place = np.where(mark == "original", np.nanmin(m[robust], initial=0.0) - step, m)

    def paint(ax: Axes) -> None:
        ax.axhline(0.0, color=INK, linewidth=0.9, zorder=1)
        for chosen, colour, label in (
            (mark == "original", GREY, phrase("parallel trends")),
            (robust, BLUE, phrase("violations allowed for")),
        ):
            ax.vlines(place[chosen], low[chosen], high[chosen], color=colour, linewidth=4.0, alpha=0.75, label=label)
        for value in broken:
            ax.axvline(value, color=ORANGE, linewidth=1.4, linestyle=(0, (4, 3)), zorder=2,
                       label=phrase("from here on it includes 0"))  # fmt: skip
        ax.set_xticks(place[mark != "breakdown"], ["original", *(f"{value:g}" for value in m[robust])])
        ax.set_xlabel(axis)
        ax.margins(x=0.08, y=0.1)

    svg, png = draw(
        paint,
        says=say(
            "Average effect on {outcome}, {effect_unit}", outcome=setting.outcome, effect_unit=setting.effect_unit
        ),
        height=HEIGHT,
    )
    return Figure(
        id=name,
        title=say("How much would trends have to differ? ({what})", what=what),
        alt=_alt(setting, mark, m, low, high, what, unit),
        note=say(
            "Each bar is the {interval} of the average effect over the event window, first where "
            "trends are exactly parallel, then where they may differ by as much as the axis says.",
            interval=setting.interval,
        ),
        data=data,
        svg=svg,
        png=png,
    )


def _alt(
    setting: Setting, mark: NDArray[np.str_], m: FloatArray, low: FloatArray, high: FloatArray, what: str, unit: str
) -> str:
    first = np.flatnonzero(mark == "original")[0]
    said = say(
        "Average effect on {outcome}: {range} {effect_unit} where trends are parallel.",
        outcome=setting.outcome,
        range=span(low[first], high[first]),
        effect_unit=setting.effect_unit,
    )
    robust = np.flatnonzero(mark == "robust")
    if robust.size:
        last = robust[np.argmax(m[robust])]
        said += say(
            " Allowing {what} up to {m} times the {unit}: {range}.",
            what=what,
            m=number(m[last]),
            unit=unit,
            range=span(low[last], high[last]),
        )
    broken = m[mark == "breakdown"]
    return say("{said} It includes 0 from {broken} on.", said=said, broken=number(broken[0])) if broken.size else said
