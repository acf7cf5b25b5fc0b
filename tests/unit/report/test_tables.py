from __future__ import annotations

import dataclasses

import numpy as np

from evalkit.data.calendar import Calendar
from evalkit.errors import DesignRefused
from evalkit.report.columns import DIAGNOSTICS, ESTIMATES, EVENT_STUDY
from evalkit.report.tables import diagnostics_table, estimates_table, event_study_table
from tests import report_samples as samples
from tests.long_series import PERIODS, START, fitted

REFUSED = DesignRefused("No never-treated units.", next_step="Choose another.")


def test_every_estimate_appears_with_every_aggregation() -> None:
    table = estimates_table("crime", "main", samples.estimate(), {"other": samples.estimate(name="other")}, {})
    kinds = table.groupby("run")["aggregation"].agg(lambda found: sorted(set(found)))
    assert kinds["main"] == kinds["other"] == ["cohort", "event_study", "overall", "period"]


def test_numbers_are_those_of_the_estimate_itself() -> None:
    estimate = samples.estimate()
    table = estimates_table("crime", "main", estimate, {}, {})
    for kind in ("overall", "event_study", "cohort", "period"):
        rows = table[(table["aggregation"] == kind) & (table["label"] != "average")]
        for name in ("estimate", "std_error", "low", "high"):
            np.testing.assert_array_equal(rows[name], estimate.aggregate(kind)[name])
        if kind != "overall":
            average = table[(table["aggregation"] == kind) & (table["label"] == "average")]
            np.testing.assert_array_equal(average["estimate"], estimate.average(kind)["estimate"])


def test_labels_say_which_cohort_period_and_event_time() -> None:
    table = estimates_table("crime", "main", samples.estimate(), {}, {})
    labels = {kind: rows["label"].tolist() for kind, rows in table.groupby("aggregation")}
    assert labels["cohort"] == ["2004", "2006", "average"]
    assert labels["event_study"][:2] == ["-5", "-4"]
    assert labels["event_study"][-3:] == ["+4", "+5", "average"]


def test_months_are_named_without_their_midnight() -> None:
    months = Calendar(kind="date", origin=588, step=1, frequency="M")  # 588 months after 1970-01
    estimate = dataclasses.replace(samples.estimate(), calendar=months)
    rows = estimates_table("crime", "main", estimate, {}, {}).query("aggregation == 'cohort'")
    assert rows["label"].tolist()[0] == rows["cohort"].tolist()[0] == months.text(int(estimate.cells.cohort.min()))
    assert not rows["label"].str.contains(":").any()
    assert rows["label"].tolist() == [*estimate.aggregate("cohort")["label"], "average"]


def test_a_refused_estimator_is_a_row_with_its_reason() -> None:
    table = estimates_table("crime", "main", samples.estimate(), {"imputation": REFUSED}, {"arrests": REFUSED})
    refused = table[table["estimate"].isna()]
    assert refused["reason"].tolist() == ["No never-treated units."] * 2
    assert refused["role"].tolist() == ["robustness", "other_outcome"]
    assert refused["outcome"].tolist() == ["crime", "arrests"]


def test_columns_are_the_declared_ones() -> None:
    assert list(estimates_table("crime", "main", samples.estimate(), {}, {}).columns) == [c.name for c in ESTIMATES]
    assert list(event_study_table(samples.estimate(), -1, "identity").columns) == [c.name for c in EVENT_STUDY]
    assert list(diagnostics_table(samples.diagnostics()).columns) == [c.name for c in DIAGNOSTICS]


def test_the_counterfactual_starts_at_the_reference_period() -> None:
    table = event_study_table(samples.estimate(), -1, "log_outcome").set_index("event_time")
    assert table.loc[:-2, "counterfactual"].isna().all()
    assert table.loc[-1, ["counterfactual", "observed"]].nunique() == 1
    np.testing.assert_array_equal(
        table.loc[0:, "counterfactual"], table.loc[0:, "observed"] - table.loc[0:, "estimate"]
    )  # fmt: skip


def test_a_fit_has_a_counterfactual_in_every_period_and_dates_where_all_start_together() -> None:
    estimate = fitted()
    table = event_study_table(estimate, None, "identity", start=START, adds_up=True)
    np.testing.assert_array_equal(table["counterfactual"], table["observed"] - table["estimate"])
    assert table["period"].tolist() == [estimate.calendar.text(period) for period in range(PERIODS)]
    assert table["cumulative"].notna().tolist() == [period >= START for period in range(PERIODS)]
    assert event_study_table(samples.estimate(), -1, "identity")["period"].isna().all()
    assert event_study_table(estimate, None, "identity")["cumulative"].isna().all()


def test_effects_of_places_are_rows_of_their_own() -> None:
    table = estimates_table("crime", "main", fitted(units=3), {}, {}).query("aggregation == 'unit'")
    assert table["label"].tolist() == ["City A", "City B", "City C", "average"]


def test_under_a_log_link_the_counterfactual_is_a_ratio_of_the_observed_mean() -> None:
    table = event_study_table(samples.estimate(), -1, "log_link").set_index("event_time").loc[0:]
    np.testing.assert_array_equal(table["counterfactual"], table["observed"] * np.exp(-table["estimate"]))


def test_a_posterior_has_no_p_value() -> None:
    table = estimates_table("crime", "main", samples.estimate(bayesian=True), {}, {})
    assert table["p_value"].isna().all()
    assert set(table["interval_kind"]) == {"credible"}


def test_checks_keep_their_null_in_words_and_their_details() -> None:
    row = diagnostics_table(samples.diagnostics()).iloc[0]
    assert row["null_in_words"] == "Outcomes of treated and comparison units moved in parallel before the start."
    assert row["details"] == "detectable_slope=0.03"
