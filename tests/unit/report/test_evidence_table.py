"""The evidence as a table: stable columns, a row an estimate, nothing that the summary withholds."""

from __future__ import annotations

import io
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest

from evalkit.evidence.schema import Evidence
from evalkit.report.columns import Column
from evalkit.report.csv_file import from_csv, to_csv
from evalkit.report.evidence_table import EVIDENCE, evidence_table, gated, to_parquet
from tests import report_samples as samples
from tests.unit.evidence import made
from tests.unit.report.test_annex_outcomes import evidence

FIRST = (
    "study", "run", "version", "created_at", "city", "priority", "title", "programme", "mechanism", "assigned_unit",
    "outcome", "outcome_role", "domain", "family", "outcome_unit", "direction", "estimate", "estimator", "role",
    "estimand", "scale", "effect", "low", "high", "level", "interval_kind", "inference", "std_error", "p_value",
    "p_adjusted", "counted_together", "p_benefit", "finding", "certainty", "absolute", "absolute_low", "absolute_high",
    "percent", "percent_low", "percent_high", "total_averted", "total_averted_low", "total_averted_high", "without",
    "observed", "n_units", "n_treated_units", "pre_periods", "post_periods", "in_words", "reason", "rating_table",
    "data_sha", "evalkit_version",
)  # fmt: skip
"""Columns that others read by name: new ones come behind them."""


def test_columns_that_others_read_stay_where_they_are() -> None:
    assert tuple(column.name for column in EVIDENCE)[: len(FIRST)] == FIRST
    assert all(column.description for column in EVIDENCE)


def test_there_is_a_row_an_estimate_with_the_numbers_of_the_summary() -> None:
    found = evidence()
    table = evidence_table([found])
    rows: dict[str, Any] = dict(zip(table["outcome"], table.to_dict("records"), strict=True))
    assert [row["role"] for row in rows.values()] == ["primary"] * 4
    thefts, row = found.summary_of_findings[1], rows["thefts"]
    assert row["effect"] == -1.0
    assert row["absolute"] == thefts.natural.absolute.effect.value
    assert row["without"] == thefts.natural.absolute.counterfactual.value
    assert (row["certainty"], row["finding"], row["domain"]) == (3, "favourable", "crime")
    assert row["in_words"] == thefts.sentence
    assert pd.isna(rows["rain"]["certainty"])
    assert rows["trust"]["reason"].startswith("There is no result on trust")


def test_an_estimate_of_another_estimator_has_no_finding_of_its_own() -> None:
    found = made.summary(made.estimate(-2.0), robustness={"other": made.estimate(-1.9)})
    table = evidence_table([found])
    assert table["finding"].isna().tolist() == [False, True]


def test_a_run_that_is_not_rated_shows_no_effect() -> None:
    (row,) = evidence_table([samples.evidence(certainty=None)]).query("role == 'primary'").to_dict("records")
    assert pd.isna(row["effect"])
    assert pd.isna(row["finding"])


def test_numbers_beside_a_withheld_count_of_people_are_withheld() -> None:
    people = made.spec(assignment={"mechanism": "lottery", "unit": "patient"})
    few = made.panel(starts={6: 5}, never=40)
    found = made.summary(made.estimate(-2.0), people, data=few)
    held = Evidence.model_validate(
        {**found.model_dump(), "sample": {**found.sample.model_dump(), "n_treated_units": _suppressed()}}
    )
    table, record = gated(held)
    assert table[["effect", "low", "absolute", "n_units", "n_treated_units"]].isna().all(axis=None)
    assert table["level"].notna().all()
    assert (record.subject, record.suppressed) == ("persons", (0,))


def _suppressed() -> dict[str, object]:
    return {"value": None, "how": "suppressed", "reason": "counts of people from 1 to 10 are withheld"}


@pytest.mark.promise("secure-formulas")
def test_text_that_a_spreadsheet_would_run_is_made_safe() -> None:
    table = evidence_table([samples.evidence("=1+1")])
    assert table["title"].tolist()[0] == "'=1+1"


def test_csv_and_parquet_hold_the_same_values() -> None:
    table = evidence_table([evidence()])
    read = from_csv(to_csv(table, EVIDENCE), EVIDENCE)
    stored = pq.read_table(io.BytesIO(to_parquet(table, EVIDENCE)), page_checksum_verification=True)
    for column in EVIDENCE:
        for one, other in zip(read[column.name], stored.column(column.name).to_pylist(), strict=True):
            assert (pd.isna(one) and other is None) or one == other, column.name
    described = {field.name: field.metadata[b"description"].decode() for field in stored.schema}
    assert described == {column.name: column.description for column in EVIDENCE}


def test_no_evidence_is_an_empty_table_of_the_same_columns() -> None:
    table = evidence_table([])
    assert list(table.columns) == [column.name for column in EVIDENCE]
    assert to_csv(table, EVIDENCE).count(b"\n") == 1


def test_the_same_table_gives_the_same_parquet() -> None:
    table = evidence_table([evidence()])
    assert to_parquet(table, EVIDENCE) == to_parquet(table, EVIDENCE)


@pytest.mark.parametrize("kind", ["string", "integer", "number", "boolean"])
def test_every_declared_type_can_be_stored(kind: str) -> None:
    column = Column("x", kind, "An x.")  # type: ignore[arg-type]
    assert pq.read_table(io.BytesIO(to_parquet(pd.DataFrame({"x": [None]}), [column]))).num_rows == 1
