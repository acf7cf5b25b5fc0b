"""The data-quality report finds each fault that is put into records, and nothing where there is none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evalkit.data.events.build import Names, build
from evalkit.data.events.intake import Intake
from evalkit.data.panel import Panel
from evalkit.data.quality.lag import completeness
from evalkit.data.quality.report import quality
from evalkit.study.events import EventsSource
from evalkit.study.spec import StudySpec
from evalkit.vocabulary import Diagnostic
from tests import event_worlds, small_study

Found = dict[str, Diagnostic]
Look = Callable[..., Found]
COLUMN = {"requests": "count", "days_open": "duration"}


def spec(source: dict[str, Any], column: str = "requests") -> StudySpec:
    outcome = {"name": "service requests", "column": column, "family": COLUMN[column], "unit": "a month",
               "direction": "lower_better"}  # fmt: skip
    data = {"source": source, "unit": "district", "period": "month", "cohort": "start"}
    content = small_study.study(data=data, outcomes=[outcome])
    content.pop("defaults")
    return StudySpec.model_validate(content)


@cache
def whole() -> pd.DataFrame:
    return event_worlds.requests()


@pytest.fixture
def look(tmp_path: Path) -> Look:
    """Report on records, written down and read as a study would."""

    def looking(
        records: pd.DataFrame | None = None, *, blind: bool = False, column: str = "requests", **changes: Any
    ) -> Found:
        event_worlds.write(tmp_path, whole() if records is None else records, name="requests.parquet")
        content = event_worlds.source(path="data/requests.parquet", **changes)
        frame, intake = build(EventsSource.model_validate(content), tmp_path, Names("district", "month", "start"), "r")
        panel = Panel.from_frame(frame, unit="district", period="month", outcome=column, cohort="start")
        return {each.id: each for each in quality(spec(content, column), panel, intake, blind=blind)}

    return looking


def test_nothing_is_found_where_nothing_is_wrong(look: Look) -> None:
    found = look()
    assert {each.status for each in found.values()} == {"pass"}
    assert len(found) == 9
    assert all(each.id.startswith("data_") and each.reading for each in found.values())
    kinds = [each.exhibit.kind for each in found.values() if each.exhibit is not None]
    assert sorted(kinds) == ["data_closures", "data_composition", "data_lag", "data_records"]


def test_what_the_study_does_not_name_is_said_not_to_have_been_looked_at(look: Look) -> None:
    counts = [{"name": "requests", "kind": "count"}]
    found = look(recorded=None, deduplicate=None, categories=None, measures=counts)
    silent = ("data_duplicates", "data_bulk_closures", "data_definition_changes", "data_reporting_lag")
    assert {found[each].status for each in silent} == {"not_run"}


def test_copies_and_places_without_a_unit_are_counted(look: Look) -> None:
    records = pd.concat([whole(), whole().iloc[:800]], ignore_index=True)
    lost = records.index[records["created"].between("2020-01-01", "2020-12-31")][:400]
    records.loc[lost, "tract"] = "99999"
    place = {**event_worlds.source()["place"], "at_most_unmatched": 0.2}
    found = look(records, place=place)
    assert found["data_duplicates"].value == pytest.approx(800 / len(records))
    assert found["data_unmatched"].status == "warn"
    assert "'99999'" in found["data_unmatched"].reading
    assert dict(found["data_unmatched"].details)["highest_by_period"] > 0.1


def test_a_bulk_closure_is_found_on_its_day_and_is_serious_where_the_outcome_is_a_duration(look: Look) -> None:
    records = whole().copy()
    late = records["closed"].between("2020-01-01", "2020-06-29")
    records.loc[late, "closed"] = pd.Timestamp("2020-06-30 17:00")
    of_counts = look(records)["data_bulk_closures"]
    assert of_counts.status == "informational"
    assert "2020-06-30" in of_counts.reading
    assert of_counts.value == pytest.approx(late.sum() / records["closed"].notna().sum(), rel=0.05)
    assert look(records, column="days_open")["data_bulk_closures"].status == "fail"


@pytest.mark.parametrize(("when", "status"), [("2021-07-01", "fail"), ("2020-03-01", "warn")])
def test_a_new_kind_of_record_is_a_change_of_definition_and_serious_next_to_a_start(
    when: str, status: str, look: Look
) -> None:
    records = whole().copy()
    moved = (records["created"] >= when) & (records["type"] == "noise")
    records.loc[moved, "type"] = "graffiti"
    found = look(records)["data_definition_changes"]
    assert found.status == status
    assert found.value is not None
    assert 0.15 < found.value < 0.25  # a fifth of the records
    assert pd.Timestamp(when).strftime("%Y-%m") in found.reading


def test_a_mix_that_the_programme_changes_is_no_change_of_definition(look: Look) -> None:
    records = whole().copy()
    tracts = event_worlds.geography().set_index("tract")["district"]
    treated = records["tract"].map(tracts).isin(event_worlds.TREATED) & (records["created"] >= event_worlds.START)
    records.loc[treated & (records["type"] == "noise"), "type"] = "graffiti"
    assert look(records)["data_definition_changes"].status == "pass"


def test_records_that_come_late_leave_the_last_period_incomplete(look: Look) -> None:
    rng = np.random.default_rng(5)
    records = whole().copy()
    records["entered"] = records["created"] + pd.to_timedelta(rng.exponential(20.0, len(records)), unit="D")
    extract = pd.Timestamp("2023-01-02")
    early = records[records["entered"] <= extract].assign(closed=lambda d: d["closed"].where(d["closed"] < extract))
    found = look(early, extracted="2023-01-01")["data_reporting_lag"]
    assert found.status == "fail"
    truth = 1 - np.mean([np.exp(-(day + 1.5) / 20.0) for day in range(31)])
    assert found.value == pytest.approx(truth, abs=0.05)


def test_completeness_is_the_share_entered_by_each_day_s_own_wait() -> None:
    shares = np.minimum(np.arange(1.0, 18.0) / 4.0, 1.0)  # a quarter on the day itself, all within 4 classes
    assert completeness(shares, np.array([0.0])) == pytest.approx(0.25)
    assert completeness(shares, np.array([0.0, 400.0])) == pytest.approx(0.625)


def test_a_file_that_was_cut_off_is_told(tmp_path: Path) -> None:
    event_worlds.write(tmp_path)
    path = tmp_path / "data" / "requests.csv"
    path.write_bytes(path.read_bytes().rstrip())
    content = event_worlds.source()
    frame, intake = build(EventsSource.model_validate(content), tmp_path, Names("district", "month", "start"), "r")
    panel = Panel.from_frame(frame, unit="district", period="month", outcome="requests", cohort="start")
    files = quality(spec(content), panel, intake, blind=False)[0]
    assert (files.id, files.status) == ("data_files", "warn")
    assert "'data/requests.csv'" in files.reading


def test_a_blind_report_is_the_same_whatever_happens_to_the_treated_after_their_start(look: Look) -> None:
    records = whole().copy()
    tracts = event_worlds.geography().set_index("tract")["district"]
    treated = records["tract"].map(tracts).isin(event_worlds.TREATED) & (records["created"] >= event_worlds.START)
    changed = records.copy()
    changed.loc[treated, "type"] = "pothole"
    changed.loc[treated, "closed"] = pd.Timestamp("2022-12-30 12:00")
    changed.loc[treated & (changed["created"] > "2022-12-29"), "closed"] = pd.NaT
    changed.loc[treated, "entered"] = changed.loc[treated, "created"] + pd.Timedelta(days=60)
    told = [
        {key: (each.status, each.reading, each.value, each.exhibit) for key, each in look(given, blind=True).items()}
        for given in (records, changed)
    ]
    assert told[0] == told[1]
    assert look(changed)["data_reporting_lag"].reading != told[0]["data_reporting_lag"][1]


def panel_of(outcome: np.ndarray[Any, Any]) -> Panel:
    rows = [(f"u{unit}", 2000 + year, value) for unit, row in enumerate(outcome) for year, value in enumerate(row)]
    frame = pd.DataFrame(rows, columns=["unit", "year", "y"])
    frame["start"] = np.where(frame["unit"] == "u0", 2012, 0)
    return Panel.from_frame(frame, unit="unit", period="year", outcome="y", cohort="start")


def test_any_panel_is_looked_at_for_gaps_and_spikes() -> None:
    rng = np.random.default_rng(2)
    outcome = 10 + rng.normal(0, 1, (6, 20))
    outcome[2, 9] = np.nan
    outcome[4, 5] = 60.0
    study = spec({"kind": "file", "path": "x.csv"})
    missing, spikes = quality(study, panel_of(outcome), None, blind=False)
    assert "1 of 6 units have a gap" in missing.reading
    assert missing.value == pytest.approx(1 / 120)
    assert "'u4' in 2005" in spikes.reading
    assert spikes.status == "informational"
    outcome[:, 15] += 40.0
    assert "In 2015 most units stand out at once" in quality(study, panel_of(outcome), None, blind=False)[1].reading


def test_a_blind_look_at_a_panel_sees_no_spike_of_the_treated_after_the_start() -> None:
    rng = np.random.default_rng(2)
    outcome = 10 + rng.normal(0, 1, (6, 20))
    outcome[0, 15] = 90.0
    study = spec({"kind": "file", "path": "x.csv"})
    assert quality(study, panel_of(outcome), None, blind=False)[1].status == "informational"
    assert quality(study, panel_of(outcome), None, blind=True)[1].status == "pass"


def test_pages_without_checksums_are_told_of_and_blamed_on_nobody(tmp_path: Path) -> None:
    event_worlds.write(tmp_path, name="requests.parquet")
    whole().to_parquet(tmp_path / "data" / "requests.parquet", index=False)
    content = event_worlds.source(path="data/requests.parquet")
    frame, intake = build(EventsSource.model_validate(content), tmp_path, Names("district", "month", "start"), "r")
    panel = Panel.from_frame(frame, unit="district", period="month", outcome="requests", cohort="start")
    files = quality(spec(content), panel, intake, blind=False)[0]
    assert (files.id, files.status) == ("data_files", "informational")
    many = replace(intake, too_many="the records are of more than 20000 units", lag=None, closings=None, composition={})
    told = {each.id: each for each in quality(spec(content), panel, many, blind=False)}
    for name in ("data_definition_changes", "data_bulk_closures", "data_reporting_lag"):
        assert told[name].status == "not_run"
        assert told[name].reading != quality_reading(panel, content, replace(intake, lag=None, closings=None), name)


def test_where_nobody_may_be_looked_at_nothing_is_said_of_lags_and_closings(tmp_path: Path) -> None:
    event_worlds.write(tmp_path, name="requests.parquet")
    content = event_worlds.source(path="data/requests.parquet")
    frame, intake = build(EventsSource.model_validate(content), tmp_path, Names("district", "month", "start"), "r")
    panel = Panel.from_frame(frame, unit="district", period="month", outcome="requests", cohort="start")
    assert intake.lag is not None
    assert intake.closings is not None
    nobody = replace(intake, lag=intake.lag.iloc[:0], closings=intake.closings.iloc[:0])
    told = {each.id: each for each in quality(spec(content), panel, nobody, blind=True)}
    assert {told[name].status for name in ("data_bulk_closures", "data_reporting_lag")} == {"not_run"}
    assert told["data_reporting_lag"].reading == told["data_bulk_closures"].reading


def quality_reading(panel: Panel, content: dict[str, Any], intake: Intake, name: str) -> str:
    return next(each.reading for each in quality(spec(content), panel, intake, blind=False) if each.id == name)


def test_records_entered_before_they_happened_are_a_warning(look: Look) -> None:
    records = whole().copy()
    records.loc[records.index[::20], "entered"] = records["created"] - pd.Timedelta(days=40)
    found = look(records)["data_reporting_lag"]
    assert found.status == "warn"
    assert dict(found.details)["share_entered_early"] == pytest.approx(0.05, abs=0.005)
    share = dict(found.details)["share_entered_early"]
    assert f"{100 * share:.1f} % of records are entered before they happened" in found.reading


def test_few_places_without_a_unit_at_all_times_are_told_and_no_warning(look: Look) -> None:
    records = whole().copy()
    records.loc[records.index[::120], "tract"] = "99999"
    place = {**event_worlds.source()["place"], "at_most_unmatched": 0.2}
    found = look(records, place=place)["data_unmatched"]
    assert found.status == "informational"
    assert found.value == pytest.approx(1 / 120, rel=0.01)
    assert "'99999'" in found.reading


def test_a_panel_of_very_many_cells_is_not_searched_for_spikes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evalkit.data.quality.cells.MOST_CELLS", 100)
    panel = panel_of(np.random.default_rng(2).normal(10, 1, (6, 20)))
    spikes = quality(spec({"kind": "file", "path": "x.csv"}), panel, None, blind=False)[1]
    assert (spikes.id, spikes.status) == ("data_spikes", "not_run")
    assert "100" in spikes.reading
