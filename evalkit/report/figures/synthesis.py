"""Forest over studies: each finding, their average, and where another city may lie."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from evalkit.language import bare, phrase, say
from evalkit.language.numbers import with_unit
from evalkit.report.figures.canvas import BLUE, GREY, INK, ORANGE, Figure, draw, one_line, wrapped
from evalkit.report.figures.words import number, span
from evalkit.synthesis.pooling import Group
from evalkit.synthesis.words import shown, unit_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ROW_HEIGHT = 0.34
FRAME_HEIGHT = 1.3
MOST_ROWS = 40
"""Studies drawn; of more, those with the narrowest intervals, and the note says so."""
Z = 1.959963984540054


def synthesis_forest(group: Group) -> Figure:
    """Draw the effect of each study, the average as a diamond, and the prediction interval as a line under it.

    Parameters
    ----------
    group
        Comparable findings.

    Returns
    -------
    Figure
        Its data are the rows drawn, in the unit of :func:`evalkit.synthesis.words.unit_of`.
    """
    data, left = _rows(group)
    result = group.result
    unit = unit_of(group)
    mean, low, high = (shown(group, value) for value in (result.mean, result.low, result.high))
    ahead = [shown(group, value) for value in (result.prediction_low, result.prediction_high)]

    def paint(ax: Axes) -> None:
        ax.axvline(0.0, color=INK, linewidth=0.9, zorder=1)
        sizes = np.sqrt(data["weight"].to_numpy(float) / data["weight"].max())
        for place, (estimate, least, most) in enumerate(data[["estimate", "low", "high"]].to_numpy(float)):
            ax.hlines(place, least, most, color=GREY, linewidth=1.6)
            ax.plot(estimate, place, "s", color=BLUE, markersize=3.0 + 6.0 * sizes[place])
        bottom = len(data) + 0.4
        if np.isfinite(ahead).all():
            ax.hlines(bottom, ahead[0], ahead[1], color=ORANGE, linewidth=1.6, linestyle=(0, (3, 2)))
        ax.fill([low, mean, high, mean], [bottom, bottom - 0.34, bottom, bottom + 0.34], color=ORANGE, zorder=3)
        ax.set_ylim(bottom + 0.8, -0.8)
        labels = [wrapped(label, 30) for label in data["label"]]
        ax.set_yticks([*range(len(data)), bottom], [*labels, phrase("Average")])
        ax.tick_params(axis="y", length=0)
        ax.spines["left"].set_visible(False)
        ax.margins(x=0.06)

    lines = sum(wrapped(label, 30).count("\n") + 1 for label in data["label"])
    svg, png = draw(
        paint,
        says=say("Effect on {outcome}, {unit}", outcome=one_line(group.outcome), unit=unit),
        height=FRAME_HEIGHT + ROW_HEIGHT * (lines + 1.5),
    )
    level = with_unit(number(100 * result.level, 3), "%")
    more = (
        say(
            " The {most_rows} most precise studies of {members} are drawn.",
            most_rows=MOST_ROWS,
            members=len(group.members),
        )
        if left
        else ""
    )
    return Figure(
        id="synthesis",
        title=say("{outcome}: findings and their average", outcome=one_line(bare(group.outcome))),
        alt=_alt(group, data, left, (mean, low, high), ahead),
        note=say(
            "Bars: {level} intervals as each study reports them; larger squares weigh more. Diamond: "
            "the average with its {level} interval; broken line: where the effect in another city may"
            " lie.{more}",
            level=level,
            more=more,
        ),
        data=data.drop(columns="weight"),
        svg=svg,
        png=png,
    )


def _rows(group: Group) -> tuple[pd.DataFrame, int]:
    """One row a study, in the order of their effects; and how many are left out of the picture."""
    rows = []
    for member, effect in zip(group.members, group.effects, strict=True):
        bounds = effect.value - Z * effect.std_error, effect.value + Z * effect.std_error
        low, high = (shown(group, bound) for bound in bounds)
        rows.append(
            {
                "label": member.city if group.n_cities == len(group.members) else f"{member.city}: {member.title}",
                "estimate": shown(group, effect.value),
                "low": low,
                "high": high,
                "weight": 1.0 / (effect.std_error**2 + group.pooled.tau2),
            }
        )
    table = pd.DataFrame(rows)
    kept = table.nlargest(MOST_ROWS, "weight", keep="all").head(MOST_ROWS)
    return kept.sort_values(["estimate", "label"]).reset_index(drop=True), len(table) - len(kept)


def _alt(
    group: Group, data: pd.DataFrame, left: int, average: tuple[float, float, float], ahead: list[float]
) -> str:  # fmt: skip
    unit = unit_of(group)
    lowest, highest = data["estimate"].min(), data["estimate"].max()
    said = [
        say(
            "{members} studies of {outcome}: effects from {range} {unit}.",
            members=len(group.members),
            outcome=one_line(group.outcome),
            range=span(lowest, highest),
            unit=unit,
        ),
        say(
            "Average {average} {unit} ({range}).",
            average=number(average[0]),
            unit=unit,
            range=span(average[1], average[2]),
        ),
    ]
    if np.isfinite(ahead).all():
        said.append(say("Another city: {range}.", range=span(ahead[0], ahead[1])))
    if left:
        said.append(say("{left} are not drawn.", left=left))
    return " ".join(said)
