"""Each promise has a test, and what tests gave is collected, however they were run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.trust.promises import PARTS, PROMISES
from tests.trust.table import SIMULATED, Result, merge, names_in_tests, page, read_results

TREE = Path(__file__).parents[2]
CONFTEST = 'pytest_plugins = ["tests.trust.plugin"]\n'
TESTS = """
import os
import pytest

@pytest.mark.promise("trap-01", "trap-02")
@pytest.mark.parametrize("case", [1, 2])
def test_it_holds(case):
    assert case

@pytest.mark.promise("trap-02")
def test_it_does_not():
    assert False

def test_that_promises_nothing():
    pass

@pytest.mark.promise("trap-03")
def test_that_takes_its_process_along():
    os._exit(1)

@pytest.mark.promise("trap-04")
def test_that_cannot_run_here():
    pytest.skip("no such program")
"""


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Tests of `folder` by a pytest of their own."""
    environment = {**os.environ, "PYTHONPATH": str(TREE), "PYTEST_ADDOPTS": "", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    options = ("-q", "-p", "xdist.plugin", "-p", "no:cacheprovider", "--trust=trust.md")
    command = [sys.executable, "-m", "pytest", *options, *words]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def write(folder: Path, tests: str) -> None:
    (folder / "conftest.py").write_text(CONFTEST, encoding="utf-8")
    (folder / "test_a.py").write_text(tests, encoding="utf-8")
    (folder / "pytest.ini").write_text("[pytest]\nmarkers = promise\n", encoding="utf-8")


def found(folder: Path) -> dict[tuple[str, str], tuple[int, int]]:
    results = read_results(folder / "trust.md")
    return {(each.promise, each.test.partition("::")[2]): (each.passed, each.failed) for each in results}


def test_each_promise_has_a_test_and_each_mark_a_promise() -> None:
    here = {Path(__file__).relative_to(TREE / "tests").as_posix()}
    marked = {name for name, files in names_in_tests(TREE / "tests").items() if files > here or not files & here}
    assert set(PROMISES) <= marked, "mark a test, @pytest.mark.promise(...), or take the promise back"
    assert marked <= set(PROMISES), "these stand for no promise of tests/trust/promises.py"


def test_no_promise_stands_twice() -> None:
    assert sum(len(part) for part in PARTS.values()) == len(PROMISES) == len(set(PROMISES.values()))


def test_results_come_from_the_workers_of_xdist_even_from_one_that_died(tmp_path: Path) -> None:
    write(tmp_path, TESTS)
    done = run(tmp_path, "-n", "2")
    assert found(tmp_path) == {
        ("trap-01", "test_it_holds"): (2, 0),
        ("trap-02", "test_it_does_not"): (0, 1),
        ("trap-02", "test_it_holds"): (2, 0),
        ("trap-03", "test_that_takes_its_process_along"): (0, 1),
    }, done.stdout
    text = (tmp_path / "trust.md").read_text(encoding="utf-8")
    assert "it does not (`test_a.py`); it holds (`test_a.py`) | **failed** (1 of 3)" in text
    write(tmp_path, TESTS.replace("assert False", "assert True").replace("def test_it_holds", "def test_it_stays"))
    run(tmp_path, "-k", "does_not")
    assert found(tmp_path) == {
        ("trap-02", "test_it_does_not"): (1, 0),
        ("trap-03", "test_that_takes_its_process_along"): (0, 1),
    }, "a test that did not run keeps its result, one that is gone loses it"


def test_a_name_that_is_no_promise_ends_the_run(tmp_path: Path) -> None:
    write(tmp_path, TESTS.replace("trap-03", "trap-99"))
    done = run(tmp_path)
    assert done.returncode != 0
    assert "['trap-99'] stand for no promise" in done.stdout + done.stderr
    assert not (tmp_path / "trust.md").exists()


@pytest.mark.parametrize("collected", [set(), {"tests/test_b.py::test_b"}])
def test_results_of_files_that_were_not_read_stay(collected: set[str], tmp_path: Path) -> None:
    earlier = Result("trap-01", "tests/test_a.py::test_a", 1, 0, "2025-01-31")
    assert merge([earlier], [], collected, tmp_path) == [earlier]


def test_a_promise_that_was_taken_back_leaves_the_table(tmp_path: Path) -> None:
    assert merge([Result("trap-99", "tests/test_a.py::test_a", 1, 0, "2025-01-31")], [], set(), tmp_path) == []


def test_simulations_that_take_hours_are_read_from_their_page_until_their_test_has_run() -> None:
    told = {result.promise: (result.passed, result.failed) for result in merge([], [], set(), TREE)}
    assert set(told) == {"calibration-sbc-did", "calibration-sbc-synthetic-control", "calibration-sbc-time-series"}
    assert all(held > 0 and not broken for held, broken in told.values())
    run = Result("calibration-sbc-did", "tests/test_a.py::test_a", 0, 1, "2025-01-31")
    assert [each.failed for each in merge([], [run], set(), TREE) if each.promise == run.promise] == [1]


def test_the_page_has_a_row_for_each_promise() -> None:
    rows = [line.split(" | ")[0].removeprefix("| ") for line in page([]).splitlines() if line.startswith("| ")]
    assert [name for name in rows if name in PROMISES] == list(PROMISES)


def test_the_page_is_what_tests_gave_and_has_no_empty_row() -> None:
    target = TREE / "docs" / "trust.md"
    results = read_results(target)
    assert target.read_text(encoding="utf-8") == page(results), "`make trust` writes it"
    known = {result.promise for result in results if result.passed + result.failed and _is_there(result.test)}
    assert set(PROMISES) - known == set(), "`make trust` runs their tests"


def _is_there(test: str) -> bool:
    file, _, name = test.partition("::")
    if file == SIMULATED:
        return True
    return (TREE / file).exists() and f"def {name}(" in (TREE / file).read_text(encoding="utf-8")
