"""Two runs side by side: each estimate of one run above the same of the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from evalkit.language import phrase, say, with_unit
from evalkit.report.figures.canvas import BLUE, INK, ORANGE, Figure, draw, one_line, wrapped
from evalkit.report.figures.words import number, span

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ROW_HEIGHT = 0.62
FRAME_HEIGHT = 1.4
APART = 0.16
"""Distance of a run's mark from the middle of its row."""


def side_by_side(rows: pd.DataFrame, *, outcome: str, effect_unit: str, first: str, second: str) -> Figure:
    """Draw the estimates of two runs, those of one label together.

    Parameters
    ----------
    rows
        In the order to be shown: label, run (``first`` or ``second``), estimate, low, high; no missing estimate.
    outcome, effect_unit
        What the effects are on, and their unit.
    first, second
        Names of the runs.

    Examples
    --------
    >>> rows = pd.DataFrame({"label": ["primary"] * 2, "run": ["first", "second"], "estimate": [1.0, 2.0],
    ...                      "low": [0.5, 1.0], "high": [1.5, 3.0]})
    >>> side_by_side(rows, outcome="jobs", effect_unit="jobs", first="A", second="B").alt
    'Effects on jobs in two runs. primary: 1 jobs (0.5 to 1.5) in A, 2 jobs (1 to 3) in B.'
    """
    labels = list(dict.fromkeys(rows["label"]))

    def paint(ax: Axes) -> None:
        ax.axvline(0.0, color=INK, linewidth=0.9, zorder=1)
        for run, name, colour, mark, shift in (
            ("first", first, BLUE, "o", -APART), ("second", second, ORANGE, "s", APART),
        ):  # fmt: skip
            part = rows[rows["run"] == run]
            places = [labels.index(label) + shift for label in part["label"]]
            ax.hlines(places, part["low"], part["high"], color=colour, linewidth=2.4)
            ax.plot(part["estimate"], places, mark, color=colour, markersize=7.5, label=one_line(name))
        ax.set_ylim(len(labels) - 0.4, -0.6)
        ax.set_yticks(range(len(labels)), [wrapped(label, 24) for label in labels])
        ax.tick_params(axis="y", length=0)
        ax.spines["left"].set_visible(False)
        ax.margins(x=0.08)

    svg, png = draw(
        paint,
        says=say("Effect on {outcome}, {unit}", outcome=outcome, unit=effect_unit),
        height=FRAME_HEIGHT + ROW_HEIGHT * len(labels),
    )
    return Figure(
        id="side_by_side",
        title=say("Effect on {outcome} in both runs", outcome=one_line(outcome)),
        alt=_alt(rows, outcome, effect_unit, {"first": first, "second": second}),
        note=phrase("Lines are the reported intervals of each run."),
        data=rows,
        svg=svg,
        png=png,
    )


def _alt(rows: pd.DataFrame, outcome: str, unit: str, names: dict[str, str]) -> str:
    said = [say("Effects on {outcome} in two runs.", outcome=outcome)]
    for label in dict.fromkeys(rows["label"]):
        part = rows[rows["label"] == label]
        numbers = part[["estimate", "low", "high"]].to_numpy(float)
        told = [
            say(
                "{size} ({span}) in {run}",
                size=with_unit(number(estimate), unit),
                span=span(low, high),
                run=one_line(names[run]),
            )
            for run, (estimate, low, high) in zip(part["run"], numbers, strict=True)
        ]
        said.append(f"{one_line(label)}: {', '.join(told)}.")
    return " ".join(said)
