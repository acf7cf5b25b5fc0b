"""A folder with a small study in it, as the working folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.small_study import write_study


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with ``configs/study/lights.yaml``."""
    monkeypatch.chdir(tmp_path)
    return write_study(tmp_path)
