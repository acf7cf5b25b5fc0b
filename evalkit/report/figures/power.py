"""Power: how often a change of each size would be detected, beside the change that matters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from evalkit.language import Phrases, localized, percent_sign, phrase, say
from evalkit.report.figures.canvas import BLUE, GREY, INK, ORANGE, Figure, draw, one_line
from evalkit.report.figures.words import number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HEIGHT = 3.7
KEY_ROW = 0.24
"""Inches for each further row of the key."""
COLOURS = (BLUE, ORANGE, "#009E73", "#CC79A7", INK, GREY)
"""Okabe and Ito (2008); the dash tells lines apart where colour does not."""
DASHES = ("-", (0, (5, 2)), (0, (2, 1.5)), (0, (6, 2, 1.5, 2)), (0, (3, 1, 1, 1, 1, 1)), (0, (8, 3)))


_SAID = {
    "size_rise": "Size of the rise, {unit}",
    "size_fall": "Size of the fall, {unit}",
    "detected_rise": "Rises of {outcome} that would be detected, per cent of cases",
    "detected_fall": "Falls of {outcome} that would be detected, per cent of cases",
    "title_rise": "How often a rise of {outcome} would be detected",
    "title_fall": "How often a fall of {outcome} would be detected",
    "by_size_rise": "How often a rise of {outcome} would be detected, by its size.",
    "by_size_fall": "How often a fall of {outcome} would be detected, by its size.",
    "mid_rise": "A rise of {mid} {unit}, the smallest that matters, is detected in {share:.0f} % of cases.",
    "mid_fall": "A fall of {mid} {unit}, the smallest that matters, is detected in {share:.0f} % of cases.",
}
SAID = Phrases(_SAID)


def power_curve(
    rows: pd.DataFrame,
    *,
    outcome: str,
    unit: str,
    way: str,
    target: float,
    detectable: float | None,
    mid: float | None,
) -> Figure:
    """Draw the share of placebo panels in which a change would be detected, by its size.

    Parameters
    ----------
    rows
        One line of the curve: effect_shown (positive), power, mc_error; `design` names the line where there are
        several.
    outcome, unit
        Name of the outcome and unit of the sizes.
    way
        ``rise`` or ``fall``.
    target
        Power that counts as enough; a thin line.
    detectable
        Size detected with that power: marked where there is one line. None where no size is.
    mid
        Smallest change that matters; None where none was declared.

    Examples
    --------
    >>> rows = pd.DataFrame({"effect_shown": [0.0, 5.0, 10.0], "power": [0.03, 0.5, 0.9], "mc_error": [0.01] * 3})
    >>> power_curve(rows, outcome="crime", unit="%", way="fall", target=0.8, detectable=8.0, mid=None).alt
    'How often a fall of crime would be detected, by its size. 80 % power is reached at 8 %.'
    """
    lines = _lines(rows)

    def paint(ax: Axes) -> None:
        ax.axhline(100.0 * target, color=GREY, linewidth=0.9, zorder=1)
        enough = f"{localized(f'{100 * target:g}')}{percent_sign()}"
        ax.annotate(enough, (1.0, 100.0 * target), xycoords=("axes fraction", "data"), ha="right",
                    va="bottom", color=GREY, fontsize=10)  # fmt: skip
        for place, (name, line) in enumerate(lines.items()):
            _paint_line(ax, name, line, place, banded=len(lines) == 1)
        if mid is not None:
            ax.axvline(mid, color=INK, linewidth=1.2, linestyle=(0, (1, 1.5)), zorder=1,
                       label=phrase("smallest change that matters"))  # fmt: skip
        if detectable is not None and len(lines) == 1:
            ax.plot(detectable, 100.0 * target, "o", color=BLUE, markersize=8, zorder=5)
            ax.annotate(number(detectable), (detectable, 100.0 * target), xytext=(9, -14),
                        textcoords="offset points", color=BLUE)  # fmt: skip
        ax.set_xlim(0.0, float(rows["effect_shown"].max()))
        ax.set_ylim(0.0, 101.0)
        ax.set_xlabel(SAID.say(f"size_{way}", unit=unit))

    said = SAID.say(f"detected_{way}", outcome=outcome)
    svg, png = draw(paint, says=said, height=HEIGHT + KEY_ROW * (len(lines) // 2))
    several = phrase(" Lines are roll-outs over the same places.") if len(lines) > 1 else ""
    return Figure(
        id="power",
        title=SAID.say(f"title_{way}", outcome=one_line(outcome)),
        alt=_alt(lines, outcome, unit, way, target, detectable, mid),
        note=phrase("Simulated on outcomes that no programme had touched, with the study's own estimator.")
        + several
        + (phrase(" Shaded: twice the Monte Carlo error.") if len(lines) == 1 else "")
        + (phrase(" Dotted: the smallest change that matters.") if mid is not None else ""),
        data=rows.reset_index(drop=True),
        svg=svg,
        png=png,
    )


def _lines(rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    if "design" not in rows:
        return {"power": rows}
    return {str(name): rows[rows["design"] == name] for name in dict.fromkeys(rows["design"])}


def _paint_line(ax: Axes, name: str, line: pd.DataFrame, place: int, *, banded: bool) -> None:
    size, share = line["effect_shown"].to_numpy(float), 100.0 * line["power"].to_numpy(float)
    error = 200.0 * line["mc_error"].to_numpy(float)
    colour, dash = COLOURS[place % len(COLOURS)], DASHES[place % len(DASHES)]
    if banded:
        ax.fill_between(size, np.clip(share - error, 0, 100), np.clip(share + error, 0, 100), color=colour, alpha=0.18,
                        linewidth=0)  # fmt: skip
    ax.plot(size, share, color=colour, linestyle=dash, linewidth=2.0, zorder=4, label=one_line(name, 40))


def _alt(
    lines: dict[str, pd.DataFrame],
    outcome: str,
    unit: str,
    way: str,
    target: float,
    detectable: float | None,
    mid: float | None,
) -> str:
    said = [SAID.say(f"by_size_{way}", outcome=outcome)]
    if len(lines) == 1:
        (line,) = lines.values()
        reached = (
            say("is reached at {detectable} {unit}", detectable=number(detectable), unit=unit)
            if detectable is not None
            else phrase("is not reached")
        )
        said.append(say("{target:g} % power {reached}.", target=100 * target, reached=reached))
        if mid is not None:
            share = _power_at(line, mid)
            said.append(SAID.say(f"mid_{way}", mid=number(mid), unit=unit, share=100 * share))
        return " ".join(said)
    for name, line in lines.items():
        over = line.loc[line["power"] >= target, "effect_shown"]
        reached = (
            say("near {over} {unit}", over=number(float(over.min())), unit=unit)
            if len(over)
            else phrase("is not reached")
        )
        said.append(
            say("{name}: {target:g} % power {reached}.", name=one_line(name), target=100 * target, reached=reached)
        )
    return " ".join(said)


def _power_at(line: pd.DataFrame, size: float) -> float:
    return float(np.interp(size, line["effect_shown"].to_numpy(float), line["power"].to_numpy(float)))
