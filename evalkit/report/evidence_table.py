"""The evidence as one table, a row an estimate: what other programs read (CSV, parquet, data package)."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import pandas as pd

from evalkit.evidence.disclosure import DisclosureRecord, gate
from evalkit.evidence.schema import EstimateBlock, Evidence, OutcomeFinding
from evalkit.evidence.standard import shipped
from evalkit.evidence.values import Quantity
from evalkit.report.columns import Column
from evalkit.report.csv_file import typed

COUNTS: Final = ("n_units", "n_treated_units")
LABELS: Final = ("version", "level", "certainty", "pre_periods", "post_periods", "counted_together")
"""Number columns that say which row it is, or judge it; they stay when the row's numbers are withheld."""
NATURAL: Final = ("absolute", "percent", "total_averted")
EVIDENCE: Final = (
    Column("study", "string", "Id of the study."),
    Column("run", "string", "Id of the run."),
    Column("version", "integer", "Version of the run's evidence; from 2 on it records a decision."),
    Column("created_at", "string", "When the study was run, ISO 8601."),
    Column("city", "string", "City, as the study declares it."),
    Column("priority", "string", "Mayoral priority."),
    Column("title", "string", "Title of the study."),
    Column("programme", "string", "The programme."),
    Column("mechanism", "string", "How it was assigned."),
    Column("assigned_unit", "string", "What it was assigned to."),
    Column("outcome", "string", "Name of the outcome."),
    Column("outcome_role", "string", "primary, secondary, harm or placebo."),
    Column("domain", "string", "Outcomes of one domain are counted together."),
    Column("family", "string", "count, rate, proportion, duration or continuous."),
    Column("outcome_unit", "string", "Unit of the outcome."),
    Column("direction", "string", "What the city wants: higher_better or lower_better."),
    Column("estimate", "string", "Label of the estimate."),
    Column("estimator", "string", "Registered name of the estimator."),
    Column("role", "string", "primary: the study's own estimator; robustness: another on the primary outcome."),
    Column("estimand", "string", "ATT, ATE or ITT."),
    Column("scale", "string", "identity: effect in `outcome_unit`; log: in log points."),
    Column("effect", "number", "Overall effect on that scale."),
    Column("low", "number", "Lower end of the reported interval."),
    Column("high", "number", "Upper end of the reported interval."),
    Column("level", "number", "Level of the interval."),
    Column("interval_kind", "string", "confidence or credible."),
    Column("inference", "string", "What the interval and the p-value are by."),
    Column("std_error", "number", "The estimator's own standard error, or standard deviation of the posterior."),
    Column("p_value", "number", "Two-sided, by the reported inference; empty for a posterior."),
    Column("p_adjusted", "number", "Benjamini-Hochberg within the domain; empty where none is made."),
    Column("counted_together", "integer", "Outcomes that the adjustment counts."),
    Column("p_benefit", "number", "Posterior probability of a change in the wanted direction."),
    Column("finding", "string", "favourable, unfavourable, little_or_no_difference or inconclusive."),
    Column("certainty", "integer", "4 High, 3 Moderate, 2 Low, 1 Very low; empty where not rated."),
    *(
        Column(f"{name}{end}", "number", f"{text}{where}")
        for name, text in (
            ("absolute", "Difference to the level without the programme, in `outcome_unit`"),
            ("percent", "Difference in per cent of that level"),
            ("total_averted", "Events avoided; negative where there were more"),
        )
        for end, where in (("", "."), ("_low", ", lower end."), ("_high", ", upper end."))
    ),
    Column("without", "number", "Level without the programme, in `outcome_unit`."),
    Column("observed", "number", "Level seen, in `outcome_unit`."),
    Column("n_units", "integer", "Units in the estimate; empty where withheld."),
    Column("n_treated_units", "integer", "Treated units; empty where withheld."),
    Column("pre_periods", "integer", "Usable periods before the start."),
    Column("post_periods", "integer", "Periods from the start on."),
    Column("in_words", "string", "The finding in one sentence."),
    Column("reason", "string", "Why there is no estimate; empty where there is one."),
    Column("rating_table", "string", "Name and version of the rating table."),
    Column("data_sha", "string", "Fingerprint of the data."),
    Column("evalkit_version", "string", "Version of evalkit."),
)
"""Stable: columns are added at the end and never change their meaning."""


def evidence_table(found: Iterable[Evidence]) -> pd.DataFrame:
    """All estimates of all summaries, each through the disclosure gate; columns as :data:`EVIDENCE`."""
    parts = [gated(evidence)[0] for evidence in found]
    return pd.concat(parts, ignore_index=True) if parts else typed([], EVIDENCE)


def gated(evidence: Evidence) -> tuple[pd.DataFrame, DisclosureRecord]:
    """Rows of one summary and what the gate did to them.

    The summary has withheld small counts of people already. Where it did, the gate withholds the numbers of the rows
    as well, as in `estimates.csv`.
    """
    sample = evidence.sample
    withheld = "suppressed" in (sample.n_units.how, sample.n_treated_units.how)
    table = typed([_row(evidence, estimate) for estimate in evidence.estimates], EVIDENCE)
    shown, record = gate(
        table, counts=COUNTS, min_cell=shipped().disclosure.min_cell, subject="persons" if withheld else "places",
        reason="a count of people was withheld" if withheld else "no count is withheld", keep=LABELS,
    )  # fmt: skip
    return shown, record


def to_parquet(table: pd.DataFrame, columns: Sequence[Column]) -> bytes:
    """Encode a table as parquet with page checksums; the meaning of each column stands in its metadata."""
    import pyarrow as pa
    from pyarrow import parquet

    types = {"string": pa.string(), "integer": pa.int64(), "number": pa.float64(), "boolean": pa.bool_()}
    fields = [pa.field(c.name, types[c.type], metadata={"description": c.description}) for c in columns]
    schema = pa.schema(fields)
    stored = pa.Table.from_pandas(table[[c.name for c in columns]], schema=schema, preserve_index=False)
    buffer = io.BytesIO()
    parquet.write_table(stored.replace_schema_metadata(None), buffer, write_page_checksum=True)
    return buffer.getvalue()


def _row(evidence: Evidence, estimate: EstimateBlock) -> dict[str, Any]:
    identity, question, sample = evidence.identity, evidence.question, evidence.sample
    outcome = next(each for each in evidence.outcomes if each.name == estimate.outcome)
    row: dict[str, Any] = {
        "study": identity.study_id, "run": identity.run_id, "version": identity.version,
        "created_at": identity.created_at.isoformat(), "city": question.city.value, "priority": question.priority.value,
        "title": question.title.value, "programme": question.programme.value,
        "mechanism": evidence.assignment.mechanism.value, "assigned_unit": evidence.assignment.unit.value,
        "outcome": outcome.name, "outcome_role": outcome.role, "domain": outcome.domain, "family": outcome.family,
        "outcome_unit": outcome.unit, "direction": outcome.direction, "estimate": estimate.label,
        "estimator": estimate.estimator, "role": estimate.role, "estimand": estimate.estimand, "scale": estimate.scale,
        "n_units": sample.n_units.value, "n_treated_units": sample.n_treated_units.value,
        "pre_periods": sample.pre_periods.value, "post_periods": sample.post_periods.value,
        "rating_table": evidence.rating.table, "data_sha": identity.data_sha,
        "evalkit_version": identity.evalkit_version,
    }  # fmt: skip
    unrated = evidence.rating.certainty is None and estimate.role == "primary" and outcome.role == "primary"
    numbers = {} if unrated else _numbers(estimate)
    return row | numbers | (_judged(evidence, estimate) if estimate.role == "primary" else {})


def _numbers(estimate: EstimateBlock) -> dict[str, Any]:
    effect = estimate.effect
    return {
        "effect": effect.value, "low": effect.low, "high": effect.high, "level": effect.level,
        "interval_kind": effect.interval_kind, "std_error": estimate.std_error.value,
        "p_value": estimate.p_value.value, "p_benefit": estimate.p_benefit.value, "reason": effect.reason,
        "inference": None if estimate.inference is None else estimate.inference.method,
    }  # fmt: skip


def _judged(evidence: Evidence, estimate: EstimateBlock) -> dict[str, Any]:
    """Finding, certainty and natural units of the outcome; none of them where it is not rated."""
    rows: Mapping[str, OutcomeFinding] = {each.outcome: each for each in evidence.summary_of_findings}
    found = rows.get(estimate.outcome)
    if found is None:
        return {}
    judged: dict[str, Any] = {"in_words": found.sentence}
    if found.finding is None or (found.label == "Not rated" and found.role != "placebo"):
        return judged | ({"reason": found.sentence} if found.finding is None else {})
    judged |= {
        "finding": found.finding.label, "certainty": found.certainty, "p_adjusted": found.p_adjusted.value,
        "counted_together": found.counted_together, "observed": found.natural.absolute.observed.value,
        "without": found.natural.absolute.counterfactual.value,
    }  # fmt: skip
    for name in NATURAL:
        shown: Quantity = getattr(found.natural, name).effect
        judged |= {name: shown.value, f"{name}_low": shown.low, f"{name}_high": shown.high}
    return judged
