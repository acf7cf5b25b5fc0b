"""`make run` sets up once: what is installed when is observed by programs that write down how they are called."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
READ_BY_MAKE = ("Makefile", "requirements.lock", "requirements-data.lock", "pyproject.toml")
WRITES_DOWN = '#!/bin/bash\necho "$(basename "$0") $*" >> calls.txt\n'

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout whose environment has the two programs that `make run` calls."""
    for name in READ_BY_MAKE:
        shutil.copy(ROOT / name, tmp_path / name)
    shutil.copytree(ROOT / ".ci", tmp_path / ".ci")
    programs = tmp_path / ".venv" / "bin"
    programs.mkdir(parents=True)
    for name in ("python", "evalkit"):
        (programs / name).write_text(WRITES_DOWN, encoding="utf-8")
        (programs / name).chmod(0o755)
    return tmp_path


def called(checkout: Path, *words: str) -> list[str]:
    """Calls that one `make` makes."""
    calls = checkout / "calls.txt"
    calls.unlink(missing_ok=True)
    subprocess.run(["make", *words], cwd=checkout, check=True, capture_output=True)
    return calls.read_text("utf-8").splitlines()


def test_the_second_run_calls_no_installer(checkout: Path) -> None:
    first = called(checkout, "run")
    assert [call for call in first if " install " in call]
    assert all("--require-hashes" in call for call in first if " -r " in call)
    assert first[-1] == "evalkit run study=castle_doctrine"
    assert called(checkout, "run") == ["evalkit run study=castle_doctrine"]
    assert called(checkout, "run", "STUDY=lights", "ARGS=seed=7") == ["evalkit run study=lights seed=7"]


def test_touching_files_installs_nothing_and_another_lock_does(checkout: Path) -> None:
    called(checkout, "run")
    for name in READ_BY_MAKE:
        (checkout / name).touch()
    assert len(called(checkout, "run")) == 1
    with (checkout / "requirements.lock").open("a", encoding="utf-8") as lock:
        lock.write("# another\n")
    assert [call for call in called(checkout, "run") if " install " in call]
    assert len(called(checkout, "run")) == 1
