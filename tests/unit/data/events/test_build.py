"""The columns of the panel are the study's own, and none stands for two things."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evalkit.data.events.build import Names, _unmasked, build
from evalkit.errors import ConfigError, DataError
from evalkit.study.events import EventsSource
from tests import event_worlds
from tests.unit.data.events.conftest import Read


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


def test_records_without_a_row_are_refused(read: Read) -> None:
    with pytest.raises(DataError, match="The records are empty: there are none"):
        read("day,area\n")


def test_whole_numbers_stay_whole_unless_one_is_missing() -> None:
    known = _unmasked(np.ma.MaskedArray([3, 4], mask=[False, False]))
    assert (known.tolist(), known.dtype.kind) == ([3, 4], "i")
    np.testing.assert_array_equal(_unmasked(np.ma.MaskedArray([3, 4], mask=[False, True])), [3.0, np.nan])
