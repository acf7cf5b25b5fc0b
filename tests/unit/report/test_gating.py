"""The gate over the tables of a bundle: differences, averages, and levels by event time."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
import pandas as pd
import pytest

from evalkit.evaluation import Evaluation
from evalkit.evidence.ledger import TREATED, Ledger
from evalkit.evidence.standard import shipped
from evalkit.report.compose import policy_of, through_gate
from evalkit.report.gating import LEVEL, Gate, expected_sizes, has_small_side
from evalkit.vocabulary import NEVER
from tests import report_samples as samples

MIN_CELL = shipped().disclosure.min_cell


@functools.cache
def of_many_persons() -> Evaluation:
    """The castle doctrine's estimate beside a panel of many persons in two cohorts."""
    castle = samples.castle()
    spec = castle.study.spec
    assignment = spec.assignment.model_copy(update={"unit": "person"})
    study = castle.study.model_copy(update={"spec": spec.model_copy(update={"assignment": assignment})})
    first = np.repeat([4, 6, NEVER], [40, 30, 60]).astype(np.int64)
    outcome = np.random.default_rng(1).normal(10.0, 1.0, (len(first), castle.panel.outcome.shape[1]))
    panel = dataclasses.replace(
        castle.panel, outcome=outcome, first_treated=first, units=pd.Index([f"p{i}" for i in range(len(first))]),
        weight=None, covariates={}, cluster=None, exposure=None, remarks=(),
    )  # fmt: skip
    estimate = dataclasses.replace(samples.estimate(), n_units=130, n_treated_units=70)
    return dataclasses.replace(castle, study=study, panel=panel, estimate=estimate, robustness={}, other_outcomes={})


def gate() -> Gate:
    return Gate(of_many_persons(), policy_of(of_many_persons()))


def entered(made: Gate, table: pd.DataFrame) -> str:
    _, record = through_gate(table, made.rules, counts=["n_treated"])
    made.passed("table", record)
    return "table"


def test_a_count_that_misses_few_of_its_row_is_withheld_and_its_effect_stays() -> None:
    made = gate()
    table = pd.DataFrame({"event_time": [0, 1], "n_treated": [67, 70], "estimate": [0.1, 0.2]})
    shown = made.counts(table, entered(made, table), expected_sizes(table, made))
    assert shown["n_treated"].isna().tolist() == [True, False]
    assert shown["estimate"].notna().all()
    assert made.records["table"]["withheld_cells"] == {"n_treated": [0]}
    assert made.records["table"]["rules"] == ["difference"]


def test_two_counts_that_differ_by_few_are_not_both_shown() -> None:
    made = gate()
    table = pd.DataFrame({"event_time": [0, 1], "n_treated": [50, 53], "estimate": [0.1, 0.2]})
    assert made.counts(table, entered(made, table), expected_sizes(table, made))["n_treated"].isna().sum() == 1


def test_where_the_summary_withholds_the_treated_no_row_tells_them() -> None:
    made = gate()
    made.ledger = Ledger(frozenset({TREATED}))
    table = pd.DataFrame({"event_time": [0, 1], "n_treated": [70, 70], "estimate": [0.1, 0.2]})
    assert made.counts(table, entered(made, table), expected_sizes(table, made))["n_treated"].isna().all()


@pytest.mark.parametrize(
    ("kind", "label", "expected"),
    [("overall", "overall", {70}), ("cohort", "2004", {40}), ("cohort", "average", {70}), ("period", "2005", {40}),
     ("period", "2007", {70})],
)  # fmt: skip
def test_what_a_row_counts_if_nobody_is_missing(kind: str, label: str, expected: set[int]) -> None:
    table = pd.DataFrame({"aggregation": [kind], "label": [label], "event_time": [None], "n_treated": [1]})
    assert expected_sizes(table, gate()) == [frozenset(expected)]


def test_the_average_goes_with_a_withheld_row_of_its_kind() -> None:
    made = gate()
    table = pd.DataFrame(
        {
            "outcome": "y", "run": "a", "aggregation": "cohort", "label": ["2004", "2006", "average"],
            "n_treated": [40, 30, 70], "estimate": [0.1, 0.2, 0.15],
        }
    )  # fmt: skip
    made.records["table"] = {"withheld": [0], "rules": []}
    assert made.averages(table, "table")["estimate"].isna().tolist() == [False, False, True]
    assert made.records["table"]["withheld"] == [0, 2]


def test_few_who_never_start_are_a_small_side() -> None:
    evaluation = of_many_persons()
    few = dataclasses.replace(evaluation.panel, first_treated=np.repeat([4, NEVER], [125, 5]).astype(np.int64))
    assert has_small_side(few, policy_of(evaluation))
    assert not has_small_side(evaluation.panel, policy_of(evaluation))


def levels_of(made: Gate) -> pd.DataFrame:
    table = pd.DataFrame({"event_time": [-1, 0, 1], "n_treated": 70, "observed": 10.0, "counterfactual": 9.0})
    return made.levels(table, entered(made, table))


def test_levels_after_the_start_go_where_their_average_tells_of_few(monkeypatch: pytest.MonkeyPatch) -> None:
    assert levels_of(gate())["observed"].notna().all()
    rules = iter([None, None, None, "few_events"])  # one an event time, then that of all under treatment
    monkeypatch.setattr("evalkit.report.gating.telling", lambda *given: next(rules))
    made = gate()
    shown = levels_of(made)
    assert shown["observed"].isna().tolist() == [False, True, True]
    assert "few_events" in made.records["table"]["rules"]


def test_a_figure_without_levels_of_people_keeps_no_note_of_any() -> None:
    made = gate()
    table = pd.DataFrame({"event_time": [0, 1], "estimate": [0.1, 0.2], "n_treated": [50, 40]})
    shown = made.exhibit(table, entered(made, table), ["n_treated"])
    assert shown["estimate"].notna().all()
    assert LEVEL not in made.records["table"]["rules"]
