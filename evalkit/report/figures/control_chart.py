"""The control chart of an indicator, and its outlook: where it stands, where it goes, and the target."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from evalkit.language import Phrases, localized
from evalkit.report.figures.calendar_axis import MOST_MARKS, calendar_ticks
from evalkit.report.figures.canvas import BLUE, GREY, INK, ORANGE, Figure, draw, one_line
from evalkit.report.figures.words import number
from evalkit.vocabulary import FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HEIGHT: Final = 3.7
RANGES_HEIGHT: Final = 1.3
GREEN: Final = "#009E73"
"""Bluish green of Okabe and Ito (2008): signals the wanted way; shapes tell them apart without colour."""
DIGITS: Final = 3

_WORDS: Final = {
    "title": "{title}: control chart",
    "says": "{title}, {unit}",
    "says_season": "{title}, {unit}, season taken out",
    "value": "Observed",
    "centre": "Mean of the baseline",
    "limits": "Limits of a steady process",
    "good": "Special cause, the wanted way",
    "bad": "Special cause, the other way",
    "target": "Target",
    "range": "Moving range",
    "alt": (
        "{count} periods from {first} to {last}. The baseline has a mean of {centre} and limits from {low} to {high}. "
        "{good} periods speak of a special cause the wanted way, {bad} the other way. The last value is {value}."
    ),
    "note": (
        "Shaded: the baseline, from which mean and limits are taken. Large marks complete a pattern that a steady "
        "process seldom shows{below}."
    ),
    "note_ranges": "; below, the distance of each value from the one before it, with its limit",
    "outlook_title": "{title}: outlook",
    "outlook_says": "{title}, {unit}",
    "forecast": "Forecast, if things go on",
    "band": "{level} % prediction interval of a period",
    "baseline": "Baseline",
    "outlook_alt": (
        "Observed until {last}: {value}. Forecast for {end}: {middle} ({low} to {high}). Target: {target} by {date}."
    ),
    "outlook_alt_observed": "Observed until {last}: {value}. Target: {target} by {date}.",
    "outlook_note": (
        "The band is of single periods; the mean over several is known better. The target is judged over {window}. A "
        "forecast continues the past: it does not know what is planned."
    ),
}
WORDS: Final = Phrases(_WORDS)


def control_chart(table: pd.DataFrame, *, title: str, unit: str, seasonal: bool, ranges: FloatArray | None) -> Figure:
    """Draw the periods around the mean of the baseline.

    Parameters
    ----------
    table
        As :func:`evalkit.indicators.tables.periods_table` returns it.
    title, unit
        Of the indicator.
    seasonal
        Whether a season was taken out.
    ranges
        Limit and mean of the moving ranges, drawn below; None for charts of counts and shares.
    """
    rows = table[table["observed"]].reset_index(drop=True)
    at = np.arange(len(rows))
    value, signal = rows["adjusted"].to_numpy(float), rows["signal"].to_numpy(int)
    centre, low, high = (rows[name].to_numpy(float) for name in ("centre", "low", "high"))

    def paint(ax: Axes) -> None:
        _shade(ax, rows["in_baseline"].to_numpy(bool))
        ax.plot(at, value, color=BLUE, linewidth=1.1, label=WORDS["value"], **_marks(len(at)))
        ax.plot(at, centre, color=INK, linewidth=1.0, label=WORDS["centre"])
        ax.plot(at, low, color=GREY, linewidth=1.0, linestyle=(0, (4, 3)), label=WORDS["limits"])
        ax.plot(at, high, color=GREY, linewidth=1.0, linestyle=(0, (4, 3)))
        for side, colour, shape, key in ((1, GREEN, "o", "good"), (-1, ORANGE, "X", "bad")):
            here = signal == side
            if here.any():
                ax.plot(at[here], value[here], shape, color=colour, markersize=6.0, label=WORDS[key], zorder=4)
        _dates(ax, at, rows["period"])

    below: tuple[Callable[[Axes], None], float] | None = None
    if ranges is not None:
        limit, mean = float(ranges[0]), float(ranges[1])

        def paint_ranges(ax: Axes) -> None:
            moved = rows["moving_range"].to_numpy(float)
            ax.plot(at, moved, color=BLUE, linewidth=1.0, **_marks(len(at)))
            ax.axhline(mean, color=INK, linewidth=1.0)
            ax.axhline(limit, color=GREY, linewidth=1.0, linestyle=(0, (4, 3)))
            ax.set_ylabel(WORDS["range"])
            ax.set_ylim(bottom=0.0)
            _dates(ax, at, rows["period"])

        below = paint_ranges, RANGES_HEIGHT
    says = WORDS["says_season" if seasonal else "says"].format(title=one_line(title), unit=one_line(unit, 40))
    svg, png = draw(paint, says=says, height=HEIGHT, below=below)
    inside = rows["in_baseline"].to_numpy(bool)
    known = np.flatnonzero(~np.isnan(value))
    columns = ["period", "adjusted", "centre", "low", "high", "signal"]
    return Figure(
        id="control_chart",
        title=WORDS["title"].format(title=one_line(title)),
        alt=WORDS["alt"].format(
            count=len(rows), first=rows["period"].iloc[0], last=rows["period"].iloc[-1],
            centre=_mean(centre[inside]), low=_mean(low[inside]), high=_mean(high[inside]),
            good=int((signal == 1).sum()), bad=int((signal == -1).sum()), value=number(float(value[known[-1]]), DIGITS),
        ),
        note=WORDS["note"].format(below=WORDS["note_ranges"] if ranges is not None else ""),
        data=rows[columns + (["moving_range"] if ranges is not None else [])],
        svg=svg,
        png=png,
    )  # fmt: skip


def outlook(
    table: pd.DataFrame,
    *,
    title: str,
    unit: str,
    baseline: float,
    target: float,
    date: str,
    window: str,
    level: float,
) -> Figure:
    """Draw what was observed, what is foretold, and the target.

    Parameters
    ----------
    table
        As :func:`evalkit.indicators.tables.periods_table` returns it.
    title, unit
        Of the indicator.
    baseline, target
        Levels, in that unit.
    date, window
        The target's date, and the periods over whose mean it is judged.
    level
        Of the prediction interval.
    """
    at = np.arange(len(table))
    seen = table["observed"].to_numpy(bool)
    value = table["value"].to_numpy(float)
    middle, low, high = (table[name].to_numpy(float) for name in ("forecast", "forecast_low", "forecast_high"))
    foretold = ~np.isnan(middle)
    end = int(np.flatnonzero(table["period"] == date)[0]) if (table["period"] == date).any() else len(table) - 1

    def paint(ax: Axes) -> None:
        _shade(ax, table["in_baseline"].to_numpy(bool))
        ax.plot(at[seen], value[seen], color=BLUE, linewidth=1.1, label=WORDS["value"], **_marks(len(at)))
        if foretold.any():
            ax.fill_between(at[foretold], low[foretold], high[foretold], color=BLUE, alpha=0.16, linewidth=0.0,
                            label=WORDS["band"].format(level=localized(f"{100 * level:g}")))  # fmt: skip
            ax.plot(at[foretold], middle[foretold], color=BLUE, linewidth=1.6, linestyle=(0, (2, 1.5)),
                    label=WORDS["forecast"])  # fmt: skip
        inside = np.flatnonzero(table["in_baseline"].to_numpy(bool))
        ax.hlines(baseline, inside[0], inside[-1], color=INK, linewidth=1.0, label=WORDS["baseline"])
        ax.hlines(target, inside[-1], end, color=ORANGE, linewidth=1.4, linestyle=(0, (5, 3)), label=WORDS["target"])
        ax.plot([end], [target], "D", color=ORANGE, markersize=6.0, zorder=5)
        _dates(ax, at, table["period"])

    svg, png = draw(paint, says=WORDS["outlook_says"].format(title=one_line(title), unit=one_line(unit, 40)),
                    height=HEIGHT)  # fmt: skip
    known = np.flatnonzero(~np.isnan(value))
    names = {
        "last": table["period"].iloc[known[-1]], "value": number(float(value[known[-1]]), DIGITS),
        "target": number(target, DIGITS), "date": date,
    }  # fmt: skip
    if foretold.any():
        last = int(np.flatnonzero(foretold)[-1])
        alt = WORDS["outlook_alt"].format(
            **names, end=table["period"].iloc[last], middle=number(float(middle[last]), DIGITS),
            low=number(float(low[last]), DIGITS), high=number(float(high[last]), DIGITS),
        )  # fmt: skip
    else:
        alt = WORDS["outlook_alt_observed"].format(**names)
    return Figure(
        id="outlook",
        title=WORDS["outlook_title"].format(title=one_line(title)),
        alt=alt,
        note=WORDS["outlook_note"].format(window=window),
        data=table[["period", "value", "forecast", "forecast_low", "forecast_high"]],
        svg=svg,
        png=png,
    )


def _mean(values: FloatArray) -> str:
    return number(float(np.nanmean(values)), DIGITS)


def _marks(count: int) -> dict[str, Any]:
    """Few points are marked; many are a line."""
    return {"marker": "o", "markersize": 3.6} if count <= MOST_MARKS else {"marker": "o", "markersize": 1.8}


def _shade(ax: Axes, inside: np.typing.NDArray[np.bool_]) -> None:
    places = np.flatnonzero(inside)
    ax.axvspan(places[0] - 0.5, places[-1] + 0.5, color="#EEF1F5", zorder=0, linewidth=0.0)


def _dates(ax: Axes, at: np.typing.NDArray[np.int64], periods: Sequence[str] | pd.Series[str]) -> None:
    places, labels = calendar_ticks([float(place) for place in at], [str(label) for label in periods])
    ax.set_xticks(places, [one_line(label, 14) for label in labels])
    ax.margins(x=0.02)
