"""The numbers of a run as tables: every aggregation of every estimate, the event study, the checks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from evalkit.errors import DesignRefused, EvalkitError
from evalkit.estimate import Aggregation, Estimate
from evalkit.evidence.natural import Link
from evalkit.language import why
from evalkit.report.columns import DIAGNOSTICS, ESTIMATES, EVENT_STUDY
from evalkit.report.csv_file import typed
from evalkit.report.cumulation import cumulate
from evalkit.vocabulary import POOLED, AggregationKind, Diagnostic, FloatArray

PRIMARY: Final = "primary"


def estimates_table(
    outcome: str,
    label: str,
    primary: Estimate,
    robustness: Mapping[str, Estimate | EvalkitError],
    other_outcomes: Mapping[str, Estimate | EvalkitError],
) -> pd.DataFrame:
    """All aggregations of all estimates, the primary first; one row with the reason where there is none.

    Returns
    -------
    DataFrame
        Columns as :data:`evalkit.report.columns.ESTIMATES` declares them.
    """
    runs: list[tuple[str, str, str, Estimate | EvalkitError]] = [(outcome, label, PRIMARY, primary)]
    runs += [(outcome, name, "robustness", result) for name, result in robustness.items()]
    runs += [(name, label, "other_outcome", result) for name, result in other_outcomes.items()]
    rows: list[dict[str, Any]] = []
    for about, name, role, result in runs:
        head = {"outcome": about, "run": name, "role": role}
        if isinstance(result, EvalkitError):
            rows.append({**head, "estimator": "", "aggregation": "overall", "label": "overall", "reason": why(result)})
        else:
            rows.extend({**head, "estimator": result.estimator, **row} for row in _all_rows(result))
    return typed(rows, ESTIMATES)


def event_study_table(
    estimate: Estimate, reference: int | None, link: Link, *, start: int | None = None, adds_up: bool = False
) -> pd.DataFrame:
    """The event study of one estimate beside the observed means.

    Parameters
    ----------
    estimate
        Usually the primary one.
    reference
        Event time that effects are measured against: minus one less the anticipation; None where
        that is the average over all periods before the start.
    link
        How the analysed scale relates to the outcome.
    start
        Ordinal of the first treated period, where all treated units share it: the rows then name their periods.
    adds_up
        Whether effects of several periods have a sum that means something.

    Returns
    -------
    DataFrame
        Columns as :data:`evalkit.report.columns.EVENT_STUDY`; no rows where the estimator has no
        effects by event time.
    """
    try:
        rows = estimate.aggregation("event_study", simultaneous=True)
    except DesignRefused:
        return typed([], EVENT_STUDY)
    first = 0 if reference is None else reference
    at_reference = (rows.labels == first) & (reference is not None)
    effect = np.where(at_reference, 0.0, rows.estimate)
    without = rows.observed * np.exp(-effect) if link == "log_link" else rows.observed - effect
    counterfactual = np.where((rows.labels >= first) | (estimate.leads_from == "fit"), without, np.nan)
    extra: dict[str, FloatArray | None] = {"observed": rows.observed, "counterfactual": counterfactual}
    if adds_up:
        sums = cumulate(rows, link)
        extra |= {"cumulative": sums.value, "cumulative_low": sums.low, "cumulative_high": sums.high}
    return typed(
        [
            {**row, "period": None if start is None else estimate.calendar.text(start + int(label)), **_at(extra, i)}
            for i, (label, row) in enumerate(zip(rows.labels, _rows(estimate, rows), strict=True))
        ],
        EVENT_STUDY,
    )


def diagnostics_table(diagnostics: Sequence[Diagnostic]) -> pd.DataFrame:
    """One row a check; columns as :data:`evalkit.report.columns.DIAGNOSTICS`."""
    names = [column.name for column in DIAGNOSTICS if column.name != "details"]
    rows = [
        {name: getattr(check, name) for name in names}
        | {"details": "; ".join(f"{name}={value:.6g}" for name, value in check.details)}
        for check in diagnostics
    ]
    return typed(rows, DIAGNOSTICS)


def _all_rows(estimate: Estimate) -> Iterator[dict[str, Any]]:
    for kind in estimate.kinds:
        try:
            rows = _rows(estimate, estimate.aggregation(kind, simultaneous=kind == "event_study"))
            yield from (_reported(estimate, row) for row in rows) if kind == "overall" else rows
            if kind != "overall":
                yield from _rows(estimate, estimate.aggregation(kind, average=True))
        except DesignRefused as reason:
            yield {"aggregation": kind, "label": kind, "reason": why(reason)}


def _rows(estimate: Estimate, rows: Aggregation) -> Iterator[dict[str, Any]]:
    p_values = rows.p_values()
    bands = (rows.low_simultaneous, rows.high_simultaneous)
    numbers = {
        "estimate": rows.estimate,
        "std_error": rows.std_error,
        "low": rows.low,
        "high": rows.high,
        "low_simultaneous": bands[0],
        "high_simultaneous": bands[1],
        "p_value": p_values,
    }
    for i, ordinal in enumerate(rows.labels):
        yield {
            "aggregation": rows.kind,
            "label": _label(estimate, rows.kind, int(ordinal)),
            "cohort": _where(estimate, rows.kind == "cohort", int(ordinal)),
            "period": _where(estimate, rows.kind == "period", int(ordinal)),
            "event_time": int(ordinal) if rows.kind == "event_study" and ordinal != POOLED else None,
            "n_treated": int(rows.n_treated[i]),
            "level": rows.level,
            "interval_kind": estimate.interval_kind,
            "inference": "credible" if estimate.interval_kind == "credible" else "clustered",
            "is_reference": bool(rows.is_reference[i]),
            "reason": "",
            **_at(numbers, i),
        }


def _reported(estimate: Estimate, row: dict[str, Any]) -> dict[str, Any]:
    """The row of the overall effect by the reported inference, its own interval beside it."""
    found = estimate.reported
    if found is None or found.method == "credible":
        return row
    return {
        **row,
        "low": found.low,
        "high": found.high,
        "p_value": found.p_value,
        "level": found.level,
        "inference": found.method,
        "low_clustered": found.clustered_low,
        "high_clustered": found.clustered_high,
        "p_value_clustered": found.clustered_p,
    }


def _at(numbers: Mapping[str, FloatArray | None], row: int) -> dict[str, float | None]:
    return {name: None if values is None else float(values[row]) for name, values in numbers.items()}


def _label(estimate: Estimate, kind: AggregationKind, ordinal: int) -> str:
    if kind == "overall":
        return "overall"
    if ordinal == POOLED:
        return "average"
    if kind == "event_study":
        return f"{ordinal:+d}" if ordinal else "0"
    if kind == "unit":
        return estimate.unit_names[ordinal]
    return estimate.calendar.text(ordinal)


def _where(estimate: Estimate, applies: bool, ordinal: int) -> str | None:
    """The calendar's label of an ordinal, as text; None where the row pools over it."""
    return estimate.calendar.text(ordinal) if applies and ordinal != POOLED else None
