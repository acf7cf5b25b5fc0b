"""Anticipation scan: the effect under each number of periods in which people may have acted early."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from evalkit.language import mark, phrase, say, with_unit
from evalkit.report.figures.canvas import BLUE, GREY, INK, PALE, Figure, draw, plural
from evalkit.report.figures.setting import Setting
from evalkit.report.figures.words import counted, number, span

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HEIGHT = 3.0
FIRST: Final = mark("{periods} of acting early: {estimate} ({range})")
LATER: Final = mark("{periods}: {estimate} ({range})")


def anticipation_scan(rows: pd.DataFrame, setting: Setting) -> Figure:
    """Draw the effect against the periods of anticipation allowed, the study's own choice in colour.

    Parameters
    ----------
    rows
        anticipation, estimate, low, high, declared (true for the study's own).
    setting
        Names and units.

    Examples
    --------
    >>> rows = pd.DataFrame({"anticipation": [0, 1], "n_treated": [9, 9], "estimate": [1.0, 1.2], "low": [0.5, 0.4],
    ...                      "high": [1.5, 2.0], "declared": [True, False]})
    >>> anticipation_scan(rows, Setting("jobs", "jobs", "year", "95 % interval")).alt
    'Effect on jobs with 0 years of acting early: 1 jobs (0.5 to 1.5); with 1 year: 1.2 jobs (0.4 to 2).'
    """
    data = rows.reset_index(drop=True)
    numbers = data[["anticipation", "estimate", "low", "high"]].to_numpy(float)
    own = data["declared"].to_numpy(bool)

    def paint(ax: Axes) -> None:
        ax.axhline(0.0, color=INK, linewidth=0.9, zorder=1)
        if own.any() and np.isfinite(numbers[own][0]).all():
            ax.axhspan(numbers[own][0, 2], numbers[own][0, 3], color=PALE, alpha=0.5, linewidth=0, zorder=0)
        for (allowed, estimate, low, high), is_own in zip(numbers, own, strict=True):
            colour = BLUE if is_own else GREY
            ax.vlines(allowed, low, high, color=colour, linewidth=2.5 if is_own else 1.8)
            ax.plot(allowed, estimate, "o" if is_own else "D", color=colour, markersize=8 if is_own else 5)
        ax.set_xticks(numbers[:, 0])
        ax.set_xlabel(
            say(
                "{steps} before the start in which people may have acted already",
                steps=plural(setting.step).capitalize(),
            )
        )
        ax.margins(x=0.12)

    svg, png = draw(
        paint,
        says=say("Effect on {outcome}, {effect_unit}", outcome=setting.outcome, effect_unit=setting.effect_unit),
        height=HEIGHT,
    )
    said = [
        (phrase(FIRST) if row == 0 else phrase(LATER)).format(
            periods=counted(int(allowed), setting.step), estimate=with_unit(number(estimate), setting.effect_unit),
            range=span(low, high),
        )
        for row, (allowed, estimate, low, high) in enumerate(numbers)
    ]  # fmt: skip
    return Figure(
        id="anticipation_scan",
        title=phrase("What if people acted before the start?"),
        alt=say("Effect on {outcome} with {listed}.", outcome=setting.outcome, listed=phrase("; with ").join(said)),
        note=say(
            "Large dot: as the study declares; shaded: its {interval}. With more {steps} of acting "
            "early, effects are measured from further back.",
            interval=setting.interval,
            steps=plural(setting.step),
        ),
        data=data,
        svg=svg,
        png=png,
    )
