"""A 0/1 column becomes cohorts, and what it leaves open is left out and counted."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from evalkit.errors import DataError, DesignRefused
from evalkit.vocabulary import NEVER
from tests.frames import long_frame, read, remark, remark_ids, with_cell


def treated(akron: list[float], gary: list[float], kent: list[float]) -> pd.DataFrame:
    return long_frame(on=np.array([akron, gary, kent], dtype=float).reshape(-1))


def test_a_zero_one_column_gives_the_same_panel_as_the_cohorts() -> None:
    by_column, by_cohort = read(long_frame(), treated="on"), read(long_frame())
    np.testing.assert_array_equal(by_column.first_treated, by_cohort.first_treated)
    np.testing.assert_array_equal(by_column.outcome, by_cohort.outcome)


def test_true_and_false_are_one_and_zero() -> None:
    assert read(long_frame(on=long_frame().on.astype(bool)), treated="on").first_treated.tolist() == [2, 3, NEVER]


def test_treatment_that_switches_off_is_refused_with_units_and_periods() -> None:
    frame = treated([0, 1, 0, 1], [0, 0, 1, 1], [0, 0, 0, 0])
    with pytest.raises(DesignRefused, match=r"switches off in 1 unit: 'Akron' \(2003\)\.") as caught:
        read(frame, treated="on")
    assert caught.value.exit_code == 4


def test_other_values_than_zero_and_one_are_refused_by_row() -> None:
    with pytest.raises(DataError, match=r"holds '2\.0' in row 3 "):
        read(with_cell("on", 3, 2.0), treated="on")


def test_an_empty_cell_before_a_known_zero_or_after_a_known_one_is_clear() -> None:
    nan = np.nan
    panel = read(treated([nan, 0, 1, nan], [0, 0, 0, 1], [0, nan, 0, 0]), treated="on")
    assert panel.first_treated.tolist() == [2, 3, NEVER]
    assert panel.is_balanced


def test_an_empty_cell_where_adoption_may_have_happened_is_left_out_and_counted_by_arm() -> None:
    nan = np.nan
    panel = read(treated([0, nan, 1, 1], [0, 0, 0, 1], [0, 0, nan, nan]), treated="on")
    assert panel.first_treated.tolist() == [2, 3, NEVER]
    assert np.argwhere(~panel.observed).tolist() == [[0, 1], [2, 2], [2, 3]]
    found = remark(panel, "treated_unclear_excluded")
    assert (found.treated, found.comparison) == (1, 2)


def test_a_unit_that_enters_treated_counts_as_always_treated() -> None:
    frame = treated([0, 0, 1, 1], [0, 0, 0, 1], [0, 0, 0, 0])
    late = pd.DataFrame({"city": "Lima", "year": [2003, 2004], "y": [5.0, 6.0], "law": 0, "on": [1.0, 1.0]})
    panel = read(pd.concat([frame, late], ignore_index=True), treated="on")
    assert panel.always_treated.tolist() == [False, False, False, True]
    assert remark(panel, "treated_at_entry").treated == 1


def test_a_missing_row_at_adoption_is_reported() -> None:
    panel = read(long_frame().drop(index=1), treated="on")  # Akron without 2002, treated from 2003
    assert remark(panel, "adoption_period_uncertain").treated == 1


def test_a_unit_without_any_value_is_refused_by_name() -> None:
    nan = np.nan
    with pytest.raises(DataError, match="empty in all rows of 1 units: 'Kent'"):
        read(treated([0, 0, 1, 1], [0, 0, 0, 1], [nan] * 4), treated="on")


def test_clear_columns_say_only_how_many_units_stay_untreated() -> None:
    assert remark_ids(read(long_frame(), treated="on")) == ["never_coding"]
