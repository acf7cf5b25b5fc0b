"""docs/calibration.md."""

from __future__ import annotations

from pathlib import Path


def write_page(page: Path) -> None:
    """Write."""
