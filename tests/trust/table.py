"""The table "promise, test, last result", kept as CSV beside its page: a run of some tests changes theirs alone."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Final

from tests.calibrated.results import PASSED, missing, read_by_hand
from tests.calibrated.results import read as read_measured
from tests.trust.promises import PARTS

HEAD: Final = """\
# What is promised, and what its tests last gave

Each sentence is held by the tests beside it, with the real fault where it tells of one: servers and processes are
killed, disks are full, files are damaged. `make trust` runs them and writes this page; long simulations leave what they
gave under `make calibrate ARGS="--trust=docs/trust.md"`. The number in brackets counts the cases that a test was run
on, or of models that were simulated. A date is that of the oldest result in its row. Tests lie under `tests/`.
"""
COLUMNS: Final = "| | promise | test | last result | date |\n|---|---|---|---|---|"
CSV_ENDING: Final = ".csv"
NAME: Final = re.compile(r'"((?:trap|fault|law|calibration|repeat|secure|second)-[a-z0-9-]+)"')

SIMULATED: Final = "docs/calibration.md"
"""Page with what long simulations found, from rows that are kept beside it."""
MODELS: Final = {
    "bayesian_did": "calibration-sbc-did",
    "bayesian_synthetic_control": "calibration-sbc-synthetic-control",
    "bayesian_time_series": "calibration-sbc-time-series",
}
"""Model to what its simulations hold."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a test function last gave for a promise: its cases that passed and failed."""

    promise: str
    test: str
    passed: int
    failed: int
    date: str


def read_results(target: Path) -> list[Result]:
    """Results kept beside the page `target`; none where there are none yet."""
    file = target.with_suffix(CSV_ENDING)
    if not file.exists():
        return []
    with file.open(encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(lines)
        return [Result(r["promise"], r["test"], int(r["passed"]), int(r["failed"]), r["date"]) for r in rows]


def write_results(target: Path, results: Iterable[Result]) -> None:
    """Keep results beside the page `target`."""
    with target.with_suffix(CSV_ENDING).open("w", encoding="utf-8", newline="") as lines:
        rows = csv.writer(lines, lineterminator="\n")
        rows.writerow([field.name for field in fields(Result)])
        rows.writerows(astuple(result) for result in results)


def merge(before: Iterable[Result], now: Sequence[Result], collected: set[str], tree: Path) -> list[Result]:
    """What is known after a run: its own results, and the earlier ones of tests that it did not run.

    Parameters
    ----------
    before, now
        Earlier results, and those of this run.
    collected
        Test functions that this run found, run or not. An earlier test of a file that was read is forgotten if it is
        not among them.
    tree
        Root of the checkout, which keeps what long simulations found.
    """
    ran = {(result.promise, result.test) for result in now}
    read = {_file(test) for test in collected}
    kept = [
        result
        for result in before
        if (result.promise, result.test) not in ran
        and (result.test in collected or _file(result.test) not in read)
        and _file(result.test) != SIMULATED
    ]
    order = {name: place for place, name in enumerate(name for part in PARTS.values() for name in part)}
    known = [result for result in (*kept, *now, *simulated(tree, [*kept, *now])) if result.promise in order]
    return sorted(known, key=lambda result: (order[result.promise], result.test))


def simulated(tree: Path, results: Sequence[Result]) -> list[Result]:
    """Results of simulations that take hours, as `make calibrate` keeps them, where no test has given one itself."""
    page_ = tree / SIMULATED
    ran = list(read_measured(page_).values())
    found = [(row, each.outcome == PASSED, each.date) for each in ran for row in each.rows]
    found += [(each.row, each.row.as_asked, each.date) for each in missing(read_by_hand(page_), ran)]
    dates: dict[str, str] = {}
    counts: Counter[tuple[str, bool]] = Counter()
    for row, held, date in found:
        if row.kind == "ranks" and row.method in MODELS:
            counts[MODELS[row.method], held] += 1
            dates[MODELS[row.method]] = min(date, dates.get(MODELS[row.method], date))
    own = {result.promise for result in results}
    names = sorted({name for name, _ in counts} - own)
    test = f"{SIMULATED}::test_simulation_based_calibration"
    return [Result(name, test, counts[name, True], counts[name, False], dates[name]) for name in names]


def page(results: Sequence[Result]) -> str:
    """The page, with a table for each part of the register."""
    by_promise: dict[str, list[Result]] = {}
    for result in results:
        by_promise.setdefault(result.promise, []).append(result)
    return "\n".join([HEAD, *(_part(heading, promises, by_promise) for heading, promises in PARTS.items())])


def _part(heading: str, promises: Mapping[str, str], results: Mapping[str, Sequence[Result]]) -> str:
    rows = [row(name, text, results.get(name, ())) for name, text in promises.items()]
    return "\n".join(
        [f"## {heading}", "", "| | promise | test | last result | date |", "|---|---|---|---|---|", *rows, ""]
    )


def row(name: str, text: str, results: Sequence[Result]) -> str:
    """One promise as a row of the table.

    Examples
    --------
    >>> found = Result("trap-01", "tests/unit/test_a.py::test_it_holds", 2, 0, "2025-01-31")
    >>> row("trap-01", "No run is lost.", [found])
    '| trap-01 | No run is lost. | it holds (`unit/test_a.py`) | passed (2) | 2025-01-31 |'
    """
    passed, failed = sum(result.passed for result in results), sum(result.failed for result in results)
    outcome = f"**failed** ({failed} of {passed + failed})" if failed else f"passed ({passed})" if passed else ""
    tests = "; ".join(_named(result.test) for result in results)
    return f"| {name} | {text} | {tests} | {outcome} | {min((result.date for result in results), default='')} |"


def _named(test: str) -> str:
    file, _, name = test.partition("::")
    return f"{name.removeprefix('test_').replace('_', ' ')} (`{file.removeprefix('tests/')}`)"


def _file(test: str) -> str:
    return test.partition("::")[0]


def names_in_tests(folder: Path) -> dict[str, set[str]]:
    """Names of promises as the files write them that mark tests, with these files."""
    found: dict[str, set[str]] = {}
    for file in sorted(folder.rglob("test_*.py")):
        text = file.read_text(encoding="utf-8")
        if "mark.promise(" in text:
            for name in NAME.findall(text):
                found.setdefault(name, set()).add(file.relative_to(folder).as_posix())
    return found
