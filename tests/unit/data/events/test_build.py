"""The columns of the panel are the study's own, and none stands for two things."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from evalkit.data.events.build import Names, build
from evalkit.errors import ConfigError
from evalkit.study.events import EventsSource
from tests import event_worlds


def declared(**changes: Any) -> EventsSource:
    return EventsSource.model_validate(event_worlds.source(**changes))


def test_treatment_without_a_column_for_it_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"data.cohort does not name the column"):
        build(declared(), tmp_path, Names("district", "month"), "requests")


@pytest.mark.parametrize("taken", [Names("requests", "month", "start"), Names("district", "cost", "start")])
def test_a_name_that_is_taken_is_refused(taken: Names, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is the name of a measure or carried column"):
        build(declared(), tmp_path, taken, "requests")


def test_two_measures_of_one_name_are_refused() -> None:
    twice = [{"name": "n", "kind": "count"}, {"name": "n", "kind": "count"}]
    with pytest.raises(ValueError, match="'n' is the name of more than one column"):
        declared(measures=twice)


def test_files_and_a_database_are_not_both_read() -> None:
    with pytest.raises(ValueError, match="exactly one of 'path'"):
        declared(database={"url_env": "CITY_DB", "table": "calls"})
