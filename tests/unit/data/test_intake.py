"""Intake: shuffles change nothing, exclusions are counted by arm, and the caller's frame stays as it was."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit.data.panel import Panel
from evalkit.errors import ConfigError, DataError, DesignRefused
from evalkit.vocabulary import NEVER
from tests.frames import long_frame, read, remark, remark_ids, with_cell


def same(one: Panel, other: Panel) -> None:
    """Every array, label and remark is equal."""
    for name in ("outcome", "time", "first_treated", "weight", "cluster", "exposure"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    for name, values in one.covariates.items():
        np.testing.assert_array_equal(values, other.covariates[name])
    assert one.units.equals(other.units)
    assert one.calendar == other.calendar
    assert one.remarks == other.remarks


def full_frame() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    frame = long_frame(size=rng.uniform(1, 2, 12), pop=rng.uniform(1, 2, 12), x=rng.normal(size=12))
    return frame.assign(county=frame.city.map({"Akron": "b", "Gary": "a", "Kent": "b"}))


FULL = {"weight": "size", "exposure": "pop", "covariates": ["x"], "cluster": "county"}


@settings(max_examples=25, deadline=None)
@given(order=st.permutations(range(12)), gone=st.sets(st.integers(0, 11), max_size=2), empty=st.integers(0, 11))
def test_the_order_of_rows_changes_nothing(order: list[int], gone: set[int], empty: int) -> None:
    frame = full_frame()
    frame.loc[empty, "y"] = np.nan
    frame = frame.drop(index=list(gone))
    shuffled = frame.loc[[row for row in order if row not in gone]]
    same(read(frame, **FULL), read(shuffled, **FULL))


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_any_panel_widens_to_the_values_of_its_rows(data: st.DataObject) -> None:
    n_units, n_periods = data.draw(st.integers(2, 6)), data.draw(st.integers(2, 5))
    first, step = data.draw(st.integers(1, 3000)), data.draw(st.integers(1, 9))
    cells = [(unit, period) for unit in range(n_units) for period in range(n_periods)]
    kept = data.draw(st.lists(st.sampled_from(cells), min_size=2, unique=True))
    frame = pd.DataFrame(kept, columns=["unit", "place"])
    frame["year"] = first + step * frame.place
    frame["y"] = np.arange(len(frame), dtype=float)
    frame["law"] = np.where(frame.unit == frame.unit.iloc[0], frame.year.max(), 0)
    try:
        panel = Panel.from_frame(frame, unit="unit", period="year", outcome="y", cohort="law")
    except DesignRefused:
        assert frame.unit.nunique() < 2 or frame.year.nunique() < 2
        return
    labels = [panel.calendar.label(int(ordinal)) for ordinal in panel.time]
    assert labels == sorted(frame.year.unique())
    for row in frame.itertuples():
        assert panel.outcome[panel.units.get_loc(row.unit), labels.index(row.year)] == row.y
    assert np.isnan(panel.outcome).sum() == panel.n_units * panel.n_periods - len(frame)


def test_the_callers_frame_is_neither_changed_nor_shared() -> None:
    frame = full_frame()
    before = frame.copy(deep=True)
    panel = read(frame, **FULL)
    pd.testing.assert_frame_equal(frame, before)
    arrays = [panel.outcome, panel.weight, panel.exposure, *panel.covariates.values()]
    columns = [frame[name].to_numpy() for name in ("y", "size", "pop", "x")]
    assert not any(np.shares_memory(array, column) for array in arrays if array is not None for column in columns)


def test_columns_named_like_keywords_or_with_dots_and_spaces_work() -> None:
    renamed = {"city": "class", "year": "from", "y": "first.treat", "law": "adoption year"}
    frame = long_frame().rename(columns=renamed)
    panel = Panel.from_frame(frame, unit="class", period="from", outcome="first.treat", cohort="adoption year")
    np.testing.assert_array_equal(panel.outcome, read(long_frame()).outcome)


def test_a_true_false_outcome_counts_as_one_and_zero() -> None:
    assert read(long_frame(y=[True, False] * 6)).outcome[0].tolist() == [1.0, 0.0, 1.0, 0.0]


def test_empty_outcomes_and_absent_rows_are_counted_by_arm() -> None:
    frame = with_cell("y", 0, np.nan, with_cell("y", 8, np.nan)).drop(index=[1, 2])
    panel = read(frame)
    assert (remark(panel, "outcome_missing").treated, remark(panel, "outcome_missing").comparison) == (1, 1)
    assert (remark(panel, "unit_periods_absent").treated, remark(panel, "unit_periods_absent").comparison) == (2, 0)


@pytest.mark.parametrize(("role", "word"), [("weight", "weight"), ("exposure", "exposure"), ("x", "covariate 'x'")])
def test_rows_without_a_weight_covariate_or_exposure_are_left_out_and_counted_by_arm(role: str, word: str) -> None:
    frame = long_frame(x=np.arange(1.0, 13))
    frame.loc[[0, 8, 9], "x"] = np.nan
    panel = read(frame, covariates=["x"]) if role == "x" else read(frame, **{role: "x"})
    assert np.argwhere(~panel.observed).tolist() == [[0, 0], [2, 0], [2, 1]]
    found = remark(panel, "rows_left_out_incomplete")
    assert (found.treated, found.comparison) == (1, 2)
    assert word in found.text
    assert "outcome_missing" not in remark_ids(panel)


def test_units_and_periods_without_any_outcome_go_and_are_named() -> None:
    frame = long_frame()
    frame.loc[frame.city.eq("Gary") | frame.year.eq(2001), "y"] = np.nan
    panel = read(frame.assign(county=frame.city), cluster="county")
    assert panel.units.tolist() == ["Akron", "Kent"]
    assert panel.cluster_codes.tolist() == [0, 1]
    assert (panel.calendar.label(0), panel.time.tolist()) == (2002, [0, 1, 2])
    assert panel.first_treated.tolist() == [1, NEVER]
    assert "'Gary'" in remark(panel, "units_without_outcome").text
    assert "'2001'" in remark(panel, "periods_without_outcome").text


def test_adoption_in_a_period_without_outcomes_counts_as_treated_before_the_window() -> None:
    frame = long_frame(law=[2001] * 4 + [2004] * 4 + [0] * 4)
    frame.loc[frame.year.eq(2001), "y"] = np.nan
    panel = read(frame)
    assert panel.always_treated.tolist() == [True, False, False]
    assert panel.calendar.label(int(panel.first_treated[0])) == 2001


def test_zero_weights_are_reported_by_arm() -> None:
    found = remark(read(long_frame(w=[0.0] + [1.0] * 11), weight="w"), "weight_zero")
    assert (found.treated, found.comparison) == (1, 0)


def test_no_never_treated_unit_is_reported_and_left_to_the_estimator() -> None:
    assert "no_never_treated" in remark_ids(read(long_frame().query("city != 'Kent'")))


def test_a_clean_balanced_panel_has_the_coding_as_its_only_remark() -> None:
    assert remark_ids(read(long_frame())) == ["never_coding"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"outcome": "Y"}, r"outcome column 'Y' is not in the data(.|\n)*Did you mean 'y'"),
        ({"covariates": ["y2"]}, r"covariates\[0\] column 'y2'"),
        ({"cohort": None}, "none of 'cohort', 'treated' and 'dose' is named"),
        ({"treated": "on", "cohort": "law"}, "'cohort' and 'treated' are named"),
        ({"dose": "on", "cohort": "law"}, "'cohort' and 'dose' are named"),
        ({"treated": "on", "never": 0}, "'never' declares a code of the cohort column"),
        ({"covariates": "y"}, "must be a list of column names"),
        ({"covariates": ["y"]}, "cannot be a covariate"),
        ({"weight": "y"}, "named as the outcome and in another role"),
    ],
)
def test_names_that_do_not_exist_or_contradict_are_config_errors(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read(long_frame(), **arguments)


def test_another_kind_of_frame_is_refused_with_the_way_to_convert_it() -> None:
    with pytest.raises(ConfigError, match=r"must be a pandas DataFrame(.|\n)*to_pandas"):
        read({"city": [1]})  # type: ignore[arg-type]


def test_two_columns_of_one_name_are_refused() -> None:
    frame = pd.concat([long_frame(), long_frame()[["y"]]], axis=1)
    with pytest.raises(DataError, match="Two columns of the data are named 'y'"):
        read(frame)


def test_a_covariate_that_no_row_has_leaves_nothing_to_analyse() -> None:
    with pytest.raises(DataError, match="No row has an outcome together with every dose") as refused:
        read(long_frame(x=np.nan), covariates=["x"])
    assert "Look at 'x' in the data" in str(refused.value)


def test_outcomes_that_are_known_only_where_treatment_is_not_leave_nothing_to_analyse() -> None:
    empty = np.nan
    on = [0.0, empty, 1.0, 1.0, 0.0, 0.0, empty, 1.0, 0.0, 0.0, empty, 1.0]
    y = [empty, 1.0, empty, empty, empty, empty, 2.0, empty, empty, empty, 3.0, empty]
    with pytest.raises(DesignRefused, match="no unit with a known outcome"):
        read(long_frame(y=y, on=on), treated="on")
