"""The gate: small counts of people stay inside, and it closes on what it cannot judge."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.evidence.disclosure import UNITS_ARE_PLACES, DisclosureRefused, gate, policy, unstable
from evalkit.evidence.standard import shipped
from tests.unit.evidence import made

MIN_CELL = shipped().disclosure.min_cell


def table(counts: list[float]) -> pd.DataFrame:
    size = len(counts)
    return pd.DataFrame(
        {
            "label": [f"row {row}" for row in range(size)],
            "n": counts,
            "effect": np.linspace(0.1, 0.9, size),
            "event_time": range(size),
        }
    )


def test_small_counts_take_the_numbers_of_their_row_with_them() -> None:
    shown, record = gate(table([40, 3, 4, 90, 20]), counts=["n"], min_cell=MIN_CELL, keep=["event_time"])
    assert set(record.suppressed) == {1, 2}
    hidden = sorted({*record.suppressed, *record.complementary})
    assert shown.loc[hidden, ["n", "effect"]].isna().all().all()
    assert shown["label"].notna().all()
    assert shown["event_time"].tolist() == [0, 1, 2, 3, 4]


def test_zero_and_the_threshold_itself_are_shown() -> None:
    shown, record = gate(table([0, MIN_CELL, 40]), counts=["n"], min_cell=MIN_CELL)
    assert shown["n"].tolist() == [0, MIN_CELL, 40]
    assert record.suppressed == record.complementary == ()


def test_one_hidden_row_takes_the_next_smallest_with_it() -> None:
    _, record = gate(table([40, 3, 25, 90]), counts=["n"], min_cell=MIN_CELL)
    assert (record.suppressed, record.complementary) == ((1,), (2,))


@given(st.lists(st.integers(0, 60), min_size=2, max_size=12))
def test_a_total_never_gives_a_hidden_count_away(counts: list[int]) -> None:
    shown, record = gate(table([float(c) for c in counts]), counts=["n"], min_cell=MIN_CELL)
    hidden = [row for row in range(len(counts)) if pd.isna(shown["n"].iloc[row])]
    assert all(not 0 < counts[row] < MIN_CELL for row in range(len(counts)) if row not in hidden)
    if hidden:
        assert len(hidden) > 1
        assert sum(counts[row] for row in hidden) >= MIN_CELL or len(hidden) == len(counts)
    assert sorted({*record.suppressed, *record.complementary}) == hidden


def test_a_row_hidden_for_one_count_is_covered_in_the_other() -> None:
    frame = table([40, 3, 25, 90]).assign(m=[12, 50, 60, 13])
    shown, _ = gate(frame, counts=["n", "m"], min_cell=MIN_CELL)
    assert shown["m"].isna().sum() >= 2


def test_unknown_counts_of_people_are_withheld() -> None:
    _, record = gate(table([40, np.nan, 50]), counts=["n"], min_cell=MIN_CELL)
    assert record.suppressed == (1,)


def test_counts_of_places_pass_and_the_record_says_why() -> None:
    shown, record = gate(table([1, 2, 13]), counts=["n"], min_cell=MIN_CELL, subject="places")
    assert shown["n"].tolist() == [1, 2, 13]
    assert record.reason == UNITS_ARE_PLACES


@pytest.mark.parametrize("bad", [[-1, 5], [1.5, 5], [np.inf, 5]])
def test_what_cannot_be_a_count_closes_the_gate(bad: list[float]) -> None:
    with pytest.raises(DisclosureRefused, match="row 0"):
        gate(table(bad), counts=["n"], min_cell=MIN_CELL, subject="places")


def test_a_missing_count_column_closes_the_gate() -> None:
    with pytest.raises(DisclosureRefused, match="no column 'people'"):
        gate(table([50, 60]), counts=["people"], min_cell=MIN_CELL)


def test_text_in_a_count_column_closes_the_gate() -> None:
    frame = table([50, 60]).assign(n=["50", "many"])
    with pytest.raises(DisclosureRefused, match="many"):
        gate(frame, counts=["n"], min_cell=MIN_CELL)


def test_the_table_that_came_in_is_not_changed() -> None:
    frame = table([40, 3, 25, 90])
    before = frame.copy(deep=True)
    gate(frame, counts=["n"], min_cell=MIN_CELL)
    pd.testing.assert_frame_equal(frame, before)


@pytest.mark.parametrize("text", ["=1+1", "+cmd", "-x", "@sum", "\tx", "\rx", "-2 to 3"])
@pytest.mark.promise("secure-formulas")
def test_text_that_a_spreadsheet_would_run_gets_an_apostrophe(text: str) -> None:
    frame = pd.DataFrame({"=head": [text, "-2", "+1.5", "plain"]})
    shown, record = gate(frame, counts=[], min_cell=MIN_CELL)
    assert shown["'=head"].tolist() == [f"'{text}", "-2", "+1.5", "plain"]
    assert record.escaped == 2


def test_groups_in_which_everybody_is_alike_are_flagged() -> None:
    frame = table([40, 50, 60]).assign(share=[0.0, 0.5, 1.0])
    _, record = gate(frame, counts=["n"], min_cell=MIN_CELL, shares=["share"])
    assert record.homogeneous == (0, 2)


def test_the_record_is_plain_json() -> None:
    _, record = gate(table([40, 3, 25, 90]), counts=["n"], min_cell=MIN_CELL)
    assert json.loads(json.dumps(record.to_dict()))["suppressed"] == [1]


def test_rates_on_few_events_are_called_unstable() -> None:
    assert unstable(20, shipped()) is None
    assert "25 %" in str(unstable(16, shipped()))
    assert "0 events" in str(unstable(0, shipped()))


def test_units_are_people_unless_declared_as_places() -> None:
    assert policy(made.spec(), shipped()).subject == "places"
    for unit in ("resident", "household", "unit", ""):
        assert policy(made.spec(assignment={"mechanism": "unknown", "unit": unit}), shipped()).subject == "persons"


def restricted(starts: dict[int, int]) -> None:
    data = {"source": {"kind": "file", "path": "x.csv"}, "unit": "u", "period": "t", "cohort": "g", "restricted": True}
    made.summary(made.estimate(-2.0), made.spec(data=data), data=made.panel(starts=starts))


def test_a_restricted_source_with_few_people_in_an_arm_is_not_summarized() -> None:
    restricted({6: MIN_CELL})
    with pytest.raises(DisclosureRefused, match="fewer than 11") as refused:
        restricted({6: MIN_CELL - 1})
    assert str(MIN_CELL - 1) not in str(refused.value)


def test_small_counts_of_people_are_suppressed_in_the_sample() -> None:
    people = made.spec(assignment={"mechanism": "policy_choice", "unit": "resident"})
    few = made.summary(made.estimate(-2.0), people, data=made.panel(starts={6: 4})).sample
    assert few.n_treated_clusters.how == "suppressed"
    assert few.n_units.how == "derived"
    assert made.summary(made.estimate(-2.0), data=made.panel(starts={6: 4})).sample.n_treated_clusters.value == 4


def test_a_restricted_source_is_about_people_whatever_its_units() -> None:
    data = {"source": {"kind": "file", "path": "x.csv"}, "unit": "u", "period": "t", "cohort": "g", "restricted": True}
    assert policy(made.spec(data=data), shipped()).subject == "persons"
