"""Columns of figures: what nobody declared does not leave."""

from __future__ import annotations

import dataclasses

import pandas as pd
import pytest

from evalkit.report.compose import compose
from evalkit.report.exports import undeclared, without_levels
from evalkit.vocabulary import Diagnostic, Exhibit
from tests import report_samples as samples
from tests.unit.report.test_gating import of_many_persons


@pytest.mark.promise("secure-gate")
def test_every_figure_of_the_checks_has_its_columns_declared() -> None:
    evaluation = samples.castle()
    exhibits = [found.exhibit for found in evaluation.diagnostics if found.exhibit is not None]
    assert exhibits
    assert [undeclared(each) for each in exhibits] == [()] * len(exhibits)


def test_means_of_what_people_have_are_withheld() -> None:
    shown, found = without_levels(pd.DataFrame({"measure": ["women"], "mean_treated": [0.1], "g": [0.2]}))
    assert found
    assert shown["mean_treated"].isna().all()
    assert shown["g"].tolist() == [0.2]


@pytest.mark.promise("secure-gate")
def test_a_figure_with_an_undeclared_column_is_withheld_and_the_record_says_so() -> None:
    evaluation = of_many_persons()
    exhibit = Exhibit("placebo_dates", {"event_time": (-1,), "estimate": (0.1,), "names": ("Ann",)})
    check = Diagnostic("placebo", "", "", None, None, "informational", "estimation", "Read.", exhibit=exhibit)
    told = dataclasses.replace(evaluation, diagnostics=(check,))
    record = compose(told, provenance={}, study_yaml="study: {}\n").disclosure["tables"]["figures/placebo_dates"]
    assert record["rules"] == ["undeclared"]
