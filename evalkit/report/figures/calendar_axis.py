"""The axis of a figure over time: dates where all started together, else periods since the start."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import pandas as pd

from evalkit.language import say
from evalkit.report.figures.canvas import GREY, one_line, time_axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes

YEAR: Final = re.compile(r"(1[7-9]\d\d|20\d\d|21\d\d)(?!\d)")
DATE: Final = re.compile(r"\d{4}-\d\d-(\d\d)")
DECIMAL: Final = re.compile(r"\d{4}\.\d+")
PART: Final = 1e-4
"""Of a year: decimals are written with few digits."""
STRIDES: Final = (1, 2, 5, 10, 20, 50, 100)
MOST_YEARS, MOST_LABELS, FEWEST_YEARS = 8, 5, 3
MOST_MARKS: Final = 26
"""With more points than this each is a dot of a line, not a mark: two series of a hundred marks hide each other."""


def periods_of(rows: pd.DataFrame) -> tuple[str, ...]:
    """Calendar labels of the rows; empty where not every row has one with a year. Months go without their day.

    A calendar that only counts (1, 2, 3) says less than the distance from the start.

    Examples
    --------
    >>> periods_of(pd.DataFrame({"event_time": [0, 1], "period": ["1989-01-01", "1989-02-01"]}))
    ('1989-01', '1989-02')
    """
    if "period" not in rows or rows["period"].isna().any():
        return ()
    labels = tuple(str(label) for label in rows["period"])
    if not all(map(YEAR.match, labels)):
        return ()
    if all(map(DECIMAL.fullmatch, labels)):
        return _parts_of_years([float(label) for label in labels])
    days = {found.group(1) if (found := DATE.fullmatch(label)) else "" for label in labels}
    return tuple(label[:-3] for label in labels) if len(labels) > 1 and len(days) == 1 and days != {""} else labels


def _parts_of_years(decimals: Sequence[float]) -> tuple[str, ...]:
    """Decimal years as years, quarters or months, whichever all of them are; others as they are.

    Examples
    --------
    >>> _parts_of_years([1999.0, 1999.25]), _parts_of_years([2021.0, 2021.9166667])
    (('1999 Q1', '1999 Q2'), ('2021-01', '2021-12'))
    """
    for count, write in ((1, "{0}"), (4, "{0} Q{1}"), (12, "{0}-{1:02d}")):
        parts = [round(decimal * count) for decimal in decimals]
        if all(abs(part / count - decimal) < PART for part, decimal in zip(parts, decimals, strict=True)):
            return tuple(write.format(part // count, part % count + 1) for part in parts)
    return tuple(f"{decimal:g}" for decimal in decimals)


def paint_time(ax: Axes, times: Sequence[float], step: str, periods: Sequence[str] = ()) -> None:
    """Label the axis and mark the start, halfway between the last period before it and the first under it.

    Parameters
    ----------
    ax
        Axes.
    times
        Event times of the rows.
    step
        One period in words.
    periods
        Calendar labels of the same rows; without them the axis counts from the start.
    """
    if not periods:
        time_axis(ax, times, step)
        return
    named = dict(zip(times, periods, strict=True))
    at, text = calendar_ticks(times, periods)
    ax.set_xticks(at, [one_line(label, 14) for label in text])
    ax.axvline(-0.5, color=GREY, linewidth=1.0, linestyle=(0, (4, 3)), zorder=1)
    start = named.get(0.0)
    ax.set_xlabel("" if start is None else say("Broken line: the start ({start})", start=one_line(start, 14)))
    ax.margins(x=0.03)


def calendar_ticks(times: Sequence[float], periods: Sequence[str]) -> tuple[list[float], list[str]]:
    """Where to label a calendar axis: round years where labels have them, else some labels evenly spread.

    Examples
    --------
    >>> calendar_ticks(range(-3, 4), [str(year) for year in range(1997, 2004)])[1]
    ['1998', '2000', '2002']
    >>> months = [f"{year}-{month:02d}" for year in (2019, 2020, 2021) for month in range(1, 13)]
    >>> calendar_ticks(range(36), months)
    ([0, 12, 24], ['2019', '2020', '2021'])
    >>> calendar_ticks(range(4), ["2020-01-06", "2020-01-13", "2020-01-20", "2020-01-27"])[1]
    ['2020-01-06', '2020-01-13', '2020-01-20', '2020-01-27']
    """
    years = [YEAR.match(label) for label in periods]
    if all(years):
        found = [int(year.group(0)) for year in years if year is not None]
        first = [i for i in range(len(found)) if _opens_year(i, found, periods)]
        few = len(periods) <= MOST_YEARS - 2 and len(first) == len(periods)
        stride = next((s for s in STRIDES if sum(found[i] % s == 0 for i in first) <= MOST_YEARS - 2), STRIDES[-1])
        chosen = first if few else [i for i in first if found[i] % stride == 0]
        if len(chosen) >= FEWEST_YEARS:
            return [times[i] for i in chosen], [str(found[i]) for i in chosen]
    step = -(-len(periods) // MOST_LABELS)
    return list(times[::step]), list(periods[::step])


def _opens_year(i: int, years: Sequence[int], periods: Sequence[str]) -> bool:
    """Whether a row is the first of its year; the first row of all is where its label says so."""
    if i:
        return years[i] != years[i - 1]
    rest = periods[0][4:].strip("-Q. ")
    return rest in ("", "0", "1", "01", "01-01")
