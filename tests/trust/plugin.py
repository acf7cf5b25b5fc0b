"""Which tests hold which promise and, under ``--trust=docs/trust.md``, what they gave; with or without xdist."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from tests.trust.promises import PROMISES
from tests.trust.table import Result, merge, page, read_results, write_results

OPTION: Final = "--trust"
NAME: Final = "promises"


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--trust=FILE``: keep what tests gave, and write the table. Without the sign pytest takes FILE for tests."""
    parser.addoption(OPTION, metavar="FILE", type=Path, help="write what tests of promises gave, e.g. docs/trust.md")


def pytest_configure(config: pytest.Config) -> None:
    """One collector a process; the workers of xdist send what they know to the one that writes."""
    config.pluginmanager.register(Collector(config))


class Collector:
    """Promises by test, and outcomes by test."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.promised: dict[str, tuple[str, ...]] = {}
        self.outcomes: dict[str, str] = {}

    @pytest.hookimpl(
        tryfirst=True
    )  # before tests are left out by marker or name: a test that was deleted is told apart
    def pytest_collection_modifyitems(self, items: Sequence[pytest.Item]) -> None:
        """Read the markers; a name that is no promise ends the run."""
        for item in items:
            names = tuple(dict.fromkeys(name for mark in item.iter_markers("promise") for name in mark.args))
            unknown = [name for name in names if name not in PROMISES]
            if unknown:
                raise pytest.UsageError(f"{item.nodeid}: {unknown} stand for no promise in tests/trust/promises.py.")
            if names:
                self.promised[item.nodeid] = names
        sent: dict[str, Any] | None = getattr(self.config, "workeroutput", None)
        if sent is not None:
            sent[NAME] = {test: list(names) for test, names in self.promised.items()}

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take from a worker of xdist what it collected; one that died has sent nothing, another one has."""
        sent = getattr(node, "workeroutput", {}).get(NAME, {})
        self.promised.update({test: tuple(names) for test, names in sent.items()})

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the worst of a test's phases; a test that was skipped has no outcome."""
        if report.failed:
            self.outcomes[report.nodeid] = "failed"
        elif report.passed and report.when == "call":
            self.outcomes.setdefault(report.nodeid, "passed")

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        """Write results and page."""
        target: Path | None = self.config.getoption(OPTION)
        if target is None or not self.outcomes or hasattr(self.config, "workerinput"):
            return
        today = dt.datetime.now(dt.UTC).date().isoformat()
        collected = {function(test) for test in self.promised}
        kept = merge(read_results(target), self.results(today), collected, self.config.rootpath)
        write_results(target, kept)
        target.write_text(page(kept), encoding="utf-8")

    def results(self, today: str) -> list[Result]:
        """Outcomes of this run by promise and test function."""
        counts: Counter[tuple[str, str, str]] = Counter()
        for test, outcome in self.outcomes.items():
            for name in self.promised.get(test, ()):
                counts[name, function(test), outcome] += 1
        pairs = sorted({(name, test) for name, test, _ in counts})
        return [Result(*pair, counts[*pair, "passed"], counts[*pair, "failed"], today) for pair in pairs]


def function(test: str) -> str:
    """A test without its parameters.

    Examples
    --------
    >>> function("tests/test_a.py::test_b[x::y]")
    'tests/test_a.py::test_b'
    """
    return test.partition("[")[0]
