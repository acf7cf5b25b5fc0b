"""Shared by all tests: which ones need a program of the machine, and what was left out without it."""

from __future__ import annotations

import functools
import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator

import pytest

from tests.services import Postgres, postgres_program
from tests.services import postgres as postgres_server

pytest_plugins = ["tests.trust.plugin", "tests.calibrated.plugin"]
REQUIRE = "EVALKIT_REQUIRE_SERVICES"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@functools.cache
def may_mount() -> bool:
    """Whether a small disk can be mounted here: by root, and not in every container."""
    if os.geteuid() != 0:
        return False
    with tempfile.TemporaryDirectory() as folder:
        mounted = subprocess.run(["mount", "-t", "tmpfs", "tmpfs", folder], capture_output=True, check=False)
        if mounted.returncode == 0:
            subprocess.run(["umount", folder], check=True)
    return mounted.returncode == 0


def _has_chromium() -> bool:
    return any(shutil.which(name) for name in BROWSERS)


def _missing() -> dict[str, str]:
    """Marker to the program that its tests need and this machine lacks."""
    has_postgres = postgres_program("initdb") is not None
    found = {
        "browser": ("chromium", _has_chromium()),
        "postgres": ("PostgreSQL", has_postgres),
        "ray": ("Ray", importlib.util.find_spec("ray") is not None),
        "mount": ("the right to mount a disk", may_mount()),
    }
    return {marker: program for marker, (program, present) in found.items() if not present}


def pytest_configure() -> None:
    """Under EVALKIT_REQUIRE_SERVICES=1 (set by `.ci/run`) a missing program is a failure, not a skip."""
    missing = _missing()
    if missing and os.environ.get(REQUIRE) == "1":
        raise pytest.UsageError(f"{REQUIRE}=1, but {' and '.join(sorted(missing.values()))} is not to be had here.")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what cannot run here."""
    for marker, program in _missing().items():
        for item in items:
            if item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=f"{program} is not to be had here"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say in one line what was left out and why."""
    missing = _missing()
    if missing:
        markers, programs = " and ".join(sorted(missing)), " and ".join(missing[marker] for marker in sorted(missing))
        terminalreporter.write_line(f"Left out: the tests marked {markers}, because {programs} is not to be had here.")


@pytest.fixture(autouse=True)
def _own_folder_for_stores(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test may reach a tracking server or store that the developer's shell names."""
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_ID", "MLFLOW_EXPERIMENT_NAME"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL on loopback; `postgres.new_database()` gives each test one of its own."""
    with postgres_server() as running:
        yield running
