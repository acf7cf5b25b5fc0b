"""Each bad input ends with the right exit code, names what is wrong, and says what to do next."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from evalkit.cli.main import main
from tests.functional import bad_inputs as bad

DATA, DESIGN = 3, 4
CASES: list[tuple[bad.Damage, int, list[str]]] = [
    (bad.truncated_in_a_line, DATA, ["data/lights.csv", "line 193", "fetch it again"]),
    (bad.truncated_after_a_line, DATA, ["data/lights.csv", "100 rows", "192"]),
    (bad.latin_1, DATA, ["data/lights.csv", "byte 0xf1", "line 26", "data.source.encoding"]),
    (bad.byte_order_mark, DATA, ["data/lights.csv", "line 1", "utf-8-sig"]),
    (bad.wrong_delimiter, DATA, ["data/lights.csv", "semicolon", "data.source.delimiter"]),
    (bad.flipped_parquet_byte, DATA, ["data/lights.parquet", "checksum"]),
    (bad.schema_drift, DATA, ["data/lights.csv", "crimes"]),
    (bad.another_type, DATA, ["data/lights.csv", "'crimes'", "'about 20'", "row 40"]),
    (bad.another_file_than_declared, DATA, ["data/lights.csv", "SHA-256"]),
    (bad.no_file, DATA, ["data/ligths.csv", "does not exist"]),
    (bad.outside_the_data_root, DATA, ["outside the data root"]),
    (bad.duplicate_unit_period, DATA, ["'place 02'", "2011", "rows 17, 192"]),
    (bad.infinite, DATA, ["'crimes'", "infinite", "row 30"]),
    (bad.all_missing, DATA, ["'crimes'", "empty in every row"]),
    (bad.no_variation, DATA, ["'crimes'", "never varies"]),
    (bad.cohort_changes_within_a_unit, DATA, ["'place 02'", "2013, 2015"]),
    (bad.string_dates, DATA, ["'year'", "'2010 (final)'", "row 0"]),
    (bad.empty_file, DATA, ["data/lights.csv", "empty"]),
    (bad.header_only, DATA, ["data/lights.csv", "no rows"]),
    (bad.all_treated_at_once, DESIGN, ["Add units"]),
    (bad.treated_in_the_first_period, DESIGN, ["no before and after"]),
    (bad.nobody_treated, DESIGN, ["no unit is treated by 2017"]),
    (bad.switches_off, DESIGN, ["'active'", "'place 02'", "2016"]),
    (bad.one_cluster, DESIGN, ["one cluster", "'city'"]),
]
NAMES = [case[0].__name__ for case in CASES]
PROMISES: dict[bad.Damage, str] = {
    bad.truncated_in_a_line: "fault-file-truncated",
    bad.truncated_after_a_line: "fault-file-truncated",
    bad.another_file_than_declared: "fault-file-truncated",
    bad.flipped_parquet_byte: "fault-file-flipped",
    bad.latin_1: "fault-file-latin-1",
    bad.byte_order_mark: "fault-file-bom",
    bad.wrong_delimiter: "fault-file-delimiter",
    bad.schema_drift: "fault-file-schema",
    bad.another_type: "fault-file-schema",
    bad.duplicate_unit_period: "fault-file-duplicate",
    bad.infinite: "fault-file-infinite",
    bad.all_missing: "fault-file-missing",
    bad.no_variation: "fault-file-constant",
    bad.all_treated_at_once: "fault-file-all-treated",
    bad.treated_in_the_first_period: "fault-file-first-period",
    bad.switches_off: "fault-file-switches-off",
    bad.one_cluster: "fault-file-one-cluster",
    bad.string_dates: "fault-file-string-dates",
    bad.outside_the_data_root: "secure-paths",
}
MARKED = [
    pytest.param(*case, id=case[0].__name__, marks=[pytest.mark.promise(PROMISES.get(case[0], "law-no-traceback"))])
    for case in CASES
]


@pytest.mark.parametrize(("damage", "code", "words"), MARKED)
def test_validate_refuses_it_before_anything_is_estimated(
    damage: bad.Damage,
    code: int,
    words: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(bad.write_bad(tmp_path, damage))
    before = sorted(tmp_path.rglob("*"))
    assert main(["validate", "study=lights", "--quiet"]) == code
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("Error: ")
    assert "  Next: " in shown.err
    assert "Traceback" not in shown.err
    for word in words:
        assert word in shown.err
    assert sorted(tmp_path.rglob("*")) == before, "validate writes nothing"


@pytest.mark.parametrize("damage", [bad.latin_1, bad.switches_off], ids=lambda damage: str(damage.__name__))
def test_a_run_of_the_installed_command_ends_the_same_way_and_leaves_no_bundle(
    damage: bad.Damage, tmp_path: Path
) -> None:
    bad.write_bad(tmp_path, damage)
    command = [str(Path(sys.executable).with_name("evalkit")), "run", "study=lights", "--json", "--quiet"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    code = dict(zip(NAMES, [case[1] for case in CASES], strict=True))[damage.__name__]
    assert done.returncode == code
    assert done.stdout == ""
    error = json.loads(done.stderr)["error"]
    assert error["exit_code"] == code
    assert error["next_step"]
    assert not [path for path in (tmp_path / "results").glob("*") if path.is_dir()]


@pytest.mark.promise("fault-file-tiny-cohort")
def test_a_cohort_of_one_place_is_rated_down_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(bad.write_bad(tmp_path, bad.tiny_cohort))
    assert main(["run", "study=lights", "estimator=callaway_santanna", "--json", "--quiet"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["certainty"].startswith("Certainty is Very low")
    assert "single place" in shown["certainty"]
