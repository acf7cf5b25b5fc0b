"""Forest: the primary estimate beside every other estimator, refused ones with their reason."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

from evalkit.language import phrase, say
from evalkit.report.figures.canvas import BLUE, GREY, INK, Figure, draw, one_line, wrapped
from evalkit.report.figures.words import counted, number, span

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ROW_HEIGHT = 0.46
FRAME_HEIGHT = 1.2


def forest(
    rows: pd.DataFrame,
    *,
    outcome: str,
    effect_unit: str,
    interval: str,
    marks: Sequence[float] = (),
) -> Figure:
    """Draw one effect an estimator, the primary first.

    Parameters
    ----------
    rows
        In the order to be shown: label, role (``primary`` or ``robustness``), estimate, low, high
        in `effect_unit`, and reason: empty, or why there is no estimate.
    outcome
        Name of the outcome.
    effect_unit
        Unit of the effects.
    interval
        In words, e.g. ``95 % interval``.
    marks
        Effects at which a change starts to matter (MID).

    Examples
    --------
    >>> rows = pd.DataFrame({"label": ["main", "other"], "role": ["primary", "robustness"], "estimate": [1.0, None],
    ...                      "low": [0.5, None], "high": [1.5, None], "reason": ["", "No never-treated unit."]})
    >>> forest(rows, outcome="jobs", effect_unit="jobs", interval="95 % interval").alt
    'Estimates of the effect on jobs. main (primary): 1 jobs (0.5 to 1.5). 1 estimator gave no estimate: other.'
    """
    data = rows.reset_index(drop=True)

    def paint(ax: Axes) -> None:
        ax.axvline(0.0, color=INK, linewidth=0.9, zorder=1)
        for position, mark in enumerate(marks):
            ax.axvline(mark, color=GREY, linewidth=1.2, linestyle=(0, (1, 1.5)), zorder=1,
                       label=phrase("smallest change that matters") if position == 0 else None)  # fmt: skip
        for place, row in enumerate(data.itertuples(index=False)):
            _paint_row(ax, place, row)
        ax.set_ylim(len(data) - 0.4, -0.6)
        ax.set_yticks(range(len(data)), [wrapped(label, 24) for label in data["label"]])
        ax.tick_params(axis="y", length=0)
        ax.spines["left"].set_visible(False)
        ax.margins(x=0.08)

    svg, png = draw(
        paint,
        says=say("Effect on {outcome}, {effect_unit}", outcome=outcome, effect_unit=effect_unit),
        height=FRAME_HEIGHT + ROW_HEIGHT * len(data),
    )
    return Figure(
        id="forest",
        title=say("Effect on {outcome} by estimator", outcome=one_line(outcome)),
        alt=_alt(data, outcome, effect_unit),
        note=say(
            "Bars are the {interval} of each estimator; the large dot is the one named in advance, on"
            " which the headline rests.",
            interval=interval,
        )
        + (phrase(" Dotted: the smallest change that matters.") if marks else ""),
        data=data,
        svg=svg,
        png=png,
    )


def _paint_row(ax: Axes, place: int, row: object) -> None:
    estimate, low, high = (getattr(row, name) for name in ("estimate", "low", "high"))
    primary = getattr(row, "role") == "primary"  # noqa: B009 (a row of a frame has no declared fields)
    if pd.isna(estimate):
        box = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
        ax.annotate(
            phrase("no estimate: see the table"), (0.02, place), xycoords=("axes fraction", "data"), va="center",
            color=GREY, style="italic", fontsize=10, bbox=box,
        )  # fmt: skip
        return
    colour = BLUE if primary else GREY
    ax.hlines(place, low, high, color=colour, linewidth=3.0 if primary else 2.0)
    ax.plot(estimate, place, "o" if primary else "D", color=colour, markersize=9 if primary else 5.5)


def _alt(data: pd.DataFrame, outcome: str, unit: str) -> str:
    known = data[data["estimate"].notna()]
    said = [say("Estimates of the effect on {outcome}.", outcome=outcome)]
    primary = known[known["role"] == "primary"]
    numbers = primary[["estimate", "low", "high"]].to_numpy(float)
    said += [
        say(
            "{label} (primary): {estimate} {unit} ({range}).",
            label=label,
            estimate=number(estimate),
            unit=unit,
            range=span(low, high),
        )
        for label, (estimate, low, high) in zip(primary["label"], numbers, strict=True)
    ]
    others = known[known["role"] != "primary"]
    if len(others) == 1:
        label, estimate, low, high = others[["label", "estimate", "low", "high"]].iloc[0]
        said.append(f"{label}: {number(estimate)} {unit} ({span(low, high)}).")
    elif len(others):
        lowest, highest = others["estimate"].min(), others["estimate"].max()
        outside = int(((others["low"] > 0) | (others["high"] < 0)).sum())
        said.append(
            say(
                "{counted}: from {range} {unit}; {outside} of {others} intervals exclude 0.",
                counted=counted(len(others), "other estimator"),
                range=span(lowest, highest),
                unit=unit,
                outside=outside,
                others=len(others),
            )
        )
    refused = data[data["estimate"].isna()]
    if len(refused):
        names = ", ".join(one_line(label) for label in refused["label"])
        said.append(
            say("{counted} gave no estimate: {names}.", counted=counted(len(refused), "estimator"), names=names)
        )
    return " ".join(said)
