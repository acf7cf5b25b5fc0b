"""Checks on repeated cross-sections: those that need units say that they did not run, the others run."""

from __future__ import annotations

import functools

import numpy as np
import pytest

import evalkit as ek
from evalkit.checks import registry
from evalkit.checks.base import CheckContext, answer
from evalkit.vocabulary import Diagnostic
from tests.persons import read, survey
from tests.simulated import spec


@pytest.fixture(scope="module")
def context() -> CheckContext:
    data = {
        "source": {"kind": "file", "path": "survey.csv"}, "group": "group", "period": "year", "cohort": "start",
    }  # fmt: skip
    panel = read(survey(1500, periods=6), covariates=[])
    fit = functools.partial(ek.CallawaySantAnna().fit, rng=np.random.default_rng(0))
    return CheckContext(spec(data=data), panel, fit(panel), fit)


def run(context: CheckContext, name: str) -> Diagnostic:
    return answer(registry.get(name)(), context)[0]


@pytest.mark.parametrize("name", ["randomization_inference", "wild_bootstrap"])
def test_checks_that_follow_units_do_not_run_and_say_why(context: CheckContext, name: str) -> None:
    found = run(context, name)
    assert found.status == "not_run"
    assert "each row is another person" in found.reading


def test_a_start_moved_earlier_leaves_untreated_people_only(context: CheckContext) -> None:
    assert run(context, "placebo_period").status in ("pass", "fail")


def test_a_cohort_can_be_left_out_with_its_groups(context: CheckContext) -> None:
    found = run(context, "leave_one_cohort_out")
    assert found.status == "pass"
    assert "2 of 2" in found.reading


def test_pre_periods_are_tested(context: CheckContext) -> None:
    assert run(context, "pre_trends").status in ("pass", "fail")


def test_persons_are_counted_as_persons(context: CheckContext) -> None:
    reading = run(context, "sample_flow").reading
    assert reading.startswith("1500 persons in the data")
    assert "place" not in reading
