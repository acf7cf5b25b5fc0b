"""Repeated cross-sections: rows are persons, treatment belongs to groups and periods, no cell may be empty."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import evalkit as ek
from evalkit.errors import ConfigError, DataError, DesignRefused
from evalkit.estimators import registry
from evalkit.vocabulary import NEVER
from tests.frames import remark, remark_ids


def persons(**columns: Any) -> pd.DataFrame:
    """Three towns, three years, four persons in each town and year; town B starts in 2002, C never, A in 2003."""
    town = np.repeat(["A", "B", "C"], 12)
    year = np.tile(np.repeat([2001, 2002, 2003], 4), 3)
    frame = pd.DataFrame({"town": town, "year": year, "y": np.arange(36.0) ** 1.2, "x": np.tile([0.0, 1.0], 18)})
    frame["start"] = frame.town.map({"A": 2003.0, "B": 2002.0, "C": np.nan})
    frame["on"] = (frame.year >= frame.start).astype(int)
    return frame.assign(**columns).sample(frac=1.0, random_state=1)


def read(frame: pd.DataFrame, **arguments: Any) -> ek.Panel:
    roles: dict[str, Any] = {"group": "town", "period": "year", "outcome": "y"}
    if "treated" not in arguments:
        roles["cohort"] = "start"
    return ek.Panel.from_frame(frame, **{**roles, **arguments})


def test_each_row_is_a_person_with_one_column() -> None:
    frame = persons()
    panel = read(frame, covariates=["x"], weight="x")
    assert panel.outcome.shape == panel.covariates["x"].shape == panel.when.shape == (36, 1)
    assert (panel.n_units, panel.n_periods, panel.is_balanced) == (36, 3, False)
    assert panel.cross_sections is not None
    assert panel.cross_sections.labels.tolist() == ["A", "B", "C"]
    assert panel.cross_sections.labels[panel.cross_sections.group].tolist() == frame.town.tolist()
    np.testing.assert_array_equal(panel.when[:, 0] + 2001, frame.year)
    np.testing.assert_array_equal(panel.outcome[:, 0], frame.y)


@pytest.mark.parametrize("treatment", [{}, {"treated": "on"}])
def test_treatment_is_that_of_the_group(treatment: dict[str, str]) -> None:
    frame = persons()
    panel = read(frame, **treatment)
    assert dict(zip(frame.town, panel.first_treated.tolist(), strict=True)) == {"A": 2, "B": 1, "C": NEVER}
    np.testing.assert_array_equal(panel.treated[:, 0], frame.on == 1)
    assert panel.cohorts.tolist() == [1, 2]
    assert panel.never_treated.sum() == 12


def test_remarks_count_people_by_arm_and_speak_of_groups() -> None:
    panel = read(persons())
    found = remark(panel, "repeated_cross_sections")
    assert "3 groups; treatment starts in 2 groups within 3 periods" in found.text
    assert (found.treated, found.comparison) == (24, 12)
    coding = remark(panel, "never_coding")
    assert "unit" not in coding.text
    assert (coding.treated, coding.comparison) == (0, 0)


def test_an_empty_cell_is_refused_by_name() -> None:
    frame = persons()
    hole = frame[(frame.town != "B") | (frame.year != 2002)]
    with pytest.raises(DesignRefused, match="town = B and year = 2002") as refused:
        read(hole)
    assert refused.value.exit_code == 4


def test_a_cell_without_a_usable_outcome_is_empty_too() -> None:
    frame = persons()
    frame["x"] = frame.x.where((frame.town != "A") | (frame.year != 2001))
    read(frame)
    with pytest.raises(DesignRefused, match="town = A and year = 2001"):
        read(frame, covariates=["x"])


def test_rows_without_an_outcome_stay_as_missing_and_are_counted() -> None:
    frame = persons()
    frame.loc[[0, 30], "y"] = np.nan
    panel = read(frame)
    assert panel.n_units == 36
    assert panel.observed.sum() == 34
    assert (remark(panel, "outcome_missing").treated, remark(panel, "outcome_missing").comparison) == (1, 1)
    assert "unit_periods_absent" not in remark_ids(panel)


def test_treatment_that_differs_within_a_group_and_period_is_refused() -> None:
    frame = persons().reset_index(drop=True)
    row = frame.index[(frame.town == "C") & (frame.year == 2003)][0]
    frame.loc[row, "on"] = 1
    with pytest.raises(DataError, match="both 0 and 1 in 1 groups and periods, first in town = C and year = 2003"):
        read(frame, treated="on")


def test_a_cohort_that_varies_within_a_group_is_refused_in_words_of_groups() -> None:
    frame = persons()
    frame.loc[3, "start"] = 2002.0
    with pytest.raises(DataError, match="varies within 1 group: 'A'"):
        read(frame)


def test_treatment_that_switches_off_is_refused() -> None:
    frame = persons()
    with pytest.raises(DesignRefused, match=r"switches off in 1 group: 'B' \(2003\)"):
        read(frame.assign(on=((frame.town == "B") & (frame.year == 2002)).astype(int)), treated="on")


def test_an_empty_treated_cell_is_named() -> None:
    with pytest.raises(DataError, match="'on' is empty in row"):
        read(persons().assign(on=lambda d: d.on.where(d.index != 5)), treated="on")


@pytest.mark.parametrize("unit", ["town", None])
def test_unit_and_group_exclude_each_other(unit: str | None) -> None:
    with pytest.raises(ConfigError, match="of 'unit' and 'group'"):
        ek.Panel.from_frame(persons(), unit=unit, group=unit, period="year", outcome="y", cohort="start")


def test_the_group_is_no_covariate() -> None:
    with pytest.raises(ConfigError, match="cannot be a covariate"):
        read(persons(), covariates=["town"])


def test_clusters_may_cut_across_groups() -> None:
    panel = read(persons(), cluster="x")
    assert panel.cluster_codes.max() == 1


def test_the_frame_is_not_changed() -> None:
    frame = persons()
    before = frame.copy()
    read(frame, covariates=["x"])
    pd.testing.assert_frame_equal(frame, before)


def test_some_persons_keep_their_groups() -> None:
    sections = read(persons()).cross_sections
    assert sections is not None
    kept = sections.taken(sections.labels[sections.group] != "B")
    assert kept.labels.tolist() == ["A", "C"]
    assert sorted(set(kept.labels[kept.group])) == ["A", "C"]
    assert len(kept.position) == 24


@pytest.mark.parametrize("name", registry.names())
def test_estimators_read_cross_sections_or_refuse_them(name: str) -> None:
    estimator = registry.get(name)()
    if estimator.needs.repeated_cross_sections:
        estimate = estimator.fit(read(persons()), rng=np.random.default_rng(0))
        assert np.isfinite(estimate.aggregation("overall").std_error[0])
    else:
        with pytest.raises(DesignRefused, match="repeated cross-sections"):
            estimator.fit(read(persons()), rng=np.random.default_rng(0))


def test_doses_are_read_for_followed_units_alone() -> None:
    with pytest.raises(ConfigError, match="'dose' is read for units that are followed over time"):
        ek.Panel.from_frame(persons(), group="town", period="year", outcome="y", dose="x")
