from __future__ import annotations

import dataclasses
from typing import Literal

import numpy as np
import pandas as pd
import pytest

from evalkit.aggregate import Cells
from evalkit.data.calendar import Calendar
from evalkit.errors import DesignRefused
from evalkit.estimate import Estimate
from evalkit.evaluation import Evaluation
from evalkit.evidence.disclosure import Policy
from evalkit.report.brief_html import brief_html
from evalkit.report.compose import (
    adds_up,
    cells_shown,
    exhibits_shown,
    only_start,
    reference_time,
    step_in_words,
    through_gate,
    window_of,
)
from evalkit.report.tables import estimates_table
from evalkit.testing import staggered_panel
from evalkit.vocabulary import NEVER, POOLED, Diagnostic, Exhibit
from tests import report_samples as samples
from tests.long_series import PERIODS, START, fitted

PERSONS = Policy("persons", 11, "counts are of persons")
SAME = 1e-12
"""One number computed once, and stored twice."""
NUMBERS = ["n_treated", "estimate", "std_error", "low", "high"]


def _of_persons(evaluation: Evaluation) -> Evaluation:
    """The same study, had its units been persons."""
    spec = evaluation.study.spec
    assignment = spec.assignment.model_copy(update={"unit": "person"})
    study = evaluation.study.model_copy(update={"spec": spec.model_copy(update={"assignment": assignment})})
    return dataclasses.replace(evaluation, study=study)


def test_places_are_shown_whatever_their_number() -> None:
    contents = samples.of(samples.castle())
    assert contents.disclosure["subject"] == "places"
    assert all(not record["withheld"] for record in contents.disclosure["tables"].values())


@pytest.mark.promise("secure-gate")
def test_small_groups_of_persons_are_withheld_in_every_table_and_picture() -> None:
    contents = samples.of(_of_persons(samples.castle()))
    for table in (contents.estimates, contents.event_study, *(figure.data for figure in contents.figures)):
        if "n_treated" in table:
            assert not table["n_treated"].between(1, 10).any()
    cohorts = contents.estimates.query("aggregation == 'cohort' and label in ('2006', '2008', '2009', '2010')")
    assert cohorts[NUMBERS].isna().all(axis=None)
    assert contents.disclosure["tables"]["estimates.csv"]["withheld"]


def test_mixtures_of_cohorts_are_withheld_beside_a_small_one() -> None:
    """From one period to the next the number of treated persons grows by the cohort that is withheld."""
    contents = samples.of(_of_persons(samples.castle()))
    mixed = contents.estimates.query("aggregation in ('event_study', 'period')")
    assert mixed[NUMBERS].isna().all(axis=None)
    assert contents.event_study[NUMBERS].isna().all(axis=None)
    assert contents.event_study["event_time"].notna().all()
    assert [figure.id for figure in contents.figures] == ["forest"]
    overall = contents.estimates.query("aggregation == 'overall' and role == 'primary'")
    assert overall["estimate"].notna().all()
    record = contents.disclosure["tables"]["event_study.csv"]
    assert record["withheld"] == list(range(record["rows"]))


def test_checks_and_reasons_name_no_small_count_of_persons() -> None:
    evaluation = _of_persons(samples.castle())
    counted = Diagnostic(
        "flow", "", "", None, None, "informational", "estimation", "5 of 40 units left out.", (("n_treated", 5.0),)
    )
    refused = DesignRefused("only 4 units are treated")
    few = dataclasses.replace(evaluation, diagnostics=(counted,), robustness={"other": refused})
    contents = samples.of(few)
    check = contents.diagnostics.iloc[0]
    assert check["reading"] == "fewer than 11 of 11 or more units left out."
    assert check["details"] is None
    assert "only fewer than 11 units are treated" in contents.estimates["reason"].tolist()


def test_a_run_that_is_not_rated_shows_no_picture_of_an_effect() -> None:
    evaluation = samples.castle()
    unrated = dataclasses.replace(evaluation, evidence=samples.evidence(certainty=None))
    assert samples.of(unrated).figures == ()
    page = brief_html(samples.of(unrated))
    assert "<figure>" not in page
    assert "Not rated" in page
    assert "<figure>" in brief_html(samples.of(evaluation))


def test_draws_of_withheld_cohorts_are_not_stored() -> None:
    evaluation = _of_persons(samples.castle("estimator=bayesian_did"))
    contents = samples.of(evaluation)
    shown = cells_shown(evaluation, contents)
    visible = contents.estimates.query("role == 'primary' and aggregation == 'cohort'").dropna(subset="n_treated")
    kept = evaluation.estimate.calendar.labels(evaluation.estimate.cells.cohort[shown]).astype(str)
    assert set(kept) <= set(visible["cohort"])
    assert cells_shown(samples.castle("estimator=bayesian_did"), contents).all()


def test_draws_of_cohorts_withheld_for_another_s_sake_are_not_stored_when_periods_are_dates() -> None:
    evaluation = _of_persons(samples.castle("estimator=bayesian_did"))
    estimate = evaluation.estimate
    yearly = Calendar(kind="date", origin=30, step=1, frequency="Y-DEC")
    large = dataclasses.replace(estimate.cells, n_treated=np.full(len(estimate.cells), 50, dtype=np.int64))
    dated = dataclasses.replace(evaluation, estimate=dataclasses.replace(estimate, calendar=yearly, cells=large))
    first = int(large.cohort[large.cohort != POOLED].min())
    table = estimates_table("homicide", "main", dated.estimate, {}, {}).astype({"n_treated": float})
    table.loc[table["cohort"] == yearly.text(first), "n_treated"] = np.nan
    contents = dataclasses.replace(samples.of(evaluation), estimates=table)
    assert cells_shown(dated, contents).tolist() == (large.cohort != first).tolist()


def test_rows_that_add_up_are_judged_together_and_recorded_by_their_place() -> None:
    table = pd.DataFrame({"run": ["a", "a", "b", "b"], "n_treated": [30, 40, 3, 50], "estimate": [1.0, 2.0, 3.0, 4.0]})
    shown, record = through_gate(table, PERSONS, counts=["n_treated"], groups=["run"])
    assert shown["estimate"].isna().tolist() == [False, False, True, True]
    assert record == {
        "rows": 4, "withheld": [2, 3], "rules": ["complementary", "small_count"], "homogeneous": [], "escaped": 0,
    }  # fmt: skip


def test_labels_of_withheld_rows_stay() -> None:
    table = pd.DataFrame({"event_time": [0, 1], "n_treated": [3, 50], "estimate": [1.0, 2.0]})
    shown, _ = through_gate(table, PERSONS, counts=["n_treated"])
    assert shown["event_time"].tolist() == [0, 1]


@pytest.mark.promise("secure-gate")
def test_figures_of_checks_are_drawn_from_gated_rows() -> None:
    contents = samples.of(samples.castle())
    assert "leave_one_out" in [figure.id for figure in contents.figures]
    assert "figures/leave_one_out" in contents.disclosure["tables"]


@pytest.mark.parametrize("about", ["sample", "cohorts", "units"])
def test_beside_a_cohort_of_few_persons_no_check_shows_a_figure(about: Literal["sample", "cohorts", "units"]) -> None:
    exhibit = Exhibit("kind", {}, about=about)
    assert not list(exhibits_shown([exhibit], samples.castle().panel, PERSONS))
    assert list(exhibits_shown([exhibit], samples.castle().panel, Policy("places", 11, "")))


def test_figures_about_single_persons_are_left_out_of_large_cohorts_too() -> None:
    made = staggered_panel(n_units=120, n_periods=6, seed=1)
    shown = [
        list(exhibits_shown([Exhibit("kind", {}, about=about)], made, PERSONS))
        for about in ("sample", "cohorts", "units")
    ]  # fmt: skip
    assert [len(each) for each in shown] == [1, 1, 0]


@pytest.mark.promise("secure-formulas")
def test_formulas_in_labels_are_disarmed() -> None:
    table = pd.DataFrame({"run": ["=1+1"], "n_treated": [50]})
    shown, record = through_gate(table, PERSONS, counts=["n_treated"])
    assert (shown["run"].iloc[0], record["escaped"]) == ("'=1+1", 1)


def test_a_declared_window_bounds_a_comparison_of_trends_and_never_a_fit() -> None:
    design = samples.castle().study.spec.design
    assert window_of(design, samples.estimate()) == (-5, 3)
    assert window_of(design, fitted()) == (-START, PERIODS - START - 1)


def test_in_a_staggered_fit_no_event_time_of_one_cohort_alone_is_shown_beyond_the_declared_window() -> None:
    design, one = samples.castle().study.spec.design, fitted()
    later = dataclasses.replace(one.cells, cohort=one.cells.cohort + 20, event_time=one.cells.event_time - 20)
    both = {
        field.name: np.concatenate([getattr(one.cells, field.name), getattr(later, field.name)])
        for field in dataclasses.fields(one.cells)
        if field.name not in ("share_cohorts", "shares", "unit", "fraction")
    }
    cells = Cells(**both, share_cohorts=np.array([START, START + 20]), shares=np.array([0.5, 0.5]))
    assert window_of(design, dataclasses.replace(one, cells=cells)) == (-START, PERIODS - START - 1 - 20)
    short = cells.event_time >= -2
    kept = {name: values[short] for name, values in both.items()}
    staggered = dataclasses.replace(cells, **kept)
    assert window_of(design, dataclasses.replace(one, cells=staggered)) == (-5, PERIODS - START - 1 - 20)


def test_where_all_start_together_their_start_is_known_even_if_effects_pool_over_cohorts() -> None:
    panel = staggered_panel(n_units=30, n_periods=6, seed=1)
    one = dataclasses.replace(panel, first_treated=np.where(panel.first_treated == NEVER, NEVER, 3))
    pooled = samples.castle().robustness["Two-way fixed effects"]
    assert isinstance(pooled, Estimate)
    assert not len(pooled.cells.share_cohorts)
    assert only_start(pooled, one) == 3
    assert only_start(pooled, panel) is None
    assert only_start(fitted(), panel) == START


@pytest.mark.parametrize(
    ("family", "estimate", "expected"),
    [
        ("rate", fitted(), True),
        ("count", fitted(), True),
        ("proportion", fitted(), False),
        ("duration", fitted(), False),
        ("rate", dataclasses.replace(samples.estimate(), leads_from="fit"), False),
        ("rate", samples.estimate(), False),  # two cohorts: later effects are those of fewer places
    ],
)
def test_effects_are_added_up_where_their_sum_has_a_meaning(family: str, estimate: Estimate, expected: bool) -> None:
    castle = samples.castle()
    outcome = castle.study.spec.primary_outcome.model_copy(update={"family": family})
    assert adds_up(outcome, estimate, castle.panel) is expected


def test_what_effects_are_measured_against_follows_from_the_estimate() -> None:
    assert reference_time(samples.estimate()) == -1
    anticipated = dataclasses.replace(samples.castle().estimate, settings={"base_period": "varying", "anticipation": 2})
    assert reference_time(anticipated) == -3
    assert reference_time(samples.castle("estimator=bayesian_did").estimate) is None


def test_a_column_of_years_counts_in_years() -> None:
    assert step_in_words(samples.castle().panel) == "year"


def test_the_numbers_shown_are_those_of_the_evidence() -> None:
    evaluation = samples.castle()
    rows = samples.of(evaluation).estimates.query("aggregation == 'overall'")
    for entry in evaluation.evidence.estimates:
        run = "Callaway-Sant'Anna" if entry.role == "primary" else entry.label
        shown = rows[(rows["outcome"] == entry.outcome) & (rows["run"] == run)]
        assert shown["estimate"].tolist() == pytest.approx([entry.effect.value], rel=SAME)
        assert shown["low"].tolist() == pytest.approx([entry.effect.low], rel=SAME)


def test_effects_of_single_units_are_shown_of_places_and_never_of_persons() -> None:
    evaluation = samples.castle()
    estimate = _by_unit(evaluation.estimate)
    places = samples.of(dataclasses.replace(evaluation, estimate=estimate)).estimates
    assert places.query("aggregation == 'unit'")["label"].tolist() == ["first place", "average"]
    persons = samples.of(_of_persons(dataclasses.replace(evaluation, estimate=estimate))).estimates
    assert "unit" not in set(persons["aggregation"])


def test_draws_of_single_persons_are_not_stored() -> None:
    evaluation = samples.castle()
    by_unit = dataclasses.replace(evaluation, estimate=_by_unit(evaluation.estimate))
    assert not cells_shown(_of_persons(by_unit), samples.of(_of_persons(by_unit))).any()
    assert cells_shown(by_unit, samples.of(by_unit)).all()


def _by_unit(estimate: Estimate) -> Estimate:
    """Every cell as that of one and the same unit."""
    count = len(estimate.cells)
    cells = dataclasses.replace(
        estimate.cells, unit=np.zeros(count, dtype=np.int64), fraction=np.ones(count), n_treated=np.ones(count, int)
    )
    return dataclasses.replace(estimate, cells=cells, unit_names=("first place",))
