"""The figures of a run, drawn from its gated tables and nothing else, so that a picture shows no withheld number."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Final, get_args

import numpy as np
import pandas as pd

from evalkit.evidence.finding import scale_of_unit
from evalkit.evidence.natural import Link, base_of_unit
from evalkit.evidence.phrases import interval_named
from evalkit.evidence.schema import Evidence
from evalkit.language import Phrases, mark, phrase, say
from evalkit.report import gallery
from evalkit.report.figures.by_unit import by_unit
from evalkit.report.figures.canvas import Figure
from evalkit.report.figures.counterfactual import observed_counterfactual
from evalkit.report.figures.cumulative import cumulative
from evalkit.report.figures.equity import equity_gaps
from evalkit.report.figures.event_study import event_study
from evalkit.report.figures.forest import forest
from evalkit.report.figures.setting import Setting
from evalkit.report.gallery import Shown
from evalkit.report.page import METHODS, NO_INTERVAL
from evalkit.report.tables import PRIMARY
from evalkit.report.wording import clip, run_title
from evalkit.vocabulary import FloatArray, OwnMethod

NAME_WORDS: Final = 12
OF_DESIGN: Final = get_args(OwnMethod)
OTHER_THAN_ERRORS: Final = ("placebo_in_space", "conformal", "jackknife")
BY_PERIOD: Final = ("event_study", "counterfactual", "cumulative", "by_unit")
BY_ERRORS: Final = mark(
    " These intervals are from standard errors. The headline's is by {method} and may be "
    "wider: where the two disagree on whether there is an effect, go by the headline."
)
TWO_WAY: Final = ("goodman_bacon", "twfe_weights")
"""Exhibits of the linear two-way coefficient of the outcome as analysed, whatever the scale of the estimate."""
OWN_INTERVALS: Final = (
    "event_study", "counterfactual", "cumulative", "by_unit", "leave_one_out", "anticipation_scan",
    "specification_curve", "spillover",
)  # fmt: skip
TOO_NARROW: Final = mark(
    "These are the usual intervals, too narrow with so few treated; the headline rests on another interval."
)
TOO_NARROW_ALONE: Final = mark("These are the usual intervals, which are too narrow here: do not rely on them.")
_LEFT_OUT: Final = {"all": " Levels are left out to protect people, so only differences are drawn."}
LEVELS_LEFT_OUT: Final = Phrases(_LEFT_OUT)
NOT_OF_EFFECTS: Final = (
    "observed", "counterfactual", "cumulative", "cumulative_low", "cumulative_high", "level", "std_error",
)  # fmt: skip
FEWEST_UNITS: Final = 2
"""Rows of units, their average counted, that a picture needs more of."""
EFFECTS: Final = (
    "estimate", "low", "high", "low_simultaneous", "high_simultaneous", "ring_estimate", "ring_low", "ring_high",
    "trend", "expected",
)  # fmt: skip


def pictures(
    evidence: Evidence,
    estimates: pd.DataFrame,
    by_event_time: pd.DataFrame,
    *,
    link: Link,
    step: str,
    reference: int | None,
    window: tuple[int, int],
    exhibits: Sequence[Shown] = (),
    fit: bool = False,
    withheld: Collection[int] = (),
) -> tuple[Figure, ...]:
    """Draw what the tables allow: observed against counterfactual, event study, summed effect, effects by place,
    forest, figures of the checks.

    Effects on a logged outcome are shown in per cent, ``100 (exp(b) - 1)``, levels as geometric
    means; the event-time figures keep to the declared window.

    Parameters
    ----------
    evidence
        For names, units and the smallest change that matters.
    estimates, by_event_time
        Gated tables.
    link
        How the primary estimate's scale relates to the outcome.
    step
        One period in words.
    reference
        Event time that effects are measured against; None for the average before the start.
    window
        First and last event time to show.
    exhibits
        Gated rows of the checks' figures.
    fit
        Whether effects before the start are gaps between observed and fitted, shown from the first period on.
    withheld
        Event times whose levels the gate withheld.
    """
    outcome = evidence.outcomes[0]
    log = link != "identity"
    points = outcome.family == "proportion" and base_of_unit(outcome.unit) != 1.0
    unit = phrase("per cent") if log else phrase("percentage points") if points else outcome.unit
    name = clip(outcome.name, NAME_WORDS)
    interval = interval_in_words(evidence)
    marks = mid_marks(evidence)
    shown = by_event_time[by_event_time["event_time"].between(*window)].reset_index(drop=True)
    left_out = bool(shown["event_time"].isin(list(withheld)).any())
    drawn: list[Figure] = []
    if shown["observed"].notna().any():
        drawn.append(
            observed_counterfactual(
                shown,
                outcome=name,
                unit=outcome.unit,
                step=step,
                interval=interval,
                reference=reference,
                link=link,
                fit=fit,
                withheld=left_out,
            )
        )
    if shown["estimate"].notna().any():
        rows = in_natural_unit(shown, log).dropna(axis="columns", how="all")
        drawn.append(
            event_study(
                rows.drop(columns=list(NOT_OF_EFFECTS), errors="ignore"),
                outcome=name,
                effect_unit=unit,
                step=step,
                interval=interval,
                reference=reference,
                marks=marks,
                fit=fit,
            )
        )
        if left_out and not shown["observed"].notna().any():
            said = LEVELS_LEFT_OUT["all"]
            drawn[-1] = replace(drawn[-1], note=f"{drawn[-1].note}{said}", alt=f"{drawn[-1].alt}{said}")
    if shown["cumulative"].notna().any():
        drawn.append(cumulative(shown, outcome=name, unit=outcome.unit, step=step, interval=interval))
    gaps = equity_gaps(evidence.equity, outcome=name, unit=outcome.unit, interval=interval)
    if gaps is not None:
        drawn.append(gaps)
    units = in_natural_unit(_units(estimates), log)
    if len(units) > FEWEST_UNITS:
        drawn.append(by_unit(units, outcome=name, effect_unit=unit, interval=interval, marks=marks))
    overall = in_natural_unit(_overall(estimates, evidence), log)
    drawn.append(forest(overall, outcome=name, effect_unit=unit, interval=_any_interval(evidence), marks=marks))
    as_analysed = Setting(name, outcome.unit, step, interval)
    natural = [
        Shown(exhibit.kind, exhibit.table, as_analysed)
        if link == "log_link" and exhibit.kind in TWO_WAY
        else Shown(exhibit.kind, in_natural_unit(exhibit.table, log))
        for exhibit in exhibits
    ]
    every = (*drawn, *gallery.drawn(natural, Setting(name, unit, step, interval, marks)))
    return tuple(_noted(figure, evidence) for figure in every)


def _of_design(figure: str, method: str) -> str:
    """What to add to the note of a figure where the interval is that of the estimator's own design."""
    if figure == "forest":
        return say(" The interval of the large dot is by {methods}.", methods=METHODS[method])
    return (
        phrase(BY_ERRORS).format(method=METHODS[method]) if figure in BY_PERIOD and method in OTHER_THAN_ERRORS else ""
    )


def _noted(figure: Figure, evidence: Evidence) -> Figure:
    """The figure with a note on whose intervals it shows, where the headline's is not the usual one."""
    found = evidence.estimates[0].inference
    if found is None or found.method in ("clustered", "credible"):
        return figure
    if found.method in OF_DESIGN:
        said = _of_design(figure.id, found.method)
        return replace(figure, note=f"{figure.note}{said}")
    if figure.id in OWN_INTERVALS:
        return replace(
            figure, note=f"{figure.note} {phrase(TOO_NARROW_ALONE if found.method == 'none' else TOO_NARROW)}"
        )
    if figure.id != "forest":
        return figure
    if found.method == "none":
        return replace(figure, note=f"{figure.note} {phrase(NO_INTERVAL)}.")
    usual = [
        row.label
        for row in evidence.estimates
        if row.role == "robustness" and row.inference is not None and row.inference.method == "clustered"
    ]
    own = (
        say(" Those of {listed} are the usual ones, too narrow with so few treated.", listed=", ".join(usual))
        if usual
        else ""
    )
    return replace(
        figure,
        note=say(
            "{note} With few treated, intervals are by {methods}.{own}",
            note=figure.note,
            methods=METHODS[found.method],
            own=own,
        ),
    )


def in_natural_unit(rows: pd.DataFrame, log: bool) -> pd.DataFrame:
    """Effects on a logarithm as per cent; others unchanged.

    Examples
    --------
    >>> rows = pd.DataFrame({"estimate": [0.0, 0.6931471805599453]})
    >>> in_natural_unit(rows, log=True)["estimate"].round(6).tolist()
    [0.0, 100.0]
    """
    if not log:
        return rows
    present = [name for name in EFFECTS if name in rows]
    return rows.assign(**{name: percent(rows[name].to_numpy(float)) for name in present})


def percent(effect: FloatArray) -> FloatArray:
    """Log points to per cent: 100 (exp(b) - 1)."""
    return 100.0 * np.expm1(effect)


def mid_marks(evidence: Evidence) -> tuple[float, ...]:
    """Both ends of the band within which a change does not matter, in the figures' unit; empty if undeclared.

    Empty, too, where the MID has no fixed place on the axis: per cent of an outcome analysed as is, and
    the outcome's own unit where the axis is in per cent.
    """
    distance, outcome = evidence.finding.mid.value, evidence.outcomes[0]
    if distance is None:
        return ()
    both = np.array([-distance, distance])
    scale = scale_of_unit(outcome.mid.unit.value or "", outcome.unit)
    if evidence.estimates[0].scale == "identity":
        return tuple(both.tolist()) if scale == "natural" else ()
    if scale == "natural":
        return ()
    return tuple((percent(both) if scale == "log" else both).tolist())


def interval_in_words(evidence: Evidence) -> str:
    """The primary estimate's interval, e.g. ``95 % confidence interval``."""
    effect = evidence.estimates[0].effect
    return interval_named(effect.interval_kind or "confidence", effect.level or 0.95)


def _any_interval(evidence: Evidence) -> str:
    """The same, saying so where estimators with intervals of both kinds stand side by side."""
    kinds = {row.effect.interval_kind for row in evidence.estimates if row.effect.interval_kind}
    words = interval_in_words(evidence)
    return (
        words
        if len(kinds) < 2
        else say(
            "{split} % interval (confidence or credible)",
            split=f"{100 * (evidence.estimates[0].effect.level or 0.95):g}",
        )
    )


def _units(estimates: pd.DataFrame) -> pd.DataFrame:
    """Effects of single units and their average, of the primary estimate."""
    rows = estimates[(estimates["aggregation"] == "unit") & (estimates["role"] == PRIMARY)]
    return rows.loc[rows["estimate"].notna(), ["label", "estimate", "low", "high"]].reset_index(drop=True)


def _overall(estimates: pd.DataFrame, evidence: Evidence) -> pd.DataFrame:
    """Overall effects, the primary first; those on another scale than the primary's cannot share its axis."""
    rows = estimates[(estimates["aggregation"] == "overall") & estimates["role"].isin([PRIMARY, "robustness"])]
    columns = ["run", "role", "n_treated", "estimate", "low", "high", "reason"]
    shown = rows[columns].rename(columns={"run": "label"}).reset_index(drop=True)
    scales = {entry.label: entry.scale for entry in evidence.estimates if entry.role == "robustness"}
    scale = evidence.estimates[0].scale
    other = shown["label"].map(lambda label: scales.get(label, scale) != scale) & (shown["role"] != PRIMARY)
    other &= shown["estimate"].notna()
    shown.loc[other, ["estimate", "low", "high"]] = np.nan
    shown.loc[other, "reason"] = phrase("Estimated on another scale: see estimates.csv.")
    shown["label"] = shown["label"].map(run_title)
    return shown
