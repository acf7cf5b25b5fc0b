"""Observed against counterfactual: what the treated places showed, and what they would have shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from evalkit.report.figures.canvas import BLUE, ORANGE, Figure, draw, one_line, plural, time_axis
from evalkit.report.figures.words import number, span
from evalkit.vocabulary import FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HEIGHT = 3.6


def observed_counterfactual(
    rows: pd.DataFrame,
    *,
    outcome: str,
    unit: str,
    step: str,
    interval: str,
    reference: int,
    log: bool = False,
) -> Figure:
    """Draw the treated mean, observed and without the programme, by event time.

    The counterfactual is the observed mean less the effect. It starts at `reference`, where the
    two are the same by construction; earlier effects are tests of the design, not of the programme.
    After a log the means are exponentiated, which makes them geometric means.

    Parameters
    ----------
    rows
        One row an event time: event_time, observed (treated mean, as analysed), estimate, low,
        high (effect, as analysed). Rows without an observed mean are left out.
    outcome, unit
        Name and unit of the outcome before any transformation.
    step
        One period in words, e.g. ``year``.
    interval
        In words, e.g. ``95 % confidence interval``.
    reference
        Event time that effects are measured against.
    log
        Whether the outcome was analysed in logarithms.

    Examples
    --------
    >>> rows = pd.DataFrame({"event_time": [-1, 0], "observed": [10.0, 9.0], "estimate": [0.0, -2.0],
    ...                      "low": [0.0, -3.0], "high": [0.0, -1.0]})
    >>> figure = observed_counterfactual(rows, outcome="claims", unit="claims", step="year",
    ...                                  interval="95 % confidence interval", reference=-1)
    >>> figure.data["counterfactual"].tolist()
    [10.0, 11.0]
    """
    data = _levels(rows, reference, log)
    mean = "geometric mean" if log else "mean"

    def paint(ax: Axes) -> None:
        time = data["event_time"].to_numpy(float)
        known = data["counterfactual"].notna().to_numpy()
        ax.plot(time, data["observed"].to_numpy(float), "o-", color=BLUE, markersize=6, linewidth=2.0, zorder=4,
                label="observed")  # fmt: skip
        ax.fill_between(time[known], data["counterfactual_low"].to_numpy(float)[known],
                        data["counterfactual_high"].to_numpy(float)[known], color=ORANGE, alpha=0.16, linewidth=0,
                        label=interval)  # fmt: skip
        ax.plot(time[known], data["counterfactual"].to_numpy(float)[known], "s--", color=ORANGE, markersize=5.5,
                linewidth=1.8, label="without the programme")  # fmt: skip
        time_axis(ax, time.tolist(), step)
        ax.margins(y=0.12)

    svg, png = draw(paint, says=f"{outcome}, {unit} ({mean} of the treated)", height=HEIGHT)
    return Figure(
        id="observed_counterfactual",
        title=f"{one_line(outcome)}: observed, and without the programme",
        alt=_alt(data, outcome, unit, step, mean),
        note=f"Lines join the {mean} of treated places at each distance from the start; places that started late "
        f"are seen for fewer {plural(step)}, so the mix changes along the line. Shaded: {interval} of the "
        "level without the programme.",
        data=data,
        svg=svg,
        png=png,
    )


def _levels(rows: pd.DataFrame, reference: int, log: bool) -> pd.DataFrame:
    """Levels in the outcome's own unit, from effects as analysed."""
    kept = rows[rows["observed"].notna()].sort_values("event_time").reset_index(drop=True)
    observed = kept["observed"].to_numpy(float)
    time = kept["event_time"].to_numpy(int)
    after = time > reference
    at_reference = time == reference
    level = np.exp if log else np.asarray

    def without(bound: str) -> FloatArray:
        effect = np.where(at_reference, 0.0, kept[bound].to_numpy(float))
        return np.where(after | at_reference, level(observed - effect), np.nan)

    table = pd.DataFrame({"event_time": time})
    if "n_treated" in kept:
        table["n_treated"] = kept["n_treated"].to_numpy()
    table["observed"] = level(observed)
    table["counterfactual"] = without("estimate")
    table["counterfactual_low"] = without("high")
    table["counterfactual_high"] = without("low")
    return table


def _alt(data: pd.DataFrame, outcome: str, unit: str, step: str, mean: str) -> str:
    head = f"Observed {outcome} of the treated ({mean}) beside the level without the programme."
    after = data[(data["event_time"] >= 0) & data["counterfactual"].notna()]
    if after.empty:
        return f"{head} No {step} after the start has both."
    last = after.iloc[-1]
    return (
        f"{head} In the last {step} shown (event time {int(last['event_time'])}) observed is "
        f"{number(last['observed'])} {unit}; without the programme it would have been {number(last['counterfactual'])} "
        f"({span(last['counterfactual_low'], last['counterfactual_high'])})."
    )
