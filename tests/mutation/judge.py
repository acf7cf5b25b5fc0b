"""One change against the tests that run it: in a fork that imports the changed source in place of the file."""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.util
import os
import signal
import sys
import time
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import CodeType, ModuleType

import pytest

from tests.mutation.hits import OF_IMPORTS, Hits
from tests.mutation.mutants import TREE, Mutant

PATIENCE_SECONDS, PATIENCE_TIMES = 30.0, 6.0
"""Tests of a change may take so much longer than they did: an endless loop is noticed too."""
AT_MOST_SECONDS = 60.0
KILLED, SURVIVED, TIMED_OUT, UNTESTED = "killed", "survived", "timed out", "no test runs it"
UNCLEAR = "unclear"
WORDS = (
    "-x", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", "--timeout", "0",
    "-W", "ignore::pytest.PytestAssertRewriteWarning",
)  # fmt: skip
"""To pytest; Hypothesis is imported before it is."""
OUTCOMES = {pytest.ExitCode.OK: SURVIVED, pytest.ExitCode.TESTS_FAILED: KILLED, pytest.ExitCode.INTERRUPTED: KILLED}
"""By what pytest ends with; it calls itself interrupted where a file of tests cannot be imported. All else is unclear
and counts as unnoticed: a mistake of this tool never looks like a test that works."""


def judge(mutant: Mutant, hits: Hits, places: Sequence[str] = ()) -> str:
    """Whether the tests notice the change; those in certain places alone, where they are given."""
    tests = hits.of(mutant.path, mutant.first, mutant.last)
    tests = _within(hits, [test for test in tests if not places or test.startswith(tuple(places))])
    if not tests:
        return UNTESTED
    expected = sum(hits.seconds.get(test, 1.0) for test in tests)
    process = os.fork()
    if process == 0:
        os.setpgrp()
        os._exit(_tested(mutant, tests))
    return _outcome(process, PATIENCE_SECONDS + PATIENCE_TIMES * expected)


def _within(hits: Hits, tests: Sequence[str]) -> list[str]:
    """The quickest tests that fit into the time for one change; at least one."""
    chosen: list[str] = []
    spent = 0.0
    for test in tests:
        spent += hits.seconds.get(test, 1.0)
        if chosen and spent > AT_MOST_SECONDS:
            break
        chosen.append(test)
    return chosen


def _outcome(process: int, patience: float) -> str:
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        ended, status = os.waitpid(process, os.WNOHANG)
        if ended:
            code = os.waitstatus_to_exitcode(status)
            return next((said for known, said in OUTCOMES.items() if known == code), UNCLEAR)
        time.sleep(0.05)
    os.killpg(process, signal.SIGKILL)
    os.waitpid(process, 0)
    return TIMED_OUT


def _tested(mutant: Mutant, tests: Sequence[str]) -> int:
    """In the fork: run the tests with the change imported; 0 where all pass."""
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    changed = Changed(mutant)
    sys.meta_path.insert(0, changed)
    try:  # before pytest does, whose own finder comes first and reads the file
        importlib.import_module(changed.module)
    except Exception:  # noqa: BLE001 - whatever an import ends with, it ends
        return int(pytest.ExitCode.TESTS_FAILED)
    _without_shrinking()
    code = pytest.ExitCode.OK
    # What a file holds once it is imported may decide which cases other tests have: it is looked at by itself.
    for part in ([test for test in tests if test in OF_IMPORTS], [test for test in tests if test not in OF_IMPORTS]):
        if part and code == pytest.ExitCode.OK:
            code = pytest.ExitCode(pytest.main([*WORDS, *part]))
    return int(code)


def _without_shrinking() -> None:
    """Let Hypothesis stop at the first example that fails: the smallest one takes minutes and says nothing more."""
    from hypothesis import Phase, settings

    settings.register_profile("first", phases=[Phase.explicit, Phase.generate], database=None)
    settings.load_profile("first")


class Changed(importlib.abc.MetaPathFinder, importlib.abc.SourceLoader):  # type: ignore[misc]  # as their stubs say
    """Finds one module in memory."""

    def __init__(self, mutant: Mutant) -> None:
        self.file = str(TREE / mutant.path)
        self.module = mutant.path.removesuffix(".py").replace("/", ".")
        self.source = mutant.source()

    def find_spec(self, name: str, path: object = None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name != self.module:
            return None
        return importlib.util.spec_from_file_location(name, self.file, loader=self)

    def get_filename(self, fullname: str) -> str:
        return self.file

    def get_data(self, path: str) -> bytes:
        return self.source.encode() if Path(path) == Path(self.file) else Path(path).read_bytes()

    def get_code(self, fullname: str) -> CodeType:
        return compile(self.source, self.file, "exec", dont_inherit=True)
