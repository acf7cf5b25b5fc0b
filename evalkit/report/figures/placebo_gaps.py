"""Placebo gaps: the treated place's distance from its fit, in front of those of places where nothing happened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from evalkit.language import phrase, say, say_count
from evalkit.report.figures.canvas import BLUE, GREY, INK, Figure, draw, time_axis
from evalkit.report.figures.setting import Setting
from evalkit.report.figures.words import counted, number, step_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HEIGHT: Final = 3.8


def placebo_gaps(rows: pd.DataFrame, setting: Setting) -> Figure:
    """Draw observed less fitted by event time, one line a place.

    Parameters
    ----------
    rows
        place, role (``treated`` or ``placebo``), event_time, estimate.
    setting
        Names and units.

    Examples
    --------
    >>> rows = pd.DataFrame({"place": ["A", "A", "B", "B"], "role": ["treated"] * 2 + ["placebo"] * 2,
    ...                      "event_time": [-1, 0, -1, 0], "estimate": [0.1, -5.0, 0.2, 1.0]})
    >>> placebo_gaps(rows, Setting("sales", "packs", "year", "95 % interval")).alt
    'Gap between observed and fitted sales for the treated place and 1 placebo. In the last year shown it is −5 packs for the treated; none of the placebos lies as far from 0.'
    """  # noqa: E501 (the sentence is one line)
    treated = rows[rows["role"] == "treated"]
    others = rows[rows["role"] == "placebo"]
    count = treated["place"].nunique()

    def paint(ax: Axes) -> None:
        ax.axhline(0.0, color=INK, linewidth=0.9, zorder=1)
        for place, (_, line) in enumerate(others.groupby("place", sort=False)):
            ax.plot(line["event_time"], line["estimate"], color=GREY, alpha=0.45, linewidth=0.9, zorder=2,
                    label=phrase("a place without the programme, as if treated") if place == 0 else None)  # fmt: skip
        for place, (name, line) in enumerate(treated.groupby("place", sort=False)):
            ax.plot(line["event_time"], line["estimate"], color=BLUE, linewidth=2.4, zorder=4,
                    label=(str(name) if count == 1 else phrase("the treated")) if place == 0 else None)  # fmt: skip
        time_axis(ax, rows["event_time"].astype(float).tolist(), setting.step)
        _keep_in_view(ax, rows)

    svg, png = draw(
        paint,
        says=say(
            "Observed less fitted {outcome}, {effect_unit}", outcome=setting.outcome, effect_unit=setting.effect_unit
        ),
        height=HEIGHT,
    )
    return Figure(
        id="placebo_gaps",
        title=phrase("The gap beside those of places where nothing happened"),
        alt=_alt(treated, others, setting, count),
        note=phrase(
            "Each thin line treats a place without the programme as if it had started, and fits it by"
            " the others. A gap that stands out after the start, and not before it, speaks for an "
            "effect. Lines that leave the frame fit badly even before the start."
        ),
        data=_summary(treated, others),
        svg=svg,
        png=png,
    )


def _keep_in_view(ax: Axes, rows: pd.DataFrame) -> None:
    """Cut the axis where placebos run away: at twice the largest treated gap, or 98 % of all gaps."""
    size = np.abs(rows["estimate"].to_numpy(float))
    own = size[(rows["role"] == "treated").to_numpy()]
    reach = max(2.0 * np.nanmax(own, initial=0.0), float(np.nanquantile(size, 0.98)))
    if np.isfinite(reach) and reach > 0.0 and np.nanmax(size) > reach:
        ax.set_ylim(-1.05 * reach, 1.05 * reach)


def _summary(treated: pd.DataFrame, others: pd.DataFrame) -> pd.DataFrame:
    """One row an event time: the treated's mean gap beside the range of the placebos."""
    own = treated.groupby("event_time")["estimate"].mean().rename("gap")
    groups = others.groupby("event_time")["estimate"]
    ranges = pd.DataFrame(
        {"placebo_lowest": groups.min(), "placebo_median": groups.median(), "placebo_highest": groups.max()}
    )
    beyond = [
        int((others.loc[others["event_time"] == time, "estimate"].abs() >= abs(gap)).sum()) for time, gap in own.items()
    ]
    return own.to_frame().join(ranges).assign(placebos_as_far=beyond).reset_index()


def _alt(treated: pd.DataFrame, others: pd.DataFrame, setting: Setting, count: int) -> str:
    after = treated[treated["event_time"] >= 0]
    who = phrase("the treated place") if count == 1 else say("{count} treated places", count=count)
    placebos = others["place"].nunique()
    head = say(
        "Gap between observed and fitted {outcome} for {who} and {counted}.",
        outcome=setting.outcome,
        who=who,
        counted=counted(placebos, "placebo"),
    )
    if after.empty or after["estimate"].isna().all():
        return head
    last = int(after["event_time"].max())
    gap = float(after.loc[after["event_time"] == last, "estimate"].mean())
    far = int((others.loc[others["event_time"] == last, "estimate"].abs() >= abs(gap)).sum())
    beyond = phrase("none") if far == 0 else str(far)
    return say_count(
        "{head} In the last {step} shown it is {gap} {effect_unit} for the treated; {beyond} of "
        "the placebos lies as far from 0.",
        "{head} In the last {step} shown it is {gap} {effect_unit} for the treated; {beyond} of "
        "the placebos lie as far from 0.",
        max(far, 1),
        head=head,
        step=step_of(setting.step),
        gap=number(gap),
        effect_unit=setting.effect_unit,
        beyond=beyond,
    )
