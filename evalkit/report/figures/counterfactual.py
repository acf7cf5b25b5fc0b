"""Observed against counterfactual: what the treated places showed, and what they would have shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from evalkit.evidence.natural import MEANS, Link
from evalkit.language import Phrases, phrase, say
from evalkit.report.figures.calendar_axis import MOST_MARKS, paint_time, periods_of
from evalkit.report.figures.canvas import BLUE, ORANGE, Figure, draw, one_line, plural
from evalkit.report.figures.words import number, span, step_of
from evalkit.vocabulary import BoolArray, FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HEIGHT = 3.6
COUNTERFACTUAL: Final = ("counterfactual", "counterfactual_low", "counterfactual_high")
_WORDS: Final = {
    "note": " Some levels are left out to protect people; nothing is drawn there.",
    "alt": " Some levels are left out to protect people.",
}
WITHHELD: Final = Phrases(_WORDS)
"""What the figure says of levels that the disclosure gate withheld."""


def observed_counterfactual(
    rows: pd.DataFrame,
    *,
    outcome: str,
    unit: str,
    step: str,
    interval: str,
    reference: int | None,
    link: Link = "identity",
    fit: bool = False,
    withheld: bool = False,
) -> Figure:
    """Draw the treated mean, observed and without the programme, over time.

    The counterfactual is the observed mean less the effect; where effects are differences of logs,
    the observed level times exp(-effect). It starts at `reference`, where the two are the same by
    construction; earlier effects are tests of the design, not of the programme. With `fit` it is drawn
    before the start as well, where it is what the method fits. Means of a logged outcome are exponentiated,
    which makes them geometric means. The axis has dates where the rows name their period. Lines break where a level
    is missing.

    Parameters
    ----------
    rows
        One row an event time: event_time, observed (treated mean, as analysed), estimate, low,
        high (effect, as analysed). Rows before the first and after the last observed mean are left out.
    outcome, unit
        Name and unit of the outcome before any transformation.
    step
        One period in words, e.g. ``year``.
    interval
        In words, e.g. ``95 % confidence interval``.
    reference
        Event time that effects are measured against; None where that is the average over all periods
        before the start, and the counterfactual is shown from the start on.
    link
        ``identity``, ``log_outcome`` (mean logs were analysed) or ``log_link`` (logs of means).
    fit
        Whether effects before the start are gaps between observed and fitted.
    withheld
        Whether levels are missing because they would tell of few people; the note and the alternative text say so.

    Examples
    --------
    >>> rows = pd.DataFrame({"event_time": [-1, 0], "observed": [10.0, 9.0], "estimate": [0.0, -2.0],
    ...                      "low": [0.0, -3.0], "high": [0.0, -1.0]})
    >>> figure = observed_counterfactual(rows, outcome="claims", unit="claims", step="year",
    ...                                  interval="95 % confidence interval", reference=-1)
    >>> figure.data["counterfactual"].tolist()
    [10.0, 11.0]
    """
    data = _levels(rows, reference, link, fit=fit)
    mean, marks = MEANS[link], len(data) <= MOST_MARKS

    def paint(ax: Axes) -> None:
        time = data["event_time"].to_numpy(float)
        ax.plot(time, data["observed"].to_numpy(float), "o-" if marks else "-", color=BLUE, markersize=6,
                linewidth=2.0 if marks else 1.5, zorder=4, label=phrase("observed"))  # fmt: skip
        known = data["counterfactual"].notna().to_numpy()
        reach = slice(int(known.argmax()), len(known) - int(known[::-1].argmax())) if known.any() else slice(0)
        level, low, high = (data[name].to_numpy(float)[reach] for name in COUNTERFACTUAL)
        ax.fill_between(time[reach], low, high, color=ORANGE, alpha=0.16, linewidth=0, label=interval)
        ax.plot(time[reach], level, "s--" if marks else "--", color=ORANGE, markersize=5.5,
                linewidth=1.8 if marks else 1.4, zorder=5, label=phrase("without the programme"))  # fmt: skip
        alone = _alone(level)
        if alone.any():  # an area needs two points
            ax.vlines(time[reach][alone], low[alone], high[alone], color=ORANGE, alpha=0.16, linewidth=9)
        if not marks:  # so does a line
            for values, color in ((data["observed"].to_numpy(float), BLUE), (data["counterfactual"], ORANGE)):
                here = _alone(np.asarray(values, dtype=np.float64))
                ax.plot(time[here], np.asarray(values)[here], ".", color=color, zorder=5)
        paint_time(ax, time.tolist(), step, periods_of(data))
        ax.margins(y=0.12)

    svg, png = draw(
        paint,
        says=say("{outcome}, {unit} ({mean} of the treated)", outcome=outcome, unit=unit, mean=phrase(mean)),
        height=HEIGHT,
    )
    return Figure(
        id="counterfactual",
        title=say("Observed, and without the programme: {outcome}", outcome=one_line(outcome)),
        alt=_alt(data, outcome, unit, step, mean, fit=fit) + (WITHHELD["alt"] if withheld else ""),
        note=say(
            "Lines join the {mean} of the treated at each distance from the start{mix}. Shaded: "
            "{interval} of the level without the programme.",
            mean=phrase(mean),
            mix=_mix(data, step),
            interval=interval,
        )
        + (
            phrase(" Before the start it is what the method fits: the closer to the observed, the better.")
            if fit
            else ""
        )
        + (WITHHELD["note"] if withheld else ""),
        data=data,
        svg=svg,
        png=png,
    )


def _levels(rows: pd.DataFrame, reference: int | None, link: Link, *, fit: bool) -> pd.DataFrame:
    """Levels in the outcome's own unit, from effects as analysed."""
    ordered = rows.sort_values("event_time").reset_index(drop=True)
    seen = np.flatnonzero(ordered["observed"].notna())
    kept = ordered.iloc[seen[0] : seen[-1] + 1].reset_index(drop=True) if seen.size else ordered.iloc[:0]
    observed = kept["observed"].to_numpy(float)
    time = kept["event_time"].to_numpy(int)
    after = (time > (-1 if reference is None else reference)) | fit
    at_reference = np.zeros(len(time), dtype=bool) if reference is None else time == reference
    level = np.exp(observed) if link == "log_outcome" else observed

    def counterfactual(bound: str) -> FloatArray:
        effect = np.where(at_reference, 0.0, kept[bound].to_numpy(float))
        without = level - effect if link == "identity" else level * np.exp(-effect)
        return np.where(after | at_reference, without, np.nan)

    table = pd.DataFrame({"event_time": time})
    if periods_of(kept):
        table["period"] = periods_of(kept)
    if "n_treated" in kept:
        table["n_treated"] = kept["n_treated"].to_numpy()
    table["observed"] = level
    table["counterfactual"] = counterfactual("estimate")
    table["counterfactual_low"] = counterfactual("high")
    table["counterfactual_high"] = counterfactual("low")
    return table


def _alone(level: FloatArray) -> BoolArray:
    """Points without a neighbour, which no line reaches.

    Examples
    --------
    >>> _alone(np.array([1.0, np.nan, 2.0, np.nan, 3.0, 4.0])).tolist()
    [True, False, True, False, False, False]
    """
    known = np.isfinite(level)
    beside = np.zeros(len(known), dtype=bool)
    beside[1:] |= known[:-1]
    beside[:-1] |= known[1:]
    return known & ~beside


def _mix(data: pd.DataFrame, step: str) -> str:
    """That the line joins different places, unless the same number is known to stand behind each point."""
    shown = data[data["observed"].notna()]
    if "n_treated" in shown and shown["n_treated"].notna().all() and shown["n_treated"].nunique() == 1:
        return ""
    return say(
        "; those that started late are seen for fewer {steps}, so the mix differs along the line", steps=plural(step)
    )


def _alt(data: pd.DataFrame, outcome: str, unit: str, step: str, mean: str, *, fit: bool) -> str:
    head = say(
        "Observed {outcome} of the treated ({mean}) beside the level without the programme.",
        outcome=outcome,
        mean=phrase(mean),
    )
    before = data[data["event_time"] < 0]
    if fit and len(before):
        gap = float(np.sqrt(np.mean((before["observed"] - before["counterfactual"]) ** 2)))
        head += say(" Before the start the two are {gap} {unit} apart (root mean square).", gap=number(gap), unit=unit)
    after = data[(data["event_time"] >= 0) & data["counterfactual"].notna()]
    if after.empty:
        return say("{head} No {step} after the start has both.", head=head, step=step_of(step))
    last = after.iloc[-1]
    named = (
        say("event time {event_time}", event_time=int(last["event_time"])) if "period" not in last else last["period"]
    )
    return say(
        "{head} In the last {step} shown ({named}) observed is {observed} {unit}; without the "
        "programme it would have been {counterfactual} ({range}).",
        head=head,
        step=step_of(step),
        named=named,
        observed=number(last["observed"]),
        unit=unit,
        counterfactual=number(last["counterfactual"]),
        range=span(last["counterfactual_low"], last["counterfactual_high"]),
    )
