"""How far intervals hold more or less often than they say, by method: dots with two Monte Carlo errors, and a band."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from evalkit.report.figures.canvas import BLUE, GREY, INK, ORANGE, PALE, draw
from tests.calibrated.measure import Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BAND: Final = 3.0
"""Points around the level within which most intervals are asked to hold."""
ERRORS: Final = 2.0
LEAST: Final = -20.0
"""Points; what lies further down is drawn at the edge, with its figure."""
LANE, FRAME, WITHIN = 0.42, 1.2, 0.34


def picture(rows: Sequence[Row]) -> bytes:
    """The figure as SVG: a lane a method, a dot a world."""
    lanes = _lanes(rows)

    def paint(ax: Axes) -> None:
        ax.axvspan(-BAND, BAND, color=PALE, alpha=0.6, zorder=0, label="3 points around it")
        ax.axvline(0.0, color=INK, linewidth=0.9, zorder=1)
        for lane, own in enumerate(lanes.values()):
            for place, row in zip(_places(len(own)), own, strict=True):
                _dot(ax, lane + place, row)
        ax.plot([], [], "o", color=BLUE, markersize=4.5, label="as asked, with 2 Monte Carlo errors")
        ax.plot([], [], "o", color=ORANGE, markersize=4.5, label="not as asked")
        ax.plot([], [], "o", color=GREY, markersize=4.5, label="asked to fail, and does")
        ax.set_ylim(len(lanes) - 0.4, -0.6)
        ax.set_xlim(LEAST - 2.0, 12.0)
        ax.set_yticks(range(len(lanes)), [name.replace("_", " ") for name in lanes])
        ax.tick_params(axis="y", length=0)
        ax.spines["left"].set_visible(False)

    says = "intervals: points of coverage above or below the level"
    svg, _ = draw(paint, says=says, height=FRAME + LANE * len(lanes))
    return svg


def alt(every: Sequence[Row]) -> str:
    """Words for readers who do not see the figure."""
    lanes = _lanes(every)
    rows = [row for own in lanes.values() for row in own if not (row.has_to_fail and row.as_asked)]
    near = sum(abs(gap(row)) <= BAND for row in rows)
    failing = sum(len(own) for own in lanes.values()) - len(rows)
    widest = [row for row in rows if gap(row) < -BAND]
    named = ", ".join(dict.fromkeys(row.method.replace("_", " ") for row in sorted(widest, key=gap)))
    beyond = f" Further below: {named}." if named else ""
    return (
        f"Intervals of {len(lanes)} methods in {len(rows)} worlds: {near} hold the truth within {BAND:.0f} points of "
        f"what they say; {failing} more are asked to fail, and do.{beyond}"
    )


def _lanes(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Intervals by method, methods in order of their names."""
    lanes: dict[str, list[Row]] = {}
    for row in sorted(rows, key=lambda row: row.method):
        if row.kind == "interval":
            lanes.setdefault(row.method, []).append(row)
    return lanes


def _places(count: int) -> Sequence[float]:
    """Where the dots of a lane stand, from its middle."""
    return [0.0] if count == 1 else np.linspace(-WITHIN, WITHIN, count).tolist()


def _dot(ax: Axes, place: float, row: Row) -> None:
    points = gap(row)
    colour = GREY if row.has_to_fail and row.as_asked else BLUE if row.as_asked else ORANGE
    if points < LEAST:
        ax.plot(LEAST, place, "<", color=colour, markersize=4.5)
        ax.annotate(f"{points:.0f}".replace("-", "−"), (LEAST + 0.7, place), va="center", fontsize=8, color=colour)
        return
    bar = 100.0 * ERRORS * row.figures["error"]
    ax.hlines(place, max(points - bar, LEAST), points + bar, color=colour, linewidth=0.9, alpha=0.8)
    ax.plot(points, place, "o", color=colour, markersize=2.8)


def gap(row: Row) -> float:
    """Points by which intervals hold more often than they say."""
    return 100.0 * (row.figures["value"] - row.figures["level"])
