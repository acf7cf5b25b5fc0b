"""What tests measure is kept as each ends; a run that was broken off goes on; what has changed is measured again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.calibrated.fingerprint import TREE
from tests.calibrated.results import Result, looked_at, read

CONFTEST = 'pytest_plugins = ["tests.calibrated.plugin"]\n'
TESTS = """
import os, pathlib, signal
import pytest

RAN = pathlib.Path(__file__).with_name("ran")

@pytest.mark.calibrates("imputation")
@pytest.mark.parametrize("world", ["north", "south", "west"])
def test_it_holds(world, measured):
    with RAN.open("a") as lines:
        lines.write(world[0])
    measured.share("imputation", f"world {world}", [0, 1, 1, 1], nominal=0.75, asked=(0.7, 0.8))
    if world == "south" and RAN.with_name("kill").exists():
        os.kill(os.getpid(), signal.SIGKILL)

def test_it_does_not(measured):
    measured.figure("power", "a world", 2.0, asked=(None, 1.0), data_sets=1)
    assert False

def test_that_measures_nothing():
    assert False
"""


def write(folder: Path, tests: str = TESTS) -> None:
    (folder / "conftest.py").write_text(CONFTEST, encoding="utf-8")
    (folder / "test_a.py").write_text(tests, encoding="utf-8")
    (folder / "pytest.ini").write_text("[pytest]\nmarkers = calibrates\n", encoding="utf-8")


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Tests of `folder` by a pytest of their own."""
    environment = {**os.environ, "PYTHONPATH": str(TREE), "PYTEST_ADDOPTS": "", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--calibrated=found.md", *words]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def outcomes(folder: Path) -> dict[str, str]:
    return {test.partition("::")[2]: each.outcome for test, each in read(folder / "found.md").items()}


def ran(folder: Path) -> str:
    """Worlds that were simulated since this was last asked."""
    log = folder / "ran"
    found = "".join(sorted(log.read_text(encoding="utf-8"))) if log.exists() else ""
    log.unlink(missing_ok=True)
    return found


def test_a_run_that_is_killed_goes_on_where_it_was_and_what_has_changed_is_run_again(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "kill").touch()
    assert run(tmp_path).returncode == -signal.SIGKILL
    assert ran(tmp_path) == "ns"
    assert outcomes(tmp_path) == {
        "test_it_holds[north]": "passed", "test_it_holds[south]": "", "test_it_holds[west]": "", "test_it_does_not": "",
    }  # fmt: skip
    (tmp_path / "kill").unlink()
    done = run(tmp_path)
    assert ran(tmp_path) == "sw", done.stdout
    assert "2 passed" in done.stdout
    assert "1 failed" in done.stdout
    assert outcomes(tmp_path) == {
        "test_it_holds[north]": "passed", "test_it_holds[south]": "passed", "test_it_holds[west]": "passed",
        "test_it_does_not": "failed",
    }  # fmt: skip
    page = (tmp_path / "found.md").read_text(encoding="utf-8")
    assert "| `imputation` | world south | 4 | 75 % | 75 % (21.7) | 70 to 80 % |" in page
    assert "**2** | at most 1 |" in page
    assert "**the test failed**" in page
    assert (tmp_path / "img" / "calibration.svg").read_bytes().startswith(b"<?xml")


def other_code(folder: Path, kept: list[dict[str, Any]]) -> None:
    lines = "\n".join(json.dumps({"code": "of old", "date": "2025-01-31", **each}) for each in kept)
    (folder / "found.jsonl").write_text(lines + "\n", encoding="utf-8")


ROW = {
    "kind": "share", "method": "imputation", "world": "world west", "data_sets": 4, "asked": [None, None],
    "figures": {"value": 0.5, "error": 0.25}, "rule": "", "note": "",
}  # fmt: skip


@pytest.mark.calibration
def test_workers_of_xdist_leave_out_what_is_done_and_older_figures_stay_until_they_are_measured_again(
    tmp_path: Path,
) -> None:
    write(tmp_path)
    passed = {"outcome": "passed", "rows": [ROW]}
    other_code(tmp_path, [{"test": f"test_a.py::test_it_holds[{name}]", **passed} for name in ("west", "gone")])
    run(tmp_path, "-p", "xdist.plugin", "-n", "2", "-k", "does_not or north or south")
    assert ran(tmp_path) == "ns"
    page = (tmp_path / "found.md").read_text(encoding="utf-8")
    assert "world west | 4 | 50 % (25.0) | 2025-01-31, 0 s; *before the latest change* |" in page.replace(" |  |", " |")
    assert "test_it_holds[gone]" not in outcomes(tmp_path)
    run(tmp_path, "-p", "xdist.plugin", "-n", "2")
    assert ran(tmp_path) == "w"
    assert "latest change*" not in (tmp_path / "found.md").read_text(encoding="utf-8").partition("## ")[2]


@pytest.mark.calibration
def test_a_name_that_is_neither_estimator_nor_rule_ends_the_run(tmp_path: Path) -> None:
    write(tmp_path, TESTS.replace('calibrates("imputation")', 'calibrates("imputtion")'))
    done = run(tmp_path)
    assert done.returncode != 0
    assert "['imputtion'] is neither an estimator nor an inference rule" in done.stdout + done.stderr
    assert not (tmp_path / "found.md").exists()


def test_a_test_that_is_gone_is_forgotten_only_where_its_file_was_read_as_a_whole() -> None:
    before = {test: Result(test, "passed", code="x") for test in ("test_a.py::test_a", "test_b.py::test_b")}
    now = {"test_a.py::test_other": "y"}
    assert set(looked_at(before, now)) == {"test_a.py::test_other", "test_b.py::test_b"}
    assert set(looked_at(before, now, whole=False)) == {*before, *now}


def test_what_was_measured_with_other_code_is_marked_and_has_to_run_again() -> None:
    result = Result("test_a.py::test_a", "passed", code="x")
    assert result.is_done("x")
    assert not result.is_done("y")
    assert [each.older for each in looked_at({result.test: result}, {result.test: "y"}).values()] == [True]
    assert [each.older for each in looked_at({result.test: result}, {result.test: "x"}).values()] == [False]
