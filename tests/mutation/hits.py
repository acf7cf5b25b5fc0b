"""Which tests run which lines, and how long each takes: measured once; a change meets only tests that can see it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.mutation.mutants import SCOPE, TREE, within_functions

SUITE = (
    "tests/unit/estimators", "tests/unit/inference", "tests/unit/checks", "tests/unit/numerics", "tests/unit/evidence",
    "tests/unit/test_evaluation.py", "tests/oracle", "tests/contract", "tests/reference", "tests/recovery",
    "tests/studies", "tests/kept", *SCOPE,
)  # fmt: skip
"""What a change has to get past: tests, and the examples of the files in scope.

Functional and browser tests would find more, at minutes a change.
"""


OF_IMPORTS = {
    "tests/kept/test_results.py::test_what_a_study_need_not_say_is_done_as_it_was",
    "tests/unit/test_architecture.py::test_what_estimators_and_inference_pass_around_never_changes",
}
"""Tests that read what a file holds once it is imported, and run no line of it."""


@dataclass(frozen=True, slots=True)
class Hits:
    """Tests by the lines that they run, quickest first.

    Attributes
    ----------
    lines
        File to line to the tests that run it.
    seconds
        Test to its duration.
    """

    lines: dict[str, dict[int, list[str]]]
    seconds: dict[str, float]

    def of(self, path: str, first: int, last: int) -> list[str]:
        """Tests that run a stretch of a file; those that run any of it where it runs on import alone."""
        lines = self.lines.get(path, {})
        found = {test for line in range(first, last + 1) for test in lines.get(line, ())}
        if not found or first not in within_functions(path):
            found = {test for tests in lines.values() for test in tests} | OF_IMPORTS
        return sorted(found, key=lambda test: self.seconds.get(test, 1.0))


def measure(folder: Path, suite: Sequence[str] = SUITE) -> None:
    """Run tests once under coverage and write `hits.json`; what it holds of other tests stays."""
    folder.mkdir(parents=True, exist_ok=True)
    settings, data, durations = folder / "coverage.ini", folder / "coverage.db", folder / "seconds.json"
    include = "\n    ".join(place if place.endswith(".py") else f"{place}/*" for place in SCOPE)
    settings.write_text(f"[run]\ndata_file = {data}\ninclude =\n    {include}\n")
    words = ["-m", "coverage", "run", f"--rcfile={settings}", "-m", "tests.mutation.timed", str(durations), *suite]
    subprocess.run([sys.executable, *words], cwd=TREE, env={**os.environ, "OMP_NUM_THREADS": "1"}, check=False)
    found = _collected(data, json.loads(durations.read_text()))
    if (folder / "hits.json").exists():
        found = joined(load(folder), found)
    (folder / "hits.json").write_text(json.dumps({"lines": found.lines, "seconds": found.seconds}))


def joined(before: Hits, now: Hits) -> Hits:
    """What both say; of a file of tests that was run anew, what it holds now alone."""
    anew = {test.partition("::")[0] for test in now.seconds}
    kept = {test for test in before.seconds if test in now.seconds or test.partition("::")[0] not in anew}
    lines = {
        path: {
            line: sorted(
                {
                    *kept.intersection(before.lines.get(path, {}).get(line, ())),
                    *now.lines.get(path, {}).get(line, ()),
                }
            )
            for line in {*before.lines.get(path, {}), *now.lines.get(path, {})}
        }
        for path in {*before.lines, *now.lines}
    }
    return Hits(lines, {**{test: before.seconds[test] for test in kept}, **now.seconds})


def load(folder: Path) -> Hits:
    """Read what was measured."""
    held = json.loads((folder / "hits.json").read_text())
    lines = {path: {int(line): tests for line, tests in rows.items()} for path, rows in held["lines"].items()}
    return Hits(lines, held["seconds"])


def _collected(data: Path, seconds: dict[str, float]) -> Hits:
    from coverage import CoverageData

    held = CoverageData(str(data))
    held.read()
    lines: dict[str, dict[int, list[str]]] = {}
    for file in held.measured_files():
        rows: dict[int, list[str]] = defaultdict(list)
        for line, contexts in held.contexts_by_lineno(file).items():
            rows[line] = [context for context in contexts if context in seconds]
        lines[Path(file).relative_to(TREE).as_posix()] = dict(rows)
    return Hits(lines, seconds)
