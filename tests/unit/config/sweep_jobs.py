"""Jobs for tests of sweeps; in a module of their own, so that other processes can import them."""

from __future__ import annotations

import os
from pathlib import Path


def write_number(folder: Path, number: int) -> None:
    """Leave number, process and working folder."""
    (folder / f"job-{number}.txt").write_text(f"{number}\n{os.getpid()}\n{Path.cwd()}", encoding="utf-8")


def fail_on_two(folder: Path, number: int) -> None:
    """A job that raises."""
    if number == 2:
        raise RuntimeError("job 2 is unlucky")
    write_number(folder, number)
