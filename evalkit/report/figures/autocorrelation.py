"""Autocorrelations of what a series' model leaves over, with the band within which chance keeps them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from evalkit.language import phrase, say, say_count
from evalkit.report.figures.canvas import BLUE, GREY, INK, PALE, Figure, draw, plural
from evalkit.report.figures.setting import Setting
from evalkit.report.figures.words import number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HEIGHT: Final = 3.0


def autocorrelation(rows: pd.DataFrame, setting: Setting) -> Figure:
    """Draw one bar a lag.

    Parameters
    ----------
    rows
        lag, autocorrelation, bound (1.96 over the root of the number of periods), allowed_for (whether the errors
        allow for autocorrelation at this lag).
    setting
        Names and units.

    Examples
    --------
    >>> rows = pd.DataFrame({"lag": [1, 2], "autocorrelation": [0.4, -0.1], "bound": [0.2, 0.2],
    ...                      "allowed_for": [True, False]})
    >>> autocorrelation(rows, Setting("crime", "crimes", "month", "95 % interval")).alt
    'Correlation of residuals by months apart, up to 2: the largest is 0.4, 1 month apart; 1 of 2 lies beyond the band of ±0.2.'
    """  # noqa: E501 (the sentence is one line)
    data = rows.sort_values("lag").reset_index(drop=True)
    lag, found, bound = (data[name].to_numpy(float) for name in ("lag", "autocorrelation", "bound"))
    allowed = data["allowed_for"].to_numpy(bool)

    def paint(ax: Axes) -> None:
        from matplotlib.ticker import MaxNLocator

        ax.axhspan(-bound[0], bound[0], color=PALE, alpha=0.6, linewidth=0, zorder=0)
        ax.axhline(0.0, color=INK, linewidth=0.9, zorder=1)
        for rows_of, colour, label in (
            (allowed, GREY, phrase("allowed for by the errors")),
            (~allowed, BLUE, phrase("not allowed for") if allowed.any() else phrase("left over")),
        ):
            if rows_of.any():
                ax.vlines(lag[rows_of], 0.0, found[rows_of], color=colour, linewidth=4.0, label=label)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.set_xlabel(say("{steps} apart", steps=plural(setting.step).capitalize()))
        ax.set_ylim(min(-0.5, float(found.min()) - 0.05), max(0.5, float(found.max()) + 0.05))

    svg, png = draw(paint, says=phrase("Correlation of residuals"), height=HEIGHT)
    largest = int(np.argmax(np.abs(found)))
    steps = setting.step if lag[largest] == 1 else plural(setting.step)
    outside = int((np.abs(found) > bound).sum())
    return Figure(
        id="autocorrelation",
        title=phrase("Does the noise carry over?"),
        alt=say_count(
            "Correlation of residuals by {steps} apart, up to {lag:.0f}: the largest is {found}, "
            "{lag_2:.0f} {steps_2} apart; {count} of {data} lies beyond the band of ±{bound}.",
            "Correlation of residuals by {steps} apart, up to {lag:.0f}: the largest is {found}, "
            "{lag_2:.0f} {steps_2} apart; {count} of {data} lie beyond the band of ±{bound}.",
            outside,
            steps=plural(setting.step),
            lag=lag[-1],
            found=number(found[largest]),
            lag_2=lag[largest],
            steps_2=steps,
            data=len(data),
            bound=number(bound[0]),
        ),
        note=phrase(
            "Bars show how far the noise of the series in one period tells that some periods later. "
            "Shaded: where 95 % of bars lie if it tells nothing. Noise that carries over and is not "
            "allowed for makes intervals too narrow."
        ),
        data=data,
        svg=svg,
        png=png,
    )
