"""Goodman-Bacon decomposition: each comparison inside the two-way coefficient, by its weight and its estimate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pandas as pd

from evalkit.language import mark, phrase, say
from evalkit.report.figures.canvas import BLUE, GREY, INK, ORANGE, Figure, draw
from evalkit.report.figures.setting import Setting
from evalkit.report.figures.words import counted, number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HEIGHT: Final = 4.2
FORBIDDEN: Final = "forbidden"
MARKS: Final = ("o", "^", "X", "P")
COLOURS: Final = (BLUE, GREY, ORANGE, INK)
FIRST_PART: Final = mark("{share} % of the weight {kind} ({average} {unit} on average)")
PART: Final = mark("{share} % {kind} ({average} {unit} on average)")
KINDS: Final = (
    mark("against never-treated"),
    mark("against later starts"),
    mark("against earlier starts (forbidden)"),
    mark("against always-treated (forbidden)"),
)


def goodman_bacon(rows: pd.DataFrame, setting: Setting) -> Figure:
    """Draw one mark a comparison of two timing groups.

    Parameters
    ----------
    rows
        type, treated, comparison, n_treated, n_units, weight, estimate; the first row is the whole coefficient.
    setting
        Names and units.

    Examples
    --------
    >>> rows = pd.DataFrame({"type": ["all", "against never-treated", "against earlier starts (forbidden)"],
    ...                      "treated": ["", "2005", "2006"], "comparison": ["", "never treated", "2005"],
    ...                      "weight": [1.0, 0.9, 0.1], "estimate": [0.8, 1.0, -1.0]})
    >>> goodman_bacon(rows, Setting("jobs", "jobs", "year", "95 % interval")).alt
    'The two-way coefficient for jobs (0.8 jobs) is made of 2 comparisons: 90 % of the weight against never-treated (1 jobs on average), 10 % against earlier starts (forbidden) (−1 jobs on average).'
    """  # noqa: E501 (the sentence is one line)
    data = rows.reset_index(drop=True)
    pairs = data.iloc[1:]

    def paint(ax: Axes) -> None:
        ax.axhline(0.0, color=INK, linewidth=0.9, zorder=1)
        whole = data["estimate"].to_numpy(float)[0]
        ax.axhline(
            whole, color=GREY, linewidth=1.2, linestyle=(0, (4, 3)), zorder=1, label=phrase("two-way coefficient")
        )
        for kind, shape, colour in zip(KINDS, MARKS, COLOURS, strict=True):
            own = pairs[pairs["type"] == kind]
            if len(own):
                ax.scatter(own["weight"], own["estimate"], marker=shape, s=46, color=colour, alpha=0.85, linewidth=0,
                           zorder=3, label=kind)  # fmt: skip
        ax.set_xlabel(phrase("Weight in the two-way coefficient (they add up to 1)"))
        ax.margins(x=0.04, y=0.1)

    svg, png = draw(
        paint,
        says=say("Effect on {outcome}, {effect_unit}", outcome=setting.outcome, effect_unit=setting.effect_unit),
        height=HEIGHT,
    )
    return Figure(
        id="goodman_bacon",
        title=phrase("What the two-way coefficient compares"),
        alt=_alt(data, setting),
        note=phrase(
            "Each mark compares places that start with others that do not change meanwhile; the "
            "coefficient is their weighted average. Comparisons with places that are treated already "
            "are forbidden: where effects grow with time, they subtract them."
        ),
        data=data,
        svg=svg,
        png=png,
    )


def _alt(data: pd.DataFrame, setting: Setting) -> str:
    unit, pairs = setting.effect_unit, data.iloc[1:].dropna(subset=["weight", "estimate"])
    whole = data["estimate"].to_numpy(float)[0]
    said = say(
        "The two-way coefficient for {outcome} ({whole} {unit})",
        outcome=setting.outcome,
        whole=number(whole),
        unit=unit,
    )
    parts: list[str] = []
    for kind in KINDS:
        own = pairs[pairs["type"] == kind]
        share = float(own["weight"].to_numpy(float).sum())
        if share > 0.0:
            average = float(own["weight"].to_numpy(float) @ own["estimate"].to_numpy(float)) / share
            holes = {"share": number(100.0 * share), "kind": phrase(kind), "average": number(average), "unit": unit}
            parts.append(phrase(PART).format(**holes) if parts else phrase(FIRST_PART).format(**holes))
    if not parts:
        return say("{said}; its comparisons are withheld.", said=said)
    return say(
        "{said} is made of {counted}: {listed}.",
        said=said,
        counted=counted(len(pairs), "comparison"),
        listed=", ".join(parts),
    )
