"""The fixture `measured` and, under ``--calibrated=docs/calibration.md``, its rows kept; with or without xdist.

Under the option only tests that measure run, and of these only those that have not passed with the code as it is. Each
is kept as it ends, so that a run that is broken off goes on where it was.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from evalkit.estimators.registry import BUILT_IN
from tests.calibrated import results as kept
from tests.calibrated.fingerprint import Fingerprints
from tests.calibrated.measure import PROPERTY, Measured, row_of
from tests.calibrated.page import write_page
from tests.calibrated.register import CALIBRATED

OPTION: Final = "--calibrated"
FIXTURE: Final = "measured"


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--calibrated=FILE``. Without the sign pytest takes FILE for tests."""
    words = "run what measures and has not passed with this code yet, and write the page, e.g. docs/calibration.md"
    parser.addoption(OPTION, metavar="FILE", type=Path, help=words)


def pytest_configure(config: pytest.Config) -> None:
    """One keeper a process; that of the controller writes."""
    target: Path | None = config.getoption(OPTION)
    if target is not None:
        config.pluginmanager.register(Keeper(config, target))


@pytest.fixture
def measured(request: pytest.FixtureRequest, record_property: Callable[[str, object], None]) -> Measured:
    """What a test tells of its simulations."""
    return Measured(names_of(request.node), BUILT_IN, record_property)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what measures; a test that calibrates a name that nobody has ends the run."""
    for item in items:
        if FIXTURE in getattr(item, "fixturenames", ()):
            item.add_marker("measures")
        unknown = set(names_of(item)) - set(CALIBRATED)
        if unknown:
            raise pytest.UsageError(
                f"{item.nodeid}: {sorted(unknown)} is neither an estimator nor an inference rule; one of "
                f"{', '.join(CALIBRATED)}."
            )


def names_of(item: pytest.Item) -> tuple[str, ...]:
    """What a test calibrates."""
    return tuple(dict.fromkeys(name for mark in item.iter_markers("calibrates") for name in mark.args))


class Keeper:
    """Chooses what is run, and keeps what it gave."""

    def __init__(self, config: pytest.Config, target: Path) -> None:
        self.config, self.target = config, target
        self.prints = Fingerprints(config.rootpath)
        self.codes: dict[str, str] = {}
        self.seconds: dict[str, float] = {}
        self.failed: set[str] = set()
        self.measured: dict[str, list[dict[str, Any]]] = {}

    @property
    def writes(self) -> bool:
        """Whether this is no worker of xdist."""
        return not hasattr(self.config, "workerinput")

    @pytest.hookimpl(wrapper=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> Any:
        """Leave out what measures nothing or is done; then those that never ran, the quickest first."""
        every = [item for item in items if FIXTURE in getattr(item, "fixturenames", ())]
        given = yield  # tests are left out by marker or name
        self.codes = {item.nodeid: self.code(item) for item in every}
        before = kept.read(self.target)
        self.look()

        def done(item: pytest.Item) -> bool:
            return before.get(item.nodeid, kept.Result("")).is_done(self.codes[item.nodeid])

        def place(item: pytest.Item) -> tuple[bool, float]:
            known = before.get(item.nodeid, kept.Result(""))
            return bool(known.outcome), known.seconds

        chosen = [item for item in items if item.nodeid in self.codes and not done(item)]
        self.config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
        items[:] = sorted(chosen, key=place)
        return given

    def look(self) -> None:
        """List what was collected, and mark what was measured with other code; a worker of xdist says what it found."""
        if self.writes:
            whole = not any("::" in word for word in self.config.args)
            kept.write(self.target, kept.looked_at(kept.read(self.target), self.codes, whole=whole))
        else:
            self.config.workeroutput[FIXTURE] = self.codes  # type: ignore[attr-defined]

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take from a worker of xdist what it collected."""
        self.codes.update(getattr(node, "workeroutput", {}).get(FIXTURE, {}))

    def code(self, item: pytest.Item) -> str:
        """Fingerprint of a test."""
        return self.prints.of(item.path.relative_to(self.config.rootpath).as_posix())

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Gather a test's phases, and keep it once it has ended; a test that was skipped is not kept."""
        test = report.nodeid
        stated: Any = report.user_properties if report.when == "call" else ()
        self.measured.setdefault(test, []).extend(row for name, row in stated if name == PROPERTY)
        self.seconds[test] = self.seconds.get(test, 0.0) + report.duration
        if report.failed:
            self.failed.add(test)
        if self.writes and report.when not in ("setup", "call") and (self.measured[test] or test in self.failed):
            kept.keep(self.target, self.result(test))

    def result(self, test: str) -> kept.Result:
        """What a test gave; one that took its process along has stated nothing."""
        outcome = "failed" if test in self.failed else kept.PASSED
        today = dt.datetime.now(dt.UTC).date().isoformat()
        rows = tuple(row_of(row) for row in self.measured[test])
        code = self.codes.get(test) or self.prints.of(test.partition("::")[0])
        return kept.Result(test, outcome, round(self.seconds[test], 1), today, code, False, rows)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        """Write the page."""
        if self.writes and self.codes:
            self.look()
            write_page(self.target)
