"""A steady difference in trends: what the pre-periods show of it, and its bias in the overall effect."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from evalkit.aggregate import weights as aggregation_weights
from evalkit.checks.base import CheckContext
from evalkit.checks.headline import anticipation
from evalkit.checks.wording import amount
from evalkit.errors import EvalkitError
from evalkit.estimate import Aggregation, Estimate
from evalkit.language import mark, phrase, say, why
from evalkit.uncertainty import Posterior
from evalkit.vocabulary import POOLED, BoolArray, FloatArray


@dataclass(frozen=True, slots=True)
class Leads:
    """The pre-period effects that are tested: those of the event window with an error of their own.

    Attributes
    ----------
    study
        The whole event study, R rows.
    rows
        (R,) which of its rows.
    effects, covariance
        (k,) and (k, k).
    shape
        (R,) what a slope of 1 a period adds to every row of the event study.
    overall_shape
        The same for the overall effect: its bias for a slope of 1.
    with_overall
        (R,) covariance of every row with the overall effect.
    """

    study: Aggregation
    rows: BoolArray
    effects: FloatArray
    covariance: FloatArray
    shape: FloatArray
    overall_shape: float
    with_overall: FloatArray


FITTED: Final = mark(
    "Before the start the model was fitted to the treated themselves, so the gaps there are no test of trends."
)


def tested_leads(context: CheckContext) -> Leads | str:
    """The pre-periods of the event window, or why there are none."""
    estimate = context.estimate
    if estimate.leads_from == "fit":
        return FITTED
    try:
        study = estimate.aggregation("event_study")
    except EvalkitError as error:
        return say("The estimate has no event study: {what}", what=why(error))
    lead = anticipation(context)
    rows = (study.labels < -lead) & (study.labels >= context.spec.design.event_window[0]) & ~study.is_reference
    rows &= np.sqrt(np.clip(np.diag(study.covariance), 0.0, None)) > 0.0
    if not rows.any():
        return phrase("There is no pre-period beyond the reference to test.")
    trend = trend_as_measured(estimate, -1 - lead)
    by_row, overall = (aggregation_weights(estimate.cells, kind) for kind in ("event_study", "overall"))
    if isinstance(estimate.uncertainty, Posterior):
        both = estimate.uncertainty.draws @ np.hstack([by_row.on_cells, overall.on_cells])
        with_overall = np.cov(both, rowvar=False)[:-1, -1]
    else:
        left, right = (np.vstack([maps.on_cells, maps.on_shares]) for maps in (by_row, overall))
        with_overall = (left.T @ estimate.uncertainty.covariance @ right)[:, 0]
    return Leads(
        study=study,
        rows=rows,
        effects=study.estimate[rows],
        covariance=study.covariance[np.ix_(rows, rows)],
        shape=by_row.on_cells.T @ trend,
        overall_shape=float(overall.on_cells[:, 0] @ trend),
        with_overall=with_overall,
    )


def trend_as_measured(estimate: Estimate, reference: int) -> FloatArray:
    """(K,) what a difference in trends of one unit a period adds to each cell's estimate.

    It depends on what a pre-period is compared with (:attr:`~evalkit.estimate.Estimate.leads_from`).
    """
    cells = estimate.cells
    trend = (cells.event_time - reference).astype(np.float64)
    before = cells.event_time < reference + 1
    if estimate.leads_from == "previous":
        trend[before] = 1.0
    elif estimate.leads_from in ("own_mean", "fit"):
        for cohort in np.unique(cells.cohort):
            own = cells.cohort == cohort
            trend[own] = cells.event_time[own] - cells.event_time[own & before].mean() if (own & before).any() else 0.0
    pooled = cells.event_time == POOLED
    if pooled.any():
        treated = ~pooled & (cells.event_time >= 0)
        trend[pooled] = np.average(trend[treated], weights=cells.n_treated[treated])
    return trend


def detectable_in_words(context: CheckContext, bias: float) -> str:
    """What a design could have seen, in the one wording that every check uses."""
    least = amount(context, bias, signed=False)
    return say("This design would detect a trend that biases the overall effect by {least} or more", least=least)
