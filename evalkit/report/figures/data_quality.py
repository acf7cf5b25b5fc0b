"""What the data-quality report looked at, over time: records, closings, the mix of records, and how late they come."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from evalkit.language import Phrases
from evalkit.report.figures.calendar_axis import calendar_ticks
from evalkit.report.figures.canvas import BLUE, GREY, INK, ORANGE, PALE, Figure, draw, one_line
from evalkit.report.figures.setting import Setting
from evalkit.report.figures.words import number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HEIGHT: Final = 3.2
COLOURS: Final = (BLUE, ORANGE, INK, GREY, "#009E73")
"""Okabe and Ito (2008), told apart under every common colour blindness."""
DASHES: Final[tuple[Any, ...]] = ("-", "--", ":", "-.", (0, (5, 1, 1, 1, 1, 1)))

_WORDS: Final = {
    "data_records": "Are records there all the time?",
    "data_records_says": "Records in the panel, by period",
    "data_records_note": "All records that were placed and dated, summed over places. A gap in the line "
    "is a period that was not "
    "recorded whole: it is missing, not zero.",
    "data_closures": "Were records closed when the work was done?",
    "data_closures_says": "Records closed, by period of closing",
    "data_closures_note": "A day of bulk closing ends at least ten times as many records as the days "
    "around it. Times to close "
    "then tell when the file was tidied.",
    "data_composition": "Did what counts as a record change?",
    "data_composition_says": "Share of records, %, among places without the programme (so far)",
    "data_composition_note": "The largest categories. A share that moves at once, for places without the "
    "programme, points to the "
    "way of recording. Dots mark the date of the largest move.",
    "data_lag": "How late are records entered?",
    "data_lag_says": "Share of a period's records, %",
    "data_lag_note": "Lines that fall at the right end belong to periods of which records are still to "
    "come, or to a change in how "
    "fast they are entered.",
    "alt": "{title} Lines: {series}; periods: {periods}, {first} to {last}; lowest value {low}, highest {high}.",
    "withheld": "{title} Its numbers are withheld.",
}
WORDS: Final = Phrases(_WORDS)


def over_time(kind: str, rows: pd.DataFrame, setting: Setting) -> Figure:
    """Draw one line a series.

    Parameters
    ----------
    kind
        Of exhibit: it says the title, the axis and the note.
    rows
        period (as written), series, value, flagged (marked with a dot), records.
    setting
        Names and units.

    Examples
    --------
    >>> rows = pd.DataFrame({"period": ["2020-01", "2020-02"], "series": ["records"] * 2, "value": [10.0, 30.0],
    ...                      "flagged": [False, False], "records": [10, 30]})
    >>> over_time("data_records", rows, Setting("crime", "crimes", "month", "95 % interval")).alt
    'Are records there all the time? Lines: 1; periods: 2, 2020-01 to 2020-02; lowest value 10, highest 30.'
    """
    data = rows.reset_index(drop=True)
    periods = sorted(set(data["period"].astype(str)), key=list(data["period"].astype(str)).index)
    place = {period: at for at, period in enumerate(periods)}
    names = list(dict.fromkeys(data["series"].astype(str)))

    def paint(ax: Axes) -> None:
        for at, name in enumerate(names):
            line = data[data["series"].astype(str) == name]
            x = line["period"].astype(str).map(place).to_numpy(dtype=float)
            y = line["value"].to_numpy(dtype=float)
            colour = COLOURS[at % len(COLOURS)]
            ax.plot(x, y, linewidth=1.8, label=one_line(name, 28), color=colour, linestyle=DASHES[at % len(DASHES)])
            marked = line["flagged"].fillna(False).astype(bool).to_numpy()
            ax.plot(x[marked], y[marked], "o", color=colour, markersize=6.0)
        ticks, labels = calendar_ticks(list(range(len(periods))), periods)
        ax.set_xticks(ticks, [one_line(label, 14) for label in labels])
        ax.set_ylim(bottom=0.0)
        ax.grid(axis="y", color=PALE, linewidth=0.6)
        ax.margins(x=0.02)

    svg, png = draw(paint, says=WORDS[f"{kind}_says"], height=HEIGHT)
    return Figure(
        id=kind, title=WORDS[kind], alt=_alt(kind, data, names, periods), note=WORDS[f"{kind}_note"], data=data,
        svg=svg, png=png,
    )  # fmt: skip


def _alt(kind: str, data: pd.DataFrame, names: list[str], periods: list[str]) -> str:
    values = data["value"].to_numpy(dtype=float)
    if not np.isfinite(values).any():
        return WORDS.say("withheld", title=WORDS[kind])
    return WORDS.say(
        "alt", title=WORDS[kind], series=len(names), periods=len(periods), first=periods[0], last=periods[-1],
        low=number(float(np.nanmin(values))), high=number(float(np.nanmax(values))),
    )  # fmt: skip


data_records = partial(over_time, "data_records")
data_closures = partial(over_time, "data_closures")
data_composition = partial(over_time, "data_composition")
data_lag = partial(over_time, "data_lag")
