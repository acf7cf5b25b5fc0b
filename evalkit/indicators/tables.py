"""The periods of one indicator as a table, through the disclosure gate."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd

from evalkit.evidence.disclosure import DisclosureRecord, DisclosureRefused, Policy, gate
from evalkit.evidence.standard import Standard, shipped
from evalkit.indicators.result import Indicator
from evalkit.indicators.words import short_label
from evalkit.language import Phrases, phrase
from evalkit.study.indicator import IndicatorSpec
from evalkit.vocabulary import FloatArray

_REASONS: Final = {
    "people": "counts are of people",
    "places": "counts are of places, not of people",
    "published": "the source publishes the same numbers",
}
REASONS: Final = Phrases(_REASONS)
LABELS: Final = ("observed", "in_baseline", "signal")


def policy_of(spec: IndicatorSpec, standard: Standard | None = None) -> Policy:
    """Whom the counts are about: people, unless the indicator says otherwise; of a restricted source always people."""
    least = (standard or shipped()).disclosure.min_cell
    if spec.data.restricted:
        return Policy("persons", least, phrase("the source is restricted"))
    about = spec.measure.about
    return Policy("persons" if about == "people" else "places", least, REASONS[about])


def periods_table(found: Indicator, standard: Standard | None = None) -> tuple[pd.DataFrame, DisclosureRecord]:
    """One row a period, observed ones first, then those up to the target.

    Returns
    -------
    table, record
        Columns period, count, out_of, value, adjusted (without season), centre, low, high, z, moving_range,
        in_baseline, signal, forecast, forecast_low, forecast_high; and what the gate did.

    Raises
    ------
    DisclosureRefused
        Where a period counts few people: the chart would show them, and a chart with holes shows their sum. Also where
        a measurement is about people and nothing counts them.
    """
    rules = policy_of(found.spec, standard)
    counts = _counts(found, rules)
    table = _table(found)
    judged = pd.concat([table, pd.DataFrame(counts)], axis=1)
    observed = judged["observed"].to_numpy(bool) & ~np.isnan(judged["value"].to_numpy(float))
    shown, record = gate(
        judged[observed].reset_index(drop=True), counts=list(counts), min_cell=rules.min_cell, subject=rules.subject,
        reason=rules.reason, keep=LABELS,
    )  # fmt: skip
    if record.suppressed:
        when = short_label(str(shown["period"].iloc[record.suppressed[0]]))
        raise DisclosureRefused(
            f"{len(record.suppressed)} of {len(shown)} periods, the first of them {when}, count fewer than "
            f"{rules.min_cell} people, or leave as few uncounted.",
            allowed=f"0, or {rules.min_cell} and more, in each period",
            next_step="Add months up to quarters or years before analysis, widen who is counted, or set measure.about: "
            "published where the source publishes the same numbers.",
        )
    escaped = gate(table, counts=[], min_cell=rules.min_cell, subject="places", reason=rules.reason)[0]
    return escaped, record


def _counts(found: Indicator, rules: Policy) -> dict[str, FloatArray]:
    """Numbers of people behind each period."""
    series, kind = found.series, found.spec.measure.kind
    length = series.timeline.total - series.timeline.observed
    counts: dict[str, FloatArray] = {}
    if kind != "measurement":
        counts["_counted"] = series.count
        if found.spec.measure.out_of is not None and kind == "share":
            counts["_not_counted"] = series.exposure - series.count
    if series.people is not None:
        counts["_people"] = series.people
    if not counts and rules.subject == "persons":
        raise DisclosureRefused(
            "The measurement is about people, and nothing says how many are behind each period.",
            next_step="Name the column that counts them in measure.people, or set measure.about: places, or published.",
        )
    return {name: np.concatenate([values, np.full(length, np.nan)]) for name, values in counts.items()}


def _table(found: Indicator) -> pd.DataFrame:
    spec, series, when = found.spec, found.series, found.series.timeline
    chart, drawn, per = found.chart, found.drawn_chart, found.spec.measure.per
    ahead = when.total - when.observed

    def padded(values: FloatArray, factor: float = 1.0) -> FloatArray:
        return np.concatenate([factor * values, np.full(ahead, np.nan)])

    counted = spec.measure.kind != "measurement"
    signal = np.zeros(when.total, dtype=np.int64)
    for each in found.signals:
        signal[each.place] = 1 if each.wanted else -1
    columns: dict[str, Any] = {
        "period": [short_label(label) for label in when.labels],
        "observed": np.arange(when.total) < when.observed,
        "count": padded(series.count) if counted else np.full(when.total, np.nan),
        "out_of": padded(np.where(np.isnan(series.count), np.nan, series.exposure))
        if counted and spec.measure.out_of is not None
        else np.full(when.total, np.nan),
        "value": padded(series.value, per),
        "adjusted": padded(drawn.value, per),
        "centre": padded(drawn.centre, per),
        "low": padded(drawn.low, per),
        "high": padded(drawn.high, per),
        "z": padded(chart.z),
        "moving_range": padded(chart.moving_range),
        "in_baseline": np.concatenate([when.in_baseline, np.zeros(ahead, dtype=np.bool_)]),
        "signal": signal,
        **_forecast(found),
    }
    return pd.DataFrame(columns)


def _forecast(found: Indicator) -> dict[str, FloatArray]:
    when, outlook = found.series.timeline, found.outlook
    low, middle, high = (np.full(when.total, np.nan) for _ in range(3))
    if outlook is not None and when.total > when.observed:
        tail = (1.0 - found.spec.forecast.level) / 2.0
        rows = slice(when.observed, when.total)
        found_quantiles = np.quantile(outlook.paths[:, rows], [tail, 0.5, 1.0 - tail], axis=0)
        low[rows], middle[rows], high[rows] = found_quantiles
    return {"forecast": middle, "forecast_low": low, "forecast_high": high}
