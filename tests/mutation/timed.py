"""Run pytest with each test as a context of coverage, and write how long each test took."""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest


class Clock:
    """Names each test to coverage, set-up included, and adds up its durations if it passed."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.failed: set[str] = set()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        from coverage import Coverage

        current = Coverage.current()
        assert current is not None
        current.switch_context(item.nodeid)
        return (yield)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.seconds[report.nodeid] += report.duration
        if report.failed:
            self.failed.add(report.nodeid)


def main() -> int:
    """Run the tests named after the file to write."""
    target, *suite = sys.argv[1:]
    clock = Clock()
    words = ["-q", "-m", "not calibration and not browser and not postgres", "-p", "no:cacheprovider", "--timeout", "0"]
    code = pytest.main([*words, *suite], plugins=[clock])
    passed = {test: round(value, 3) for test, value in clock.seconds.items() if test not in clock.failed}
    Path(target).write_text(json.dumps(passed))
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
