"""Gaps between groups: before, without the programme, and as seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

from evalkit.evidence.schema import EquityBlock
from evalkit.language import phrase, say
from evalkit.report.figures.canvas import BLUE, GREY, INK, ORANGE, PALE, Figure, draw, one_line, wrapped
from evalkit.report.figures.words import number, span

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ROW_HEIGHT = 0.62
FRAME_HEIGHT = 1.5


def equity_gaps(blocks: Sequence[EquityBlock], *, outcome: str, unit: str, interval: str) -> Figure | None:
    """Draw the gap of each group to its reference; None where no group has one.

    Parameters
    ----------
    blocks
        Of the evidence: what was withheld there has no number here.
    outcome, unit
        Name and unit of the outcome.
    interval
        In words, e.g. ``95 % confidence interval``.
    """
    data = _rows(blocks)
    if data.empty:
        return None

    def paint(ax: Axes) -> None:
        ax.axvline(0.0, color=INK, linewidth=0.9, zorder=1)
        columns = ["gap_before", "gap_without", "gap_without_low", "gap_without_high", "gap_seen"]
        for place, (before, without, low, high, seen) in enumerate(data[columns].to_numpy(float)):
            first = place == 0
            ax.hlines(place, min(without, seen), max(without, seen), color=PALE, linewidth=7.0, zorder=1)
            ax.hlines(place, low, high, color=ORANGE, linewidth=1.6, zorder=2)
            ax.plot(before, place, "|", color=GREY, markersize=15, markeredgewidth=2.2,
                    label=phrase("before") if first else None)  # fmt: skip
            ax.plot(
                without,
                place,
                "s",
                color=ORANGE,
                markersize=8,
                label=phrase("without the programme") if first else None,
            )
            ax.plot(seen, place, "o", color=BLUE, markersize=9, label=phrase("as seen") if first else None)
        ax.set_ylim(len(data) - 0.4, -0.6)
        ax.set_yticks(range(len(data)), [wrapped(label, 24) for label in data["label"]])
        ax.tick_params(axis="y", length=0)
        ax.spines["left"].set_visible(False)
        ax.margins(x=0.08)

    svg, png = draw(
        paint,
        says=say("Gap in {outcome}, {unit} (group less reference)", outcome=outcome, unit=unit),
        height=FRAME_HEIGHT + ROW_HEIGHT * len(data),
    )
    return Figure(
        id="equity",
        title=say("Gaps between groups: {outcome}", outcome=one_line(outcome)),
        alt=_alt(data, unit),
        note=say(
            "Each row is the level of one group's treated less that of the reference group's; at 0 "
            "there is no gap. Orange bar: {interval} of the gap without the programme.",
            interval=interval,
        ),
        data=data,
        svg=svg,
        png=png,
    )


def _rows(blocks: Sequence[EquityBlock]) -> pd.DataFrame:
    rows = []
    for block in blocks:
        gap = block.gap_counterfactual
        if gap.value is None or block.gap_after.value is None:
            continue
        rows.append(
            {
                "label": say("{group} less {reference}", group=block.group, reference=block.reference),
                "gap_before": block.gap_before.value,
                "gap_without": gap.value,
                "gap_without_low": gap.low,
                "gap_without_high": gap.high,
                "gap_seen": block.gap_after.value,
            }
        )
    names = ["gap_before", "gap_without", "gap_without_low", "gap_without_high", "gap_seen"]
    return pd.DataFrame(rows, columns=["label", *names]).astype(dict.fromkeys(names, float))


def _alt(data: pd.DataFrame, unit: str) -> str:
    said = []
    names = ["gap_before", "gap_without", "gap_without_low", "gap_without_high", "gap_seen"]
    for label, (before, without, low, high, seen) in zip(data["label"], data[names].to_numpy(float), strict=True):
        said.append(
            say(
                "{label}: {before} {unit} before; {without} ({range}) without the programme; {seen} as seen.",
                label=label,
                before=number(before),
                unit=unit,
                without=number(without),
                range=span(low, high),
                seen=number(seen),
            )
        )
    return " ".join(said)
