from __future__ import annotations

import functools

import numpy as np
import pytest

from evalkit.evidence.standard import shipped
from evalkit.power.history import Placebo
from evalkit.power.rule import TestKind, decide, smallest_p, table_of
from evalkit.power.schedule import Wishes
from evalkit.power.simulate import Task
from tests.designs import long, study, task
from tests.designs import panel as simulated

ALPHA = 0.05


def made(treated: int, units: int, estimator: str = "imputation", **settings: str) -> tuple[Task, Placebo]:
    history = simulated(n_units=100, n_periods=6, cohorts={4: 0.5})
    one = task(history, study(estimator, settings=settings), Wishes(units=units, treated=treated))
    return one, one.panels(inflate=True)(0)


def decided(treated: int, units: int, estimator: str = "imputation", asked: str = "auto", **settings: str) -> TestKind:
    one, placebo = made(treated, units, estimator, **settings)
    fit = functools.partial(one.fit, number=0)
    return decide(fit(placebo.panel), placebo.panel, fit, one.table, alpha=ALPHA, asked=asked)


@pytest.mark.parametrize(
    ("treated", "units", "test"),
    [(12, 40, "interval"), (10, 20, "interval"), (9, 40, "permutation"), (12, 19, "permutation"), (1, 18, "collapse")],
)
def test_the_rows_of_the_shipped_table_decide_by_the_number_of_places(treated: int, units: int, test: TestKind) -> None:
    assert decided(treated, units) == test


def test_a_method_that_the_study_asks_for_decides() -> None:
    assert decided(3, 40, asked="conley_taber") == "conley_taber"
    assert decided(3, 40, asked="collapse") == "collapse"


def test_a_posterior_is_judged_by_its_own_interval_at_any_number_of_places() -> None:
    assert decided(4, 24, "bayesian_did", engine="exact") == "interval"


def test_halves_that_mirror_each_other_reach_twice_the_p_value() -> None:
    assert smallest_p(made(3, 6)[1].panel, 999) == pytest.approx(2 / 20)
    assert smallest_p(made(2, 6)[1].panel, 999) == pytest.approx(1 / 15)
    assert smallest_p(made(10, 40)[1].panel, 999) == pytest.approx(1 / 1000)


def test_the_table_is_the_study_s_own_or_the_shipped_one() -> None:
    assert table_of(study()) == shipped().inference
    own = {**shipped().inference.model_dump(), "refit_cells": 5.0}
    assert table_of(study().model_copy(update={"evidence": {"inference": own}})).refit_cells == 5.0


def test_a_method_without_a_row_leaves_the_estimate_s_own_interval() -> None:
    assert decided(12, 40, asked="none") == "interval"


def test_where_everybody_starts_at_once_no_other_roll_out_can_be_given() -> None:
    everybody = long(np.random.default_rng(0).normal(size=(6, 5)), dict.fromkeys(range(6), 3))
    assert smallest_p(everybody, 999) == 1.0
