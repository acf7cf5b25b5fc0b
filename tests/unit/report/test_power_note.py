from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from evalkit.errors import EvalkitError
from evalkit.power.document import to_dict
from evalkit.power.simulate import power
from evalkit.report.power_note import write_power
from tests.designs import outcome, study
from tests.designs import panel as simulated

ASKED = study("imputation", **outcome(transform="identity", mid={"value": 0.4, "rationale": "r"}))


def write(folder: Path) -> list[Path]:
    found = power(ASKED, simulated(n_units=60, n_periods=6), draws=100)
    return write_power(folder, ASKED, found, to_dict(ASKED, found, power=0.8, effect=None, data_sha=None))


def test_note_figure_curve_and_document_are_written(tmp_path: Path) -> None:
    files = write(tmp_path / "design")
    assert [file.name for file in files] == ["power.csv", "power.svg", "power.png", "power.json", "power.md"]
    note = (tmp_path / "design" / "power.md").read_text("utf-8")
    document = json.loads((tmp_path / "design" / "power.json").read_text("utf-8"))
    assert document["headline"] in note
    assert "![How often a fall of crime would be detected" in note
    assert set(pd.read_csv(tmp_path / "design" / "power.csv")["way"]) == {"rise", "fall"}


def test_writing_again_replaces_the_files_with_the_same_bytes(tmp_path: Path) -> None:
    first = [file.read_bytes() for file in write(tmp_path)]
    assert [file.read_bytes() for file in write(tmp_path)] == first


def test_a_folder_that_cannot_be_made_is_an_error_a_person_can_act_on(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(EvalkitError, match="Could not write"):
        write(tmp_path / "taken")
