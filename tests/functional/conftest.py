"""An empty working folder with the small study and its data."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.small_study import write_data, write_study


@pytest.fixture
def city(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder: ``configs/study/lights.yaml`` and ``data/lights.csv``."""
    monkeypatch.chdir(tmp_path)
    write_data(write_study(tmp_path))
    return tmp_path
