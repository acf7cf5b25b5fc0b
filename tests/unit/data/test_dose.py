"""A dose becomes first treated periods, and one that is switched on once is the same as a 0/1 column."""

from __future__ import annotations

import numpy as np
import pandas as pd

from evalkit.data.dose import departure
from evalkit.data.panel import Panel
from evalkit.vocabulary import NEVER
from tests.frames import long_frame, read, remark, remark_ids, with_cell


def doses(akron: list[float], gary: list[float], kent: list[float]) -> pd.DataFrame:
    return long_frame(dose=np.array([akron, gary, kent], dtype=float).reshape(-1))


def from_doses(akron: list[float], gary: list[float], kent: list[float]) -> Panel:
    return read(doses(akron, gary, kent), dose="dose")


def test_the_first_treated_period_is_the_first_with_another_dose() -> None:
    panel = from_doses([0, 0, 2, 0], [3, 1, 1, 1], [1, 1, 1, 1])
    assert panel.first_treated.tolist() == [2, 1, NEVER]
    assert panel.dose is not None
    assert panel.dose.tolist() == [[0, 0, 2, 0], [3, 1, 1, 1], [1, 1, 1, 1]]
    assert panel.names.dose == "dose"


def test_a_dose_that_is_switched_on_once_is_the_same_as_a_zero_one_column() -> None:
    frame = doses([0, 0, 1, 1], [1, 1, 1, 1], [0, 0, 0, 0])
    by_dose, by_treated = read(frame, dose="dose"), read(frame, treated="dose")
    assert by_dose.dose is None
    assert by_dose.first_treated.tolist() == by_treated.first_treated.tolist() == [2, 0, NEVER]


def test_a_unit_seen_late_and_treated_from_then_on_counts_as_always_treated() -> None:
    frame = doses([0, 0, 1, 1], [1, 1, 1, 1], [0, 0, 0, 0]).drop(index=[4, 5])
    panel = read(frame, dose="dose")
    assert panel.always_treated.tolist() == [False, True, False]
    assert remark(panel, "treated_at_entry").treated == 1


def test_a_remark_says_how_treatment_switches() -> None:
    panel = from_doses([0, 0, 2, 0], [3, 1, 1, 1], [1, 1, 1, 1])
    said = remark(panel, "dose_switches").text
    assert said == (
        "'dose' takes 4 values. It first changes upwards in 1 units and downwards in 1; 1 of them change again."
    )
    assert remark(panel, "dose_constant").comparison == 1


def test_rows_without_a_dose_are_left_out_and_counted_by_arm() -> None:
    nan = np.nan
    panel = from_doses([0, 0, 2, nan], [3, nan, nan, 1], [1, nan, 1, 1])
    assert np.argwhere(~panel.observed).tolist() == [[0, 3], [1, 1], [1, 2], [2, 1]]
    found = remark(panel, "rows_left_out_incomplete")
    assert "their dose is missing" in found.text
    assert (found.treated, found.comparison) == (3, 1)


def test_a_change_in_periods_without_a_known_dose_is_counted_from_the_first_one_seen() -> None:
    panel = read(doses([0, 0, 0, 2], [3, 3, 3, 1], [1, 1, 1, 1]).drop(index=[1, 2]), dose="dose")
    assert panel.first_treated.tolist() == [3, 3, NEVER]
    assert remark(panel, "adoption_period_uncertain").treated == 1


def test_a_unit_without_any_dose_is_left_out() -> None:
    panel = from_doses([0, 0, 2, 0], [np.nan] * 4, [0, 0, 0, 0])
    assert list(panel.units) == ["Akron", "Kent"]
    assert panel.dose is not None
    assert panel.dose.shape == (2, 4)
    assert "units_without_outcome" in remark_ids(panel)


def test_periods_without_an_outcome_leave_the_dose_too() -> None:
    frame = doses([0, 0, 2, 0], [0, 0, 0, 3], [0, 0, 0, 0])
    panel = read(frame.assign(y=frame.y.where(frame.year != 2001)), dose="dose")
    assert panel.dose is not None
    assert panel.dose.shape == panel.outcome.shape == (3, 3)
    assert panel.first_treated.tolist() == [1, 2, NEVER]


def test_the_row_order_changes_nothing() -> None:
    frame = doses([0, 0, 2, 0], [3, 1, 1, 1], [1, 1, 1, 1])
    one, other = read(frame, dose="dose"), read(frame.iloc[::-1], dose="dose")
    np.testing.assert_array_equal(one.first_treated, other.first_treated)
    assert one.dose is not None
    assert other.dose is not None
    np.testing.assert_array_equal(one.dose, other.dose)


def test_a_departure_is_a_fall_after_a_one_or_a_value_between() -> None:
    assert departure(np.array([[0.0, 1.0], [0.0, 0.5]])) == (1, 1)
    assert departure(np.array([[1.0, np.nan, 0.0]])) == (0, 2)
    assert departure(np.array([[np.nan, 0.0, 1.0], [1.0, 1.0, 1.0]])) is None


def test_integers_and_booleans_are_doses_too() -> None:
    frame = with_cell("on", 3, 0).assign(on=lambda f: f.on.astype(bool))
    panel = read(frame, dose="on")
    assert panel.dose is not None
    assert panel.first_treated.tolist() == [2, 3, NEVER]
