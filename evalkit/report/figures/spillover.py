"""Spillover: the effect without the comparison places near treated ones, and the effect on those places."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from evalkit.language import phrase, say
from evalkit.report.figures.canvas import BLUE, INK, ORANGE, Figure, draw, wrapped
from evalkit.report.figures.setting import Setting
from evalkit.report.figures.words import counted, number, span

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ROW_HEIGHT: Final = 0.6
FRAME_HEIGHT: Final = 1.6
APART: Final = 0.16


def spillover(rows: pd.DataFrame, setting: Setting) -> Figure:
    """Draw, ring by ring, the effect on the treated without its places, and the effect on these places.

    Parameters
    ----------
    rows
        The first row leaves nothing out. ring, n_left_out, n_in_ring, estimate, low, high, ring_estimate,
        ring_low, ring_high.
    setting
        Names and units.

    Examples
    --------
    >>> rows = pd.DataFrame({"ring": ["none left out", "0 to 10 km"], "n_left_out": [0, 12], "n_in_ring": [0, 12],
    ...     "estimate": [1.0, 1.2], "low": [0.5, 0.6], "high": [1.5, 1.8], "ring_estimate": [None, 0.1],
    ...     "ring_low": [None, -0.3], "ring_high": [None, 0.5]})
    >>> spillover(rows, Setting("jobs", "jobs", "year", "95 % interval")).alt  # doctest: +ELLIPSIS
    'Effect on jobs: 1 jobs with all places; 1.2 jobs without 12 places within 10 km, and 0.1 (−0.3 to 0.5) ...'
    """
    data = rows.reset_index(drop=True)
    treated = data[["estimate", "low", "high"]].to_numpy(float)
    near = data[["ring_estimate", "ring_low", "ring_high"]].to_numpy(float)

    def paint(ax: Axes) -> None:
        ax.axvline(0.0, color=INK, linewidth=0.9, zorder=1)
        for numbers, shift, colour, mark, label in (
            (treated, -APART, BLUE, "o", phrase("on the treated places")),
            (near, APART, ORANGE, "D", phrase("on the places near them")),
        ):
            known = ~np.isnan(numbers[:, 0])
            places = np.arange(len(data))[known] + shift
            ax.hlines(places, numbers[known, 1], numbers[known, 2], color=colour, linewidth=2.2)
            ax.plot(numbers[known, 0], places, mark, color=colour, markersize=6, label=label)
        ax.set_ylim(len(data) - 0.4, -0.6)
        names = [
            name if row == 0 else say("without those {reach}", reach=_reach(name))
            for row, name in enumerate(data["ring"].astype(str))
        ]
        ax.set_yticks(range(len(data)), [wrapped(name, 22) for name in names])
        ax.tick_params(axis="y", length=0)
        ax.spines["left"].set_visible(False)
        ax.margins(x=0.08)

    height = FRAME_HEIGHT + ROW_HEIGHT * len(data)
    svg, png = draw(
        paint,
        says=say("Effect on {outcome}, {effect_unit}", outcome=setting.outcome, effect_unit=setting.effect_unit),
        height=height,
    )
    return Figure(
        id="spillover",
        title=phrase("Did neighbours change as well?"),
        alt=_alt(data, treated, near, setting),
        note=say(
            "Bars are the {interval}. If the first mark of a row moves away from that of the top row,"
            " places near the treated ones were no picture of the world without the programme.",
            interval=setting.interval,
        ),
        data=data,
        svg=svg,
        png=png,
    )


def _is_distance(ring: str) -> bool:
    return " to " in ring


def _reach(ring: str) -> str:
    """How far the places reach that a row leaves out: up to the outer edge of its ring, not the ring alone."""
    return (
        say("within {rsplit}", rsplit=ring.rsplit(" to ", maxsplit=1)[-1])
        if _is_distance(ring)
        else phrase("near treated ones")
    )


def _alt(
    data: pd.DataFrame, treated: np.typing.NDArray[np.float64], near: np.typing.NDArray[np.float64], setting: Setting
) -> str:
    unit = setting.effect_unit
    said = [
        say(
            "Effect on {outcome}: {treated} {unit} with all places",
            outcome=setting.outcome,
            treated=number(treated[0, 0]),
            unit=unit,
        )
    ]
    for row in range(1, len(data)):
        if np.isnan(treated[row, 0]):
            continue
        count = data["n_left_out"].iloc[row]
        places = "places" if pd.isna(count) else counted(int(count), "place")
        ring = str(data["ring"].iloc[row])
        text = say(
            "{treated} {unit} without {places} {reach}",
            treated=number(treated[row, 0]),
            unit=unit,
            places=places,
            reach=_reach(ring),
        )
        if not np.isnan(near[row, 0]):
            where = say("{ring} away", ring=ring) if _is_distance(ring) else phrase("near treated ones")
            text += say(
                ", and {near} ({range}) on the places {where}",
                near=number(near[row, 0]),
                range=span(near[row, 1], near[row, 2]),
                where=where,
            )
        said.append(text)
    return "; ".join(said) + "."
