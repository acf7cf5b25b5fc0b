"""Scores of themes and topics, now and at the baseline, with their intervals and targets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from evalkit.language import Phrases, localized
from evalkit.report.figures.canvas import BLUE, GREY, INK, ORANGE, Figure, draw, wrapped
from evalkit.report.figures.words import number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ROW_HEIGHT: Final = 0.36
FRAME_HEIGHT: Final = 1.2
_WORDS: Final = {
    "title": "Scores now and in {baseline}",
    "says": "Score, 1 to 100; 100 is equality",
    "target": "Target",
    "alt": "Scores in {year}: {scores}. In {baseline}: {earlier}.",
    "note": (
        "Bars: {level} % intervals, from the groups' sampling distributions. Scores are approximate. Diamonds: targets."
    ),
}
WORDS: Final = Phrases(_WORDS)


def equality_scores(rows: pd.DataFrame, *, year: str, baseline: str, level: float) -> Figure:
    """Draw a row for each level of the tree.

    Parameters
    ----------
    rows
        label, kind (city, theme, topic), score, low, high, earlier (score at the baseline), target (NaN without one).
    year, baseline
        What is compared.
    level
        Of the intervals.
    """
    score, low, high, earlier, target = (rows[name].to_numpy(float) for name in
                                         ("score", "low", "high", "earlier", "target"))  # fmt: skip

    def paint(ax: Axes) -> None:
        at = np.arange(len(rows))
        ax.hlines(at, low, high, color=BLUE, linewidth=2.0)
        ax.plot(earlier, at, "o", color="white", markeredgecolor=GREY, markeredgewidth=1.4, markersize=6.0,
                label=baseline)  # fmt: skip
        ax.plot(score, at, "o", color=BLUE, markersize=6.5, label=year)
        if np.isfinite(target).any():
            ax.plot(target, at, "D", color=ORANGE, markersize=6.0, label=WORDS["target"])
        ax.set_ylim(len(rows) - 0.4, -0.6)
        labels = [wrapped(label, 30) for label in rows["label"]]
        ax.set_yticks(at, labels)
        for text, kind in zip(ax.get_yticklabels(), rows["kind"], strict=True):
            text.set_fontweight("bold" if kind != "topic" else "normal")
            text.set_color(INK)
        ax.tick_params(axis="y", length=0)
        ax.spines["left"].set_visible(False)
        ax.set_xlim(0.0, 101.0)
        ax.grid(axis="x", color="#EEF1F5", linewidth=0.8)
        ax.set_axisbelow(True)

    lines = sum(wrapped(label, 30).count("\n") + 1 for label in rows["label"])
    svg, png = draw(paint, says=WORDS["says"], height=FRAME_HEIGHT + ROW_HEIGHT * lines)
    told = ", ".join(f"{label} {number(value, 3)}" for label, value in zip(rows["label"], score, strict=True))
    before = ", ".join(f"{label} {number(value, 3)}" for label, value in zip(rows["label"], earlier, strict=True))
    return Figure(
        id="equality_scores",
        title=WORDS["title"].format(baseline=baseline),
        alt=WORDS["alt"].format(year=year, scores=told, baseline=baseline, earlier=before),
        note=WORDS["note"].format(level=localized(f"{100 * level:g}")),
        data=rows,
        svg=svg,
        png=png,
    )
