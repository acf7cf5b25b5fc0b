"""What changed in a series at the start of the programme, and what the model ascribes to other programmes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pandas as pd

from evalkit.language import phrase, say
from evalkit.report.figures.canvas import BLUE, GREY, INK, Figure, draw, one_line, wrapped
from evalkit.report.figures.setting import Setting
from evalkit.report.figures.words import number, span

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ROW_HEIGHT: Final = 0.46
FRAME_HEIGHT: Final = 1.2
NUMBERS: Final = ["estimate", "low", "high"]


def series_coefficients(rows: pd.DataFrame, setting: Setting) -> Figure:
    """Draw one coefficient a row, those of the programme first.

    Parameters
    ----------
    rows
        term (``level`` and ``slope`` for the programme, else the name of another), estimate, low, high.
    setting
        Names and units.

    Examples
    --------
    >>> rows = pd.DataFrame({"term": ["level", "new camera"], "estimate": [-4.0, 1.0], "low": [-6.0, -1.0],
    ...                      "high": [-2.0, 3.0]})
    >>> series_coefficients(rows, Setting("crime", "crimes", "month", "95 % interval")).alt
    'Changes of crime in crimes. Level at the start −4 (−6 to −2), new camera 1 (−1 to 3).'
    """
    data = rows.reset_index(drop=True)
    numbers = data[NUMBERS].to_numpy(float)
    names = [_name(str(term), setting.step) for term in data["term"]]

    def paint(ax: Axes) -> None:
        ax.axvline(0.0, color=INK, linewidth=0.9, zorder=1)
        for place, (estimate, low, high) in enumerate(numbers):
            own = data["term"].iloc[place] in ("level", "slope")
            colour = BLUE if own else GREY
            ax.hlines(place, low, high, color=colour, linewidth=3.0 if own else 2.0)
            ax.plot(estimate, place, "o" if own else "D", color=colour, markersize=8 if own else 5.5)
        ax.set_ylim(len(data) - 0.4, -0.6)
        ax.set_yticks(range(len(data)), [wrapped(name, 24) for name in names])
        ax.tick_params(axis="y", length=0)
        ax.spines["left"].set_visible(False)
        ax.margins(x=0.08)

    says = say("Change of {outcome}, {effect_unit}", outcome=setting.outcome, effect_unit=setting.effect_unit)
    svg, png = draw(paint, says=says, height=FRAME_HEIGHT + ROW_HEIGHT * len(data))
    told = ", ".join(
        f"{one_line(name)} {number(estimate)} ({span(low, high)})"
        for name, (estimate, low, high) in zip(names, numbers, strict=True)
    )
    others = len(data) > sum(term in ("level", "slope") for term in data["term"])
    return Figure(
        id="series_coefficients",
        title=phrase("What changed, and when"),
        alt=say(
            "Changes of {outcome} in {effect_unit}. {upper}{told}.",
            outcome=setting.outcome,
            effect_unit=setting.effect_unit,
            upper=told[:1].upper(),
            told=told[1:],
        ),
        note=phrase("Blue: what changed when the programme started, by the model.")
        + (phrase(" Grey: what the model ascribes to other programmes, which it adjusts for.") if others else "")
        + say(" Bars are the {interval} of each.", interval=setting.interval),
        data=data,
        svg=svg,
        png=png,
    )


def _name(term: str, step: str) -> str:
    return {"level": "level at the start", "slope": f"slope, per {step}"}.get(term, term)
